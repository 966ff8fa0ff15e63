"""From blocks of samples ``(k, n)`` to what tests of directions read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import Moments
from gausscheck.normality.spec import Ordered


def moments_of(block: NDArray[Any]) -> Moments:
    """Return biased central moments of each row of a (k, n) block, in float64."""
    x = block.astype(np.float64)
    mean = x.mean(axis=1)
    x -= mean[:, None]
    rest = x.mean(axis=1)
    x -= rest[:, None]
    square = x * x
    n = x.shape[1]
    m2 = np.einsum("ij->i", square) / n
    m2[block.max(axis=1) == block.min(axis=1)] = 0  # a constant is one exactly, not up to rounding
    m3 = np.einsum("ij,ij->i", square, x) / n
    m4 = np.einsum("ij,ij->i", square, square) / n
    return Moments(n=n, mean=mean + rest, m2=m2, m3=m3, m4=m4)


def standardise(
    block: NDArray[Any], moments: Moments, *, in_place: bool = False
) -> NDArray[np.float64]:
    """Sort each row of a (k, n) block and standardise it with the n − 1 standard deviation.

    Rows are sorted in their own precision, which is what sorting costs by; arithmetic is float64.
    A constant row becomes NaN throughout. ``in_place`` sorts the block itself.
    """
    n = block.shape[1]
    if in_place:
        block.sort(axis=1)
    else:
        block = np.sort(block, axis=1)
    z = block.astype(np.float64)
    z -= moments.mean[:, None]
    sd = np.sqrt(moments.m2 * (n / (n - 1)))
    sd[sd <= 1e-300] = np.nan
    z /= sd[:, None]
    return z


def order(z: NDArray[np.float64]) -> Ordered:
    """Evaluate the normal law on sorted, standardised samples ``(k, n)``, once for all tests.

    The tail that a value lies in is evaluated, and what is left of it: both in place, for fresh
    memory costs as much as the logarithms.
    """
    from scipy.special import log_ndtr, ndtr

    upper = z >= 0
    tail = np.abs(z)
    np.negative(tail, out=tail)
    ndtr(tail, out=tail)
    with np.errstate(divide="ignore"):
        log_cdf = np.log(tail)
    far = tail == 0
    if far.any():
        log_cdf[far] = log_ndtr(-np.abs(z[far]))
    log_sf = np.negative(tail)
    np.log1p(log_sf, out=log_sf)
    log_tail = log_cdf.copy()
    np.copyto(log_cdf, log_sf, where=upper)
    np.copyto(log_sf, log_tail, where=upper)
    np.copyto(tail, np.subtract(1, tail, out=log_tail), where=upper)
    return Ordered(z=z, cdf=tail, log_cdf=log_cdf, log_sf=log_sf)


def ordered_of(block: NDArray[Any]) -> Ordered:
    """Sort and standardise each row of a (k, n) block and evaluate the normal law on it."""
    return order(standardise(block, moments_of(block)))
