"""Mean A*² against the number of rows, with the line that does not depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def growth(report: Report) -> Figure:
    """Draw mean A*² on nested subsets of rows and the line a0 + n · delta with its interval."""
    levels = list(report.directional)
    figure, panels = style.canvas(len(levels), width=2.6, height=2.6)
    top = max([1.2, *(float(report.arrays[f"{name}/growth"][:, 1].max()) for name in levels),
               *(report.levels[name]["ad_at_reference_ci"][1] for name in levels)])  # fmt: skip
    for axes, level in zip(panels, levels, strict=True):
        entry = report.levels[level]
        sizes, means = report.arrays[f"{level}/growth"].T
        reference = entry["reference"]
        grid = np.geomspace(sizes[0], max(sizes[-1], reference) * 1.15, 200)
        low, high = (A0 + grid * slope for slope in entry["ad_discrepancy_ci"])
        line = A0 + grid * entry["ad_discrepancy"]
        floor, tint = 0.15, style.color(level)
        axes.fill_between(grid, np.maximum(low, floor), np.maximum(high, floor), color=tint,
                          alpha=0.2, lw=0)  # fmt: skip
        axes.plot(grid, np.maximum(line, floor), color=tint, label="a0 + n · delta")
        axes.plot(sizes, means, "o", ms=3.5, color=style.INK, label="measured")
        axes.axhline(A0, color=style.MUTED, lw=0.8, ls=":")
        at = entry["ad_at_reference"]
        axes.plot([reference], [max(at, floor)], "D", ms=4.5, mfc="white", mec=tint,
                  label=f"read at {reference:,}: {at:.2f}")  # fmt: skip
        style.threshold(axes, AD_THRESHOLD, f" limit {AD_THRESHOLD}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(0.25, top * 2.2)
        ticks = [t for t in (0.3, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if t < top * 2.2]
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
        axes.minorticks_off()
        axes.set(xlabel="rows n", title=level)
        axes.legend(loc="upper left", borderaxespad=0.1)
    panels[0].set_ylabel("mean A*² over directions")
    return figure
