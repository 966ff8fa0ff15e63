"""A power law through values with intervals, without logarithms of the values."""

from __future__ import annotations

from typing import Any

import numpy as np

from gausscheck.core import F64

FLOOR = 0.05
"""Relative error that a point has at least in a fit: what the asymptotic laws are good for."""


def fit_power(
    sizes: F64, table: F64, confidence: float, law: float | None = None, groups: int = 20
) -> dict[str, Any]:
    """Fit constant · size^slope to values with intervals.

    Parameters
    ----------
    sizes : (p,) array
    table : (p, 3) array
        Value, low, high.
    confidence : float
        Of the values' intervals, and of the slope's.
    law : float, optional
        A slope of theory, at which the constant is fitted too.
    groups : int
        Of the jackknife that gave the intervals.

    Returns
    -------
    dict
        ``slope``, ``slope_ci``, ``constant``, and with a law ``constant_at_law``. Least squares on
        the values, each divided by the larger of its standard error and 5 % of itself: no logarithm
        is taken of a value, so one that is not positive counts too. Errors of the slope by the
        curvature at the optimum, with the scatter about the law where that is larger. ``reason``
        instead where values change sign beyond their errors, or where every interval, widened
        for their number (Bonferroni), holds 0; and where all sizes are one.
    """
    from scipy.optimize import least_squares
    from scipy.special import stdtrit

    value = table[:, 0]
    half = (table[:, 2] - table[:, 1]) / 2 / stdtrit(groups - 1, 0.5 + confidence / 2)
    error = np.maximum(half, FLOOR * np.abs(value))
    wide = float(stdtrit(groups - 1, 1 - (1 - confidence) / 2 / value.size))
    if not np.any(np.abs(value) > wide * half):
        return {"reason": "all near 0"}
    sign = 1.0 if (value / error**2).sum() > 0 else -1.0
    known = sign * value > 2 * error
    if np.any(sign * value < -4 * error) or not known.any():
        return {"reason": "changes sign"}
    middle = float(np.exp(np.log(sizes).mean()))
    place = np.log(sizes / middle)
    if np.ptp(place) == 0:
        return {"reason": "one size"}
    log_value = np.log(sign * value[known])
    if known.sum() >= 2 and np.ptp(place[known]) > 0:
        start = np.polyfit(place[known], log_value, 1)[::-1]
    else:
        start = np.array([log_value.mean(), 0.0])

    def gap(p: F64) -> F64:
        return np.asarray((sign * np.exp(p[0] + p[1] * place) - value) / error)

    done = least_squares(gap, start)
    freedom = max(value.size - 2, 1)
    inflate = max(2 * done.cost / freedom, 1.0) if value.size > 2 else 1.0
    covariance = np.linalg.pinv(done.jac.T @ done.jac) * inflate
    slope = float(done.x[1])
    around = float(stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(covariance[1, 1]))
    fit = {
        "slope": slope,
        "slope_ci": [slope - around, slope + around],
        "constant": float(sign * np.exp(done.x[0]) * middle**-slope),
        "points": int(value.size),
    }
    if law is not None:
        unit = sizes**law
        fit["constant_at_law"] = float((value * unit / error**2).sum() / (unit**2 / error**2).sum())
    return fit
