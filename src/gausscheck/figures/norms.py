"""Histogram of the rows' norms with the band of the Gaussian thin shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def norm_histogram(report: Report, page: Page) -> Figure | None:
    """Draw a histogram of the rows' lengths and the Gaussian thin shell.

    None on normalised input, where there is nothing to see. The band is mean ± one standard
    deviation that rows of N(mean, covariance) would show.
    """
    norms = report.norms
    counts, edges = norms.counts, norms.edges
    if counts is None or edges is None:
        return None
    density = counts / max(counts.sum(), 1) / np.diff(edges)
    figure, (axes,) = page.panels(1, 1, 50 if page.width == "single" else 70, style.about(report))
    axes.stairs(density, edges, fill=True, color=style.color("axes"), alpha=0.5, lw=0)
    axes.stairs(density, edges, color=style.color("axes"), lw=0.8)
    mean, expected = norms.mean, norms.cv_gaussian
    if expected is not None:
        axes.axvspan(
            mean * (1 - expected), mean * (1 + expected), color=style.BAND, zorder=0, lw=0,
            label=f"Gaussian shell: ± 1 sd (CV {expected:.3f})",
        )  # fmt: skip
    spread = "" if norms.cv is None else f" (CV {norms.cv:.3f})"
    axes.axvline(mean, color=style.INK, lw=0.9, label=f"mean {mean:.4g}{spread}")
    axes.set(xlabel="norm of a row", ylabel="density")
    axes.set_ylim(0, density.max() * 1.4)
    seen = np.flatnonzero(counts)
    axes.set_xlim(edges[seen[0]], edges[seen[-1] + 1])
    axes.locator_params(nbins=6)
    axes.legend(loc="upper left")
    return figure
