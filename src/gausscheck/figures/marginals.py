"""How Gaussian random subspaces are, against their dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.report import Report, SubspaceLevel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def marginals(report: Report) -> Figure | None:
    """Draw the shell statistic of k-dimensional marginals at the reference; None without them.

    The dotted line is the mean under normality, the dashed one its 5 % limit; both depend on k.
    """
    level = report.levels.get("marginals")
    if not isinstance(level, SubspaceLevel):
        return None
    curve = level.curve
    k = np.array([point.k for point in curve])
    figure, (axes,) = style.canvas(width=3.8)
    tops = [point.value_ci[1] for point in curve]
    floor = 0.1
    for point in curve:
        low, high = (max(end, floor) for end in point.value_ci)
        tint = style.STATUS[point.status]
        axes.plot([point.k] * 2, [low, high], color=tint, lw=2, solid_capstyle="butt")
        axes.plot([point.k], [max(point.value, floor)], "o", ms=4.5, color=tint)
    axes.plot(k, [point.null_mean for point in curve], color=style.MUTED, lw=0.9, ls=":",
              label="Gaussian mean")  # fmt: skip
    axes.plot(k, [point.limit for point in curve], color=style.INK, lw=0.9, ls=(0, (4, 2)),
              label="5 % limit")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(k, [f"{value}" for value in k])
    axes.set_ylim(floor * 0.9, max(2.0, *tops) * 1.8)
    ticks = [t for t in (0.1, 0.3, 1, 3, 10, 30, 100, 1000) if t <= max(2.0, *tops) * 1.8]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set(
        xlabel="dimension k of the marginal",
        ylabel=f"shell A² at {level.reference:,} rows",
        title="Random subspaces",
    )
    axes.legend(loc="upper left")
    return figure
