"""What whitening needs of rows, in one mergeable state: mean, scatter, lengths for shrinkage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.spread import Spread, merge_spread, spread_of

BLOCK = 4096
"""Rows taken at once."""


@dataclass(frozen=True, slots=True)
class RowMoments:
    """Spread of rows and, with c a row less the mean, what Ledoit & Wolf's intensity needs.

    Attributes
    ----------
    spread : Spread
        Count, mean, scatter.
    third : (d,) array
        Σ ‖c‖² c.
    fourth : float
        Σ ‖c‖⁴.
    """

    spread: Spread
    third: F64
    fourth: float


def moments_of(rows: NDArray[Any]) -> RowMoments:
    """Return the state of one block of rows, ``(n, d)``. Cost O(n d²)."""
    x = np.array(rows, dtype=np.float64)
    spread = spread_of(x)  # centres x
    square = np.einsum("ij,ij->i", x, x)
    return RowMoments(spread, square @ x, float(square @ square))


def merge_moments(a: RowMoments, b: RowMoments) -> RowMoments:
    """Return the state of the rows of both."""
    spread = merge_spread(a.spread, b.spread)
    one, other = _about(a, spread.mean), _about(b, spread.mean)
    return RowMoments(spread, one[0] + other[0], one[1] + other[1])


def _about(state: RowMoments, mean: F64) -> tuple[F64, float]:
    """Return Σ ‖c‖² c and Σ ‖c‖⁴ about another mean: with c + δ in place of c, and Σ c = 0."""
    n, scatter = state.spread.n, state.spread.scatter
    delta = state.spread.mean - mean
    length, square, turned = float(delta @ delta), scatter.trace(), scatter.times(delta)
    third = state.third + 2 * turned + (square + n * length) * delta
    fourth = (
        state.fourth + 4 * float(turned @ delta) + 4 * float(state.third @ delta)
        + 2 * length * square + n * length**2
    )  # fmt: skip
    return third, fourth


def moments_of_rows(x: NDArray[Any]) -> RowMoments:
    """Return the state of all rows, a block at a time: memory for one block in float64."""
    return tree_fold(merge_moments, (moments_of(block) for block in blocks(x)))


def blocks(x: NDArray[Any], size: int = BLOCK) -> Iterator[NDArray[Any]]:
    """Cut rows into blocks."""
    for low in range(0, len(x), size):
        yield x[low : low + size]
