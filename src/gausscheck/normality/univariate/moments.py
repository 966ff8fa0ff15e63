"""Tests on skewness and kurtosis.

With b1 = m3 / m2^1.5 and b2 = m4 / m2² (biased moments), normal data have b1 near 0 and b2 near 3;
each statistic is a transformation of them to a standard normal or chi-square variable.
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import FloatArray, Moments
from gausscheck.normality.nulls.laws import chi_square_2, two_sided_normal
from gausscheck.normality.nulls.tables import table_law
from gausscheck.normality.spec import ONE_DIRECTION_NULL, Law, Spec


def skewness(moments: Moments) -> FloatArray:
    """Biased sample skewness m3 / m2^1.5, shape (k,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return moments.m3 / moments.m2**1.5


def kurtosis(moments: Moments) -> FloatArray:
    """Biased sample kurtosis m4 / m2², 3 for the normal law, shape (k,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return moments.m4 / moments.m2**2


def _skewness_z(moments: Moments) -> FloatArray:
    """Transform skewness to a standard normal variable (D'Agostino 1970)."""
    n = moments.n
    y = skewness(moments) * np.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta2 = (
        3 * (n * n + 27 * n - 70) * (n + 1) * (n + 3)
        / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    )  # fmt: skip
    w2 = np.sqrt(2 * (beta2 - 1)) - 1
    return np.asarray(np.arcsinh(y / np.sqrt(2 / (w2 - 1))) / np.sqrt(0.5 * np.log(w2)))


def _kurtosis_z(moments: Moments) -> FloatArray:
    """Transform kurtosis to a standard normal variable (Anscombe & Glynn 1983)."""
    n = float(moments.n)
    mean = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis(moments) - mean) / np.sqrt(variance)
    root_beta1 = (
        6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
        * np.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    )  # fmt: skip
    a = 6 + 8 / root_beta1 * (2 / root_beta1 + np.sqrt(1 + 4 / root_beta1**2))
    base = 1 + x * np.sqrt(2 / (a - 4))
    with np.errstate(divide="ignore", invalid="ignore"):
        cube = np.sign(base) * np.cbrt((1 - 2 / a) / np.abs(base))
    return np.asarray((1 - 2 / (9 * a) - cube) / np.sqrt(2 / (9 * a)))


def _dagostino_pearson(moments: Moments) -> FloatArray:
    return _skewness_z(moments) ** 2 + _kurtosis_z(moments) ** 2


def _jarque_bera(moments: Moments) -> FloatArray:
    n = moments.n
    return np.asarray(n / 6 * (skewness(moments) ** 2 + (kurtosis(moments) - 3) ** 2 / 4))


PEARSON_TABLE_BELOW, TABLE_BELOW = 2000, 20_000
"""Rows from which the limit law keeps the level: of dagostino_pearson, and of the others."""


def _anscombe_kurtosis_law(statistic: FloatArray, n: int, d: int) -> Law:
    if n < TABLE_BELOW:
        return table_law("anscombe_kurtosis", np.abs(statistic), n)
    return two_sided_normal(statistic, n, d)


def _dagostino_pearson_law(statistic: FloatArray, n: int, d: int) -> Law:
    if n < PEARSON_TABLE_BELOW:
        return table_law("dagostino_pearson", statistic, n)
    return chi_square_2(statistic, n, d)


def _jarque_bera_law(statistic: FloatArray, n: int, d: int) -> Law:
    if n < TABLE_BELOW:
        return table_law("jarque_bera", statistic, n)
    return chi_square_2(statistic, n, d)


_COST = "O(n k), from streamed power sums"

DAGOSTINO_SKEWNESS = Spec(
    name="dagostino_skewness",
    scope="direction",
    null="composite",
    needs="moments",
    statistic=_skewness_z,
    law=two_sided_normal,
    sizes=(8, None),
    null_says=f"{ONE_DIRECTION_NULL}; sees asymmetry alone",
    cost=_COST,
    reference="D'Agostino (1970), Biometrika 57, 679-681",
)

ANSCOMBE_KURTOSIS = Spec(
    name="anscombe_kurtosis",
    scope="direction",
    null="composite",
    needs="moments",
    statistic=_kurtosis_z,
    law=_anscombe_kurtosis_law,
    textbook=two_sided_normal,
    sizes=(20, None),
    null_says=f"{ONE_DIRECTION_NULL}; sees the weight of the tails alone",
    cost=_COST,
    reference="Anscombe & Glynn (1983), Biometrika 70, 227-234",
)

DAGOSTINO_PEARSON = Spec(
    name="dagostino_pearson",
    scope="direction",
    null="composite",
    needs="moments",
    statistic=_dagostino_pearson,
    law=_dagostino_pearson_law,
    textbook=chi_square_2,
    sizes=(20, None),
    null_says=ONE_DIRECTION_NULL,
    cost=_COST,
    reference="D'Agostino & Pearson (1973), Biometrika 60, 613-622",
)

JARQUE_BERA = Spec(
    name="jarque_bera",
    scope="direction",
    null="composite",
    needs="moments",
    statistic=_jarque_bera,
    law=_jarque_bera_law,
    textbook=chi_square_2,
    sizes=(8, None),
    null_says=ONE_DIRECTION_NULL,
    cost=_COST,
    reference="Jarque & Bera (1987), International Statistical Review 55, 163-172",
)
