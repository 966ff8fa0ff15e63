"""Columns that hold one value but for a few cells: one-hot, word counts, codes of autoencoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, few, listed
from gausscheck.report import Noticed

SHARE = 0.2
"""A column is nearly constant when at most this share of its cells differs from its usual value."""

FEW_ROWS = 0.05
"""Rows are named when at most this share of them holds the unusual cells."""

REASON = "nearly constant"
"""Why such a column counts as rejected."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """How many cells of each column differ from its usual value.

    Attributes
    ----------
    n : int
        Rows counted.
    count : (d,) int array
    """

    n: int
    count: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class UnusualCells:
    """Reduction of stored rows to counts of unusual cells.

    Attributes
    ----------
    usual : (d,) array
        The candidate for each column's most frequent value, from :func:`usual_values`.
    """

    usual: NDArray[Any]

    def of(self, block: NDArray[Any], row0: int = 0) -> Unusual:
        """Return the counts of one block."""
        return Unusual(block.shape[0], np.count_nonzero(block != self.usual, axis=0))

    def merge(self, a: Unusual, b: Unusual) -> Unusual:
        """Return the counts of both."""
        return Unusual(a.n + b.n, a.count + b.count)

    def finish(self, state: Unusual) -> Unusual:
        """Return the state itself: it is the result."""
        return state


def usual_values(rows: NDArray[Any]) -> NDArray[Any]:
    """Return what most cells of each column hold, if more than half hold the same: a middle value.

    Parameters
    ----------
    rows : (m, d) array
        A random sample in stored precision.

    Returns
    -------
    (d,) array
        In the type of the rows. Cost O(m d).
    """
    middle = rows.shape[0] // 2
    columns = rows.T.copy()  # a column at a time, or the cache is lost
    columns.partition(middle, axis=1)
    return columns[:, middle].copy()


def sparse_columns(found: Unusual, live: NDArray[Any]) -> NDArray[np.intp]:
    """Return the live columns that are nearly constant, ascending.

    Parameters
    ----------
    found : Unusual
        Of all rows or of a random sample of them.
    live : (l,) int array
        Columns that vary over all rows: one that does not within the sample is sparse.
    """
    live = np.asarray(live, dtype=np.intp)
    return np.asarray(live[found.count[live] <= SHARE * found.n])


def unusual_rows(
    rows: NDArray[Any], usual: NDArray[Any], columns: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which rows ``(m,)`` hold an unusual cell in any of those columns."""
    return np.asarray((rows[:, columns] != usual[columns]).any(axis=1))


def notice_sparse(
    found: Unusual,
    columns: NDArray[np.intp],
    holders: NDArray[np.bool_],
    index: NDArray[Any] | None = None,
) -> Noticed | None:
    """Name the columns that are nearly constant and, where few, the rows that are the exception.

    Parameters
    ----------
    found : Unusual
    columns : int array
        From :func:`sparse_columns`.
    holders : (m,) bool array
        From :func:`unusual_rows`.
    index : (m,) array, optional
        Row ids in the file; positions by default.
    """
    if columns.size == 0:
        return None
    where = np.flatnonzero(holders)
    ids = np.sort(where if index is None else np.asarray(index)[where])
    named = 0 < ids.size <= FEW_ROWS * holders.size
    densest = found.count[columns].max() / found.n
    rows = f", {counted(ids.size, 'row')}: {listed(ids, 3)}" if named else ""
    are = "is" if columns.size == 1 else "are"
    return Noticed(
        kind="sparse_columns",
        text=f"{counted(columns.size, 'column')} ({listed(columns, 3)}) {are} constant but for "
        f"at most {densest:.2g} of the cells{rows}",
        rows=few(ids) if named else None,
        columns=few(columns),
        effect=f"counted as not Gaussian ({REASON}); an A*² of such a column says nothing",
        remedy="leave them out, or model them as counts or switches rather than by a Gaussian",
    )
