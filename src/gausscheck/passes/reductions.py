"""The first pass as a mergeable state: what is dirty, norms, keys of rows, and their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import I64
from gausscheck.passes.leaf import squared_norms
from gausscheck.passes.row_keys import RowKeys, row_keys
from gausscheck.passes.row_norms import NormCells, NormSums
from gausscheck.passes.spread import Spread, merge_spread, spread_of


@dataclass(frozen=True, slots=True)
class Named:
    """Some rows: how many, and the first five."""

    count: int
    first: I64

    @classmethod
    def of(cls, ids: I64) -> Named:
        """Return what is kept of rows, ascending."""
        return cls(int(ids.size), ids[:5])

    @classmethod
    def join(cls, parts: Sequence[Named]) -> Named:
        """Return what is kept of the rows of all parts, in row order."""
        first = np.concatenate([part.first for part in parts])
        return cls(sum(part.count for part in parts), np.sort(first)[:5])


@dataclass(frozen=True, slots=True)
class RowCheck:
    """How many rows were looked at, and which of them cannot be analysed."""

    n: int
    non_finite: Named
    zero: Named

    @property
    def bad(self) -> int:
        """Rows that cannot be analysed: not finite, or all zero."""
        return self.non_finite.count + self.zero.count


@dataclass(frozen=True, slots=True)
class Rows(RowCheck):
    """What the first pass found about rows: nothing that grows with their number.

    ``keys`` are of usable rows and find repeats; ``sums`` and ``cells`` are of their Euclidean
    norms.
    """

    keys: RowKeys
    sums: NormSums
    cells: NormCells

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Rows:
        """Put what was found of rows that follow one another into one."""
        return cls(
            sum(part.n for part in parts),
            Named.join([part.non_finite for part in parts]),
            Named.join([part.zero for part in parts]),
            RowKeys.join([part.keys for part in parts]),
            reduce(NormSums.merge, (part.sums for part in parts)),
            NormCells.join([part.cells for part in parts]),
        )

    @classmethod
    def none(cls, groups: int, level: int) -> Rows:
        """Return what is found of no rows."""
        none = Named.of(np.empty(0, dtype=np.int64))
        return cls(0, none, none, RowKeys.none(level), NormSums.none(groups), NormCells.none())


@dataclass(frozen=True, slots=True)
class FirstPass:
    """Reduction of the first pass: :class:`Rows` of all rows, :class:`Spread` of the good ones.

    ``unit`` divides each row by its norm before the spread is taken; ``groups`` are those of the
    jackknife of norms, ``level`` that of :class:`RowKeys`. Cost O(n d²) in one float64 product,
    O(d min(n, d)) memory a live state.
    """

    unit: bool = False
    groups: int = 20
    level: int = 0

    def of(self, block: NDArray[Any], row0: int) -> tuple[Rows, Spread]:
        """Return the state of one block of stored rows."""
        x = block.astype(np.float64)
        squares = squared_norms(x)
        finite = np.isfinite(squares)  # a row too long for float64 (1e154) is not usable either
        good = finite & (squares != 0)
        ids = row0 + np.flatnonzero(good)
        keys = row_keys(block)
        norms = np.sqrt(squares)
        if ids.size < len(x):
            x, norms, keys = x[good], norms[good], keys[good]
        rows = Rows(
            len(block),
            Named.of(row0 + np.flatnonzero(~finite)),
            Named.of(row0 + np.flatnonzero(squares == 0)),
            RowKeys.of(keys, ids, self.level),
            NormSums.of(norms, self.groups),
            NormCells.of(norms),
        )
        if self.unit:
            x /= norms[:, None]
        return rows, spread_of(x)

    def merge(self, a: tuple[Rows, Spread], b: tuple[Rows, Spread]) -> tuple[Rows, Spread]:
        """Return the state of a's rows followed by b's."""
        return Rows.join([a[0], b[0]]), merge_spread(a[1], b[1])
