"""Henze-Zirkler: BHEP with a smoothing that shrinks with n."""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.multivariate.bhep import bhep, limit_moments
from gausscheck.normality.multivariate.sampled_bhep import sampled_bhep
from gausscheck.normality.nulls.laws import by_simulation, upper_normal
from gausscheck.normality.spec import WHOLE_ROWS_NULL, Law, Smoothing, Spec


def henze_zirkler_beta(n: int, d: float) -> float:
    """Return the smoothing parameter of Henze & Zirkler (1990)."""
    return float(((2 * d + 1) * n / 4) ** (1 / (d + 4)) / np.sqrt(2))


def _henze_zirkler(y: F64) -> FloatArray:
    return np.array([bhep(y, henze_zirkler_beta(*y.shape))])


def _henze_zirkler_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    """Log-normal with the limit law's mean and variance (Henze & Zirkler 1990)."""
    mean, variance = limit_moments(henze_zirkler_beta(n, d), d)
    log_mean = np.log(np.sqrt(mean**4 / (variance + mean**2)))
    log_sd = np.sqrt(np.log((variance + mean**2) / mean**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return upper_normal((np.log(statistic) - log_mean) / log_sd)


HENZE_ZIRKLER = Spec(
    name="henze_zirkler",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_henze_zirkler,
    law=by_simulation,
    textbook=_henze_zirkler_textbook,
    holds=lambda n, d: n >= 50 and d <= 10,
    pairwise=True,
    smoothing=Smoothing(henze_zirkler_beta, bhep, sampled_bhep),
    settles=True,
    sizes=(5, None),
    null_says=f"{WHOLE_ROWS_NULL}; smoothing that shrinks with n",
    cost="O(n² d), blocks of the Gram matrix; O(n d) at sampled frequencies for many rows",
    reference="Henze & Zirkler (1990), Communications in Statistics 19, 3595-3617",
)
