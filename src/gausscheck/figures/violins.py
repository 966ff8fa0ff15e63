"""Violins of the cosines of positives and of different rows, against the setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.settings import ticked
from gausscheck.figures.style import Page
from gausscheck.paper import Cosines, CosinesAt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

WIDTH = 0.44
"""Of half a violin, in settings."""


def violins(found: Cosines, page: Page) -> Figure:
    """Draw cosines against the setting, a panel each series: negatives left, positives right.

    Each half is scaled to one width; a mark is at the mean.
    """
    lines: dict[str, list[CosinesAt]] = {}
    for one in found.settings:
        lines.setdefault(one.series, []).append(one)
    said = style.sizes((one.n, one.d) for one in found.settings)
    figure, panels = page.panels(len(lines), page.across(1, 2 if len(lines) > 1 else 1), 50, said)
    handles: list[Any] = []
    for axes, (series, members) in zip(panels, lines.items(), strict=True):
        for place, one in enumerate(members):
            handles = _violin(axes, place, one)
        axes.axhline(0, color=style.MUTED, lw=0.6, ls=style.LINES[2], zorder=0)
        axes.set_title(style.label(series, 40))
        axes.set_ylabel("cosine")
        axes.set_ylim(_lowest(members) - 0.04, 1.02)
        ticked(axes, [one.name for one in members], found.axis, spaced=True)
    figure.legend(handles, ["different rows (left)", "positives (right)"], ncols=2,
                  loc="outside upper center")  # fmt: skip
    return figure


def _violin(axes: Axes, place: int, one: CosinesAt) -> list[Any]:
    middle = (one.edges[1:] + one.edges[:-1]) / 2
    handles = []
    for counts, side, level, line, mark, mean in (
        (one.negatives, -1, "axes", "-", "o", one.negative_mean),
        (one.positives, 1, "random", (0, (4, 1)), "s", one.positive_mean),
    ):
        shape = _smooth(counts)
        seen = np.flatnonzero(shape > 0.002 * shape.max())
        part = slice(max(seen[0] - 1, 0), seen[-1] + 2)
        edge = place + side * WIDTH * shape[part] / shape.max()
        tint = style.color(level)
        drawn = axes.fill_betweenx(middle[part], place, edge, color=tint, alpha=0.45, lw=0)
        axes.plot(edge, middle[part], color=tint, lw=0.8, ls=line)
        if mean is not None:
            axes.plot([place + side * 0.07], [mean], mark, color=tint, ms=2.6, mec="white",
                      mew=0.4, zorder=4)  # fmt: skip
        handles.append(drawn)
    axes.axvline(place, color=style.BAND, lw=0.5, zorder=0)
    return handles


def _lowest(members: list[CosinesAt]) -> float:
    seen = [np.flatnonzero(counts)[0] for one in members for counts in (one.negatives,
            one.positives) if counts.any()]  # fmt: skip
    return float(members[0].edges[min(seen)])


def _smooth(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average neighbouring bins where few pairs are behind them."""
    weights = np.array([1, 2, 3, 2, 1]) / 9
    return np.convolve(counts.astype(float), weights, mode="same")
