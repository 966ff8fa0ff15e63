"""Mean A*² against the number of rows, with the line that does not depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gausscheck.figures import style
from gausscheck.report import DirectionalLevel, Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLOOR = 0.15
"""Values below it are drawn there: the axis is logarithmic."""


def growth(report: Report) -> Figure | None:
    """Draw mean A*² on nested subsets of rows and the line a0 + n · delta with its interval."""
    levels = {k: v for k, v in report.directional.items() if v.growth is not None}
    if not levels:
        return None
    figure, panels = style.canvas(len(levels), width=2.6, height=2.6)
    top = max([1.2, *(_highest(level) for level in levels.values())]) * 2.2
    for axes, (name, level) in zip(panels, levels.items(), strict=True):
        _panel(axes, name, level, top)
    panels[0].set_ylabel("mean A*² over directions")
    return figure


def _highest(level: DirectionalLevel) -> float:
    measured = 0.0 if level.growth is None else float(level.growth[:, 1].max())
    return max(measured, level.value_ci[1] if level.value_ci else 0.0)


def _panel(axes: Any, name: str, level: DirectionalLevel, top: float) -> None:
    if level.growth is None or level.value is None:
        return
    sizes, means = level.growth.T
    tint = style.color(name)
    grid = np.geomspace(sizes[0], max(sizes[-1], level.reference) * 1.15, 200)
    if level.discrepancy_ci is not None:
        low, high = (level.null_mean + grid * slope for slope in level.discrepancy_ci)
        axes.fill_between(grid, np.maximum(low, FLOOR), np.maximum(high, FLOOR), color=tint,
                          alpha=0.2, lw=0)  # fmt: skip
    line = level.null_mean + grid * (level.discrepancy or 0.0)
    axes.plot(grid, np.maximum(line, FLOOR), color=tint, label="a0 + n · delta")
    axes.plot(sizes, means, "o", ms=3.5, color=style.INK, label="measured")
    axes.axhline(level.null_mean, color=style.MUTED, lw=0.8, ls=":")
    axes.plot([level.reference], [max(level.value, FLOOR)], "D", ms=4.5, mfc="white", mec=tint,
              label=f"read at {level.reference:,}: {level.value:.2f}")  # fmt: skip
    style.threshold(axes, level.limit, f" limit {level.limit:g}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.25, top)
    ticks = [t for t in (0.3, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if t < top]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set(xlabel="rows n", title=name)
    axes.legend(loc="upper left", borderaxespad=0.1)
