"""Sizes of a deviation on sorted samples that no test carries: Wasserstein-1 and L-moments."""

from __future__ import annotations

from functools import lru_cache
from math import atan, pi, sqrt

import numpy as np

from gausscheck.core import F64, FloatArray

HALF_POWER = 0.445
"""n·delta at which the 5 % Anderson-Darling test rejects half the time; see ``rows_to_detect``."""

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


def rows_to_detect(delta: float) -> float | None:
    """Rows at which the Anderson-Darling test at 5 % rejects half the time.

    Near normality A² tends to Σ λ_j (Z_j + c_j)² with Σ λ_j c_j² = n·delta, λ_j the weights of its
    null law. That law leans to the right, so its median passes the critical value later than its
    mean does: n·delta is .458 where the deviation is pure skewness (He₃), .434 for pure kurtosis
    (He₄), .455, .432 and .424 for He₅, He₆ and He₁₀. The constant lies between.

    Parameters
    ----------
    delta : float
        The discrepancy per row, ∫ (F − Φ)² / (Φ (1 − Φ)) dΦ.

    Returns
    -------
    float or None
        None where delta is not positive. Simulated power there: .44 to .48 for Laplace, t(5),
        uniform, and skewed or two-humped laws that 40 to 200 rows detect; .48 to .53 for those that
        take 500 rows and more. The constant holds for weak deviations alone: for an exponential
        law, which ten rows detect, it is .43.

    Examples
    --------
    >>> round(rows_to_detect(0.000445))
    1000
    """
    return HALF_POWER / delta if delta > 0 else None
