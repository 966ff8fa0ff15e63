"""Rows that occur more than once: which are distinct, how often each occurs.

Of a file of so many rows that not every key is held their number is estimated, from all occurrences
of a random part of the keys, and from all occurrences of a random sample of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import NAMED, counted, digits, few
from gausscheck.core import F64, I64
from gausscheck.passes.row_keys import RowKeys
from gausscheck.report import Noticed


class Repeats(Protocol):
    """What is known of the rows that occur more than once."""

    @property
    def n(self) -> int:
        """Usable rows in the file."""
        ...

    @property
    def repeats(self) -> int:
        """Rows that repeat an earlier one, or about so many."""
        ...

    @property
    def again(self) -> I64:
        """Those of them that are known, ascending."""
        ...

    @property
    def often(self) -> tuple[I64, I64]:
        """The first occurrences of the most repeated rows that are known, and how often each is."""
        ...

    @property
    def error(self) -> float | None:
        """Standard error of ``repeats``; None where they are counted."""
        ...

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Return an interval of ``repeats``; None where they are counted."""
        ...

    def bias(self, rows: int, null_mean: float) -> float:
        """Return what repeats add to A*² at so many rows."""
        ...


@dataclass(frozen=True, slots=True)
class Distinct:
    """The distinct rows of a file.

    Attributes
    ----------
    first : (u,) int array
        The first occurrence of each distinct row, ascending: ids of the rows that count.
    count : (u,) int array
        How often each occurs.
    again : int array
        Rows that repeat an earlier one, ascending.
    """

    first: I64
    count: I64
    again: I64

    @property
    def n(self) -> int:
        """Usable rows in the file."""
        return int(self.count.sum())

    @property
    def repeats(self) -> int:
        """Rows that repeat an earlier one."""
        return int(self.again.size)

    @property
    def often(self) -> tuple[I64, I64]:
        """The first occurrences of the most repeated rows, and how often each is."""
        return _often(self.first, self.count)

    @property
    def error(self) -> None:
        """No error: they are counted."""
        return None

    def interval(self, confidence: float) -> None:
        """Return None: they are counted."""
        return None

    def times(self, ids: I64) -> I64:
        """Return how often rows occur: at their first occurrence, 0 at later ones."""
        return _looked_up(self.first, self.count, ids)

    def bias(self, rows: int, null_mean: float) -> float:
        """Return what repeats add to A*² at so many rows: a0 · (rows/n) · Σ (c² − c) / n."""
        count = self.count.astype(np.float64)
        return null_mean * rows / self.n * float((count**2 - count).sum()) / self.n


def distinct_rows(keys: NDArray[Any], ids: I64 | None = None) -> Distinct:
    """Find the distinct rows from one key a row.

    Parameters
    ----------
    keys : (n,) uint64 array
        Equal for equal rows, in file order.
    ids : (n,) int array, optional
        Row ids, ascending; positions by default.

    Returns
    -------
    Distinct
        Cost O(n log n), 24 bytes a row.

    Examples
    --------
    >>> found = distinct_rows(np.array([9, 4, 9, 7], dtype=np.uint64))
    >>> found.first.tolist(), found.count.tolist(), found.again.tolist()
    ([0, 1, 3], [2, 1, 1], [2])
    """
    ids = np.arange(keys.size, dtype=np.int64) if ids is None else ids
    order = np.argsort(keys, kind="stable")
    again = np.append(False, np.diff(keys[order]) == 0)
    if not again.any():
        return Distinct(ids, np.ones(ids.size, dtype=np.int64), ids[:0])
    starts = np.flatnonzero(~again)
    first, count = order[starts], np.diff(np.append(starts, keys.size))
    place = np.argsort(first)
    return Distinct(ids[first[place]], count[place], np.sort(ids[order[again]]))


@dataclass(frozen=True, slots=True)
class EstimatedDistinct:
    """The distinct rows of a file of which not every key is held.

    Attributes
    ----------
    n : int
        Usable rows in the file.
    share : float
        Share of all keys that is held.
    held : RowKeys
        A random part of the keys, each with all its occurrences.
    ids : (m,) int array
        Usable sampled rows, ascending.
    first : (m,) int array
        The first row with the key of each.
    count : (m,) int array
        How often it occurs, as far as was counted.
    times : (m,) array
        How often it occurs or about so: ``count`` where every occurrence was counted.
    limit : float
        Keys that occur so often at most are summed over the held ones, others over the sample.
    """

    n: int
    share: float
    held: RowKeys
    ids: I64
    first: I64
    count: I64
    times: F64
    limit: float

    @property
    def repeats(self) -> int:
        """About so many rows repeat an earlier one: without bias, but for those that were seen."""
        light, heavy = self._parts(lambda c: 1 - 1 / c)
        return max(round(float(light.sum() + heavy.sum())), self.seen)

    @property
    def seen(self) -> int:
        """Rows that are known to repeat an earlier one."""
        return int(self._known[1].sum()) - int(self._known[1].size)

    @property
    def again(self) -> I64:
        """Sampled rows that repeat an earlier row of the file."""
        return np.asarray(self.ids[self.first != self.ids])

    @property
    def often(self) -> tuple[I64, I64]:
        """The first occurrences of the most repeated rows that were seen, and how often each is."""
        return _often(*self._known)

    @property
    def _known(self) -> tuple[I64, I64]:
        first = np.concatenate([self.held.first, self.first])
        first, place = np.unique(first, return_index=True)
        return first, np.concatenate([self.held.count, self.count])[place]

    @property
    def error(self) -> float:
        """Standard error of ``repeats``."""
        light, heavy = self._parts(lambda c: 1 - 1 / c)
        m, every = self.ids.size, self.n / self.ids.size
        apart = heavy / every - (heavy / every).mean()
        drawn = (1 - self.share) * float((light**2).sum())
        sampled = every**2 * float((apart**2).sum()) * (1 - m / self.n)
        return float(np.sqrt(drawn + sampled))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return an interval of ``repeats``, with what chance may hide where hardly any is seen."""
        from scipy.special import ndtri

        half = float(ndtri(0.5 + confidence / 2)) * self.error
        unseen = 0.0
        if self.ids.size < self.n:
            one = min(1 / self.share, self.n / self.ids.size)  # repeats that one that is seen means
            unseen = float(-np.log((1 - confidence) / 2)) * one
        return max(self.repeats - half, float(self.seen)), self.repeats + half + unseen

    def bias(self, rows: int, null_mean: float) -> float:
        """Return what repeats add to A*² at so many rows: a0 · (rows/n) · Σ (c² − c) / n."""
        light, heavy = self._parts(lambda c: c - 1)
        return null_mean * rows / self.n * float(light.sum() + heavy.sum()) / self.n

    def _parts(self, of: Callable[[F64], F64]) -> tuple[F64, F64]:
        """Return what held keys, and sampled rows, add to the sum of f(c) over all rows."""
        light = self.held.count[self.held.count <= self.limit].astype(np.float64)
        heavy = np.where(self.times > self.limit, of(self.times), 0.0)
        return light * of(light) / self.share, heavy * (self.n / self.ids.size)


def _often(first: I64, count: I64) -> tuple[I64, I64]:
    order = np.argsort(-count, kind="stable")
    order = order[count[order] > 1]
    return first[order], count[order]


def _looked_up(rows: I64, count: I64, ids: I64) -> I64:
    """Return the count of each id, 0 where it is none of the rows, which ascend."""
    if not rows.size:
        return np.zeros(ids.size, dtype=np.int64)
    place = np.searchsorted(rows, ids).clip(max=rows.size - 1)
    return np.where(rows[place] == ids, count[place], 0)


def notice_duplicates(found: Repeats, rows: int, null_mean: float) -> Noticed | None:
    """Say how many rows repeat an earlier one, and name the most repeated.

    Parameters
    ----------
    found : Distinct or EstimatedDistinct
    rows : int
        Rows that levels look at.
    null_mean : float
        a0 of A*².
    """
    first, count = found.often
    if found.repeats == 0 or not first.size:
        return None
    if found.error is None:
        number = counted(found.repeats, "row repeats", "rows repeat")
        most = f"row {first[0]} occurs {count[0]:,} times"
        effect = "each is counted once; counted every time, they would add"
    else:
        number = f"about {about(found.repeats):,} rows repeat"
        most = f"of those seen row {first[0]} is the most frequent, {count[0]:,} times"
        effect = "sampled rows count once; counted every time, they would add"
    return Noticed(
        kind="duplicates",
        text=f"{number} an earlier one ({found.repeats / found.n:.2g} of all); {most}",
        rows=few(first[:NAMED]),
        columns=None,
        effect=f"{effect} {digits(found.bias(rows, null_mean))} to A*²",
        remedy="remove them from the file, unless repeats are what users will see",
    )


def about(count: int) -> int:
    """Round an estimated count to two digits.

    Examples
    --------
    >>> about(25_317), about(7)
    (25000, 7)
    """
    return round(count, 2 - len(str(count))) if count >= 100 else count
