"""What the columns of a delimited text file are: a header or none, numbers, lists, the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.sources.base import KNOWN_NAMES, is_side
from gausscheck.sources.cells import is_list, missing
from gausscheck.sources.dialect import Dialect

NUMBERS = "columns"
"""What the plain columns of numbers are called together."""

_LOOK = 64
"""Rows that are looked at before anything is decided."""

_MOST = 1 << 20
"""Characters of those rows after which no more are looked at."""

_WHOLE = re.compile(r"\s*-?\d+(?:\.0*)?\s*")
"""A whole number, or one as pandas writes it in a column of floats."""

Numbered = tuple[int, list[str]]
"""A line's number and its cells."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which cells of a line are the numbers.

    Attributes
    ----------
    names : list of str
        Of the header, or the positions.
    headed : bool
        Whether the first line is a header.
    column : int or None
        The column of lists.
    plain : list of int
        Otherwise the columns of numbers.
    left : tuple of str
        Columns that are neither.
    counted : str or None
        Among those, the first or last column where it holds whole numbers and no other column
        does: ids of classes or rows.
    """

    names: list[str]
    headed: bool
    column: int | None
    plain: list[int]
    left: tuple[str, ...]
    counted: str | None = None

    @property
    def taken(self) -> str:
        """What the numbers are called: by this name they can be asked for."""
        return NUMBERS if self.column is None else self.names[self.column]


def peek(reader: Any) -> list[Numbered]:
    """Return the first rows that are not empty: 64, or a megabyte of them."""
    found: list[Numbered] = []
    held = 0
    for row in islice((row for row in reader if row), _LOOK):
        found.append((reader.line_num, row))
        held += sum(map(len, row))
        if held > _MOST:
            break
    return found


def layout_of(rows: Sequence[Numbered], wanted: str | None, path: Path, dialect: Dialect) -> Layout:
    """Decide from the first rows what the columns are.

    A column is one of lists, or of numbers, if half of its cells below the first line are. The
    first line is a header if none of its cells in those columns is such a value, or if they count
    0, 1, 2, ... as a table without names is saved.

    Raises
    ------
    GausscheckError
        If there is no such column, several of lists, or a first line that is half a header.
    """
    _, first = rows[0]
    width = len(first)
    below = [row for _, row in rows[1:] if len(row) == width] or [first]
    lists = [i for i in range(width) if _most([row[i] for row in below], is_list)]
    many = set(lists)
    numbers = [
        i for i in range(width) if i not in many and _most([r[i] for r in below], dialect.is_number)
    ]
    headed = _headed(first, lists, numbers, rows[0][0], path, dialect)
    names = first if headed else [str(i) for i in range(width)]
    column = _column(names, lists, wanted, path)
    plain = [] if column is not None else numbers
    if headed:
        plain = [i for i in plain if not is_side(names[i].strip())]
    counted = None if wanted == NUMBERS else _counted(plain, below)
    plain = [i for i in plain if i != counted]
    if column is None and len(plain) < 2:
        raise GausscheckError(
            f"{path}: expected columns of numbers or a column of lists, got "
            f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}; write a number a cell, "
            'or lists as "[0.1, 0.2]"'
        )
    taken = {*plain, column}
    left = tuple(name for i, name in enumerate(names) if i not in taken)
    return Layout(names, headed, column, plain, left, None if counted is None else names[counted])


def _counted(plain: list[int], rows: list[list[str]]) -> int | None:
    """Find a first or last column of several whole numbers where every other has fractions."""
    if len(plain) < 3 or len(rows) < 3:
        return None
    whole = [i for i in plain if all(_WHOLE.fullmatch(row[i]) for row in rows)]
    if len(whole) != 1 or whole[0] not in (plain[0], plain[-1]):
        return None
    return whole[0] if len({row[whole[0]] for row in rows}) > 1 else None


def _most(cells: list[str], test: Callable[[str], bool]) -> bool:
    """Whether half of the cells that hold something pass."""
    held = [cell for cell in cells if not missing(cell)]
    return bool(held) and 2 * sum(map(test, held)) >= len(held)


def _headed(
    first: list[str],
    lists: list[int],
    numbers: list[int],
    line: int,
    path: Path,
    dialect: Dialect,
) -> bool:
    if lists:
        return not any(is_list(first[i]) for i in lists)
    told = [first[i] for i in numbers if not missing(first[i])]
    values = [cell for cell in told if dialect.is_number(cell)]
    if not values or _counts(values):
        return True
    if len(values) < len(told):
        odd = next(cell for cell in told if not dialect.is_number(cell))
        raise GausscheckError(
            f"{path}: line {line}: expected a header or numbers, got {odd!r} among numbers"
        )
    return False


def _counts(cells: list[str]) -> bool:
    """Whether cells are 0, 1, 2, ... or 1, 2, 3, ..."""
    whole = [cell.strip().removesuffix(".0") for cell in cells]
    if len(whole) < 2 or whole[0] not in ("0", "1"):
        return False
    start = int(whole[0])
    return whole == [str(start + i) for i in range(len(whole))]


def _column(names: list[str], lists: list[int], wanted: str | None, path: Path) -> int | None:
    """Pick the column of lists; None where the plain numbers are meant."""
    if wanted == NUMBERS:
        return None
    if wanted is not None:
        if wanted not in names:
            raise GausscheckError(
                f"{path}: expected a column {wanted!r}, got {', '.join(names[:12])}"
            )
        return names.index(wanted)
    for known in KNOWN_NAMES:
        if known in names and names.index(known) in lists:
            return names.index(known)
    if len(lists) > 1:
        named = ", ".join(names[i] for i in lists)
        raise GausscheckError(f"{path}: several columns of lists; choose one with dataset: {named}")
    return lists[0] if lists else None
