"""One thing that a reader must know before any number: what it is, what it does, what helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from numpy.typing import NDArray

from gausscheck.report import Kind, Noticed

Numbers = Sequence[int] | NDArray[Any]


NAMED = 20
"""Rows or columns that a finding names at most; its text gives their number."""


def in_order(*found: Noticed | None) -> tuple[Noticed, ...]:
    """Return what was found in the order in which it is printed.

    Examples
    --------
    >>> rank = Noticed("rank", "", None, None, None, "")
    >>> grid = Noticed("grid", "", None, None, None, "")
    >>> [f.kind for f in in_order(rank, None, grid)]
    ['grid', 'rank']
    """
    kinds = get_args(Kind)
    return tuple(sorted((f for f in found if f is not None), key=lambda f: kinds.index(f.kind)))


def few(values: Numbers) -> tuple[int, ...]:
    """Return the first of some row or column numbers, as many as a finding names."""
    return tuple(int(v) for v in values[:NAMED])


def listed(values: Numbers, most: int = 5) -> str:
    """Write numbers as words.

    Examples
    --------
    >>> listed([3, 4, 7])
    '3, 4, 7'
    >>> listed(range(9), most=2)
    '0, 1, ...'
    """
    return ", ".join(str(int(v)) for v in values[:most]) + (", ..." if len(values) > most else "")


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def digits(value: float) -> str:
    """Write a number with two digits, without the zero before the point.

    Examples
    --------
    >>> digits(0.1634), digits(5.47), digits(132.2), digits(0.0011)
    ('.16', '5.5', '132', '.0011')
    """
    if abs(value) >= 10:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.1f}"
    if value == 0:
        return "0"
    text = f"{value:.2g}"
    return text if "e" in text else text.replace("0.", ".", 1)
