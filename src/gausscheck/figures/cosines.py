"""Histograms of the cosines of positive and of negative pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.pairs import Pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def cosines(found: Pairs, page: Page) -> Figure:
    """Draw both histograms, and the law of a cosine on the uniform sphere.

    That law has density (1 − t²)^((d − 3)/2) / B(1/2, (d − 1)/2).
    """
    from scipy.special import betaln

    edges, d = found.arrays["edges"], found.d
    width = edges[1] - edges[0]
    about = f"{style.label(found.anchor.rsplit('/', 1)[-1], 32)} · n = {found.n:,} · d = {d:,}"
    figure, (axes,) = page.panels(1, 1, 55 if page.width == "single" else 75, about)
    alignment = found.values["alignment"]
    for name, tint, line in (("negatives", "axes", "-"), ("positives", "random", (0, (4, 1)))):
        counts = found.arrays[name]
        density = counts / max(counts.sum(), 1) / width
        axes.stairs(density, edges, fill=True, alpha=0.45, color=style.color(tint), lw=0)
        mean = f", mean {alignment:.3f}" if name == "positives" else ""
        axes.stairs(density, edges, color=style.color(tint), lw=0.9, ls=line,
                    label=f"{name} ({counts.sum():,}){mean}")  # fmt: skip
    t = np.linspace(-0.9999, 0.9999, 801)
    law = np.exp((d - 3) / 2 * np.log1p(-t * t) - betaln(0.5, (d - 1) / 2))
    axes.plot(t, law, color=style.INK, lw=0.9, ls=style.LINES[2], label=f"uniform sphere, d = {d}")
    seen = (found.arrays["negatives"] + found.arrays["positives"]) > 0
    low = min(edges[:-1][seen].min(), -3.5 / np.sqrt(d))
    axes.set(xlabel="cosine of anchor and candidate", ylabel="density")
    axes.set_xlim(max(low - 0.02, -1), min(max(edges[1:][seen].max(), 0.2) + 0.02, 1))
    axes.set_ylim(0, axes.get_ylim()[1] * 1.35)
    axes.locator_params(nbins=6)
    axes.legend(loc="upper right")
    return figure
