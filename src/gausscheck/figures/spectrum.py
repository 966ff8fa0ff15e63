"""Eigenvalues of the covariance, and how many dimensions they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def spectrum(report: Report, page: Page) -> Figure | None:
    """Draw each eigenvalue's share of the variance against its rank, both logarithmic.

    Upright lines: effective rank (exp of the entropy of the shares), participation ratio. The
    slope is alpha-ReQ's. None without eigenvalues.
    """
    found = report.spectrum
    values = found.eigenvalues
    if values is None:
        return None
    values = np.asarray(values, float)
    values = values[values > 0]
    if values.size < 2:
        return None
    share = values / values.sum()
    rank = np.arange(1, share.size + 1)
    figure, (axes,) = page.panels(1, 1, 55 if page.width == "single" else 75, style.about(report))
    blue = style.color("axes")
    seen = np.unique(np.geomspace(1, share.size, 400).astype(int)) - 1
    axes.plot(rank[seen], share[seen], color=blue, lw=1.0, zorder=3)
    few = np.unique(np.geomspace(1, share.size, 30).astype(int)) - 1
    axes.plot(rank[few], share[few], "o", ms=2.4, color=blue, zorder=4, label="eigenvalues")
    axes.axhline(1 / share.size, color=style.MUTED, lw=0.8, ls=(0, (4, 2)), zorder=1,
                 label="isotropic")  # fmt: skip
    for name, value, line in (
        ("effective rank", found.effective_rank, style.LINES[0]),
        ("participation ratio", found.participation_ratio, style.LINES[2]),
    ):
        if value is not None:
            axes.axvline(value, color=style.color("random"), lw=1, ls=line, zorder=2,
                         label=f"{name} {value:.1f} of {share.size}")  # fmt: skip
    if found.alpha_req is not None:
        middle = int(np.sqrt(share.size))
        law = share[middle] * (rank / rank[middle]) ** -found.alpha_req
        axes.plot(rank[seen], law[seen], color=style.INK, lw=0.8, ls=style.LINES[3], zorder=2,
                  label=f"slope −{found.alpha_req:.2f} (α-ReQ)")  # fmt: skip
    style.set_log(axes, "x", 0.9, share.size * 1.15)
    low = float(
        np.quantile(share, 0.02)
    )  # one direction of rounding errors is no reason to see less
    high = float(max(share[0], 1.2 / share.size))
    style.set_log(axes, "y", low / 2, high * 2)
    axes.set(xlabel="rank of the eigenvalue", ylabel="share of the variance")
    axes.legend(loc="lower left")
    return figure
