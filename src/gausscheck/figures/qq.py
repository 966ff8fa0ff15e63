"""Q-Q plots of the worst and the median directions, and the same with the line taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.core import F64
from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import DirectionalLevel, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 90
"""Points of a drawn curve: more cannot be seen."""

_LOCAL = {20: 0.070, 50: 0.038, 200: 0.0161, 1000: 0.0078, 5000: 0.0038, 20000: 0.0031}
"""Two-sided level of each order statistic's Beta interval at which all of a normal sample with
fitted mean and deviation lie inside in 95 % of cases, by n; simulated, 1,000 to 20,000 draws."""


def qq(report: Report, page: Page) -> Figure | None:
    """Draw standardised quantiles against normal ones; below, their difference with a band.

    The band holds whole curves of all directions of the level in 95 % of Gaussian cases.
    """
    levels = {k: v for k, v in report.directional.items() if v.qq is not None}
    if not levels:
        return None
    across = page.across(2, max(len(levels), 2))
    figure, panels = page.panels(2 * len(levels), across, 40, style.about(report))
    for place, (name, level) in enumerate(levels.items()):
        first = 2 * place if page.width == "single" else place
        second = first + 1 if page.width == "single" else place + len(levels)
        _panels(panels[first], panels[second], name, level)
    for axes in panels if page.width == "single" else panels[:: len(levels)]:
        below = axes in panels[1::2] if page.width == "single" else axes in panels[len(levels) :]
        axes.set_ylabel("difference, sd" if below else "standardised quantile")
    return figure


def _panels(above: Axes, below: Axes, name: str, level: DirectionalLevel) -> None:
    if level.qq is None or level.qq_labels is None:
        return
    keep = _thin(level.qq[0])
    theory, *samples = level.qq[:, keep]
    labels = [style.label(text, 16) for text in level.qq_labels]
    reach = float(np.abs(theory).max())
    low, high = band(theory, level.n, 0.05 / max(level.directions, 1))
    above.plot([-reach, reach], [-reach, reach], color=style.MUTED, lw=0.7, zorder=1)
    below.fill_between(theory, low - theory, high - theory, color=style.BAND, lw=0, zorder=0)
    below.axhline(0, color=style.MUTED, lw=0.7, zorder=1)
    for sample, text, line in zip(samples[:-1], labels[:-1], _cycle(len(samples)), strict=False):
        above.plot(theory, sample, color=style.color(name), ls=line, lw=1, label=text)
        below.plot(theory, sample - theory, color=style.color(name), ls=line, lw=1)
    above.plot(theory, samples[-1], color=style.INK, lw=0.8, label=f"median: {labels[-1]}")
    below.plot(theory, samples[-1] - theory, color=style.INK, lw=0.8)
    most = [float(np.abs(sample - theory).max()) for sample in samples]
    span = max(1.15 * max(most), 0.25)
    below.set_ylim(-span, span)
    above.set_title(style.name(name))
    above.legend(loc="upper left", handlelength=1.8, borderaxespad=0.1, fontsize=5.8)
    top = max(reach, *(float(np.max(s)) for s in samples))
    bottom = min(-reach, *(float(np.min(s)) for s in samples))
    above.set_ylim(bottom * 1.05, top + 0.75 * (top - bottom))  # room for the legend
    for axes in (above, below):
        axes.set_xticks(np.arange(-4, 5, 2)[np.abs(np.arange(-4, 5, 2)) <= reach + 0.3])
        axes.locator_params(axis="y", nbins=5, steps=[1, 2, 5, 10])
    above.set_xlabel("normal quantile")
    below.set_xlabel("normal quantile")


def _cycle(count: int) -> list[object]:
    return [style.LINES[i % len(style.LINES)] for i in range(count)]


def _thin(theory: F64) -> F64:
    """Return places of at most :data:`POINTS` values, evenly apart, both ends kept."""
    wanted = np.linspace(theory[0], theory[-1], POINTS)
    return np.unique(np.abs(theory[None, :] - wanted[:, None]).argmin(axis=1))


def band(theory: F64, n: int, alpha: float = 0.05) -> tuple[F64, F64]:
    """Return the ends of a simultaneous band for quantiles of a standardised normal sample.

    Equal local levels (Aldor-Noiman et al. 2013): the i-th of n order statistics of a uniform
    sample is Beta(i, n − i + 1), and each is given the same level, chosen such that all of them
    lie inside with probability 1 − alpha. Mean and deviation are fitted: levels were simulated
    so. Small levels are in proportion to alpha, on the safe side.

    Parameters
    ----------
    theory : (q,) array
        Normal quantiles, Φ⁻¹((i − ½)/n).
    n : int
        Rows.
    alpha : float
        Of a whole curve to leave the band.
    """
    from scipy.special import betaincinv, ndtr, ndtri

    sizes, levels = np.log(list(_LOCAL)), np.log(list(_LOCAL.values()))
    local = float(np.exp(np.interp(np.log(n), sizes, levels))) * alpha / 0.05
    place = np.clip(ndtr(theory) * n + 0.5, 1, n)
    low = betaincinv(place, n - place + 1, local / 2)
    high = -betaincinv(n - place + 1, place, local / 2)  # 1 - u, kept as its distance from 1
    return ndtri(low), -ndtri(-high)
