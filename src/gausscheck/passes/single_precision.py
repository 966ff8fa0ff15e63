"""Means and scatter matrices by products in float32, where float64 ones would say no more.

A product of m rows in float32 is off by a symmetric matrix E. Its entries are at most some
7e-6 / sqrt(m) of the product of two standard deviations, so |E| <= 2 sqrt(d) 7e-6 / sqrt(m) of the
variances, and that of the sum of many products falls with the root of their number. Along a
component whose variance is 1e-4 sqrt(d) of those of the coordinates that it is made of, or more, it
is then a tenth of the standard error at most, whatever the number of rows. Weaker components are
few, and the first rows show them: they are carried along as columns of their own, for rounding of a
projection adds the square of what it would add to its variance.

Products of rows that vary more than the first in some coordinate are made in float64, so that the
bound holds for what is summed; and where all rows have a weak component that the first did not
show, :meth:`SinglePrecision.holds` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.passes.scatter import ScatterMatrix, is_wide
from gausscheck.passes.spread import Spread

PART = 256
"""Rows that are centred at once: few enough to stay in cache."""

PRODUCT = 4096
"""Rows of a product in float32: the sums of more lose more."""

VALUES = 1 << 24
"""Values below which float64 takes no time that tells."""

LEAST, MOST = 128, 2048
"""Dimensions below which products are not what takes the time, and above which the first rows take
too long to look at."""

TIMES = 10
"""How many times as many rows there are as are looked at first, at least."""

HELD = 1e-4
"""Variance along a component, in those of the coordinates that it is made of and over sqrt(d), from
which rounding is a tenth of the standard error at most."""

NOTHING = 1e-9
"""The same, not over sqrt(d), from which rounding of a projection is."""

MARGIN = 2
"""How far what the first rows say of variances may be off."""

REACH = 1e30
"""Standard deviations up to which float32 holds a scale, and from whose inverse on."""


def rows_first(n: int, d: int) -> int:
    """Return how many rows are looked at first; 0 where the gain would not be worth it.

    Examples
    --------
    >>> rows_first(1_000_000, 768), rows_first(5_000, 384)
    (3072, 0)
    """
    wanted = 4 * d
    return wanted if n * d >= VALUES and n >= TIMES * wanted and LEAST <= d <= MOST else 0


@dataclass(frozen=True, slots=True)
class _Carried:
    """Rows as they are multiplied, (n, d + w), what was taken off them (d,), and their mean.

    Sums of squares (d,) of the scaled coordinates; largest magnitudes (d,) of the rows themselves.
    """

    rows: NDArray[Any]
    middle: NDArray[Any]
    mean: F64
    squares: F64
    largest: F64


@dataclass(frozen=True, slots=True)
class SinglePrecision:
    """How rows are multiplied in float32: scaled, and with their weak components as more columns.

    Attributes
    ----------
    scale : (d,) array
        What brings the standard deviations of the coordinates among the first rows to 1.
    size : (d,) array
        These variances of the scaled coordinates, 1; of coordinates that were constant, the square
        of what rounding may be.
    moving : (d,) bool array
        Which coordinates were not constant.
    weak : (d, w) float32 array
        Directions of scaled rows whose variance is far below the coordinates'.
    """

    scale: F64
    size: F64
    moving: NDArray[np.bool_]
    weak: NDArray[np.float32]

    @classmethod
    def of(cls, first: Spread) -> SinglePrecision | None:
        """Return how to multiply rows of which the first have this spread.

        None where they are fewer than twice the dimensions, where more than one component in eight
        is weak, or one so weak that projections in float32 would not do. Cost O(d³).
        """
        d = first.mean.size
        variance = first.covariance.diagonal()
        rounding = (4 * np.finfo(np.float64).eps * first.largest) ** 2
        moving = variance > rounding
        sizes = np.sqrt(variance[moving])
        if first.n < 2 * d or not sizes.size or not 1 / REACH < sizes.min() <= sizes.max() < REACH:
            return None
        scale = np.ones(d)
        scale[moving] = 1 / sizes
        scale[~moving] = np.median(scale[moving])
        scale = scale.astype(np.float32).astype(np.float64)
        size = np.where(moving, 1.0, rounding * scale**2)
        plain = cls(scale, size, moving, np.zeros((d, 0), dtype=np.float32))
        if plain.holds(first, MARGIN):
            return plain
        values, vectors = np.linalg.eigh(plain._scaled(first))
        few = values < MARGIN * HELD * sqrt(d)
        if values[0] < MARGIN * NOTHING or 8 * few.sum() > d:
            return None
        weak = np.zeros((d, int(few.sum())), dtype=np.float32)
        weak[moving] = vectors[:, few]
        return cls(scale, size, moving, weak)

    def spread_of(self, x: NDArray[Any]) -> Spread:
        """Return the state of rows ``(n, d)``, of d + w columns. Cost O(n d²).

        By products in float64 where rows are few, or vary more than the first in some coordinate.
        """
        n, d = x.shape
        columns = d + self.weak.shape[1]
        if n == 0:
            return Spread(0, np.zeros(columns), ScatterMatrix.zero(columns), np.zeros(d))
        carried = self._carried(x, np.dtype(np.float32))
        if is_wide(n, d) or not (carried.squares <= MARGIN * n * self.size).all():
            x = x.astype(np.float64)
            carried = self._carried(x, x.dtype)
        rows, mean = carried.rows, carried.mean
        if is_wide(*rows.shape):
            scatter = ScatterMatrix.of(rows - mean)
        else:
            parts = (rows[low : low + PRODUCT] for low in range(0, n, PRODUCT))
            products = reduce(np.add, ((part.T @ part).astype(np.float64) for part in parts))
            shift = sqrt(n) * mean
            products -= np.outer(shift, shift)
            scatter = ScatterMatrix(products)
        taken = self.scale * carried.middle
        mean = mean + np.append(taken, taken @ self.weak)
        return Spread(n, mean, scatter, carried.largest)

    def _carried(self, x: NDArray[Any], dtype: np.dtype[Any]) -> _Carried:
        n, d = x.shape
        rows = np.empty((n, d + self.weak.shape[1]), dtype=dtype)
        mean, squares, largest = np.zeros(rows.shape[1]), np.zeros(d), np.zeros(d)
        with np.errstate(over="ignore", invalid="ignore"):
            # by way of the first row: of equal values it is exact
            middle = (x[0] + (x[:PART] - x[0]).mean(axis=0, dtype=np.float64)).astype(x.dtype)
            scale = self.scale.astype(x.dtype)
            for low in range(0, n, PART):
                part, into = x[low : low + PART], rows[low : low + PART]
                np.maximum(largest, np.maximum(part.max(axis=0), -part.min(axis=0)), out=largest)
                near = part - middle
                near *= scale
                into[:, :d] = near
                np.matmul(into[:, :d], self.weak, out=into[:, d:])
                mean += into.sum(axis=0, dtype=np.float64)
                squares += np.einsum("ij,ij->j", into[:, :d], into[:, :d])
        return _Carried(rows, middle, mean / n, squares, largest)

    def settled(self, carried: Spread) -> Spread:
        """Return the spread of the rows themselves, d columns, from that of d + w.

        With P the projection onto the weak components and A the scatter of the scaled rows it is
        (I - P) A (I - P), and for what else is in A the scatter of rows with weak components and
        of these with one another. Cost O(d² w).
        """
        d, weak, dual = self.scale.size, self.weak.astype(np.float64), self._dual
        found = carried.scatter.dense()
        whole = found[:d, :d]
        beside = whole @ weak
        across = found[:d, d:] - beside
        across -= dual @ (weak.T @ across)
        inner = found[d:, d:] - weak.T @ beside
        more = (across + dual @ (inner / 2)) @ dual.T
        scatter = (whole + more + more.T) / np.outer(self.scale, self.scale)
        mean = carried.mean[:d] / self.scale
        return Spread(carried.n, mean, ScatterMatrix(scatter), carried.largest)

    def holds(self, spread: Spread, margin: float = 1.0) -> bool:
        """Whether no component of rows of this spread is weak, but for those that are carried.

        With P the projection onto these and S the variances of the coordinates, covariance less
        ``margin`` times HELD √d (I - P)ᵀ S (I - P) + NOTHING S is positive. Cost O(d³).
        """
        moving, size = self.moving, self.size[self.moving]
        beside = np.eye(size.size) - self._dual[moving] @ self.weak[moving].T.astype(np.float64)
        least = HELD * sqrt(self.size.size) * (beside.T * size) @ beside + NOTHING * np.diag(size)
        try:
            np.linalg.cholesky(self._scaled(spread) - margin * least)
        except np.linalg.LinAlgError:
            return False
        return True

    def _scaled(self, spread: Spread) -> F64:
        """Return the covariance of the scaled coordinates that move."""
        scale = self.scale[self.moving]
        covariance = spread.covariance.of_columns(np.flatnonzero(self.moving)).dense()
        return np.asarray(covariance * np.outer(scale, scale))

    @property
    def _dual(self) -> F64:
        """``weak`` over its Gram matrix: with ``weak.T`` it projects onto their span."""
        weak = self.weak.astype(np.float64)
        return np.asarray(weak @ np.linalg.inv(weak.T @ weak))
