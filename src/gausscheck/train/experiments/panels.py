"""What the figures of experiments share: lines and bars with their intervals over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.train.experiments.tables import Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TINTS = ("axes", "random", "pca", "learned", "marginals", "norms", "sphere")
MARKS = ("o", "s", "^", "D", "v", "P", "X")

Law = tuple[str, NDArray[Any], NDArray[Any]]
"""A dashed line: its label, places and values."""


def errors(points: Sequence[Row], column: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return means ``(n,)`` and how far the ends of their intervals lie from them, ``(2, n)``."""
    mean = np.array([p.mean(column) for p in points])
    ends = np.array([p.interval(column) or (m, m) for p, m in zip(points, mean, strict=True)])
    return mean, np.abs(ends.T - mean)


def draw_series(
    axes: Axes,
    table: Table,
    names: Sequence[str],
    column: str,
    *,
    laws: Sequence[Law] = (),
    factor: float = 1.0,
) -> None:
    """Draw lines of a table with markers and intervals; laws dashed.

    Lines of many points have a band instead of bars.
    """
    for i, name in enumerate(names):
        x, points = table.series(name, column)
        mean, error = errors(points, column)
        mean, error = factor * mean, factor * error
        tint, mark = style.color(TINTS[i % 7]), MARKS[i % 7]
        if len(x) > 12:
            axes.fill_between(x, mean - error[0], mean + error[1], color=tint, alpha=0.2, lw=0)
            axes.plot(x, mean, "-", color=tint, label=name)
            continue
        axes.errorbar(x, mean, error, fmt=mark, ls="-", ms=3, color=tint, capsize=1.5,
                      elinewidth=0.8, label=name)  # fmt: skip
    for i, (label, x, y) in enumerate(laws):
        axes.plot(x, y, ls=style.LINES[1 + i % 3], lw=0.9, color=style.INK, label=label)


def plain_log(axes: Axes, which: str, base: int = 10) -> None:
    """Make an axis logarithmic with plain numbers; an interval may reach below what is drawn."""
    seen = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()])
    if which == "y":
        axes.set_ylim(bottom=0.7 * float(np.nanmin(seen[seen > 0])))
    (axes.set_xscale if which == "x" else axes.set_yscale)("log", base=base)
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    few = base == 10 and high / low < 10  # less than a decade: minor ticks are all there is
    axis.set_major_formatter(lambda v, _: style.number(float(f"{v:.6g}")))
    axis.set_minor_formatter(lambda v, _: f"{v:.3g}" if few else "")


def draw_bars(axes: Axes, table: Table, labels: Sequence[str], tints: Sequence[str]) -> None:
    """Draw mean A*² of each label as a bar with its interval, beside the limit and a Gaussian."""
    points = [table.find(label) for label in labels]
    mean, error = errors(points, "AD")
    place = np.arange(len(labels))[::-1]
    colors = [style.color(t) for t in tints]
    axes.barh(place, mean, color=colors, height=0.6, alpha=0.75)
    error[0] = np.minimum(error[0], mean - 0.26)
    axes.errorbar(
        mean, place, xerr=error, fmt="none", ecolor=style.INK, elinewidth=0.8, capsize=1.5
    )
    axes.set_yticks(place, labels)
    axes.set_xscale("log")
    axes.set_xlim(0.25, None)
    axes.set_xticks([0.3, 1, 3, 10, 30], labels=["0.3", "1", "3", "10", "30"])
    axes.minorticks_off()
    axes.axvline(A0, color=style.MUTED, ls=":", lw=1)
    style.threshold(axes, AD_THRESHOLD, f"{AD_THRESHOLD}", vertical=True)
    axes.set_xlabel("mean A*² of the coordinates (dotted: Gaussian rows)")


def gaussian_line(axes: Axes, value: float) -> None:
    """Draw what true Gaussian rows give."""
    axes.axhline(value, color=style.MUTED, ls=":", lw=1)
