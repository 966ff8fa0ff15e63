"""Sliced Epps-Pulley: the one-dimensional test along many random directions of the residuals."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.evidence import ordered_of
from gausscheck.normality.nulls.laws import by_simulation
from gausscheck.normality.spec import WHOLE_ROWS_NULL, Spec
from gausscheck.normality.univariate.epps_pulley import EPPS_PULLEY

DIRECTIONS = 256
_TILE = 32


@lru_cache(maxsize=8)
def _directions(d: int) -> F64:
    """Return the same unit columns each time: 256 of them, uniform on the sphere."""
    columns = np.random.default_rng([20_260_306, d]).standard_normal((d, DIRECTIONS))
    columns /= np.linalg.norm(columns, axis=0)
    columns.flags.writeable = False
    return columns


def _along(y: F64) -> FloatArray:
    columns = _directions(y.shape[1]).T
    parts = [
        EPPS_PULLEY.statistic(ordered_of(columns[low : low + _TILE] @ y.T))
        for low in range(0, DIRECTIONS, _TILE)
    ]
    return np.concatenate(parts)


def _mean(y: F64) -> FloatArray:
    return np.array([float(_along(y).mean())])


def _max(y: F64) -> FloatArray:
    return np.array([float(_along(y).max())])


_COST = "O(n d) along each of 256 directions"
_REFERENCE = "Epps & Pulley (1983); Balestriero & LeCun (2025) for the sliced form"

SLICED_EPPS_PULLEY = Spec(
    name="sliced_epps_pulley",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_mean,
    law=by_simulation,
    settles=True,
    sizes=(8, None),
    null_says=f"{WHOLE_ROWS_NULL}; averages over directions",
    cost=_COST,
    reference=_REFERENCE,
)

SLICED_EPPS_PULLEY_MAX = Spec(
    name="sliced_epps_pulley_max",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_max,
    law=by_simulation,
    settles=True,
    sizes=(8, None),
    null_says=f"{WHOLE_ROWS_NULL}; the worst of the directions",
    cost=_COST,
    reference=_REFERENCE,
)
