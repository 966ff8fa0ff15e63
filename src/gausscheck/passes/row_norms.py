"""Norms of rows as states that merge: moments by group, and counts in cells of a relative width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64

CELLS = 1 << 13
"""Cells that hold a norm, at most: they are made as fine as that allows."""

_DENSE = 17
"""Cells are first counted in a table of 2^17: quicker than sorting where many of them are held."""


@dataclass(frozen=True, slots=True)
class NormSums:
    """Count, mean and sum of squared deviations of norms, by group.

    Row i is in group i modulo G where states are merged: rows saved class by class are spread over
    all groups. Rows are numbered among the usable ones, from the first row of the state. Central
    sums in float64 (Chan, Golub & LeVeque 1983).

    Attributes
    ----------
    count : (G,) int array
    means, squares : (G,) arrays
        Mean of each group, and its sum of squared deviations from it.
    """

    count: I64
    means: F64
    squares: F64

    @classmethod
    def none(cls, groups: int) -> NormSums:
        """Return the state of no rows."""
        return cls(np.zeros(groups, dtype=np.int64), np.zeros(groups), np.zeros(groups))

    @classmethod
    def of(cls, norms: F64, groups: int) -> NormSums:
        """Return the state of norms in row order."""
        if not norms.size:
            return cls.none(groups)
        pilot = float(norms.mean())
        apart = norms - pilot
        one = _by_group(apart, groups)
        two = _by_group(apart * apart, groups)
        whole, more = divmod(norms.size, groups)
        count = np.full(groups, whole, dtype=np.int64)
        count[:more] += 1
        held = np.maximum(count, 1)
        return cls(count, pilot + one / held, (two - one * one / held).clip(min=0))

    @classmethod
    def of_groups(cls, norms: F64, sizes: NDArray[np.integer]) -> NormSums:
        """Return the state of norms whose groups stand side by side, none empty."""
        parts = np.split(norms, np.cumsum(sizes)[:-1])
        means = np.array([part.mean() for part in parts])
        squares = np.array([((part - part.mean()) ** 2).sum() for part in parts])
        return cls(np.asarray(sizes, dtype=np.int64), means, squares)

    @classmethod
    def merge(cls, a: NormSums, b: NormSums) -> NormSums:
        """Return the state of a's rows followed by b's."""
        turn = a.n % a.count.size
        count, means = np.roll(b.count, turn), np.roll(b.means, turn)
        squares = np.roll(b.squares, turn)
        n = a.count + count
        part = count / np.maximum(n, 1)
        apart = np.where(a.count > 0, means - a.means, 0.0)
        start = np.where(a.count > 0, a.means, means)
        return cls(n, start + apart * part, a.squares + squares + apart * apart * (a.count * part))

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.count.sum())

    @property
    def mean(self) -> float:
        """Mean norm."""
        return float(self.count @ self.means / self.n)

    @property
    def _square(self) -> float:
        return float(self.squares.sum() + self.count @ (self.means - self.mean) ** 2)

    @property
    def sd(self) -> float:
        """Standard deviation, over n."""
        return float(np.sqrt(self._square / self.n))

    @property
    def cv(self) -> float:
        """Coefficient of variation."""
        return self.sd / self.mean

    @property
    def mean_square(self) -> float:
        """Mean squared norm."""
        return self.mean**2 + self._square / self.n

    @property
    def cv_without(self) -> F64:
        """The coefficient of variation without each group, (G,)."""
        rest = self.n - self.count
        apart = self.means - self.mean
        mean = self.mean - self.count * apart / rest
        square = self._square - self.squares - apart**2 * (self.count * self.n / rest)
        return np.asarray(np.sqrt((square / rest).clip(min=0)) / mean)


def _by_group(values: F64, groups: int) -> F64:
    whole = values.size // groups * groups
    total = values[:whole].reshape(-1, groups).sum(axis=0)
    total[: values.size - whole] += values[whole:]
    return np.asarray(total)


@dataclass(frozen=True, slots=True)
class NormCells:
    """How many norms lie in each cell of the line.

    A cell holds the floating-point numbers that share all bits but the last ``shift``: its width
    is a fixed share of its place, within a factor of two. ``shift`` is the least that leaves
    :data:`CELLS` cells, which is a property of the norms alone: however they are cut, parts merge
    to the same cells. Up to so many different norms each has its own.

    Attributes
    ----------
    low, high : float
        Least and largest norm; infinite where there are none.
    shift : int
    cell : (k,) int array
        Bits of the norms as an integer, shifted, ascending.
    count : (k,) int array
    """

    low: float
    high: float
    shift: int
    cell: I64
    count: I64

    @classmethod
    def none(cls) -> NormCells:
        """Return the state of no rows."""
        none = np.empty(0, dtype=np.int64)
        return cls(np.inf, -np.inf, 0, none, none)

    @classmethod
    def of(cls, norms: F64) -> NormCells:
        """Return the state of norms, which are finite and positive."""
        if not norms.size:
            return cls.none()
        low, high = float(norms.min()), float(norms.max())
        bits = np.ascontiguousarray(norms).view(np.int64)
        if norms.size > CELLS:
            base, end = _bits(low), _bits(high)
            shift = max((end - base).bit_length() - _DENSE, 0)
            table = np.bincount((bits >> shift) - (base >> shift))
            cell = np.flatnonzero(table)
            if cell.size > CELLS or shift == 0:  # no finer cells could be held
                return _coarsened(low, high, shift, cell + (base >> shift), table[cell])
        cell, count = np.unique(bits, return_counts=True)
        return _coarsened(low, high, 0, cell, count)

    @classmethod
    def join(cls, parts: Sequence[NormCells]) -> NormCells:
        """Return the state of the rows of all parts."""
        held = [part for part in parts if part.cell.size]
        if len(held) < 2:
            return held[0] if held else cls.none()
        shift = max(part.shift for part in held)
        cell = np.concatenate([part.cell >> (shift - part.shift) for part in held])
        count = np.concatenate([part.count for part in held])
        order = np.argsort(cell, kind="stable")
        cell, count = _summed(cell[order], count[order])
        return _coarsened(min(p.low for p in held), max(p.high for p in held), shift, cell, count)

    def histogram(self) -> tuple[NDArray[np.int64], F64]:
        """Return counts and edges of 20 to 80 bins of about one width.

        Edges lie at those of cells, so that counts are exact.
        """
        n = int(self.count.sum())
        bins = min(80, max(20, int(np.sqrt(n))))
        if self.shift == 0:
            values = self.cell.view(np.float64)
            counts, even = np.histogram(values, bins=bins, weights=self.count)
            return counts.astype(np.int64), even
        even = np.linspace(self.low, self.high, bins + 1)[1:-1]
        cut = np.unique((even.view(np.int64) + (1 << (self.shift - 1))) >> self.shift)
        cut = cut[(cut > self.cell[0]) & (cut <= self.cell[-1])]
        below = np.append(0, np.cumsum(self.count))[np.searchsorted(self.cell, cut)]
        edges = np.concatenate([[self.low], (cut << self.shift).view(np.float64), [self.high]])
        return np.diff(np.concatenate([[0], below, [n]])), edges


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def _summed(cell: I64, count: I64) -> tuple[I64, I64]:
    """Add up what lies in one cell; cells ascend."""
    starts = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
    return cell[starts], np.add.reduceat(count, starts)


def _coarsened(low: float, high: float, shift: int, cell: I64, count: I64) -> NormCells:
    """Take bits off, as few as leave :data:`CELLS` cells."""
    if cell.size > CELLS:
        # neighbours stay apart under a shift below the length of the bits that they differ in
        differ = np.partition(cell[1:] ^ cell[:-1], -CELLS)[-CELLS]
        more = int(differ).bit_length()
        shift += more
        cell, count = _summed(cell >> more, count)
    return NormCells(low, high, shift, cell, count.astype(np.int64))
