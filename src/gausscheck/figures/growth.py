"""Mean A*² against the number of rows, with the line that does not depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import DirectionalLevel, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = 0.15
"""Values below it are drawn there: the axis is logarithmic."""


def growth(report: Report, page: Page) -> Figure | None:
    """Draw mean A*² on nested subsets of rows and the line a0 + n · delta with its interval."""
    levels = {k: v for k, v in report.directional.items() if v.growth is not None}
    if not levels:
        return None
    across = page.across(2, min(len(levels), 5))
    figure, panels = page.panels(len(levels), across, 45, style.about(report))
    for axes, (name, level) in zip(panels, levels.items(), strict=True):
        _panel(axes, name, level)
    for axes in panels[::across]:
        axes.set_ylabel("mean A*² over directions")
    return figure


def _highest(level: DirectionalLevel) -> float:
    measured = 0.0 if level.growth is None else float(level.growth[:, 1].max())
    return max(measured, level.value_ci[1] if level.value_ci else 0.0)


def _panel(axes: Axes, name: str, level: DirectionalLevel) -> None:
    if level.growth is None:
        return
    sizes, means = level.growth.T
    tint = style.color(name)
    top = max(1.2, _highest(level)) * 12  # room for the legend
    right = max(float(sizes[-1]), level.reference) * 1.25
    grid = np.geomspace(sizes[0], right, 60)
    if level.discrepancy_ci is not None:
        low, high = (level.null_mean + grid * slope for slope in level.discrepancy_ci)
        axes.fill_between(grid, np.maximum(low, FLOOR), np.maximum(high, FLOOR), color=tint,
                          alpha=0.2, lw=0)  # fmt: skip
    if level.discrepancy is not None:
        line = level.null_mean + grid * level.discrepancy
        axes.plot(grid, np.maximum(line, FLOOR), color=tint, label="a₀ + n δ")
    axes.plot(sizes, means, "o", ms=2.8, color=style.INK, label="measured")
    axes.axhline(level.null_mean, color=style.MUTED, lw=0.8, ls=style.LINES[2])
    if level.value is not None:
        axes.plot([level.reference], [max(level.value, FLOOR)], "D", ms=4, mfc="white", mec=tint,
                  label=f"at {level.reference:,}: {level.value:.2f}")  # fmt: skip
    axes.axhline(level.limit, color=style.INK, lw=0.8, ls=(0, (4, 2)), zorder=1,
                 label=f"limit {level.limit:.3g}")  # fmt: skip
    style.set_log(axes, "y", 0.25, top, 7)
    style.set_log(axes, "x", float(sizes[0]) / 1.25, right, 3)
    axes.set(xlabel="rows n", title=style.name(name))
    axes.legend(loc="upper left", borderaxespad=0.1, fontsize=6, handlelength=1.4)
