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
from gausscheck.normality.cells import FROM_CELLS, Cells
from gausscheck.normality.effects import l_ratios, wasserstein
from gausscheck.normality.jackknife import GroupSums, ad_star_without, group_sums

F64 = NDArray[np.float64]


class _Buffers(local):
    """Three arrays of a thread: two float64, one in the sample's own type."""

    def __init__(self) -> None:
        self._held: tuple[F64, F64, NDArray[Any]] | None = None

    def of(self, n: int, dtype: np.dtype[Any]) -> tuple[F64, F64, NDArray[Any]]:
        held = self._held
        if held is None or held[0].size != n or held[2].dtype != dtype:
            held = self._held = (np.empty(n), np.empty(n), np.empty(n, dtype))
        return held


_BUFFERS = _Buffers()


def profile_long(
    x: NDArray[Any], names: set[str], groups: int, effects: bool, overwrite: bool
) -> dict[str, Any]:
    """Profile a few directions ``(k, n)`` from sums over cells.

    Parameters
    ----------
    x : (k, n) array
    names : set of str
        Tests on sorted samples: lilliefors and keys of :data:`FROM_CELLS`.
    groups : int
        Groups of the jackknife, 0 for none.
    effects : bool
        Whether to compute Wasserstein-1 and L-moment ratios.
    overwrite : bool
        Rows of x may be sorted in place.

    Returns
    -------
    dict
        Statistics by test name, ``moments``, ``ad_star_without`` and, with effects,
        ``wasserstein1``, ``l_skewness``, ``l_kurtosis``.
    """
    k, n = x.shape
    z, spare, row = _BUFFERS.of(n, x.dtype)
    moments = np.zeros((4, k))
    cells = Cells(k, n)
    effect_names = ("wasserstein1", "l_skewness", "l_kurtosis") if effects else ()
    found: dict[str, Any] = {name: np.full(k, np.nan) for name in ("lilliefors", *effect_names)}
    without = np.full((k, groups), np.nan)
    pieces: dict[int, GroupSums] = {}
    for i in range(k):
        moments[:, i] = _moments(x[i], z, spare)
        mean, m2 = moments[:2, i : i + 1]
        if m2[0] == 0:
            continue
        if groups:
            np.copyto(row, x[i])
            pieces[i] = group_sums(row[None], mean, np.sqrt(m2), groups, z[None], spare[None])
        values = x[i] if overwrite else row
        if not overwrite:
            np.copyto(row, x[i])
        values.sort()
        np.copyto(z, values)
        z -= mean
        z /= np.sqrt(m2 * (n / (n - 1)))
        cells.put(i, z, spare)
        if "lilliefors" in names:
            found["lilliefors"][i] = _kolmogorov(z)
        if effects:
            one = slice(i, i + 1)
            found["l_skewness"][one], found["l_kurtosis"][one] = l_ratios(z[None])
            found["wasserstein1"][one] = wasserstein(z[None], spare[None])
    if pieces:
        stacked = (
            np.concatenate([getattr(p, field) for p in pieces.values()])
            for field in ("below", "one", "two")
        )
        without[list(pieces)] = ad_star_without(GroupSums(*stacked), n)
    constant = moments[1] == 0
    for name in names & set(FROM_CELLS):
        found[name] = np.where(constant, np.nan, FROM_CELLS[name](cells))
    return found | {"moments": Moments(n, *moments), "ad_star_without": without}


def _kolmogorov(z: F64) -> float:
    """Largest distance of the empirical from the normal CDF of a sorted sample: exact.

    Φ is evaluated at every sixteenth rank, which bounds the distance in between; only stretches
    whose bound beats what was seen are evaluated in full.
    """
    from scipy.special import ndtr

    n = z.size
    at = np.append(np.arange(0, n - 1, _STRIDE), n - 1)
    cdf = ndtr(z[at])
    best = max(float((cdf - at / n).max()), float(((at + 1) / n - cdf).max()))
    above, below = at[1:] / n - cdf[:-1], cdf[1:] - at[:-1] / n
    starts = at[:-1][(above > best) | (below > best)]
    ranks = np.minimum(starts[:, None] + np.arange(_STRIDE), n - 1).ravel()
    if ranks.size:
        values = ndtr(z[ranks])
        best = max(best, float((values - ranks / n).max()), float(((ranks + 1) / n - values).max()))
    return best


_STRIDE = 16


def _moments(x: NDArray[Any], away: F64, square: F64) -> tuple[float, float, float, float]:
    """Mean and biased central moments 2 to 4 of one sample; the buffers are overwritten."""
    n = x.size
    np.copyto(away, x)
    mean = float(away.mean())
    away -= mean
    rest = float(away.mean())
    away -= rest
    np.multiply(away, away, out=square)
    m2 = float(square.sum()) / n
    if x.min() == x.max():
        m2 = 0.0  # a constant is one exactly, not up to rounding
    m3 = float(np.einsum("i,i", square, away)) / n
    m4 = float(np.einsum("i,i", square, square)) / n
    return mean + rest, m2, m3, m4
