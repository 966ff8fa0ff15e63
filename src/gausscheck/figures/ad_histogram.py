"""Histogram of A*² over directions against its null law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.normality import anderson_darling_pvalue
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ad_histogram(report: Report) -> Figure:
    """Draw the share of directions per bin of A*², and the share that normality predicts.

    The null law is the published approximation of the p-value (D'Agostino & Stephens 1986).
    """
    levels = list(report.directional)
    values = {name: level.table["ad_star"] for name, level in report.directional.items()}
    fine = {name: v[np.isfinite(v)] for name, v in values.items()}
    highest = max([2.0, *(float(v.max()) for v in fine.values() if v.size)])
    edges = np.geomspace(0.1, highest * 1.05, 31)
    null = -np.diff(anderson_darling_pvalue(edges))
    figure, panels = style.canvas(len(levels), width=2.6, height=2.5)
    for axes, level in zip(panels, levels, strict=True):
        counts, _ = np.histogram(np.clip(fine[level], edges[0], edges[-1]), edges)
        share = counts / max(counts.sum(), 1)
        axes.stairs(share, edges, fill=True, color=style.color(level), alpha=0.6, label="measured")
        axes.stairs(null, edges, color=style.INK, lw=1.0, label="if normal")
        axes.set_xscale("log")
        top = float(max(share.max(), null.max()))
        axes.set_ylim(0, top * 1.3)
        style.threshold(axes, AD_THRESHOLD, f"{AD_THRESHOLD}", vertical=True)
        beyond = float((fine[level] > AD_THRESHOLD).mean()) if fine[level].size else 0.0
        axes.set(
            xlabel=f"A*² at n = {report.levels[level].n:,}",
            title=f"{level}: {beyond:.0%} above {AD_THRESHOLD} (normal: 5%)",
        )
        axes.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
    panels[0].set_ylabel("share of directions")
    panels[-1].legend(loc="upper right")
    return figure
