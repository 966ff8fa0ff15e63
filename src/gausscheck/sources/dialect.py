"""How a delimited text file is written: its encoding, what parts its cells, its decimal sign."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gausscheck.sources.cells import is_list, missing

_LOOK = 32
"""Lines that are tried with each dialect."""

_MOST = 1 << 22
"""Characters of those lines after which no more are looked at."""

_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")
"""A number with a decimal comma."""

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What parts cells, and whether the decimal sign is a comma."""

    delimiter: str = ","
    comma: bool = False

    def __str__(self) -> str:
        """Say it, for a note."""
        return f"cells parted by {_NAMES[self.delimiter]}{', decimal commas' if self.comma else ''}"

    def number(self, cell: str) -> float:
        """Read a number.

        Raises
        ------
        ValueError
        """
        if not self.comma:
            return float(cell)
        if "." in cell and "," in cell:
            raise ValueError(f"could not convert string to float: {cell!r}")
        return float(cell.replace(",", "."))

    def is_number(self, cell: str) -> bool:
        """Whether a cell is a number."""
        try:
            self.number(cell)
        except ValueError:
            return False
        return True

    def rows(self, lines: Iterable[str]) -> Any:
        """Return a CSV reader of the lines; runs of spaces part cells once."""
        if self.delimiter == " ":
            stripped = (line.strip(" \r\n") for line in lines)
            return csv.reader(stripped, delimiter=" ", skipinitialspace=True)
        return csv.reader(lines, delimiter=self.delimiter)


def dialect_of(lines: Iterator[str], usual: str) -> Dialect:
    """Choose the dialect that finds lists in the first lines, or else most numbers.

    The first line may be a header: it is not counted where there are more. Among equals the usual
    delimiter wins, then the one that parts more cells.

    Examples
    --------
    >>> dialect_of(iter(["0,5;1,5", "2,5;1"]), ",")
    Dialect(delimiter=';', comma=True)
    >>> str(dialect_of(iter(["a,b", "0.5,1"]), ","))
    'cells parted by commas'
    """
    first: list[str] = []
    for line in islice(lines, _LOOK):
        first.append(line)
        if sum(map(len, first)) > _MOST:
            break
    best, most = Dialect(usual), (False, 0.0, True, 0.0)
    for delimiter in dict.fromkeys((usual, ",", ";", "\t", "|", " ")):
        for comma in (False, True):
            dialect = Dialect(delimiter, comma)
            score = _score(dialect, first, usual)
            if score > most:
                best, most = dialect, score
    return best


def _score(dialect: Dialect, lines: list[str], usual: str) -> tuple[bool, float, bool, float]:
    """Whether half of the rows hold a list; share of values; if usual; cells a row."""
    worst = (False, -1.0, False, 0.0)
    try:
        rows = [row for row in dialect.rows(lines) if row]
    except csv.Error:
        return worst
    rows = rows[1:] or rows
    cells = [cell for row in rows for cell in row if not missing(cell)]
    if not cells or (dialect.comma and not any(_COMMA.fullmatch(cell) for cell in cells)):
        return worst
    lists = sum(map(is_list, cells))
    share = round((lists + sum(map(dialect.is_number, cells))) / len(cells), 2)
    return (2 * lists >= len(rows), share, dialect.delimiter == usual, len(cells) / len(rows))
