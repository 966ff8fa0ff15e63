"""Histograms of the cosines of positive and of negative pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.pairs import Pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def cosines(found: Pairs) -> Figure:
    """Draw both histograms, and the law of a cosine on the uniform sphere.

    That law has density (1 − t²)^((d − 3)/2) / B(1/2, (d − 1)/2).
    """
    from scipy.special import betaln

    edges, d = found.arrays["edges"], found.d
    width = edges[1] - edges[0]
    figure, (axes,) = style.canvas(width=4.2)
    for name, tint in (("negatives", "axes"), ("positives", "random")):
        counts = found.arrays[name]
        axes.stairs(
            counts / counts.sum() / width, edges, fill=True, alpha=0.6, color=style.color(tint),
            lw=0, label=f"{name} ({counts.sum():,})",
        )  # fmt: skip
    t = np.linspace(-0.9999, 0.9999, 2001)
    law = np.exp((d - 3) / 2 * np.log1p(-t * t) - betaln(0.5, (d - 1) / 2))
    axes.plot(t, law, color=style.INK, lw=0.9, label=f"uniform sphere, d = {d}")
    seen = (found.arrays["negatives"] + found.arrays["positives"]) > 0
    low = min(edges[:-1][seen].min(), -3.5 / np.sqrt(d))
    axes.set(
        xlabel="cosine of anchor and candidate",
        ylabel="density",
        title=f"Positives align at {found.values['alignment']:.3f}",
    )
    axes.set_xlim(max(low - 0.02, -1), min(max(edges[1:][seen].max(), 0.2) + 0.02, 1))
    axes.set_ylim(0, None)
    axes.legend(loc="best")
    return figure
