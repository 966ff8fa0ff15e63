"""Models side by side: what a 1 % threshold flags among leading components, and the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gausscheck.comparison import Comparison
from gausscheck.comparison.quantities import RUNGS
from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report.use import MOST, ONE, UseCurvePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Looks = dict[str, style.Look]


def comparison(found: Comparison, page: Page) -> Figure:
    """Draw the 1 % rate of every model against the components kept, and the ladder of each.

    Bands and bars are the intervals. An open mark at the lower edge is a rate of 0. The ladder is
    in times the limit: 0 is Gaussian, 1 the limit.
    """
    caption = " · ".join(
        f"{style.label(m.name, 24)} {m.source.n:,} x {m.source.d:,}" for m in found.models
    )
    curves = {m.name: m.use_curve for m in found.models if m.use_curve}
    rungs = [name for name in RUNGS if found.cells(name)]
    count = bool(curves) + bool(rungs)
    height = max(64.0, 16 + len(rungs) * (3.5 + 2.4 * len(found.models)))
    figure, panels = page.panels(
        max(count, 1), page.across(1, 2), height, style.label(caption, 150)
    )
    looks = style.looks(m.name for m in found.models)
    if curves:
        draw_curves(panels[0], curves, looks)
    if rungs:
        _ladder(panels[-1], found, rungs, looks)
    _legend(figure, panels[0], looks)
    return figure


def draw_curves(axes: Axes, points: Mapping[str, Sequence[UseCurvePoint]], looks: Looks) -> None:
    """Draw 1 % rates against the components kept, a curve a name in the look that it has."""
    rates = [p.false_alarm[ONE] for curve in points.values() for p in curve]
    low = max(min([0.0005, *(r.value / 1.6 for r in rates if r.value > 0)]), 1e-5)
    high = min(1.0, max([0.3, *(r.ci[1] * 1.5 for r in rates)]))
    for name, curve in points.items():
        tint, mark, line = looks[name]
        k = np.array([p.k for p in curve])
        value = np.array([p.false_alarm[ONE].value for p in curve])
        ends = np.maximum([p.false_alarm[ONE].ci for p in curve], low)
        axes.fill_between(k, ends[:, 0], ends[:, 1], color=tint, alpha=0.16, lw=0)
        axes.plot(k, np.maximum(value, low), color=tint, lw=1.1, ls=line, zorder=3)
        axes.plot(k, np.where(value > 0, value, np.nan), mark, color=tint, ms=3, zorder=4)
        none = k[value == 0]
        if none.size:
            axes.plot(none, np.full(none.size, low), mark, mfc="white", mec=tint, mew=0.8, ms=3.4,
                      clip_on=False, zorder=5)  # fmt: skip
    style.set_log(axes, "y", low, high, 8)
    ticks = [t for t in (0.1, 0.3, 1, 2, 3, 10, 30, 100) if low <= t / 100 <= high and t != 3]
    axes.yaxis.set_ticks([t / 100 for t in ticks], [f"{t:g}" for t in ticks])
    last = max(p.k for curve in points.values() for p in curve)
    style.set_log(axes, "x", 0.9, max(last, 2) * 1.06, 7)
    ks = [4**e for e in range(12) if 4**e < last / 1.7] + [last]
    axes.xaxis.set_ticks(ks, [f"{k:,}" for k in ks])
    axes.axhline(0.01, color=style.INK, lw=0.7, ls=(0, (4, 2)), zorder=2)
    axes.axhline(MOST, color=style.MUTED, lw=0.6, ls=(0, (1, 1.3)), zorder=2)
    axes.set(xlabel="leading components k", ylabel="rows beyond the 1 % threshold, %")


def _ladder(axes: Axes, found: Comparison, rungs: Sequence[str], looks: Looks) -> None:
    ends = [e for name in rungs for cell in found.cells(name).values() for e in cell.ci]
    count = len(found.models)
    step = 0.72 / max(count, 2)
    for place, name in enumerate(reversed(rungs)):
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color=style.BAND, alpha=0.3, lw=0, zorder=0)
        for i, model in enumerate(found.models):
            cell = model.values.get(name)
            if cell is None:
                continue
            tint, mark, _ = looks[model.name]
            y = place + ((count - 1) / 2 - i) * step
            axes.plot(cell.ci, (y, y), color=tint, lw=1.1, zorder=3)
            inside = "white" if cell.status == "inconclusive" else tint
            axes.plot([cell.value], [y], mark, color=tint, mfc=inside, ms=3.6, mew=0.8, zorder=4)
    _scale(axes, min([-0.5, *ends]), max([1.6, *ends]))
    axes.set_ylim(-0.55, len(rungs) - 0.45)
    axes.set_yticks(range(len(rungs)), [_two_lines(style.name(n)) for n in reversed(rungs)])
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=style.MUTED, lw=0.8, ls=style.LINES[2], zorder=1)
    axes.axvline(1, color=style.INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
    axes.text(1, 1, "limit", transform=axes.get_xaxis_transform(), va="bottom", ha="center",
              fontsize=6.5)  # fmt: skip
    axes.set_xlabel(f"times the limit, {found.confidence:.0%} interval (0: Gaussian)")


def _two_lines(name: str) -> str:
    return name.replace(" ", "\n", 1)


def _scale(axes: Axes, low: float, high: float) -> None:
    """Make near and far fit one picture: linear to 2, logarithmic beyond where that is needed."""
    if high <= 8:
        axes.set_xlim(low - 0.1, high + 0.1)
        return
    axes.set_xscale("symlog", linthresh=2, linscale=0.9)
    axes.set_xlim(max(low, -2.0) - 0.2, high * 1.3)
    ticks = [0, 1, *(10**e for e in range(1, 9) if 10**e <= high * 1.3)]
    axes.set_xticks(ticks, [style.number(t) for t in ticks])
    axes.set_xticks([], minor=True)


def _legend(figure: Figure, axes: Axes, looks: Looks) -> None:
    handles = [
        axes.plot([], [], mark, color=tint, ls=line, lw=1.1, ms=3.4)[0]
        for tint, mark, line in looks.values()
    ]
    figure.legend(
        handles, [style.label(name, 28) for name in looks], loc="outside upper center",
        ncols=min(len(looks), 4), fontsize=6.5, columnspacing=1.2,
    )  # fmt: skip
