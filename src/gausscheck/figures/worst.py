"""The most deviant directions: a small histogram each, beside the normal curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import Report, WorstDirection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def worst(report: Report, page: Page) -> Figure | None:
    """Draw histograms of standardised projections on the worst directions of each level."""
    found = [
        (name, direction)
        for name, level in report.directional.items()
        for direction in level.worst
        if direction.counts is not None and direction.edges is not None
    ]
    if not found:
        return None
    across = page.across(3, 6)
    figure, panels = page.panels(len(found), across, 30, style.about(report), letters=False)
    for axes, (level, direction) in zip(panels, found, strict=True):
        _panel(axes, level, direction)
    for axes in panels[-across:]:
        axes.set_xlabel("standard deviations")
    return figure


def _panel(axes: Axes, level: str, direction: WorstDirection) -> None:
    counts, edges = direction.counts, direction.edges
    if counts is None or edges is None:
        return
    density = counts / max(counts.sum(), 1) / np.diff(edges)
    tint = style.color(level)
    axes.stairs(density, edges, fill=True, color=tint, alpha=0.5, lw=0)
    axes.stairs(density, edges, color=tint, lw=0.6)
    grid = np.linspace(-4, 4, 81)
    axes.plot(grid, np.exp(-grid * grid / 2) / np.sqrt(2 * np.pi), color=style.INK, lw=0.8)
    seen = np.flatnonzero(counts)
    low, high = (edges[seen[0]], edges[seen[-1] + 1]) if seen.size else (-4.0, 4.0)
    axes.set_xlim(min(low, -3.2), max(high, 3.2))
    axes.set_ylim(0, max(float(density.max()), 0.4) * 1.1)
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5, steps=[1, 2, 5, 10])
    axes.spines["left"].set_visible(False)
    name = style.label(direction.direction, 18)
    axes.set_title(f"{name}\nA*² {direction.ad_star:.3g}", fontsize=6.5)
