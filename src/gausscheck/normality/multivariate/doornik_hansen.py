"""Doornik-Hansen: skewness and kurtosis along the roots of the correlation matrix."""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.nulls.laws import by_simulation, chi_square
from gausscheck.normality.spec import WHOLE_ROWS_NULL, Law, Spec


def _doornik_hansen(x: F64) -> FloatArray:
    """Sum of squared normal scores of skewness and kurtosis along the roots of the correlation."""
    n = x.shape[0]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    values, vectors = np.linalg.eigh(z.T @ z / n)
    if values[0] <= values[-1] * x.shape[1] * np.finfo(float).eps:
        return np.array([np.nan])
    y = z @ (vectors / np.sqrt(values)) @ vectors.T
    skewness, kurtosis = (y**3).mean(axis=0), (y**4).mean(axis=0)
    z1 = _skewness_score(skewness, n)
    z2 = _kurtosis_score(skewness, kurtosis, n)
    return np.array([float((z1**2 + z2**2).sum())])


def _skewness_score(skewness: F64, n: int) -> F64:
    """Transform skewness to a normal score (D'Agostino 1970)."""
    beta = 3 * (n * n + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    omega2 = -1 + np.sqrt(2 * (beta - 1))
    delta = 1 / np.sqrt(np.log(np.sqrt(omega2)))
    y = skewness * np.sqrt((omega2 - 1) / 2 * (n + 1) * (n + 3) / (6 * (n - 2)))
    return np.asarray(delta * np.arcsinh(y))


def _kurtosis_score(skewness: F64, kurtosis: F64, n: int) -> F64:
    """Transform kurtosis, given skewness, from a gamma law to a normal score (Wilson-Hilferty)."""
    delta = (n - 3) * (n + 1) * (n * n + 15 * n - 4)
    a = (n - 2) * (n + 5) * (n + 7) * (n * n + 27 * n - 70) / (6 * delta)
    c = (n - 7) * (n + 5) * (n + 7) * (n * n + 2 * n - 5) / (6 * delta)
    k = (n + 5) * (n + 7) * (n**3 + 37 * n * n + 11 * n - 313) / (12 * delta)
    alpha = a + skewness**2 * c
    chi = np.maximum((kurtosis - 1 - skewness**2) * 2 * k, 0)
    return np.asarray((np.cbrt(chi / (2 * alpha)) - 1 + 1 / (9 * alpha)) * np.sqrt(9 * alpha))


def _doornik_hansen_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    return chi_square(statistic, 2 * d)


DOORNIK_HANSEN = Spec(
    name="doornik_hansen",
    scope="joint",
    null="composite",
    needs="rows",
    statistic=_doornik_hansen,
    law=by_simulation,
    textbook=_doornik_hansen_textbook,
    holds=lambda n, d: n >= max(50, 2 * d),
    sizes=(8, None),
    null_says=f"{WHOLE_ROWS_NULL}; sees skewness and kurtosis along d directions",
    cost="O(n d²)",
    reference="Doornik & Hansen (2008), Oxford Bulletin of Economics and Statistics 70, 927-939",
)
