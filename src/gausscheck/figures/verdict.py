"""The verdict at a glance: each level's interval against the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gausscheck.figures import style
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def verdict(report: Report) -> Figure:
    """Draw each level in units of its limit with its interval, coloured by status."""
    levels = list(report.levels.items())
    figure, (axes,) = style.canvas(width=4.8, height=0.9 + 0.38 * len(levels))
    ends = []
    for place, (_, level) in enumerate(reversed(levels)):
        low, high = level.times_limit_ci or (0.0, 0.0)
        ends += [low, high]
        tint = style.STATUS[level.status]
        axes.plot([low, high], [place, place], color=tint, lw=2.2, solid_capstyle="butt")
        axes.plot([level.times_limit or 0.0], [place], "o", ms=5, color=tint)
        axes.annotate(
            style.WORDS[level.status], (high, place), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=tint,
        )  # fmt: skip
    low, high = min(-0.5, *ends), max(1.5, *ends)
    if high > 12:  # the near and the far in one picture
        axes.set_xscale("symlog", linthresh=2, linscale=1.2)
        axes.set_xlim(low - 0.3, high * 6)
        ticks = [t for t in (0, 1, 10, 100, 1000, 10_000) if t < high * 2]
        axes.set_xticks(ticks, [f"{t:,}" for t in ticks])
        axes.minorticks_off()
    else:
        axes.set_xlim(low - 0.05 * (high - low), high + 0.35 * (high - low))
    axes.set_ylim(-0.6, len(levels) - 0.2)
    axes.axvline(0, color=style.MUTED, lw=0.8, ls=":")
    style.threshold(axes, 1, "limit", vertical=True)
    axes.set_yticks(range(len(levels)), [name for name, _ in reversed(levels)])
    read = sorted({level.reference for _, level in levels}, reverse=True)
    reference = " or ".join(f"{rows:,}" for rows in read)
    axes.set_xlabel(
        f"statistic at {reference} rows, {report.config.confidence:.0%} interval "
        "(0: Gaussian, 1: limit)"
    )
    return figure
