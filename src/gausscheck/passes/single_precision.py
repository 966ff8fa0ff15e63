"""Means and scatter matrices by products in float32, where float64 ones would say no more.

What rounding adds to the variance along a component is some 7e-7 / sqrt(n) of the variances of the
coordinates that it is made of, for n rows multiplied some thousand at a time: a hundredth of its
standard error, unless it is far weaker than they are. Such components are few, and the first rows
show them. They are carried along as columns of their own: rounding of a projection adds the square
of what it would add to its variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.passes.scatter import ScatterMatrix, is_wide
from gausscheck.passes.spread import Spread

PART = 256
"""Rows that are centred at once: few enough to stay in cache."""

VALUES = 1 << 24
"""Values below which float64 takes no time that tells."""

LEAST, MOST = 128, 2048
"""Dimensions below which products are not what takes the time, and above which the first rows take
too long to look at."""

TIMES = 10
"""How many times as many rows there are as are looked at first, at least."""

HELD = 5e-5
"""Variance along a component, in those of the coordinates that it is made of, from which rounding
is a hundredth of the standard error."""

WEAK = 4 * HELD
"""The same in the first rows, below which a component is carried as a column of its own: they are
few, and the least of their variances come out too small or too large."""

NOTHING = 1e-10
"""Share of a component that the carried ones may leave over, whatever its variance."""


def rows_first(n: int, d: int) -> int:
    """Return how many rows are looked at first; 0 where the gain would not be worth it.

    Examples
    --------
    >>> rows_first(1_000_000, 768), rows_first(5_000, 384)
    (2304, 0)
    """
    wanted = 3 * d
    return wanted if n * d >= VALUES and n >= TIMES * wanted and LEAST <= d <= MOST else 0


@dataclass(frozen=True, slots=True)
class SinglePrecision:
    """How rows are multiplied in float32: scaled, and with their weak components as more columns.

    Attributes
    ----------
    scale : (d,) array
        Powers of two that bring the coordinates to about 1.
    weak : (d, w) float32 array
        Directions of scaled rows whose variance is far below the coordinates'.
    """

    scale: F64
    weak: NDArray[np.float32]

    @classmethod
    def of(cls, first: Spread) -> SinglePrecision | None:
        """Return how to multiply rows of which the first have this spread.

        None where they are fewer than twice the dimensions, or where more than one component in
        eight is weak. Cost O(d³).
        """
        d = first.mean.size
        if first.n < 2 * d:
            return None
        covariance = first.covariance.dense()
        sd = np.sqrt(covariance.diagonal())
        moving = sd > 4 * np.finfo(np.float64).eps * first.largest
        scale = np.exp2(-np.rint(np.log2(sd, out=np.zeros(d), where=moving)))
        scaled = (covariance * np.outer(scale, scale))[np.ix_(moving, moving)]
        weak = np.eye(d, dtype=np.float32)[:, ~moving]
        if not _positive(scaled - WEAK * np.eye(len(scaled))):
            values, vectors = np.linalg.eigh(scaled)
            among = np.zeros((d, int((values < WEAK).sum())), dtype=np.float32)
            among[moving] = vectors[:, values < WEAK]
            weak = np.concatenate([among, weak], axis=1)
        return cls(scale, weak) if 8 * weak.shape[1] <= d else None

    def spread_of(self, x: NDArray[Any]) -> Spread:
        """Return the state of rows ``(n, d)``, of d + w columns. Cost O(n d²).

        In float64 where rows are few, or where float32 does not hold their squares.
        """
        if not is_wide(*x.shape):
            found = self._spread_of(x, np.float32)
            if np.isfinite(found.scatter.diagonal()).all():
                return found
        return self._spread_of(x.astype(np.float64), np.float64)

    def _spread_of(self, x: NDArray[Any], dtype: type) -> Spread:
        n, d = x.shape
        rows = np.empty((n, d + self.weak.shape[1]), dtype=dtype)
        middle, scale = x[:PART].mean(axis=0, dtype=np.float64), self.scale.astype(x.dtype)
        middle = middle.astype(x.dtype)
        mean, largest = np.zeros(rows.shape[1]), np.zeros(d)
        with np.errstate(over="ignore", invalid="ignore"):
            for low in range(0, n, PART):
                part, into = x[low : low + PART], rows[low : low + PART]
                np.maximum(largest, np.maximum(part.max(axis=0), -part.min(axis=0)), out=largest)
                near = part - middle
                near *= scale
                into[:, :d] = near
                np.matmul(into[:, :d], self.weak, out=into[:, d:])
                mean += into.sum(axis=0, dtype=np.float64)
            mean /= max(n, 1)
            if is_wide(*rows.shape):
                scatter = ScatterMatrix.of(rows - mean)
            else:
                products = (rows.T @ rows).astype(np.float64, copy=False)
                products -= n * np.outer(mean, mean)
                scatter = ScatterMatrix(products)
        taken = self.scale * middle
        return Spread(n, mean + np.append(taken, taken @ self.weak), scatter, largest)

    def settled(self, carried: Spread) -> Spread:
        """Return the spread of the rows themselves, d columns, from that of d + w.

        With P the projection onto the weak components, A the scatter of the scaled rows, C and T
        those of rows with weak components and of these: (I - P) A (I - P), and what C and T say
        in place of the rest. Cost O(d² w).
        """
        found, d, weak = carried.scatter.dense(), self.scale.size, self.weak.astype(np.float64)
        whole, dual = found[:d, :d], self._dual
        beside = whole @ weak
        across = found[:d, d:] - beside
        across -= dual @ (weak.T @ across)
        inner = found[d:, d:] - weak.T @ beside
        more = (across + dual @ (inner / 2)) @ dual.T
        scatter = (whole + more + more.T) / np.outer(self.scale, self.scale)
        mean = carried.mean[:d] / self.scale
        return Spread(carried.n, mean, ScatterMatrix(scatter), carried.largest)

    def holds(self, spread: Spread) -> bool:
        """Whether the first rows showed every component that is weak in all of them. Cost O(d³)."""
        covariance = spread.covariance.dense() * np.outer(self.scale, self.scale)
        size = covariance.diagonal()
        beside = np.eye(size.size) - self._dual @ self.weak.T.astype(np.float64)
        told = (beside.T * size) @ beside - NOTHING * np.diag(np.where(size > 0, size, 1.0))
        return _positive(covariance - HELD * told)

    @property
    def _dual(self) -> F64:
        """``weak`` over its Gram matrix: with ``weak.T`` it projects onto their span."""
        weak = self.weak.astype(np.float64)
        return np.asarray(weak @ np.linalg.inv(weak.T @ weak))


def _positive(matrix: F64) -> bool:
    """Whether a symmetric matrix has positive eigenvalues alone."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
