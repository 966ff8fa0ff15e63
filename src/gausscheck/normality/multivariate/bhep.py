"""BHEP: the empirical characteristic function of whitened rows against that of the normal law.

With y the residuals, mean 0 and (1/n) yᵀy = I in the r dimensions of the range of the covariance,
the statistic is a function of yᵢ·yⱼ alone: affine invariant, so under normality its law depends on
n and r and on nothing else.
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.gram import pair_sums, squared_distances
from gausscheck.normality.multivariate.sampled_bhep import sampled_bhep
from gausscheck.normality.nulls.laws import by_simulation
from gausscheck.normality.spec import WHOLE_ROWS_NULL, Smoothing, Spec


def bhep(y: F64, beta: float) -> float:
    """T = n ∫ |φ_n(t) − exp(−|t|²/2)|² N(t; 0, beta² I) dt (Baringhaus & Henze 1988).

    Cost O(n² d / 2).
    """
    n, d = y.shape
    b2 = beta * beta

    def kernel(gram: F64, rows: F64, columns: F64) -> F64:
        distance = squared_distances(gram, rows, columns)
        distance *= -b2 / 2
        return np.array([np.exp(distance, out=distance).sum()])

    pairs = float(pair_sums(y, kernel)[0]) / n
    square = np.einsum("ij,ij->i", y, y)
    middle = np.exp(-b2 / (2 * (1 + b2)) * square).sum()
    return float(pairs - 2 * (1 + b2) ** (-d / 2) * middle + n * (1 + 2 * b2) ** (-d / 2))


def _unit_smoothing(n: int, d: int) -> float:
    return 1.0


def _bhep(residuals: F64) -> FloatArray:
    return np.array([bhep(residuals, 1.0)])


def limit_moments(beta: float, d: float) -> tuple[float, float]:
    """Mean and variance of the limit law, parameters estimated (Henze & Zirkler 1990)."""
    b2 = beta * beta
    a = 1 + 2 * b2
    w = (1 + b2) * (1 + 3 * b2)
    mean = 1 - a ** (-d / 2) * (1 + d * b2 / a + d * (d + 2) * b2**2 / (2 * a**2))
    variance = (
        2 * (1 + 4 * b2) ** (-d / 2)
        + 2 * a ** (-d) * (1 + 2 * d * b2**2 / a**2 + 3 * d * (d + 2) * b2**4 / (4 * a**4))
        - 4 * w ** (-d / 2) * (1 + 3 * d * b2**2 / (2 * w) + d * (d + 2) * b2**4 / (2 * w**2))
    )
    return mean, variance


def null_sd(beta: float, d: int) -> float:
    """Return the standard deviation of BHEP's limit law at that smoothing."""
    return float(np.sqrt(max(limit_moments(beta, d)[1], 0.0)))


RESOLUTION = 1e-10
"""Null standard deviation below which rounding drowns a statistic of size one."""

BHEP = Spec(
    name="bhep",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_bhep,
    law=by_simulation,
    pairwise=True,
    smoothing=Smoothing(_unit_smoothing, bhep, sampled_bhep),
    settles=True,
    sizes=(5, None),
    null_says=f"{WHOLE_ROWS_NULL}; beta = 1",
    cost="O(n² d), blocks of the Gram matrix; O(n d) at sampled frequencies for many rows",
    reference="Baringhaus & Henze (1988), Metrika 35, 339-348",
)
