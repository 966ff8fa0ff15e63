"""Mean and scatter matrix of rows, as mergeable states of a pass.

Sums are central and in float64 (Chan, Golub & LeVeque 1983): float32 sums lose the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.passes.leaf import Selection, unit_rows
from gausscheck.passes.scatter import ScatterMatrix, is_wide


@dataclass(frozen=True, slots=True)
class Spread:
    """Count, mean (d,), scatter matrix and largest magnitude (d,) of rows."""

    n: int
    mean: F64
    scatter: ScatterMatrix
    largest: F64

    @property
    def covariance(self) -> ScatterMatrix:
        """The unbiased covariance matrix."""
        return self.scatter.over(max(self.n - 1, 1))


@dataclass(frozen=True, slots=True)
class SpreadOfRows:
    """Reduction of rows to their spread.

    Attributes
    ----------
    selection : Selection
        Of rows.
    unit : bool
        Whether rows are divided by their lengths first.
    """

    selection: Selection
    unit: bool = False

    def of(self, block: NDArray[Any], row0: int) -> Spread:
        """Return the spread of one block of stored rows."""
        rows = self.selection.of(block, row0)[0]
        return spread_of(unit_rows(rows) if self.unit else rows.astype(np.float64))

    def merge(self, a: Spread, b: Spread) -> Spread:
        """Return the spread of the rows of both."""
        return merge_spread(a, b)


def spread_of(x: F64) -> Spread:
    """Return the state of rows; they are overwritten."""
    n, d = x.shape
    if n == 0:
        return Spread(0, np.zeros(d), ScatterMatrix.zero(d), np.zeros(d))
    mean = x.mean(axis=0)
    largest = np.maximum(x.max(axis=0), -x.min(axis=0))
    x -= mean
    residual = x.mean(axis=0)  # what rounding left of the mean: removed once more, it is exact
    if is_wide(n, d):
        scatter = ScatterMatrix.of(x - residual)
    else:
        scatter = ScatterMatrix(x.T @ x - n * np.outer(residual, residual))
    return Spread(n, mean + residual, scatter, largest)


def merge_spread(a: Spread, b: Spread) -> Spread:
    """Return the state of the rows of both."""
    if a.n == 0 or b.n == 0:
        return b if a.n == 0 else a
    n = a.n + b.n
    delta = b.mean - a.mean
    scatter = a.scatter.plus(delta, a.n * b.n / n, [b.scatter])
    return Spread(n, a.mean + delta * (b.n / n), scatter, np.maximum(a.largest, b.largest))
