"""Tests of joint normality by Shapiro's: along the coordinates (Royston) or one direction.

The multivariate Shapiro test turns with the data and is affine invariant; Royston's keeps to the
coordinates that it is given.
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.evidence import ordered_of
from gausscheck.normality.nulls.laws import by_simulation, chi_square
from gausscheck.normality.spec import WHOLE_ROWS_NULL, Law, Spec
from gausscheck.normality.univariate.shapiro import (
    SHAPIRO_FRANCIA,
    SHAPIRO_WILK,
    shapiro_wilk_textbook,
)


def _royston(x: F64) -> FloatArray:
    """H: average squared score of the coordinates' Shapiro tests, times equivalent freedom."""
    n = x.shape[0]
    score = np.empty(x.shape[1])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    heavy = (z**4).mean(axis=0) > 3
    for spec, mine in ((SHAPIRO_FRANCIA, heavy), (SHAPIRO_WILK, ~heavy)):
        if mine.any():
            w = spec.statistic(ordered_of(np.ascontiguousarray(x[:, mine].T)))
            score[mine] = _royston_score(w, n)
    from scipy.special import log_ndtr, ndtri_exp

    # (Φ⁻¹(Φ(−z)/2))², from logarithms so that far tails stay finite
    psi = ndtri_exp(log_ndtr(-score) - np.log(2)) ** 2
    return np.array([_equivalent_freedom(x) * float(psi.mean())])


def _royston_score(w: FloatArray, n: int) -> FloatArray:
    """Return the normal score of a Shapiro statistic (Royston 1992)."""
    if n <= 11:
        gamma = -2.273 + 0.459 * n
        mean = np.polyval([-0.0006714, 0.025054, -0.39978, 0.5440], n)
        sd = np.exp(np.polyval([-0.0020322, 0.062767, -0.77857, 1.3822], n))
        return np.asarray((-np.log(gamma - np.log1p(-w)) - mean) / sd)
    u = np.log(n)
    mean = np.polyval([0.0038915, -0.083751, -0.31082, -1.5861], u)
    sd = np.exp(np.polyval([0.0030302, -0.082676, -0.4803], u))
    return np.asarray((np.log1p(-w) - mean) / sd)


def _equivalent_freedom(x: F64) -> float:
    """Coordinates' worth of information in correlated coordinates (Royston 1983)."""
    d = x.shape[1]
    if d == 1:
        return 1.0
    n = x.shape[0]
    u = 0.715
    log_n = np.log(n)
    v = 0.21364 + 0.015124 * log_n**2 - 0.0018034 * log_n**3
    r = np.corrcoef(x.T)
    c = r**5 * (1 - u * (1 - r) ** u / v)
    mean = (c.sum() - np.trace(c)) / (d * (d - 1))
    return float(d / (1 + (d - 1) * mean))


def _royston_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    return chi_square(statistic, d)


def _multivariate_shapiro(y: F64) -> FloatArray:
    """Shapiro-Wilk along the direction of the row farthest from the mean."""
    far = int(np.einsum("ij,ij->i", y, y).argmax())
    line = y @ y[far]
    return SHAPIRO_WILK.statistic(ordered_of(line[None]))


def _multivariate_shapiro_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    return shapiro_wilk_textbook(statistic, n, 1)


ROYSTON = Spec(
    name="royston",
    scope="joint",
    null="composite",
    needs="rows",
    statistic=_royston,
    law=by_simulation,
    textbook=_royston_textbook,
    freedom=_equivalent_freedom,
    sizes=(4, 2000),
    null_says=f"{WHOLE_ROWS_NULL}; sees the coordinates one by one",
    cost="O(n d² + d n log n)",
    reference="Royston (1983), Applied Statistics 32, 121-133; Royston (1992)",
)

MULTIVARIATE_SHAPIRO = Spec(
    name="multivariate_shapiro",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_multivariate_shapiro,
    law=by_simulation,
    textbook=_multivariate_shapiro_textbook,
    sizes=(12, 5000),
    null_says=f"{WHOLE_ROWS_NULL}; sees the direction of the row farthest out",
    cost="O(n d²)",
    reference="Domański (1998); Shapiro & Wilk (1965) along one direction",
)
