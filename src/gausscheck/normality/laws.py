"""Null laws that several tests share. Each is ``(statistics, n, d) -> Law``."""

from __future__ import annotations

import numpy as np

from gausscheck.core import FloatArray, Law


def two_sided_normal(statistic: FloatArray, n: int, d: int) -> Law:
    """P-value 2 Φ(−|z|) of a standard normal statistic, with its logarithm."""
    from scipy.special import log_ndtr, ndtr

    z = -np.abs(statistic)
    return Law(2 * ndtr(z), np.log(2) + log_ndtr(z), "asymptotic")


def upper_normal(z: FloatArray) -> Law:
    """P-value 1 − Φ(z), with its logarithm."""
    from scipy.special import log_ndtr, ndtr

    return Law(ndtr(-z), log_ndtr(-z), "asymptotic")


def chi_square_2(statistic: FloatArray, n: int, d: int) -> Law:
    """P-value exp(−x/2) of a chi-square statistic on 2 degrees of freedom, with its logarithm."""
    return Law(np.exp(-statistic / 2), -statistic / 2, "asymptotic")
