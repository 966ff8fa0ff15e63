"""Sizes of a deviation on sorted samples that no test carries: Wasserstein-1 and L-moments."""

from __future__ import annotations

from functools import lru_cache
from math import atan, pi, sqrt

import numpy as np

from gausscheck.core import F64, FloatArray

L_KURTOSIS_NORMAL = 30 / pi * atan(sqrt(2)) - 9
"""L-kurtosis of the normal law, 0.1226 (Hosking 1990)."""


@lru_cache(maxsize=4)
def _normal_scores(n: int) -> F64:
    from scipy.special import ndtri

    scores = np.asarray(ndtri((np.arange(n) + 0.5) / n))
    scores.flags.writeable = False
    return scores


def wasserstein(z: F64, spare: F64 | None = None) -> FloatArray:
    """Mean distance between sorted values and normal quantiles at (i − 1/2)/n, in sigmas.

    Parameters
    ----------
    z : (k, n) array
        Sorted, standardised.
    spare : (k, n) array, optional
        Overwritten instead of allocating another.
    """
    gap = np.subtract(z, _normal_scores(z.shape[1]), out=spare)
    return np.asarray(np.abs(gap, out=gap).mean(axis=1))


@lru_cache(maxsize=4)
def _l_weights(n: int) -> F64:
    """Weights (3, n) of the L-moments 2 to 4 on sorted values: shifted Legendre polynomials.

    Unbiased probability-weighted moments (Hosking 1990).
    """
    i = np.arange(n, dtype=np.float64)
    b1 = i / (n - 1)
    b2 = b1 * (i - 1) / (n - 2)
    b3 = b2 * (i - 2) / (n - 3)
    weights = np.stack([2 * b1 - 1, 6 * b2 - 6 * b1 + 1, 20 * b3 - 30 * b2 + 12 * b1 - 1]) / n
    weights.flags.writeable = False
    return np.asarray(weights)


def l_ratios(z: F64) -> tuple[FloatArray, FloatArray]:
    """L-skewness and L-kurtosis of sorted samples ``(k, n)``.

    They are 0 and :data:`L_KURTOSIS_NORMAL` for the normal law.
    """
    second, third, fourth = (z @ _l_weights(z.shape[1]).T).T
    with np.errstate(divide="ignore", invalid="ignore"):
        return third / second, fourth / second
