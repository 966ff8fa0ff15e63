"""What the space lacks: columns that do not vary, and dimensions that depend on others."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, few, listed
from gausscheck.report import Noticed


def notice_dead_columns(dead: NDArray[Any]) -> Noticed | None:
    """Name the columns that do not vary beyond rounding.

    Parameters
    ----------
    dead : int array
        Column numbers.
    """
    if len(dead) == 0:
        return None
    does = "does" if len(dead) == 1 else "do"
    return Noticed(
        kind="dead_columns",
        text=f"{counted(len(dead), 'column')} {does} not vary: {listed(dead)}",
        rows=None,
        columns=few(dead),
        effect="left out of every level; dimensions are counted without them",
        remedy="none is needed; if they should vary, look at how the model was trained or saved",
    )


def notice_rank(rank: int, live: int, n: int) -> Noticed | None:
    """Say that rows span fewer dimensions than there are columns that vary.

    Parameters
    ----------
    rank : int
        Of the covariance.
    live : int
        Columns that vary.
    n : int
        Rows analysed.

    Examples
    --------
    >>> notice_rank(29, 50, 30).text
    '30 rows in 50 dimensions: once whitened, any rows look alike'
    """
    if rank >= live:
        return None
    if n - 1 < live:
        return Noticed(
            kind="rank",
            text=f"{n:,} rows in {live:,} dimensions: once whitened, any rows look alike",
            rows=None,
            columns=None,
            effect=f"norms and sphere are left out; rates reach {max(n - 2, 1):,} components",
            remedy=f"more rows: {3 * live:,} settle it for every level",
        )
    return Noticed(
        kind="rank",
        text=f"rows span {rank:,} of {live:,} dimensions: the others are combinations of them",
        rows=None,
        columns=None,
        effect=f"whitening and every law use {rank:,} dimensions",
        remedy="none is needed; whiten within the span, and do not invert the full covariance",
    )
