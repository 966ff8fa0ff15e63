"""One JSON value: a list of vectors, a name for each, objects with a vector, or those under a key.

The file is read a piece at a time and parsed twice: to find its tables, and to take one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import KNOWN_NAMES, Contents, Entry, choose, contents_of, line_of
from gausscheck.sources.cells import numbers_of
from gausscheck.sources.jsonlines import (
    JsonLinesSource,
    column_jsonlines,
    inspect_jsonlines,
    texts_at,
)
from gausscheck.sources.jsonvalues import Fields, JsonStream, fields_of
from gausscheck.sources.labels import texts
from gausscheck.sources.spool import Parsed, SpooledSource
from gausscheck.sources.text import FIELD, TEXT_EPS, opened_text

ROOT = "rows"
"""What a table is called that is the whole file."""

NAME_KEYS = ("name", "labels")
"""What the names of rows are asked for by."""

_FIELDS = (*KNOWN_NAMES, "vector", "values", "vec")
"""What the vector of an item is called: a list under this name is no table's first row."""

_NAMES = 1000
"""Names of a table that are remembered: those of lists beside vectors are few."""

_DEPTH = 8
"""Keys above a table, at most."""

_TURNED = (
    "numbers by row under the name of each column, as pandas writes a frame, or the other way "
    "round; save rows: to_json(orient='records')"
)
"""Why a number is not taken by two names, the second of which counts."""

_WIDE = (
    "a row for each name, of more numbers than there are names: if the names are those of columns, "
    "save rows"
)

_INNER = re.compile(r'\{\s*"((?:[^"\\]|\\.)*)"\s*:\s*(.)\s*(.)')
"""The first key of an object, and the two signs that its value begins with."""

Item = tuple[str, str | None, Any]
"""The key of a table, the name of a row in it, and what it holds."""


@dataclass(slots=True)
class _Table:
    """What is known of a table while its file is walked."""

    key: str
    fields: Fields | None = None
    rows: int = 0
    items: int = 0
    uneven: bool = False
    width: int = 0
    named: bool = False
    problem: str | None = None
    names: set[str] = field(default_factory=set)


class JsonSource(SpooledSource):
    """Rows of one table. Memory holds a row (of 32 Mi characters at most) and a piece of numbers.

    A null in the place of a vector is a row that is not finite.
    """

    _place = "row"

    def __init__(self, path: Path, table: _Table, beside: frozenset[str]) -> None:
        self._beside = beside
        self._key, self._named = table.key, table.named
        self._fields = table.fields or Fields()
        uri = str(path) if table.key == ROOT else f"{path}:{table.key}"
        super().__init__(path, uri, np.dtype(np.float64), TEXT_EPS)
        said = str(self._fields)
        self.notes: tuple[str, ...] = (
            "text, parsed once into a temporary file",
            *([f"vectors from {said}"] if said != ROOT else []),
            *([_WIDE] if table.named and not self._fields.columns and self.n < self.d else []),
            *self._gap_note(),
        )

    def _rows(self) -> Iterator[Parsed]:
        place = 0
        for key, _, item in _items(self.path):
            if key == self._key:
                for value in self._fields.of(item):
                    yield place, numbers_of(value, f"{self.path}: row {place}")
                    place += 1

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return the names of rows, a field of their objects, or a list beside theirs, as text."""
        if self._named and key in NAME_KEYS:
            names = (name for table, name, _ in _items(self.path) if table == self._key)
            return texts(names, str(self.path), key)
        if key in self._beside:
            return column_jsonfile(self.path, key)
        items = (item for table, _, item in _items(self.path) if table == self._key)
        return texts_at(items, self.path, key)


def column_jsonfile(path: Path, key: str) -> NDArray[Any] | None:
    """Return a list of numbers or texts under a key; None where there is none."""
    if _is_lines(path):
        return column_jsonlines(path, key)
    told: list[Any] = []
    for table, name, item in _items(path):
        if table == ROOT and name == key and isinstance(item, list):
            told = item
        elif table == key and name is None:
            if not isinstance(item, str | int | float):
                return None
            told.append(item)
    if not told or not all(isinstance(value, str | int | float) for value in told):
        return None
    words = any(isinstance(value, str) for value in told)
    return texts(told, str(path), key) if words else np.array(told)


@contextmanager
def _stream(path: Path) -> Iterator[JsonStream]:
    """Open a file as JSON; what is not is one line."""
    with opened_text(path) as handle:
        try:
            yield JsonStream(handle, FIELD)
        except GausscheckError:
            raise
        except (ValueError, RecursionError) as err:
            raise GausscheckError(
                f"{path}: expected JSON, got what cannot be read ({line_of(err)}): damaged, cut "
                "short or JSON lines (.jsonl)"
            ) from err


def _items(path: Path) -> Iterator[Item]:
    with _stream(path) as stream:
        if stream.head() not in ("[", "{"):
            raise GausscheckError(f"{path}: expected a list or an object of vectors")
        yield from _walk(stream, ())
        if stream.head():
            raise ValueError(f"more after its end: {stream.head(20)!r}")


def _counts(keys: tuple[str, ...]) -> bool:
    """Whether keys are 0, 1, 2, ...: numbers of rows."""
    return len(keys) > 1 and keys == tuple(map(str, range(len(keys))))


def _walk(stream: JsonStream, prefix: tuple[str, ...]) -> Iterator[Item]:
    """Yield the members of all tables at and below a place."""
    key = ".".join(prefix) or ROOT
    if stream.head() == "[":
        for _ in stream.elements():
            yield key, None, stream.value()
        return
    tables = set()
    for name in stream.members():
        if len(prefix) < _DEPTH and _is_table(stream, name):
            if name in tables:
                raise ValueError(f"the key {name!r} twice")
            tables.add(name)
            yield from _walk(stream, (*prefix, name))
        else:
            yield key, name, stream.value()


def _is_table(stream: JsonStream, name: str) -> bool:
    """Whether the value that follows a name is a table of rows, not a row."""
    head = "".join(stream.head(200).split())
    if head.startswith("["):
        return head[1:2] in ("[", "{", '"') or head.startswith(("[null,[", "[null,{"))
    if not head.startswith("{"):
        return False
    inner = _INNER.match(stream.head(4096))
    if inner is None:
        return False
    if inner[2] == "[" and inner[3] in "[{":
        return True
    if name in KNOWN_NAMES or inner[1].isdigit():
        return inner[2] in "[{n"
    return inner[2] in "[{" and inner[1] not in _FIELDS and not name.isdigit()


def _tables(path: Path) -> list[_Table]:
    """Walk the file and say which tables it holds, and of what."""
    found: dict[str, _Table] = {}
    for key, name, item in _items(path):
        table = found.setdefault(key, _Table(key, named=name is not None))
        if name is not None and len(table.names) < _NAMES:
            table.names.add(name)
        try:
            table.fields = table.fields or fields_of(item, None)
        except LookupError as err:
            inside = "" if key == ROOT else f"{key}."
            choices = ", ".join(f"{inside}{path}" for path in str(err).split(", "))
            table.problem = f"several vectors in each; choose with dataset=: {choices}"
        if table.named and table.fields and _counts(table.fields.columns):
            table.problem = _TURNED
        if table.fields is None:
            table.rows += 1
            continue
        table.items += 1
        for value in table.fields.of(item):
            table.rows += 1
            if table.width == 0 and value is not None:
                table.width = len(numbers_of(value, f"{path}: row {table.rows - 1}") or ())
            elif isinstance(value, list) and len(value) != table.width:
                table.uneven = True
    return list(found.values())


def _entries(tables: list[_Table]) -> list[Entry]:
    """Say what tables are; lists of different lengths lie beside one that has rows."""
    entries = [_entry(table) for table in tables]
    even = any(e.usable and not t.uneven for e, t in zip(entries, tables, strict=True))
    return [
        replace(entry, problem="lists of different lengths")
        if entry.usable and table.uneven and even
        else entry
        for entry, table in zip(entries, tables, strict=True)
    ]


def _entry(table: _Table) -> Entry:
    shape = (table.rows, table.width) if table.fields else (table.rows,)
    problem = table.problem
    if problem is None and table.fields is None:
        problem = "no vectors" if table.rows > 1 else "not a list of vectors"
    if problem is None and table.rows == 1:
        problem = "one vector, or what lies beside"
    nested = table.fields is not None and table.fields.path[:1] == ("*",)
    if problem is None and nested and 1 < table.items != table.rows:
        every = "*" if table.key == ROOT else f"{table.key}.*"
        problem = (
            f"each row is a list of vectors (3-D, {table.rows:,} vectors in all); choose with "
            f"dataset=: {every} takes each as a row"
        )
    return Entry(table.key, shape, "text", problem)


def _chosen(path: Path, tables: list[_Table], dataset: str | None) -> _Table:
    if dataset is not None:
        for table in tables:
            if dataset == table.key:
                break
            inside = dataset.removeprefix(f"{table.key}.") if table.key != ROOT else dataset
            if table.key != ROOT and inside == dataset:
                continue
            for key, _, item in _items(path):
                if key == table.key and (fields := fields_of(item, inside)) is not None:
                    table.fields, table.problem = fields, None
                    return table
    entry, _ = choose(_entries(tables), dataset, str(path))
    return next(table for table in tables if table.key == entry.key)


def _is_lines(path: Path) -> bool:
    """Whether a file holds a value a line: JSON lines under the ending of JSON."""
    with opened_text(path) as handle:
        first, second = handle.readline(FIELD).strip(), handle.readline(1 << 16).strip()
    if not first or not second or first[0] not in "[{" or second[0] != first[0]:
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def open_jsonfile(path: Path, dataset: str | None) -> Source:
    """Parse the file; ``dataset`` is the key of a table, or the dotted path of its vectors."""
    if _is_lines(path):
        return JsonLinesSource(path, dataset)
    tables = _tables(path)
    beside = {table.key for table in tables} | {n for t in tables if t.key == ROOT for n in t.names}
    return JsonSource(path, _chosen(path, tables, dataset), frozenset(beside))


def inspect_jsonfile(path: Path) -> Contents:
    """Say what the file holds: it has to be parsed for that."""
    if _is_lines(path):
        return inspect_jsonlines(path)
    return contents_of(path, "JSON", _entries(_tables(path)))
