"""Moments of every direction over all rows, as a reduction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, Moments
from gausscheck.passes.leaf import Leaf, Selection, stretch

WIDE = 256
"""Directions of one product: fewer, and packing the rows anew for each tells."""

VALUES = 1 << 16
"""Projections whose powers are summed at once: few enough to stay in cache."""

NARROW = 32
"""Rows of so many dimensions or fewer are multiplied by one direction at a time: a product of two
matrices spends more on packing them."""

ROWS = 256
"""Rows whose powers are summed in float32 before float64 takes over: a sum of more rounds more."""

FEW = 64
"""Directions below which powers are summed in float64: so few are not worth the calls."""

NEAR = 20
"""Powers of two that values may lie from 1 before a direction is scaled."""


@dataclass(frozen=True, slots=True)
class DirectionMoments:
    """Reduction of rows to the moments of their projections.

    Attributes
    ----------
    unit : bool
        Whether each row is divided by its length first.
    center : (d,) array
    matrices : tuple of arrays
        One a family: a matrix ``(d, k)`` to multiply by, or the numbers of coordinates, which need
        no product.
    dtype : numpy.dtype
        Float32 or float64: what products and powers are made in.
    selection : Selection
        Of rows.
    """

    unit: bool
    center: F64
    matrices: tuple[NDArray[Any], ...]
    dtype: np.dtype[Any]
    selection: Selection

    def of_leaf(self, leaf: Leaf) -> Moments:
        """Return the moments of one leaf along every direction."""
        sums = PowerSums()
        rows = leaf.centred(self.selection, self.center, self.dtype, unit=self.unit)
        parts: list[Moments] = []
        for matrix in self.matrices:
            narrow = matrix.ndim == 2 and rows.shape[1] <= NARROW
            size = 1 if narrow else WIDE
            for low in range(0, matrix.shape[-1], size):
                part = matrix[..., low : low + size]
                parts.append(sums.of(rows[:, stretch(part)] if part.ndim == 1 else rows @ part))
        return Moments.concatenate(parts)

    def merge(self, a: Moments, b: Moments) -> Moments:
        """Return the moments of the rows of both."""
        return PowerSums().merge(a, b)

    @property
    def k(self) -> int:
        """The number of directions."""
        return sum(matrix.shape[-1] for matrix in self.matrices)

    @property
    def key(self) -> str:
        """Name what is looked at, for a kept pass."""
        seen = hashlib.sha256(self.center.tobytes() + self.selection.key + bytes([self.unit]))
        for matrix in self.matrices:
            seen.update(matrix.tobytes())
        return seen.hexdigest()[:20]

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> Moments:
        """Build moments from their arrays by field; raises ValueError where they do not fit."""
        names = ("mean", "m2", "m3", "m4")
        if {np.shape(arrays[name]) for name in names} != {(self.k,)}:
            raise ValueError("of other directions")
        return Moments(int(arrays["n"]), *(arrays[name] for name in names))


@dataclass(frozen=True, slots=True)
class PowerSums:
    """Reduction of projected rows to central moments of order 1 to 4, per direction.

    Blocks are ``(n, k)``: one direction a column. Merged by Pébay's formulas (2008).
    """

    def of(self, block: NDArray[Any], row0: int = 0) -> Moments:
        """Return the moments of one block of k directions.

        Powers of distances from the mean of the first rows are summed in the block's own dtype
        over some hundred rows, and those sums in float64: in float32 good to some 1e-7, to 1e-5
        where rounding goes one way, as it does with few distinct values. Few directions are summed
        in float64 throughout, and those whose powers float32 does not hold.
        """
        n, k = block.shape
        if n == 0:
            return Moments(0, *np.zeros((4, k)))
        few = k < FEW
        step = max(1, VALUES // k if few else min(ROWS, VALUES // k))
        pilot = block[:step].mean(axis=0, dtype=np.float64).astype(block.dtype)
        scale = np.ones(k) if few else _scales(block[:step] - pilot)
        scaled, factor = bool((scale != 1).any()), scale.astype(block.dtype)
        total = np.zeros((4, k))
        for low in range(0, n, step):
            part = block[low : low + step]
            if few:  # along memory: sums over so few columns are slow
                total += _power_sums(part.T.astype(np.float64) - pilot[:, None], 1)
                continue
            x = part - pilot
            if scaled:
                x *= factor
            with np.errstate(over="ignore"):
                total += _power_sums(x, 0)
        if block.dtype != np.float64 and not np.isfinite(total).all():  # further out than it began
            return self.of(block.astype(np.float64))
        s1, s2, s3, s4 = total / n / scale ** np.arange(1, 5)[:, None]
        m2 = np.maximum(s2 - s1**2, 0.0)
        m3 = s3 - 3 * s1 * s2 + 2 * s1**3
        m4 = np.maximum(s4 - 4 * s1 * s3 + 6 * s1**2 * s2 - 3 * s1**4, 0.0)
        return Moments(n=n, mean=pilot + s1, m2=m2, m3=m3, m4=m4)

    def merge(self, a: Moments, b: Moments) -> Moments:
        """Return the moments of the two samples together."""
        if a.n == 0 or b.n == 0:
            return b if a.n == 0 else a
        n = a.n + b.n
        p, q = a.n / n, b.n / n
        delta = b.mean - a.mean
        d2 = delta * delta
        m2 = p * a.m2 + q * b.m2 + p * q * d2
        m3 = p * a.m3 + q * b.m3 + p * q * delta * ((p - q) * d2 + 3 * (b.m2 - a.m2))
        m4 = (
            p * a.m4
            + q * b.m4
            + p * q * (p * p - p * q + q * q) * d2 * d2
            + 6 * p * q * d2 * (p * b.m2 + q * a.m2)
            + 4 * p * q * delta * (b.m3 - a.m3)
        )
        return Moments(n=n, mean=a.mean + q * delta, m2=m2, m3=m3, m4=m4)


def _scales(x: NDArray[Any]) -> F64:
    """Return a power of two for each column that brings its values to 1; 1 where they are near."""
    with np.errstate(divide="ignore"):
        power = np.rint(np.log2(np.abs(x).max(axis=0).astype(np.float64)))
    near = (np.abs(power) <= NEAR) | ~np.isfinite(power)
    return np.where(near, 1.0, np.exp2(-np.where(near, 0.0, power)))


def _power_sums(x: NDArray[Any], axis: int) -> F64:
    """Return the sums of the powers 1 to 4 along an axis, (4, k)."""
    square, along = x * x, "ij,ij->j" if axis == 0 else "ij,ij->i"
    return np.array([
        x.sum(axis=axis),
        square.sum(axis=axis),
        np.einsum(along, square, x),
        np.einsum(along, square, square),
    ], dtype=np.float64)  # fmt: skip
