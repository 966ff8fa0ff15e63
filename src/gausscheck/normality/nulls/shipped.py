"""Null draws that ship in the package, so that a first audit doesn't wait for simulations.

``null_draws.npz`` is written by ``benchmarks/null_draws.py``: for the joint tests of a default
audit, at a few n and k, the first draws of the very streams that a simulation would use, in their
order. They are kept as 16-bit steps between the least and the largest draw.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64

STEPS = 65_535


@lru_cache(maxsize=1)
def _archive() -> dict[str, NDArray[np.float64] | NDArray[np.uint16]]:
    path = files("gausscheck.normality.nulls") / "null_draws.npz"
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@lru_cache(maxsize=1)
def _places() -> dict[str, int]:
    return {str(key): place for place, key in enumerate(_archive()["keys"])}


def shipped_draws(key: str) -> F64:
    """Return the shipped draws of a null, by its ``key``; none where it isn't among them."""
    place = _places().get(key)
    if place is None:
        return np.empty(0)
    archive = _archive()
    low, high = archive["ranges"][place]
    return np.asarray(low + (high - low) * (archive["steps"][place] / STEPS))


def shipped_rows(m: int) -> int:
    """Return how many of m rows to test so that the draws at hand serve.

    The largest shipped number of rows that is at most m; m itself below the smallest.

    Examples
    --------
    >>> shipped_rows(18_147), shipped_rows(437), shipped_rows(31)
    (500, 300, 31)
    """
    return max((int(n) for n in _archive()["rows"] if n <= m), default=m)
