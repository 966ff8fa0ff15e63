"""Directions of many rows, one at a time, in buffers that are used again.

At these lengths a pass over an array costs less than getting its pages from the system, and threads
that all ask for pages wait for one another.
"""

from __future__ import annotations

from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import Moments
from gausscheck.normality.cells import FROM_CELLS, Cells, third_and_fourth
from gausscheck.normality.effects import l_ratios, wasserstein
from gausscheck.normality.jackknife import (
    ad_star_without,
    group_counts,
    group_powers,
    group_starts,
    sort_groups,
)

F64 = NDArray[np.float64]


class _Buffers(local):
    """Two float64 arrays of a thread."""

    def __init__(self) -> None:
        self._held = np.empty((2, 0))

    def of(self, n: int) -> F64:
        """Return them, ``(2, n)``."""
        if self._held.shape[1] != n:
            self._held = np.empty((2, n))
        return self._held


_BUFFERS = _Buffers()


def profile_long(x: NDArray[Any], names: set[str], groups: int, effects: bool) -> dict[str, Any]:
    """Profile a few directions ``(k, n)`` from sums over cells.

    Parameters
    ----------
    x : (k, n) array
        Each row is sorted in place.
    names : set of str
        Tests on sorted samples: lilliefors and keys of :data:`FROM_CELLS`.
    groups : int
        Groups of the jackknife, 0 for none.
    effects : bool
        Whether to compute Wasserstein-1 and L-moment ratios.

    Returns
    -------
    dict
        Statistics by test name, ``moments``, ``ad_star_without`` and, with effects,
        ``wasserstein1``, ``l_skewness``, ``l_kurtosis``. Cost O(k n log n).
    """
    from scipy.special import ndtr

    k, n = x.shape
    z, spare = _BUFFERS.of(n)
    mean, m2 = np.zeros((2, k))
    cells = Cells(k, n)
    scalars = ("wasserstein1", "l_skewness", "l_kurtosis") if effects else ()
    found: dict[str, Any] = {name: np.full(k, np.nan) for name in scalars}
    stations = _stations(n)
    cdf = np.full((k, stations.size), np.nan)
    ones, twos, below, alive = [], [], [], []
    parts = max(groups, 1)
    starts = group_starts(n, parts)
    ends = np.append(starts[1:], n) - 1
    for i in range(k):
        row = x[i]
        sort_groups(row[None], parts)
        np.copyto(z, row)
        pilot = float(z.mean())
        z -= pilot
        one, two = group_powers(z[None], parts, spare[None])
        rest = float(one.sum()) / n
        mean[i] = pilot + rest
        if row[starts].min() == row[ends].max():
            continue  # a constant is one exactly, not up to rounding
        m2[i] = float(two.sum()) / n - rest**2
        sd = np.sqrt(m2[i : i + 1])
        alive.append(i)
        if groups:
            ones.append(one / sd)
            twos.append(two / sd**2)
            below.append(group_counts(z[None], sd, groups))
            row.sort()
            np.copyto(z, row)
            z -= mean[i]
        z *= np.sqrt((n - 1) / n) / sd
        cells.put(i, z, spare)
        if "lilliefors" in names:
            cdf[i] = ndtr(z[stations])
        if effects:
            only = slice(i, i + 1)
            found["l_skewness"][only], found["l_kurtosis"][only] = l_ratios(z[None])
            found["wasserstein1"][only] = wasserstein(z[None], spare[None])
    cells.finish()
    factor = np.full(k, np.nan)
    factor[alive] = np.sqrt((n - 1) / n) / np.sqrt(m2[alive])
    if "lilliefors" in names:
        found["lilliefors"] = _kolmogorov(x, mean, factor, cdf)
    without = np.full((k, groups), np.nan)
    if below:
        without[alive] = ad_star_without(np.vstack(below), np.vstack(ones), np.vstack(twos), n)
    for name in names & set(FROM_CELLS):
        found[name] = np.where(m2 > 0, FROM_CELLS[name](cells), np.nan)
    cubes, fourth = third_and_fourth(cells)
    scale = np.sqrt(m2 * (n / (n - 1)))
    moments = Moments(n, mean, m2, scale**3 * cubes / n, scale**4 * fourth / n)
    return found | {"moments": moments, "ad_star_without": without}


def _kolmogorov(x: NDArray[Any], mean: F64, factor: F64, cdf: F64) -> F64:
    """Largest distance of the empirical from the fitted normal CDF of sorted samples: exact.

    Φ at every 64th rank bounds the distance in between; only stretches whose bound beats what was
    seen are evaluated in full.

    Parameters
    ----------
    x : (k, n) array
        Sorted samples.
    mean, factor : (k,) arrays
        z = (x − mean) · factor; the factor of a constant is NaN.
    cdf : (k, S) array
        Φ(z) at ranks :func:`_stations`.
    """
    from scipy.special import ndtr

    n = x.shape[1]
    at = _stations(n)
    best = np.maximum((cdf - at / n).max(axis=1), ((at + 1) / n - cdf).max(axis=1))
    bound = np.maximum(at[1:] / n - cdf[:, :-1], cdf[:, 1:] - at[:-1] / n)
    rows, stretch = np.nonzero(bound > best[:, None])
    ranks = np.minimum(at[stretch, None] + np.arange(_STRIDE), n - 1)
    z = x[rows[:, None], ranks].astype(np.float64)
    z -= mean[rows, None]
    z *= factor[rows, None]
    values = ndtr(z)
    gap = np.maximum(values - ranks / n, (ranks + 1) / n - values)
    np.maximum.at(best, rows, gap.max(axis=1, initial=0.0))
    return np.where(np.isfinite(factor), best, np.nan)


_STRIDE = 64


def _stations(n: int) -> NDArray[np.intp]:
    """Ranks 0, 64, 128, ... and the last, counted from 0."""
    return np.append(np.arange(0, n - 1, _STRIDE), n - 1)
