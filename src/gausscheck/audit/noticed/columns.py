"""What the space lacks: columns that do not vary, and dimensions that depend on others."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, few, listed
from gausscheck.report import Noticed


def notice_dead_columns(dead: NDArray[Any], faint: NDArray[Any] | None = None) -> Noticed | None:
    """Name the columns that do not vary beyond rounding, or too little beside the others.

    Parameters
    ----------
    dead : int array
        Column numbers.
    faint : int array, optional
        Those of them that vary beyond rounding, but by less than a millionth of the median one.
    """
    if len(dead) == 0:
        return None
    does = "does" if len(dead) == 1 else "do"
    text = f"{counted(len(dead), 'column')} {does} not vary: {listed(dead)}"
    remedy = "none is needed; if they should vary, look at how the model was trained or saved"
    if faint is not None and len(faint):
        varies = "varies" if len(faint) == 1 else "vary"
        rest = len(dead) - len(faint)
        text = (
            f"{counted(len(faint), 'column')} {varies} by less than a millionth of the median one: "
            f"{listed(faint)}" + (f"; {rest:,} not at all" if rest else "")
        )
        remedy = (
            "divide columns by their standard deviations before saving, if they carry something"
        )
    return Noticed(
        kind="dead_columns",
        text=text,
        rows=None,
        columns=few(dead),
        effect="left out of every level; dimensions are counted without them",
        remedy=remedy,
    )


def notice_rank(
    rank: int, live: int, n: int, hidden: tuple[NDArray[Any], int] | None = None
) -> Noticed | None:
    """Say that rows span fewer dimensions than there are columns that vary.

    Parameters
    ----------
    rank : int
        Of the covariance.
    live : int
        Columns that vary.
    n : int
        Rows analysed.
    hidden : (int array, int), optional
        Columns so much larger than the others that these do not show beside them, and how many
        dimensions they hide.

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
    if hidden is not None:
        columns, dimensions = hidden
        which = "column" if len(columns) == 1 else "columns"
        varies = "varies" if len(columns) == 1 else "vary"
        return Noticed(
            kind="rank",
            text=f"{which} {listed(columns)} {varies} so much more than the others that "
            f"{counted(dimensions, 'dimension')} of {live:,} do not show",
            rows=None,
            columns=few(columns),
            effect=f"whitening, thresholds and every law see {rank:,} dimensions alone",
            remedy="leave such columns out (times, counts, labels?), or divide all by their "
            "standard deviations before saving",
        )
    return Noticed(
        kind="rank",
        text=f"rows span {rank:,} of {live:,} dimensions: the others are combinations of them",
        rows=None,
        columns=None,
        effect=f"whitening and every law use {rank:,} dimensions",
        remedy="none is needed; whiten within the span, and do not invert the full covariance",
    )
