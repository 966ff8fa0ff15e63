"""A handful of rows that make a level fail on their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, digits, few, listed
from gausscheck.report import Noticed

STEPS = (1, 2, 3, 5, 10)
"""Numbers of rows that are left out in turn."""

SHARE = 0.8
"""Rows decide when without them so much of the deviation is gone."""

LEAST = 200
"""Rows in all for each one left out."""


def deciding_rows(
    level: str,
    value: float,
    null_mean: float,
    limit: float,
    lengths: NDArray[Any],
    value_without: Callable[[NDArray[np.intp]], float],
    *,
    index: NDArray[Any] | None = None,
    spared: NDArray[np.bool_] | None = None,
) -> Noticed | None:
    """Look for the fewest of the longest rows without which a level's deviation is gone.

    The first of 1, 2, 3, 5, 10 rows that takes over 80 % of value − null_mean with it decides; more
    follow while what is left exceeds the limit and they take over 80 % of that.

    Parameters
    ----------
    level : str
        What the level is called.
    value, null_mean, limit : float
        The level's statistic at the reference, its mean and its limit under normality.
    lengths : (m,) array
        Whitened length of each row.
    value_without : callable
        Positions of rows -> the level's value at the same reference without them. Called at most
        five times, and only where the value exceeds the limit.
    index : (m,) array, optional
        Row ids in the file; positions by default.
    spared : (m,) bool array, optional
        Rows that are not looked at: those behind sparse columns, which are noticed by themselves.

    Returns
    -------
    Noticed or None
        Rows named, the longest first; their number is what to leave out of the level.

    Examples
    --------
    >>> x = np.r_[np.zeros(999), 50.0]
    >>> found = deciding_rows("axes", 9.0, 0.4, 0.8, abs(x), lambda rows: 0.5)
    >>> found.rows
    (999,)
    """
    if not value > limit:
        return None
    order = np.argsort(-lengths, kind="stable")
    if spared is not None:
        order = order[~spared[order]]
    chosen, left = 0, value
    for k in STEPS:
        if k > len(lengths) // LEAST or k > order.size:
            break
        now = value_without(order[:k])
        # once rows decide, more are left out only if they decide what remains above the limit
        if now - null_mean < (1 - SHARE) * (left - null_mean):
            chosen, left = k, now
            if left <= limit:
                break
    if chosen == 0:
        return None
    ids = order[:chosen] if index is None else np.asarray(index)[order[:chosen]]
    one = chosen == 1
    return Noticed(
        kind="deciding_rows",
        text=f"{chosen} of {counted(len(lengths), 'row')} ({listed(ids)}) "
        f"{'decides' if one else 'decide'} the level {level}",
        rows=few(ids),
        columns=None,
        effect=f"with {'it' if one else 'them'} {digits(value)}, without {digits(left)} "
        f"(limit {digits(limit)}): the status is that without",
        remedy="look at these rows first: a unit, a parsing slip, an overflow?",
    )
