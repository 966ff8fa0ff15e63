"""Mean and covariance against N(0, σ² I), at any n and d: sphericity, identity, scale, mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.normality.nulls.laws import chi_square


@dataclass(frozen=True, slots=True)
class SecondOrder:
    """What the mean and the covariance of n rows in d dimensions say.

    trace tr S and square tr S², S the n − 1 covariance; square_unbiased of tr Σ²; mean ‖x̄‖².
    """

    n: int
    d: int
    trace: float
    square: float
    square_unbiased: float
    mean: float


def second_order(rows: F64, sizes: NDArray[np.integer]) -> tuple[SecondOrder, list[SecondOrder]]:
    """Of all rows, and without each group of rows side by side; memory O(d²)."""
    center = rows.mean(axis=0)
    y = rows - center
    scatter = y.T @ y
    none = np.empty((0, rows.shape[1]))

    def of(kept: F64, left_out: F64) -> SecondOrder:
        n, d = kept.shape
        shift = -left_out.sum(axis=0) / n  # mean of the kept rows, less the centre
        lengths = ((kept - shift) ** 2).sum(axis=1)
        trace = float(lengths.sum()) / (n - 1)
        inner = scatter - left_out.T @ left_out - n * np.outer(shift, shift)
        square = float((inner**2).sum()) / (n - 1) ** 2
        # unbiased whatever the law (Himeno & Yamada 2014); the U-statistic of Chen, Zhang & Zhong
        quartic = float((lengths**2).sum()) / (n - 1)
        unbiased = (n - 1) / (n * (n - 2) * (n - 3))
        unbiased *= (n - 1) * (n - 2) * square + trace**2 - n * quartic
        return SecondOrder(n, d, trace, square, unbiased, float(((center + shift) ** 2).sum()))

    parts = np.split(np.arange(len(y)), np.cumsum(sizes)[:-1])
    return of(y, none), [of(np.delete(y, part, axis=0), y[part]) for part in parts]


def mean_effect(found: SecondOrder) -> float:
    """‖μ‖² √d / tr Σ, unbiased in its parts: E x·y in standard deviations of isotropic rows."""
    return (found.mean - found.trace / found.n) * sqrt(found.d) / found.trace


def sphericity_effect(found: SecondOrder) -> float:
    """(d tr Σ² / (tr Σ)² − 1) / √2: U of Chen, Zhang & Zhong (2010), in pairs' deviations."""
    return (found.d * found.square_unbiased / found.trace**2 - 1) / sqrt(2)


def _log_p(statistic: float, freedom: float) -> float:
    law = chi_square(np.array([max(statistic, 0.0)]), freedom)
    return 0.0 if law.log_pvalue is None else float(law.log_pvalue[0])


def mean_log_p(found: SecondOrder) -> float:
    """Of n ‖x̄‖² as a scaled chi-square on (tr Σ)² / tr Σ² degrees of freedom.

    Exact with Σ = σ² I known, and close whatever the spectrum (Box 1954; Bai & Saranadasa 1996), so
    that an uneven covariance isn't taken for a mean.
    """
    square = max(found.square_unbiased, found.trace**2 / found.d)
    return _log_p(found.n * found.mean * found.trace / square, found.trace**2 / square)


def sphericity_log_p(found: SecondOrder) -> float:
    """Of the Chen-Zhang-Zhong U, √2 times the effect: n U / 2 is nearly standard normal.

    Given the skewness of the chi-square law that it follows where d is small.
    """
    freedom = found.d * (found.d + 1) / 2 - 1
    z = found.n * sphericity_effect(found) / sqrt(2)
    return _log_p(freedom + z * sqrt(2 * freedom), freedom)


def john_pvalue(found: SecondOrder) -> float:
    """Of John's U, by the chi-square law that holds for any n/d (Ledoit & Wolf 2002)."""
    u = found.d * found.square / found.trace**2 - 1
    freedom = found.d * (found.d + 1) / 2 - 1
    return exp(_log_p((found.n - 1) * found.d / 2 * u, freedom))


def identity_pvalue(found: SecondOrder, variance: float) -> float:
    """Of Σ = σ² I by W of Ledoit & Wolf (2002), with its chi-square law."""
    d, freedom = found.d, found.n - 1
    trace, square = found.trace / variance, found.square / variance**2
    w = (square - 2 * trace + d) / d - trace**2 / (freedom * d) + d / freedom
    return exp(_log_p(freedom * d / 2 * w, d * (d + 1) / 2))


def scale_log_p(found: SecondOrder, variance: float) -> float:
    """Two-sided, of tr S / σ², chi-square on (n − 1) d degrees over n − 1 by Wilson & Hilferty."""
    from scipy.special import log_ndtr

    freedom = (found.n - 1) * found.d
    ratio = found.trace / (found.d * variance)
    z = (ratio ** (1 / 3) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom))
    return min(float(np.log(2) + log_ndtr(-abs(z))), 0.0)
