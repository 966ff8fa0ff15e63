"""Epps-Pulley: the empirical characteristic function against that of the normal law.

T = n ∫ |φ_n(t) − exp(−t²/2)|² φ(t) dt for the sample standardised with the 1/n variance. It is the
BHEP statistic at d = 1, beta = 1 (Epps & Pulley 1983; Baringhaus & Henze 1988).

The integrand is the transform of something that falls off like a Gaussian beyond the range of the
sample, so the trapezoid rule with step h is exact up to exp(−(2π/h − range)²/2): the step follows
the range, and the cost is linear in n where the closed form is quadratic.
"""

from __future__ import annotations

from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import FloatArray
from gausscheck.normality.nulls.tables import table_law
from gausscheck.normality.spec import ONE_DIRECTION_NULL, Law, Ordered, Spec

REACH = 7.0
"""Largest frequency: the weight beyond it is 3e-12."""


def frequencies(spread: float) -> NDArray[np.float64]:
    """Return frequencies 0, h, 2h, ... for a sample whose values span ``spread``.

    The span is rounded up to an even number, so that similar samples share a grid.
    """
    span = 2 * ceil(max(spread, 2.0) / 2)
    count = ceil(REACH * (span + 8) / (2 * pi))
    return np.linspace(0, REACH, count + 1)


def _epps_pulley(samples: Ordered) -> FloatArray:
    z, n = samples.z, samples.n
    scale = np.sqrt(n / (n - 1))  # from the n - 1 to the n standard deviation
    out = np.full(z.shape[0], np.nan)
    rows_by_size: dict[int, list[int]] = {}
    for i in np.flatnonzero(np.isfinite(z[:, 0])).tolist():
        size = frequencies(float(z[i, -1] - z[i, 0]) * scale).size
        rows_by_size.setdefault(size, []).append(i)
    for size, rows in rows_by_size.items():
        t = np.linspace(0, REACH, size)
        out[rows] = n * weighted_gap(*_transform(z[rows] * scale, t), t)
    return out


def weighted_gap(
    real: NDArray[np.float64], imaginary: NDArray[np.float64], t: NDArray[np.float64]
) -> NDArray[np.float64]:
    """∫ |φ_n(t) − exp(−t²/2)|² φ(t) dt from transforms ``(..., T)`` at t = 0, h, 2h, ..."""
    gap = (real - np.exp(-t * t / 2)) ** 2 + imaginary**2
    weight = np.exp(-t * t / 2) / np.sqrt(2 * pi) * (t[1] - t[0])
    weight[1:] *= 2  # the integrand is even
    return np.asarray(gap @ weight)


def _transform(
    x: NDArray[np.float64], t: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of exp(itx) over each row at equally spaced t, by rotating one number per value."""
    step = np.exp(1j * t[1] * x)
    turn = np.ones_like(step)
    values = np.empty((x.shape[0], t.size), dtype=complex)
    for k in range(t.size):
        values[:, k] = turn.mean(axis=1)
        turn *= step
    return values.real, values.imag


def _epps_pulley_law(statistic: FloatArray, n: int, d: int) -> Law:
    return table_law("epps_pulley", statistic, n)


EPPS_PULLEY = Spec(
    name="epps_pulley",
    scope="direction",
    null="composite",
    needs="ordered",
    statistic=_epps_pulley,
    law=_epps_pulley_law,
    sizes=(8, None),
    null_says=f"{ONE_DIRECTION_NULL}; not the known-parameter null of SIGReg losses",
    cost="O(n log n k), the integral at some 20 frequencies",
    reference="Epps & Pulley (1983), Biometrika 70, 723-726; Baringhaus & Henze (1988)",
)
