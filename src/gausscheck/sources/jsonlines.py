"""JSON lines: a vector a line, or an object with one (or several) at the end of a dotted path."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import Contents, Entry, contents_of, line_of
from gausscheck.sources.cells import numbers_of
from gausscheck.sources.jsonvalues import Fields, fields_of, reach
from gausscheck.sources.labels import texts
from gausscheck.sources.spool import Parsed, SpooledSource
from gausscheck.sources.text import BLANK, FIELD, TEXT_EPS, cut_note, opened_text

_LOOK = 64
"""Lines without a vector at the beginning, at most."""


class JsonLinesSource(SpooledSource):
    """Rows of JSON lines. Memory holds a line (of 32 Mi characters at most) and its values.

    A line that holds null, or nothing, where the others hold a vector is a row that is not finite.
    """

    def __init__(self, path: Path, dataset: str | None) -> None:
        self._wanted = dataset
        self._fields = Fields()
        self._keys: tuple[str, ...] = ()
        self._lines = 0
        super().__init__(path, str(path), np.dtype(np.float64), TEXT_EPS)
        said = str(self._fields)
        self.notes: tuple[str, ...] = (
            "text, parsed once into a temporary file",
            *([f"vectors from {said}"] if "." in said or said == "columns" else []),
            *([f"{self._lines:,} lines hold {self.n:,} vectors"] if self.n > self._lines else []),
            *self._gap_note(),
            *cut_note(path),
        )

    def _rows(self) -> Iterator[Parsed]:
        with opened_text(self.path) as handle:
            fields, waiting, self._lines, several = None, 0, 0, False
            for number, held in lines_of(handle, self.path):
                self._lines += 1
                fields = fields or self._found(held, number)
                if fields is None:
                    waiting += 1
                    if waiting > _LOOK:
                        raise self._none(held, number)
                    continue
                self._fields = fields
                for _ in range(waiting):
                    yield number, None
                waiting = 0
                if not isinstance(held, list | dict | None):
                    raise GausscheckError(
                        f"{self.path}: line {number}: expected a list or an object"
                    )
                values = list(fields.of(held))
                several = several or len(values) > 1
                if several and None in values:
                    raise GausscheckError(
                        f"{self.path}: line {number}: expected vectors at {fields} as in the lines "
                        "before, found none; leave such lines out"
                    )
                for value in values:
                    yield number, numbers_of(value, f"{self.path}: line {number}")
            if waiting:
                raise self._none(held, number)

    def _found(self, item: Any, number: int) -> Fields | None:
        if not isinstance(item, list | dict | None):
            raise GausscheckError(f"{self.path}: line {number}: expected a list or an object")
        if isinstance(item, dict) and not self._keys:
            self._keys = tuple(item)
        try:
            found = fields_of(item, self._wanted)
        except LookupError as err:
            raise GausscheckError(
                f"{self.path}: line {number}: several vectors could be meant; choose one with "
                f"dataset: {err}"
            ) from err
        if found is None and isinstance(item, list):
            numbers_of(item, f"{self.path}: line {number}")  # says what is odd in it
        return found

    def _none(self, item: Any, number: int) -> GausscheckError:
        at = f"at {self._wanted}" if self._wanted else "of numbers"
        keys = f"keys {', '.join(self._keys[:12])}" if self._keys else "none"
        return GausscheckError(
            f"{self.path}: line {number}: expected a list {at}, got {keys}; name its dotted path "
            "with dataset, such as response.body.data.0.embedding"
        )

    @property
    def taken(self) -> str:
        """The dotted path of the vectors, ``rows`` where a line is one."""
        return str(self._fields)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies at another dotted path, as text; None where a line lacks it."""
        found = column_jsonlines(self.path, key)
        return found if found is None or self.n == self._lines else None


def column_jsonlines(path: Path, key: str) -> NDArray[Any] | None:
    """Return one value a line as text, read from the file anew; None where a line has none."""
    with opened_text(path) as handle:
        return texts_at((item for _, item in lines_of(handle, path)), path, key)


def texts_at(items: Iterable[Any], path: Path, key: str) -> NDArray[Any] | None:
    """Return what lies at a dotted path of each item as text; None where one lacks it.

    Raises
    ------
    LabelsTooLarge
        If one is too long to be a label, or all of them do not fit.
    """

    def found() -> Iterator[str]:
        for item in items:
            told = one_text(item, key)
            if told is None:
                raise LookupError
            yield told

    try:
        held = texts(found(), str(path), key)
    except LookupError:
        return None
    return held if held.size else None


def one_text(item: Any, key: str) -> str | None:
    """Return the number or text at a dotted path as text; None where there is none, or several."""
    held = list(reach(item, tuple(key.split(".")))) if isinstance(item, dict) else []
    return str(held[0]) if len(held) == 1 and isinstance(held[0], str | int | float) else None


def lines_of(handle: TextIO, path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the values of JSON lines, with their numbers; blank lines are passed."""
    number, last = 0, 0
    while line := handle.readline(FIELD):
        number += 1
        if not line.strip():
            if number - last > BLANK:
                raise GausscheckError(f"{path}: over {BLANK:,} blank lines on end: no JSON lines")
            continue
        last = number
        try:
            held = json.loads(line)
        except (ValueError, RecursionError) as err:
            whole = "; one JSON value of many lines is a .json" if number == 1 else ""
            raise GausscheckError(
                f"{path}: line {number} is not JSON: {line_of(err)}{whole}"
            ) from err
        yield number, held


def open_jsonlines(path: Path, dataset: str | None) -> JsonLinesSource:
    """Parse the file; ``dataset`` is the dotted path of the vectors."""
    return JsonLinesSource(path, dataset)


def inspect_jsonlines(path: Path) -> Contents:
    """Say what the file holds: it has to be parsed for that."""
    source = JsonLinesSource(path, None)
    return contents_of(path, "JSON lines", [Entry(source.taken, (source.n, source.d), "text")])
