"""Null laws that several tests share. Each is ``(statistics, n, d) -> Law``."""

from __future__ import annotations

from math import lgamma

import numpy as np

from gausscheck.core import FloatArray
from gausscheck.normality.spec import Law

A0 = 0.385
"""Mean of A*² under normality with mean and variance estimated, whatever n."""


def two_sided_normal(statistic: FloatArray, n: int, d: float) -> Law:
    """P-value 2 Φ(−|z|) of a standard normal statistic, with its logarithm."""
    from scipy.special import log_ndtr, ndtr

    z = -np.abs(statistic)
    return Law(2 * ndtr(z), np.log(2) + log_ndtr(z), "asymptotic")


def upper_normal(z: FloatArray) -> Law:
    """P-value 1 − Φ(z), with its logarithm."""
    from scipy.special import log_ndtr, ndtr

    return Law(ndtr(-z), log_ndtr(-z), "asymptotic")


def chi_square_2(statistic: FloatArray, n: int, d: float) -> Law:
    """P-value exp(−x/2) of a chi-square statistic on 2 degrees of freedom, with its logarithm."""
    return Law(np.exp(-statistic / 2), -statistic / 2, "asymptotic")


def chi_square(statistic: FloatArray, freedom: float) -> Law:
    """Upper tail of chi-square, with a logarithm that does not underflow."""
    from scipy.special import gammaincc

    p = gammaincc(freedom / 2, statistic / 2)
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    far = p < 1e-290
    if np.any(far):  # the leading term of the continued fraction, where p itself is gone
        half, x = freedom / 2, statistic[far] / 2
        log_p[far] = (half - 1) * np.log(x) - x - lgamma(half) - np.log1p(-(half - 1) / x)
    return Law(p, log_p, "asymptotic")


def by_simulation(statistic: FloatArray, n: int, d: float) -> Law:
    """No law at this n and d: a p-value is simulated (``nulls/simulated.py``) or absent.

    A test may have a published law beside it, its ``textbook``, used where that ``holds``:
    ``evaluate_rows.py`` chooses.
    """
    return Law(None, notes=("no published null law: calibration='calibrated' simulates one",))
