"""The log-likelihood of data against the Gaussian one of their embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.paper import Likelihood, Likelihoods

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def likelihood(found: Likelihoods, page: Page) -> Figure:
    """Draw log p of data against that of embeddings, a point a row and a panel a setting.

    The embedding's is that of a Gaussian with its own mean and covariance, less a constant; r is
    Pearson's, with its interval.
    """
    across = page.across(1, 3)
    figure, panels = page.panels(len(found.settings), across, 52)
    for axes, one in zip(panels, found.settings, strict=True):
        _panel(axes, one)
    for axes in panels[:: min(across, len(panels))]:
        axes.set_ylabel("log p(embedding) + constant")
    for axes in panels[-across:]:
        axes.set_xlabel("log p(data)")
    return figure


def _panel(axes: Axes, one: Likelihood) -> None:
    axes.plot(one.of_data, one.of_rows, ".", ms=1.6, mew=0, alpha=0.4, color=style.color("axes"),
              rasterized=True)  # fmt: skip
    slope = one.pearson * one.of_rows.std() / one.of_data.std()
    x = np.array([one.of_data.min(), one.of_data.max()])
    axes.plot(x, one.of_rows.mean() + slope * (x - one.of_data.mean()), color=style.INK, lw=0.9)
    low, high = one.pearson_ci
    said = f"r = {one.pearson:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")
    axes.text(0.03, 0.98, said, transform=axes.transAxes, va="top", fontsize=6.5)
    axes.set_title(f"{style.label(one.name, 34)}\nn = {one.n:,} · d = {one.d:,}", fontsize=6.5)
    bottom, top = one.of_rows.min(), one.of_rows.max()
    axes.set_ylim(bottom - 0.04 * (top - bottom), top + 0.18 * (top - bottom))
    axes.locator_params(nbins=5)
    axes.xaxis.set_major_formatter(lambda v, _: style.number(v).replace("-", "−"))
    axes.yaxis.set_major_formatter(lambda v, _: style.number(v).replace("-", "−"))
