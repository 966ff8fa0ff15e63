"""Whether the moments that a sketch holds can be those of rows, and its sample some of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.passes.leaf import unit_rows, usable
from gausscheck.passes.spread import Spread


def drawn_of(sample: NDArray[Any], spread: Spread, bad: int, *, unit: bool) -> bool:
    """Whether a sample can be of the rows that moments are of.

    Parameters
    ----------
    sample : (m, d) array
        Stored rows.
    spread : Spread
    bad : int
        Rows that cannot be analysed, of which the sample may hold some.
    unit : bool
        Whether the moments are of rows divided by their lengths.
    """
    sample = sample.astype(np.float64)
    good = usable(sample)
    if int((~good).sum()) > bad:
        return False
    rows = unit_rows(sample[good]) if unit else sample[good]
    if not len(rows):
        return True
    if (np.abs(rows) > spread.largest * (1 + _ROUNDING)).any():
        return False
    off = np.abs(rows.mean(axis=0) - spread.mean)
    return len(rows) < spread.n or bool((off <= _ROUNDING * spread.largest).all())


def of_rows(spread: Spread) -> bool:
    """Whether some rows can have this mean, these largest magnitudes and this scatter."""
    mean, largest, scatter = spread.mean, spread.largest, spread.scatter
    arrays = (mean, largest, scatter.held)
    if not all(x.dtype == np.float64 and np.isfinite(x).all() for x in arrays):
        return False
    if largest.max(initial=0) > _LONGEST or (np.abs(mean) > largest * (1 + _ROUNDING)).any():
        return False
    variance, most = scatter.diagonal(), spread.n * largest**2
    if (variance < -_ROUNDING * most).any() or (variance > (1 + _ROUNDING) * most).any():
        return False
    if scatter.wide:
        return True
    sd, slack = np.sqrt(variance.clip(min=0)), np.sqrt(_ROUNDING * most)
    bound = np.outer(sd, sd) * (1 + _ROUNDING) + np.outer(slack, slack)
    inside = np.abs(scatter.held) <= bound
    even = np.abs(scatter.held - scatter.held.T) <= _ROUNDING * bound
    return bool(inside.all() and even.all())


_LONGEST, _ROUNDING = 2e154, 1e-6
"""The longest row whose squared length is a float64, and what rounding may add to a bound."""
