"""Histogram of A*² over directions against its null law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.normality import anderson_darling_pvalue
from gausscheck.report import DirectionalLevel, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def ad_histogram(report: Report, page: Page) -> Figure | None:
    """Draw the share of directions per bin of A*², and the share that normality predicts.

    The null law is the published approximation of the p-value (D'Agostino & Stephens 1986).
    """
    levels = {k: v for k, v in report.directional.items() if v.table["ad_star"].size}
    if not levels:
        return None
    figure, panels = page.panels(
        len(levels), page.across(2, min(len(levels), 5)), 42, style.about(report)
    )
    for axes, (name, level) in zip(panels, levels.items(), strict=True):
        _panel(axes, name, level)
    for axes in panels[:: page.across(2, min(len(levels), 5))]:
        axes.set_ylabel("share of directions")
    return figure


def _panel(axes: Axes, name: str, level: DirectionalLevel) -> None:
    values = level.table["ad_star"]
    values = values[np.isfinite(values)]
    highest = max(2.0, float(values.max(initial=0.0)) * 1.05)
    edges = np.geomspace(0.1, highest, 27)
    null = -np.diff(anderson_darling_pvalue(edges))
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    share = counts / max(counts.sum(), 1)
    axes.stairs(share, edges, fill=True, color=style.color(name), alpha=0.55, label="measured")
    axes.stairs(null, edges, color=style.INK, lw=0.9, label="if normal")
    axes.set_ylim(0, float(max(share.max(), null.max())) * 1.75)
    axes.axvline(AD_THRESHOLD, color=style.INK, lw=0.7, ls=(0, (4, 2)), ymax=0.58)
    axes.locator_params(axis="y", nbins=5)  # whatever the size: the layout can rely on it
    style.set_log(axes, "x", 0.1, highest, 5)
    beyond = float((values > AD_THRESHOLD).mean()) if values.size else 0.0
    axes.legend(
        loc="upper right", title=f"{beyond:.0%} above {AD_THRESHOLD}\n(normal: 5 %)",
        title_fontsize=6, fontsize=6, handlelength=1.2, borderaxespad=0.1, alignment="left",
    )  # fmt: skip
    axes.set(xlabel=f"A*² at n = {level.n:,}", title=style.name(name))
