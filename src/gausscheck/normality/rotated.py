"""Whitened rows up to a rotation, which no affine-invariant statistic sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gausscheck.core import F64
from gausscheck.normality.triangular import inverse, map_rows

LEAST_REST = 1e-4
"""Share of a column's variance that the columns before it must leave: below, rounding of the
covariance shows in what is whitened by it."""

LEAST_SPREAD = 1e-6
"""Standard deviation of a column, as a share of the largest, below which it may be rounding."""


def whitened_rows(x: F64, otherwise: Callable[[F64], tuple[F64, F64 | int]]) -> F64:
    """Whiten rows by the triangular root of their covariance: what is cheapest where it is safe.

    Parameters
    ----------
    x : (n, d) array
    otherwise : callable
        Takes the rows and returns them whitened, and something else: for rows that hardly vary in
        some direction.

    Returns
    -------
    (n, r) array
        Mean 0, (1/n) yᵀy = I to some 1e-12. Cost O(n d²), of which half is in the covariance.
    """
    n = len(x)
    centred = x - x.mean(axis=0)
    centred -= centred.mean(axis=0)
    covariance = centred.T @ centred / n
    sd = np.sqrt(covariance.diagonal())
    if not sd.size or sd.min() <= LEAST_SPREAD * sd.max():
        return otherwise(x)[0]
    try:
        lower = np.linalg.cholesky(covariance / np.outer(sd, sd))
    except np.linalg.LinAlgError:
        return otherwise(x)[0]
    if lower.diagonal().min() ** 2 < LEAST_REST:
        return otherwise(x)[0]
    centred /= sd
    return map_rows(inverse(lower), centred)
