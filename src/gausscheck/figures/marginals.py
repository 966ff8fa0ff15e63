"""How Gaussian random subspaces are, against their dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import Report, SubspaceLevel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLOOR = 0.1
"""Values below it are drawn there: the axis is logarithmic."""


def marginals(report: Report, page: Page) -> Figure | None:
    """Draw the shell statistic of random subspaces against their dimension k.

    The dotted line is the mean under normality, the dashed one its 5 % limit; both depend on k.
    """
    level = report.levels.get("marginals")
    if not isinstance(level, SubspaceLevel):
        return None
    curve = level.curve
    k = np.array([point.k for point in curve])
    figure, (axes,) = page.panels(1, 1, 52 if page.width == "single" else 70, style.about(report))
    for point in curve:
        low, high = (max(end, FLOOR) for end in point.value_ci)
        tint = style.STATUS[point.status]
        fill = "white" if point.status == "inconclusive" else tint
        axes.plot([point.k] * 2, [low, high], color=tint, lw=1.6, solid_capstyle="butt")
        axes.plot([point.k], [max(point.value, FLOOR)], style.MARKS[point.status], ms=4, mfc=fill,
                  mec=tint)  # fmt: skip
    axes.plot(k, [point.null_mean for point in curve], color=style.MUTED, lw=0.9,
              ls=style.LINES[2], label="Gaussian mean")  # fmt: skip
    axes.plot(k, [point.limit for point in curve], color=style.INK, lw=0.9, ls=(0, (4, 2)),
              label="limit")  # fmt: skip
    ends = [end for point in curve for end in (*point.value_ci, point.null_mean, point.limit)]
    bottom = max(FLOOR, min(ends)) / 1.3
    style.set_log(axes, "y", bottom, max(2.0, *ends) * 1.6)
    axes.set_xscale("log", base=2)
    axes.set_xticks(k, [f"{value}" for value in k])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="dimension k of the subspace", ylabel=f"shell A² at {level.reference:,} rows")
    axes.legend(loc="upper left")
    return figure
