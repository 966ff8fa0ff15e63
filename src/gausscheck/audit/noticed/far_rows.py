"""Rows that lie far beyond all others: corrupt ones, or tails that no second moment describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, digits, few, listed
from gausscheck.core import F64
from gausscheck.report import Noticed

TIMES, SHARE = 10.0, 0.95
"""Rows are far where they lie so many times as far out as the nearest of so large a share of rows.

Normal, Laplace and Student rows on 5 degrees of freedom have none in any sample; up to one row in
twenty may be corrupt, whatever they do to mean and covariance.
"""


ROWS, MIDDLE, BLOCK = 10_000, 1_024, 4_096
"""Random rows that are looked at, those behind the middle, and those measured at once."""


def distances_from_the_middle(read: Callable[[int, int], NDArray[Any]], rows: int) -> F64:
    """Return how far random rows lie from the medians of the columns, 10,000 of them at most.

    ``read(start, stop)`` gives them. Cost O(m d).
    """
    most = min(rows, ROWS)
    middle = np.median(read(0, min(rows, MIDDLE)).astype(np.float64), axis=0)
    found = []
    for low in range(0, most, BLOCK):
        x = read(low, min(low + BLOCK, most)) - middle
        found.append(np.sqrt(np.einsum("ij,ij->i", x, x)))
    return np.concatenate(found)


def notice_far_rows(
    distances: F64, index: NDArray[Any], known: Sequence[int] = ()
) -> Noticed | None:
    """Say which rows lie far beyond the others.

    Parameters
    ----------
    distances : (m,) array
        Of random rows from the middle: :func:`distances_from_the_middle`.
    index : (m,) int array
        Their numbers in the file.
    known : sequence of int
        Rows that another finding names.

    Examples
    --------
    >>> distance = np.r_[np.ones(999), 50.0]
    >>> notice_far_rows(distance, np.arange(1000)).text
    '1 of 1,000 rows lies over 10 times as far out as 95 % of them, up to 50 times: 999'
    """
    usual = float(np.quantile(distances, SHARE))
    far = np.flatnonzero(distances > TIMES * usual)
    if usual == 0 or far.size == 0:
        return None
    order = far[np.argsort(-distances[far], kind="stable")]
    ids = np.asarray(index)[order]
    if set(ids.tolist()) <= set(known):
        return None
    times = float(distances[order[0]] / usual)
    one = far.size == 1
    return Noticed(
        kind="far_rows",
        text=f"{far.size:,} of {counted(len(distances), 'row')} {'lies' if one else 'lie'} over "
        f"{TIMES:.0f} times as far out as {SHARE:.0%} of them, up to {digits(times)} times: "
        f"{listed(np.sort(ids))}".replace("%", " %"),
        rows=few(ids),
        columns=None,
        effect="they make the covariance: thresholds hardly see any other row",
        remedy="look at these rows first: a unit, a parsing slip, an overflow?",
    )
