"""Mergeable states of the passes over the rows: what is dirty, and the first two moments.

Sums are central and in float64 (Chan, Golub & LeVeque 1983; Pébay 2008): raw power sums lose the
kurtosis, float32 sums lose the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64, Moments
from gausscheck.passes.scatter import ScatterMatrix, is_wide


@dataclass(frozen=True, slots=True)
class Rows:
    """What the first pass found about rows. Arrays are in row order.

    ``non_finite`` and ``zero`` hold row indices; ``keys`` one 64-bit key a row, equal for equal
    rows; ``norms`` the Euclidean norms of every row (NaN where not finite).
    """

    non_finite: I64
    zero: I64
    keys: NDArray[np.uint64]
    norms: F64

    @property
    def bad(self) -> I64:
        """Rows that cannot be analysed: not finite, or all zero."""
        return np.union1d(self.non_finite, self.zero)

    @classmethod
    def none(cls) -> Rows:
        """Return what is found of no rows."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, np.empty(0, dtype=np.uint64), np.empty(0))

    @classmethod
    def concatenate(cls, parts: Sequence[Rows]) -> Rows:
        """Put what was found of rows that follow one another into one."""
        names = ("non_finite", "zero", "keys", "norms")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def duplicates(self) -> tuple[int, I64]:
        """Return how many good rows repeat an earlier one, and the first few that do."""
        good = np.delete(np.arange(self.keys.size), self.bad)
        keys = self.keys[good]
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        repeats = np.sort(good[order[1:][same]])
        return int(repeats.size), repeats[:5]


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
class FirstPass:
    """Reduction of the first pass: :class:`Rows` of all rows, :class:`Spread` of the good ones.

    ``unit`` divides each row by its norm before the spread is taken. Cost O(n d²) in one float64
    product, O(d min(n, d)) memory a live state.
    """

    unit: bool = False

    def of(self, block: NDArray[Any], row0: int) -> tuple[Rows, Spread]:
        """Return the state of one block of stored rows."""
        x = block.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("ij,ij->i", x, x)
        finite = np.isfinite(squares)  # a row too long for float64 (1e154) is not usable either
        norms = np.sqrt(squares)
        norms[~finite] = np.nan
        zero = finite & (norms == 0)
        rows = Rows(
            non_finite=row0 + np.flatnonzero(~finite),
            zero=row0 + np.flatnonzero(zero),
            keys=row_keys(block),
            norms=norms,
        )
        good = finite & ~zero
        if not good.all():
            x, norms = x[good], norms[good]
        if self.unit:
            x /= norms[:, None]
        return rows, spread_of(x)

    def merge(self, a: tuple[Rows, Spread], b: tuple[Rows, Spread]) -> tuple[Rows, Spread]:
        """Return the state of a's rows followed by b's."""
        return Rows.concatenate([a[0], b[0]]), merge_spread(a[1], b[1])


@dataclass(frozen=True, slots=True)
class SpreadOfRows:
    """Reduction of rows to their spread, some of them left out.

    Attributes
    ----------
    left_out : array of int
        Row ids, ascending.
    unit : bool
        Whether rows are divided by their lengths first.
    """

    left_out: I64
    unit: bool = False

    def of(self, block: NDArray[Any], row0: int) -> Spread:
        """Return the spread of one block of stored rows."""
        low, high = np.searchsorted(self.left_out, [row0, row0 + len(block)])
        x: F64 = np.delete(block, self.left_out[low:high] - row0, axis=0).astype(np.float64)
        if self.unit:
            x /= np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
        return spread_of(x)

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
    scatter = (a.scatter + b.scatter).plus(delta, a.n * b.n / n)
    return Spread(n, a.mean + delta * (b.n / n), scatter, np.maximum(a.largest, b.largest))


def row_keys(block: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a 64-bit key for each row: equal rows get equal keys, others almost surely differ.

    Words of 64 bits are mixed by xor-shift and multiplication, weighted by their place and summed
    modulo 2^64; by chance two different rows collide with probability about n²/2^65.

    Parameters
    ----------
    block : (n, d) array
        Any fixed-width dtype. Rows are compared bit by bit, so 0.0 and -0.0 differ.

    Returns
    -------
    (n,) uint64 array

    Examples
    --------
    >>> keys = row_keys(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    >>> bool(keys[0] == keys[2]), bool(keys[0] == keys[1])
    (True, False)
    """
    n = block.shape[0]
    raw = np.ascontiguousarray(block).view(np.uint8).reshape(n, -1)
    spare = -raw.shape[1] % 8
    if spare:
        raw = np.pad(raw, ((0, 0), (0, spare)))
    words = raw.view(np.uint64)
    place = np.random.default_rng(0x9E3779B9).integers(
        1, 1 << 63, size=words.shape[1], dtype=np.uint64
    )
    mixed = words + place
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(32)
    return np.asarray(mixed.sum(axis=1, dtype=np.uint64))


@dataclass(frozen=True, slots=True)
class PowerSums:
    """Reduction of projected rows to central moments of order 1 to 4, per direction.

    Blocks are ``(k, n)``: one direction a row. Merged by Pébay's formulas.
    """

    def of(self, block: NDArray[Any], row0: int = 0) -> Moments:
        """Return the moments of one block of k directions."""
        x = block.astype(np.float64)
        mean = x.mean(axis=1)
        x -= mean[:, None]
        square = x * x
        n = x.shape[1]
        m3 = np.einsum("ij,ij->i", square, x) / n
        m4 = np.einsum("ij,ij->i", square, square) / n
        return Moments(n=n, mean=mean, m2=square.mean(axis=1), m3=m3, m4=m4)

    def merge(self, a: Moments, b: Moments) -> Moments:
        """Return the moments of the two samples together."""
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
