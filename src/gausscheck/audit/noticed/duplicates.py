"""Rows that occur more than once: which are distinct, how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, digits, few
from gausscheck.report import Noticed


@dataclass(frozen=True, slots=True)
class Distinct:
    """The distinct rows of a file.

    Attributes
    ----------
    first : (u,) int array
        The first occurrence of each distinct row, ascending: ids of the rows that count.
    count : (u,) int array
        How often each occurs.
    """

    first: NDArray[np.intp]
    count: NDArray[np.intp]

    @property
    def n(self) -> int:
        """Rows in the file."""
        return int(self.count.sum())

    @property
    def repeats(self) -> int:
        """Rows that repeat an earlier one."""
        return self.n - int(self.count.size)

    def bias(self, rows: int, null_mean: float) -> float:
        """Return what repeats add to A*² at so many rows: a0 · (rows/n) · Σ (c² − c) / n."""
        count = self.count.astype(np.float64)
        return null_mean * rows / self.n * float((count**2 - count).sum()) / self.n


def distinct_rows(keys: NDArray[Any]) -> Distinct:
    """Find the distinct rows from one key a row.

    Parameters
    ----------
    keys : (n,) uint64 array
        Equal for equal rows, in file order.

    Returns
    -------
    Distinct
        Cost O(n log n), 24 bytes a row.

    Examples
    --------
    >>> found = distinct_rows(np.array([9, 4, 9, 7], dtype=np.uint64))
    >>> found.first.tolist(), found.count.tolist()
    ([0, 1, 3], [2, 1, 1])
    """
    _, first, count = np.unique(keys, return_index=True, return_counts=True)
    order = np.argsort(first)
    return Distinct(first[order], count[order])


def notice_duplicates(found: Distinct, rows: int, null_mean: float) -> Noticed | None:
    """Say how many rows repeat an earlier one, and name the most repeated.

    Parameters
    ----------
    found : Distinct
    rows : int
        Rows that levels look at.
    null_mean : float
        a0 of A*².
    """
    if found.repeats == 0:
        return None
    often = np.argsort(-found.count, kind="stable")
    often = often[found.count[often] > 1]
    most = often[0]
    text = (
        f"{counted(found.repeats, 'row repeats', 'rows repeat')} an earlier one "
        f"({found.repeats / found.n:.2g} of all); row {found.first[most]} occurs "
        f"{found.count[most]:,} times"
    )
    bias = found.bias(rows, null_mean)
    return Noticed(
        kind="duplicates",
        text=text,
        rows=few(found.first[often]),
        columns=None,
        effect=f"each is counted once; counted every time, they would add {digits(bias)} to A*²",
        remedy="remove them from the file, unless repeats are what users will see",
    )
