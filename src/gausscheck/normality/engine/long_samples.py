"""Directions of many rows, a few at a time, in buffers that are used again.

At these lengths a pass over an array costs less than getting its pages from the system, and threads
that all ask for pages wait for one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, FloatArray, Moments
from gausscheck.normality.engine.binned import (
    FROM_CELLS,
    Cells,
    l_moments,
    third_and_fourth,
)
from gausscheck.normality.engine.effects import wasserstein
from gausscheck.normality.engine.jackknife import (
    Sizes,
    ad_star_shifts,
    group_counts,
    group_powers,
)


class _Buffers(local):
    """Two float64 arrays of a thread."""

    def __init__(self) -> None:
        self._held = np.empty((2, 0))

    def of(self, k: int, n: int) -> F64:
        """Return them, ``(2, k, n)``."""
        if self._held.shape[1] < k * n:
            self._held = np.empty((2, k * n))
        return self._held[:, : k * n].reshape(2, k, n)


_BUFFERS = _Buffers()


@dataclass(slots=True)
class LongSums:
    """What many-step arithmetic needs of a few long directions, once their rows are not."""

    cells: Cells
    mean: F64
    m2: F64
    groups: tuple[NDArray[np.intp], F64, F64, Sizes] | None
    found: dict[str, FloatArray]


def gather_long(x: NDArray[Any], names: set[str], sizes: Sizes | None, effects: bool) -> LongSums:
    """Take all that is wanted from the rows of a few directions: long steps, made for threads.

    Parameters
    ----------
    x : (k, n) array
        Each row is sorted in place.
    names : set of str
        Tests on sorted samples: lilliefors and keys of :data:`FROM_CELLS`.
    sizes : (G,) int array or None
        Of the groups of the jackknife, if there is one.
    effects : bool
        Whether to compute Wasserstein-1.

    Returns
    -------
    LongSums
        For :func:`finish_long`. Cost O(k n log n).
    """
    k, n = x.shape
    z, spare = _BUFFERS.of(k, n)
    np.copyto(z, x)
    x.sort(axis=1)
    pilot = z.mean(axis=1)
    z -= pilot[:, None]
    one, two = group_powers(z, np.array([n]) if sizes is None else sizes, spare)
    rest = one.sum(axis=1) / n
    mean = pilot + rest
    alive = x[:, 0] < x[:, -1]  # a constant is one exactly, not up to rounding
    m2 = np.where(alive, two.sum(axis=1) / n - rest**2, 0.0)
    left_out = None
    if sizes is not None:
        sd = np.where(alive, np.sqrt(m2), 1.0)
        below = group_counts(z, sd, sizes, spare)
        left_out = (below, one / sd[:, None], two / m2[:, None].clip(1e-300), sizes)
    np.copyto(z, x)
    z -= mean[:, None]
    z /= np.where(alive, np.sqrt(m2 * (n / (n - 1))), np.nan)[:, None]
    found: dict[str, FloatArray] = {}
    if "lilliefors" in names:
        found["lilliefors"] = _kolmogorov(z)
    if effects:
        found["wasserstein1"] = wasserstein(z, spare)
    return LongSums(Cells(z, spare), mean, m2, left_out, found)


def finish_long(sums: LongSums, names: set[str], effects: bool) -> dict[str, Any]:
    """Work statistics out of the sums: short steps, where threads would only wait for each other.

    Returns
    -------
    dict
        Statistics by test name, ``moments``, with groups ``ad_star_shifts``, and with effects
        ``wasserstein1``, ``l_skewness``, ``l_kurtosis``.
    """
    cells, m2, n = sums.cells, sums.m2, sums.cells.n
    alive = m2 > 0
    cells.finish()
    found: dict[str, Any] = dict(sums.found)
    if sums.groups is not None:
        shifts = ad_star_shifts(*sums.groups)
        found["ad_star_shifts"] = np.where(alive[:, None], shifts, np.nan)
    for name in names & set(FROM_CELLS):
        found[name] = np.where(alive, FROM_CELLS[name](cells), np.nan)
    if effects:
        second, third, fourth = np.where(alive, l_moments(cells), np.nan)
        found["l_skewness"], found["l_kurtosis"] = third / second, fourth / second
    cubes, fourths = third_and_fourth(cells)
    scale = np.sqrt(m2 * (n / (n - 1)))
    moments = Moments(n, sums.mean, m2, scale**3 * cubes / n, scale**4 * fourths / n)
    return found | {"moments": moments}


def _kolmogorov(z: F64) -> F64:
    """Largest distance of the empirical from the normal CDF of sorted samples ``(k, n)``: exact.

    Φ at every 32nd rank bounds the distance in between; only stretches whose bound beats what was
    seen are evaluated in full.
    """
    from scipy.special import ndtr

    n = z.shape[1]
    at = np.append(np.arange(0, n - 1, _STRIDE), n - 1)
    cdf = ndtr(z[:, at])
    best = np.maximum((cdf - at / n).max(axis=1), ((at + 1) / n - cdf).max(axis=1))
    bound = np.maximum(at[1:] / n - cdf[:, :-1], cdf[:, 1:] - at[:-1] / n)
    rows, stretch = np.nonzero(bound > best[:, None])
    ranks = np.minimum(at[stretch, None] + np.arange(_STRIDE), n - 1)
    values = ndtr(z[rows[:, None], ranks])
    gap = np.maximum(values - ranks / n, (ranks + 1) / n - values)
    np.maximum.at(best, rows, gap.max(axis=1, initial=0.0))
    return np.asarray(best)


_STRIDE = 32
