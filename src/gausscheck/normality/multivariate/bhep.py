"""Tests of joint normality on whitened rows: Mardia, BHEP, Henze-Zirkler, energy.

With y the residuals, mean 0 and (1/n) yᵀy = I in the r dimensions of the range of the covariance,
every statistic here is a function of yᵢ·yⱼ alone: affine invariant, so under normality its law
depends on n and r and on nothing else.
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.gram import pair_sums, squared_distances
from gausscheck.normality.nulls.laws import (
    no_law,
)
from gausscheck.normality.spec import Evidence, Spec


def residuals_of(evidence: Evidence) -> F64:
    """Return the whitened rows that a joint test reads.

    Raises
    ------
    LookupError
        If they were not gathered.
    """
    if evidence.residuals is None:
        raise LookupError("residuals were not gathered")
    return evidence.residuals


# --- Mardia


# --- empirical characteristic function with weight N(0, beta² I)


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


def _bhep(evidence: Evidence) -> FloatArray:
    return np.array([bhep(residuals_of(evidence), 1.0)])


def _null_moments(beta: float, d: float) -> tuple[float, float]:
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
    return float(np.sqrt(max(_null_moments(beta, d)[1], 0.0)))


# --- energy


RESOLUTION = 1e-10
"""Null standard deviation below which rounding drowns a statistic of size one."""

_NULL = "rows are jointly normal with unknown mean and covariance"


BHEP = Spec(
    name="bhep",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_bhep,
    law=no_law,
    pairwise=True,
    smoothing=_unit_smoothing,
    settles=True,
    sizes=(5, None),
    null_says=f"{_NULL}; beta = 1",
    cost="O(n² d), blocks of the Gram matrix; O(n d) at sampled frequencies for many rows",
    reference="Baringhaus & Henze (1988), Metrika 35, 339-348",
)
