"""Tests on the straightness of the normal Q-Q plot: Shapiro-Wilk and Shapiro-Francia.

W is the squared correlation of the sorted sample with weights that approximate its best linear
unbiased ones. Royston's transformations make it a nearly normal score up to n = 5000; his p-values
take it for normal, those from its simulated law keep their level.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import FloatArray
from gausscheck.normality.nulls.laws import upper_normal
from gausscheck.normality.nulls.tables import score_law
from gausscheck.normality.spec import ONE_DIRECTION_NULL, Law, Ordered, Spec


@lru_cache(maxsize=8)
def _scores(n: int) -> NDArray[np.float64]:
    """Return Blom's normal scores Φ⁻¹((i − 3/8) / (n + 1/4))."""
    from scipy.special import ndtri

    scores = ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    scores.flags.writeable = False
    return np.asarray(scores)


@lru_cache(maxsize=8)
def _weights(n: int) -> NDArray[np.float64]:
    """Return the Shapiro-Wilk weights of Royston (1995), of unit length and odd symmetry."""
    if n == 3:
        return np.array([-np.sqrt(0.5), 0.0, np.sqrt(0.5)])
    m = _scores(n)
    square = m @ m
    u = 1 / np.sqrt(n)
    last = np.polyval([-2.706056, 4.434685, -2.07119, -0.147981, 0.221157, 0], u) + m[-1] / np.sqrt(
        square
    )
    a = np.empty(n)
    if n > 5:
        second = np.polyval([-3.582633, 5.682633, -1.752461, -0.293762, 0.042981, 0], u) + m[
            -2
        ] / np.sqrt(square)
        phi = (square - 2 * m[-1] ** 2 - 2 * m[-2] ** 2) / (1 - 2 * last**2 - 2 * second**2)
        a[:] = m / np.sqrt(phi)
        a[-2], a[1] = second, -second
    else:
        phi = (square - 2 * m[-1] ** 2) / (1 - 2 * last**2)
        a[:] = m / np.sqrt(phi)
    a[-1], a[0] = last, -last
    a.flags.writeable = False
    return a


def _straightness(samples: Ordered, weights: NDArray[np.float64]) -> FloatArray:
    z = samples.z  # mean 0, Σ z² = n − 1
    return np.asarray(np.einsum("ij,j->i", z, weights) ** 2 / np.einsum("ij,ij->i", z, z))


def _shapiro_wilk(samples: Ordered) -> FloatArray:
    return np.minimum(_straightness(samples, _weights(samples.n)), 1.0)


def shapiro_wilk_score(statistic: FloatArray, n: int) -> FloatArray:
    """Transform W to a nearly normal score, large where W is small, for n >= 4 (Royston 1995)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log1p(-statistic)
        if n <= 11:
            gamma = 0.459 * n - 2.273
            y = -np.log(np.maximum(gamma - y, 1e-300))
            mean = np.polyval([-6.714e-4, 0.025054, -0.39978, 0.544], n)
            sd = np.exp(np.polyval([-0.0020322, 0.062767, -0.77857, 1.3822], n))
        else:
            u = np.log(n)
            mean = np.polyval([0.0038915, -0.083751, -0.31082, -1.5861], u)
            sd = np.exp(np.polyval([0.0030302, -0.082676, -0.4803], u))
        return np.asarray((y - mean) / sd)


def shapiro_wilk_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    """Evaluate Royston (1995), algorithm AS R94."""
    if n == 3:
        p = np.clip(6 / np.pi * (np.arcsin(np.sqrt(statistic)) - np.pi / 3), 0, 1)
        with np.errstate(divide="ignore"):
            return Law(p, np.log(p), "asymptotic")
    return upper_normal(shapiro_wilk_score(statistic, n))


def _shapiro_wilk_law(statistic: FloatArray, n: int, d: int) -> Law:
    if n < 12:
        return shapiro_wilk_textbook(statistic, n, d)
    return score_law("shapiro_wilk", shapiro_wilk_score(statistic, n), n)


def _shapiro_francia(samples: Ordered) -> FloatArray:
    m = _scores(samples.n)
    return np.minimum(_straightness(samples, m / np.sqrt(m @ m)), 1.0)


def shapiro_francia_score(statistic: FloatArray, n: int) -> FloatArray:
    """Transform W' to a nearly normal score, large where W' is small (Royston 1993)."""
    u = np.log(n)
    v = np.log(u)
    mean = 1.0521 * (v - u) - 1.2725
    sd = 1.0308 - 0.26758 * (v + 2 / u)
    with np.errstate(divide="ignore"):
        return np.asarray((np.log1p(-statistic) - mean) / sd)


def _shapiro_francia_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    return upper_normal(shapiro_francia_score(statistic, n))


def _shapiro_francia_law(statistic: FloatArray, n: int, d: int) -> Law:
    if n < 8:  # the published law rejects 6 % at 5 %
        return Law(None, notes=("no calibrated p-value below n = 8",))
    return score_law("shapiro_francia", shapiro_francia_score(statistic, n), n)


_COST = "O(n log n k); n up to 5000"

SHAPIRO_WILK = Spec(
    name="shapiro_wilk",
    scope="direction",
    null="composite",
    needs="ordered",
    statistic=_shapiro_wilk,
    law=_shapiro_wilk_law,
    textbook=shapiro_wilk_textbook,
    sizes=(3, 5000),
    null_says=ONE_DIRECTION_NULL,
    cost=_COST,
    reference="Shapiro & Wilk (1965); Royston (1995), Applied Statistics 44, 547-551",
)

SHAPIRO_FRANCIA = Spec(
    name="shapiro_francia",
    scope="direction",
    null="composite",
    needs="ordered",
    statistic=_shapiro_francia,
    law=_shapiro_francia_law,
    textbook=_shapiro_francia_textbook,
    sizes=(5, 5000),
    null_says=ONE_DIRECTION_NULL,
    cost=_COST,
    reference="Shapiro & Francia (1972); Royston (1993), Statistics and Computing 3, 117-119",
)
