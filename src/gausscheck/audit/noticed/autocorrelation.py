"""Autocorrelation of columns over stretches of consecutive rows, and the time that it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64

CLIP = 4.0
"""Whitened values are held within so many sd: two neighbouring outliers are no dependence."""

LONGEST = 10
"""Lags reach a tenth of a stretch."""


def autocorrelations(stretches: Sequence[NDArray[Any]]) -> F64:
    """Return rho(0) = 1, rho(1), ..., averaged over columns and stretches.

    Parameters
    ----------
    stretches : sequence of (rows, columns) arrays
        Consecutive rows; columns centred and scaled by the mean and sd of all rows. Values beyond
        four sd count as four.

    Returns
    -------
    (lags + 1,) array
        Lags reach a tenth of the longest stretch; rho(0) alone where columns do not vary. Cost
        O(n log n) a column, by FFT.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    longest = max(len(x) for x in stretches)
    total, pairs = np.zeros(longest), np.zeros(longest)
    for rows in stretches:
        x = np.clip(rows, -CLIP, CLIP, dtype=np.float64).T
        size = x.shape[1]
        length = next_fast_len(2 * size, real=True)
        for column in x:  # one column at a time: memory of one
            power = np.abs(rfft(column, length)) ** 2
            total[:size] += irfft(power, length)[:size]
        pairs[:size] += len(x) * np.arange(size, 0, -1)
    rho = total / pairs
    if not rho[0] > 0:
        return np.ones(1)
    return np.asarray(rho[: max(longest // LONGEST, 1) + 1] / rho[0])


def time_of(rho: F64) -> float:
    """Return the integrated autocorrelation time 1 + 2 Σ_{l ≤ M} rho(l), in rows, at least 1.

    The sum ends before the first two neighbouring lags whose rho add up to nothing (Geyer's
    initial positive sequence, 1992), so that noise at long lags stays out, and with the lags that
    there are: of a drift over the whole file it is a lower bound.

    Examples
    --------
    >>> time_of(np.array([1.0, 0.5, 0.25, -0.3, 0.1]))
    2.0
    """
    rho = rho[1:]
    if not rho.size:
        return 1.0
    pairs_of_lags = np.append(rho[:-1] + rho[1:], rho[-1])
    spent = np.flatnonzero(pairs_of_lags <= 0)
    window = int(spent[0]) if spent.size else rho.size
    return max(1.0, 1 + 2 * float(rho[:window].sum()))


def autocorrelation_time(stretches: Sequence[NDArray[Any]]) -> float:
    """Estimate the integrated autocorrelation time of columns, in rows: at least 1.

    Parameters
    ----------
    stretches : sequence of (rows, columns) arrays
        As for :func:`autocorrelations`.
    """
    return time_of(autocorrelations(stretches))
