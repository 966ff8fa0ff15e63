"""Histograms of the cosines of positive and of negative pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.core import F64
from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.pairs import Pairs
from gausscheck.paper import Cosines, CosinesAt, Stages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def cosines(found: Pairs, page: Page) -> Figure:
    """Draw both histograms, and the law of a cosine on the uniform sphere.

    That law has density (1 − t²)^((d − 3)/2) / B(1/2, (d − 1)/2).
    """
    about = (
        f"{style.label(found.anchor.rsplit('/', 1)[-1], 32)} · n = {found.n:,} · d = {found.d:,}"
    )
    figure, (axes,) = page.panels(1, 1, 55 if page.width == "single" else 75, about)
    _histogram(axes, found.arrays["negatives"], found.arrays["edges"], "negatives", None)
    _histogram(axes, found.arrays["positives"], found.arrays["edges"], "positives",
               found.values["alignment"])  # fmt: skip
    seen = (found.arrays["negatives"] + found.arrays["positives"]) > 0
    _frame(axes, found.d, found.arrays["edges"], seen)
    axes.set(xlabel="cosine of anchor and candidate", ylabel="density")
    axes.legend(loc="upper right")
    return figure


def panels_of_cosines(found: Cosines | Stages, page: Page) -> Figure:
    """Draw cosines of positives and of different rows, a panel each setting.

    Dotted: the law of a cosine on the uniform sphere of that dimension.
    """
    count = len(found.settings)
    across = page.across(1, 3 if count > 2 else 2)
    figure, panels = page.panels(count, across, 46 if count > 1 else 60, _about(found))
    for axes, one in zip(panels, found.settings, strict=True):
        _histogram(axes, one.negatives, one.edges, "negatives", one.negative_mean, count=False)
        _histogram(axes, one.positives, one.edges, "positives", one.positive_mean, count=False)
        _frame(axes, one.d, one.edges, (one.negatives + one.positives) > 0)
        axes.set_title(_title(one), fontsize=6.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.legend(loc="upper right", fontsize=5.8, handlelength=1.4, borderaxespad=0.1)
    for axes in panels[-across:]:
        axes.set_xlabel("cosine")
    return figure


def _about(found: Cosines | Stages) -> str:
    return style.label(found.name, 60) if isinstance(found, Stages) else ""


def _title(one: CosinesAt) -> str:
    name = style.label(" ".join(part for part in (one.series, one.name) if part), 40)
    return f"{name}\n{style.sizes([(one.n, one.d)])}"


_LOOKS = {"negatives": ("axes", "-"), "positives": ("random", (0, (4, 1)))}


def _histogram(
    axes: Axes, counts: NDArray[np.int64], edges: F64, name: str, mean: float | None, *,
    count: bool = True,
) -> None:  # fmt: skip
    if not counts.sum():
        return
    level, line = _LOOKS[name]
    tint = style.color(level)
    density = counts / counts.sum() / np.diff(edges)
    axes.stairs(density, edges, fill=True, alpha=0.45, color=tint, lw=0)
    said = f"{name} ({counts.sum():,})" if count else name
    said += "" if mean is None else f", mean {mean:.3f}".replace("-", "−")
    axes.stairs(density, edges, color=tint, lw=0.9, ls=line, label=said)


def _frame(axes: Axes, d: int, edges: F64, seen: NDArray[np.bool_]) -> None:
    """Draw the law on the sphere, and set the limits to what is seen."""
    from scipy.special import betaln

    t = np.linspace(-0.9999, 0.9999, 801)
    law = np.exp((d - 3) / 2 * np.log1p(-t * t) - betaln(0.5, (d - 1) / 2))
    axes.plot(t, law, color=style.INK, lw=0.9, ls=style.LINES[2], label=f"uniform sphere, d = {d}")
    low = min(edges[:-1][seen].min(), -3.5 / np.sqrt(d))
    axes.set_xlim(max(low - 0.02, -1), min(max(edges[1:][seen].max(), 0.2) + 0.02, 1))
    axes.set_ylim(0, axes.get_ylim()[1] * 1.5)
    axes.locator_params(nbins=6)
