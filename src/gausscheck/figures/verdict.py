"""The verdict at a glance: each level's interval against the limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def verdict(report: Report) -> Figure:
    """Draw each level's statistic at the reference with its interval, coloured by status."""
    levels = list(report.levels)
    figure, (axes,) = style.canvas(width=4.8, height=0.9 + 0.38 * len(levels))
    for place, level in enumerate(reversed(levels)):
        entry = report.levels[level]
        low, high = (_scaled(entry, end) for end in entry["ad_at_reference_ci"])
        tint = style.STATUS[entry["status"]]
        axes.plot([low, high], [place, place], color=tint, lw=2.2, solid_capstyle="butt")
        axes.plot([_scaled(entry, entry["ad_at_reference"])], [place], "o", ms=5, color=tint)
        axes.annotate(
            style.WORDS[entry["status"]], (high, place), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=tint,
        )  # fmt: skip
    found = report.levels.values()
    ends = [_scaled(entry, end) for entry in found for end in entry["ad_at_reference_ci"]]
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
    axes.set_yticks(range(len(levels)), list(reversed(levels)))
    read = sorted({entry["reference"] for entry in found}, reverse=True)
    reference = " or ".join(f"{rows:,}" for rows in read)
    confidence = report.config["confidence"]
    axes.set_xlabel(
        f"statistic at {reference} rows, {confidence:.0%} interval (0: Gaussian, 1: 5 % limit)"
    )
    return figure


def _scaled(entry: Mapping[str, Any], value: float) -> float:
    """Put a level's statistic where Gaussian rows average 0 and the 5 % limit is 1."""
    null, limit = entry.get("null_mean", A0), entry.get("limit", AD_THRESHOLD)
    return float((value - null) / (limit - null))
