"""The ladder at a glance: each level in times its limit, with its interval and its numbers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import LearnedLevel, Level, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def verdict(report: Report, page: Page) -> Figure:
    """Draw a forest plot: 0 is Gaussian, 1 the limit. Mark and colour tell the status.

    Learned directions have words in place of a mark: lower bounds, which rise with n, are not
    compared with a limit.
    """
    levels = [(name, report.levels[name]) for name in style.ladder(report.levels)[::-1]]
    height = 17 + 6.5 * len(levels)
    figure, (axes,) = page.panels(1, 1, height, style.about(report))
    low, high = _limits([level for _, level in levels])
    _scale(axes, low, high)
    for place, (_, level) in enumerate(levels):
        _row(axes, place, level, low, high)
    axes.set_ylim(-0.6, len(levels) - 0.4)
    axes.axvline(0, color=style.MUTED, lw=0.8, ls=style.LINES[2], zorder=1)
    axes.axvline(1, color=style.INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
    axes.text(1, 1, "limit", transform=axes.get_xaxis_transform(), va="bottom", ha="center",
              fontsize=6.5)  # fmt: skip
    names = [_wrapped(style.name(name), page) for name, _ in levels]
    axes.set_yticks(range(len(levels)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"times the limit, {report.config.confidence:.0%} interval (0: Gaussian)")
    return figure


def _wrapped(name: str, page: Page) -> str:
    return textwrap.fill(name, 15) if page.width == "single" else name


def _limits(levels: list[Level]) -> tuple[float, float]:
    ends = [
        end
        for level in levels
        if not isinstance(level, LearnedLevel)
        for end in (level.times_limit, *(level.times_limit_ci or ()))
        if end is not None and np.isfinite(end)
    ]
    return min([-0.5, *ends]), max([1.6, *ends])


def _scale(axes: Axes, low: float, high: float) -> None:
    """Make near and far fit one picture: linear to 2, logarithmic beyond where that is needed."""
    if high <= 8:
        pad = 0.04 * (high - low)
        axes.set_xlim(low - pad, high + pad)
        return
    axes.set_xscale("symlog", linthresh=2, linscale=0.9)
    low = max(low, -2.0)
    axes.set_xlim(low - 0.2, high * 1.3)
    ticks = [0, 1, *(10**e for e in range(1, 9) if 10**e <= high * 1.3)]
    axes.set_xticks(ticks, [style.number(t) for t in ticks])
    axes.set_xticks([], minor=True)


def _row(axes: Axes, place: int, level: Level, low: float, high: float) -> None:
    if isinstance(level, LearnedLevel):
        found = f"{level.directions_rejected} of {level.directions} deviate"
        _beside(axes, place, f"{found}\n(lower bound)", style.INK)
        return
    tint = style.STATUS[level.status]
    value, ends = level.times_limit, level.times_limit_ci
    if ends is not None and np.isfinite(ends).all():
        axes.plot([max(ends[0], low), ends[1]], [place, place], color=tint, lw=1.8,
                  solid_capstyle="butt", zorder=2)  # fmt: skip
    if value is not None and np.isfinite(value):
        fill = "white" if level.status == "inconclusive" else tint
        axes.plot([value], [place], style.MARKS[level.status], ms=4.5, mfc=fill, mec=tint, mew=1,
                  zorder=3)  # fmt: skip
    _beside(axes, place, f"{numbers(level)}\n{_SHORT.get(level.status, style.WORDS[level.status])}",
            tint)  # fmt: skip


_SHORT = {"gaussian_except": "on average"}


def _beside(axes: Axes, place: int, text: str, tint: str) -> None:
    axes.annotate(
        text, (1, place), (5, 0),
        xycoords=("axes fraction", "data"), textcoords="offset points", va="center", ha="left",
        fontsize=6.2, color=tint, linespacing=1.15, annotation_clip=False,
    )  # fmt: skip


def numbers(level: Level) -> str:
    """Write value and interval in times the limit: ``1.07 [0.91, 1.23]``."""
    if level.times_limit is None:
        return "not measured"
    text = short(level.times_limit)
    if level.times_limit_ci is None:
        return text
    return f"{text} [{short(level.times_limit_ci[0])}, {short(level.times_limit_ci[1])}]"


def short(value: float) -> str:
    """Write a number with digits enough to tell it from 1.

    Examples
    --------
    >>> short(1.04), short(0.996), short(12.34), short(1234.5), short(float("nan"))
    ('1.04', '1.00', '12.3', '1,234', '-')
    """
    if not np.isfinite(value):
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace("-", "−")
