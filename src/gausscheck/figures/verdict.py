"""The verdict at a glance: each level's interval against the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def verdict(report: Report) -> Figure:
    """Draw A*² at the reference with its interval, a line a level, coloured by status."""
    levels = list(report.levels)
    figure, (axes,) = style.canvas(width=4.6, height=0.9 + 0.38 * len(levels))
    for place, level in enumerate(reversed(levels)):
        entry = report.levels[level]
        low, high = entry["ad_at_reference_ci"]
        tint = style.STATUS[entry["status"]]
        axes.plot([low, high], [place, place], color=tint, lw=2.2, solid_capstyle="butt")
        axes.plot([entry["ad_at_reference"]], [place], "o", ms=5, color=tint)
        axes.annotate(
            style.WORDS[entry["status"]], (high, place), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=tint,
        )  # fmt: skip
    ends = [end for level in levels for end in report.levels[level]["ad_at_reference_ci"]]
    low, high = min(0.2, *ends), max(1.0, *ends)
    axes.set_xlim(low - 0.05 * (high - low), high + 0.3 * (high - low))
    axes.set_ylim(-0.6, len(levels) - 0.2)
    axes.axvline(A0, color=style.MUTED, lw=0.8, ls=":")
    style.threshold(axes, AD_THRESHOLD, f"limit {AD_THRESHOLD}", vertical=True)
    axes.set_yticks(range(len(levels)), list(reversed(levels)))
    reference = report.levels[levels[0]]["reference"]
    confidence = report.config["confidence"]
    axes.set_xlabel(f"A*² at {reference:,} rows, {confidence:.0%} interval (Gaussian: {A0})")
    return figure
