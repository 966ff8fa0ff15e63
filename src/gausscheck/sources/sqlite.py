"""SQLite files: BLOBs of float32 or lists as text in a column, sqlite-vec's tables, chroma's queue.

Opened read-only; no extension is loaded and no view is looked at, so nothing of the file's is run.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.files import check_file
from gausscheck.sources.base import Contents, Entry, choose, contents_of, line_of
from gausscheck.sources.cells import is_list, numbers_of
from gausscheck.sources.columns import packed_type
from gausscheck.sources.labels import check_length, texts
from gausscheck.sources.refused import refused_by_content
from gausscheck.sources.spool import Parsed, SpooledSource

_LOOK = 8
"""Values of a column that are looked at."""

_LONGEST = 1 << 26
"""Bytes of one value at most."""

_STEPS = 200_000_000
"""Steps of SQLite's machine between two rows, at most."""

_VEC_CHUNKS = re.compile(r"(?P<table>.+)_vector_chunks(?P<place>\d\d)$")


@dataclass(frozen=True, slots=True)
class _Column:
    """Where vectors lie in a file.

    Attributes
    ----------
    table, column : str
    dtype : str
        Of the bytes; ``text`` for lists written as text.
    packed : int
        Vectors a value: sqlite-vec keeps a chunk of them in one; 1 elsewhere.
    """

    table: str
    column: str
    dtype: str
    packed: int = 1

    @property
    def key(self) -> str:
        """What it is asked for by."""
        found = _VEC_CHUNKS.match(self.table) if self.packed > 1 else None
        return found["table"] if found else f"{self.table}.{self.column}"


class SqliteSource(SpooledSource):
    """Rows of one column, in the order of the table. A NULL is a row that is not finite.

    Memory holds a value (of 64 MiB at most) and a piece of the numbers.
    """

    _place = "row"

    def __init__(self, path: Path, column: _Column) -> None:
        self._column = column
        kind = np.dtype("f8" if column.dtype == "text" else column.dtype).newbyteorder("=")
        eps = float(np.finfo("f4" if column.dtype == "text" else kind).eps)
        super().__init__(path, f"{path}:{column.key}", kind, eps)
        said = "lists written as text" if column.dtype == "text" else f"bytes taken as {kind}"
        self.notes: tuple[str, ...] = (said, *self._gap_note())

    def _rows(self) -> Iterator[Parsed]:
        held = self._column
        with opened_sqlite(self.path) as base:
            if held.packed > 1:
                yield from enumerate(_of_chunks(base, self.path, held))
                return
            sql = f"SELECT {_name(held.column)} FROM {_name(held.table)}"
            for place, (value,) in enumerate(selected(base, sql)):
                yield place, _vector(value, held.dtype, f"{self.path}: row {place}")

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column of the table (or ``TABLE.COLUMN``), NULL as an empty text."""
        return None if self._column.packed > 1 else _column(self.path, self._column.table, key)


def column_sqlite(path: Path, key: str) -> NDArray[Any] | None:
    """Return a column by ``TABLE.COLUMN``; None where there is none."""
    table, _, column = key.rpartition(".")
    return _column(path, table, column)


def _column(path: Path, table: str, key: str) -> NDArray[Any] | None:
    with opened_sqlite(path) as base:
        if key not in _columns(base, table):
            return None
        held = []
        for (value,) in selected(base, f"SELECT {_name(key)} FROM {_name(table)}"):
            if isinstance(value, bytes):
                return None
            check_length(len(value) if isinstance(value, str) else 0, str(path), key)
            held.append(value)
    if not held:
        return None
    if all(isinstance(value, int | float) for value in held):
        return np.array(held)
    return texts(("" if value is None else value for value in held), str(path), key)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def opened_sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file read-only, as one that nobody writes; damage met on the way is one line."""
    check_file(path)
    _check_size(path)
    wal = path.with_name(path.name + "-wal")
    live = wal.is_file() and wal.stat().st_size > 0
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro{'' if live else '&immutable=1'}"
        base = sqlite3.connect(uri, uri=True)
        try:
            base.text_factory = lambda raw: raw.decode("utf-8", "replace")
            base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            base.execute("PRAGMA trusted_schema = OFF")
            base.execute("PRAGMA cell_size_check = ON")
            base.execute("PRAGMA query_only = ON")
            yield base
        finally:
            base.close()
    except sqlite3.Error as err:
        raise GausscheckError(
            f"{path}: expected a SQLite file, got what cannot be read ({line_of(err)}); copy or "
            "download it again"
        ) from err


def _check_size(path: Path) -> None:
    """Refuse a file that is shorter than its header says, which SQLite would read as zeros."""
    with path.open("rb") as handle:
        head = handle.read(100)
    if len(head) < 100 or not head.startswith(b"SQLite format 3\x00"):
        known = refused_by_content(path)
        if known is not None:
            raise known
        raise GausscheckError(
            f"{path}: expected a SQLite file, got other bytes or one cut short; copy or download "
            "it again"
        )
    page = int.from_bytes(head[16:18], "big")
    expected = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    told = head[24:28] == head[92:96]  # otherwise an old writer left the count as it was
    if told and path.stat().st_size < expected:
        raise GausscheckError(
            f"{path}: truncated: its header promises {expected:,} bytes, the file has "
            f"{path.stat().st_size:,}; copy or download it again"
        )


def selected(
    base: sqlite3.Connection, sql: str, values: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Run a query row by row; one that works without end between two rows is broken off."""
    spent = [0]

    def stop() -> bool:
        spent[0] += 1
        return spent[0] > _STEPS // 100_000

    base.set_progress_handler(stop, 100_000)
    for row in base.execute(sql, values):
        spent[0] = 0
        yield row


def tables_of(base: sqlite3.Connection) -> dict[str, str]:
    """Return the tables of a file that hold rows themselves, with what made them."""
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"  # fmt: skip  # noqa: E501
    return {name: made or "" for name, made in selected(base, sql)}


def _columns(base: sqlite3.Connection, table: str) -> list[str]:
    if table not in tables_of(base):
        return []
    return [row[1] for row in base.execute(f"PRAGMA table_info({_name(table)})")]


def _vector(value: Any, dtype: str, place: str) -> Any:
    if value is None:
        return None
    if dtype == "text":
        if not isinstance(value, str):
            raise GausscheckError(f"{place}: expected a list as text, got {type(value).__name__}")
        return numbers_of(value, place)
    if not isinstance(value, bytes) or len(value) % np.dtype(dtype).itemsize:
        raise GausscheckError(f"{place}: expected bytes of {dtype}, got {str(value)[:40]!r}")
    return np.frombuffer(value, dtype)


def _found(path: Path) -> tuple[list[Entry], dict[str, _Column]]:
    """Look at the first values of every column of every table."""
    entries: list[Entry] = []
    places: dict[str, _Column] = {}
    with opened_sqlite(path) as base:
        tables = tables_of(base)
        virtual = {name for name, sql in tables.items() if sql.upper().startswith("CREATE VIRTUAL")}
        for table in tables:
            if table in virtual:
                continue
            chunk = _VEC_CHUNKS.match(table)
            if chunk is not None and chunk["table"] in virtual:
                _add_chunks(base, table, tables[chunk["table"]], entries, places)
            elif not any(table.startswith(f"{name}_") for name in virtual):
                _add_columns(base, table, entries, places)
    return entries, places


def _add_columns(
    base: sqlite3.Connection, table: str, entries: list[Entry], places: dict[str, _Column]
) -> None:
    n = next(selected(base, f"SELECT count(*) FROM {_name(table)}"))[0]
    for column in _columns(base, table):
        quoted = _name(column)
        sql = f"SELECT {quoted} FROM {_name(table)} WHERE {quoted} IS NOT NULL LIMIT {_LOOK}"
        held = [value for (value,) in selected(base, sql)]
        dtype, width = _kind(held)
        key = f"{table}.{column}"
        if dtype is None:
            entries.append(Entry(key, (n,), _said(held), _why(held)))
            continue
        entries.append(Entry(key, (n, width), "text" if dtype == "text" else str(np.dtype(dtype))))
        places[key] = _Column(table, column, dtype)


def _kind(held: list[Any]) -> tuple[str | None, int]:
    """Return the type of vectors that values hold, and their width; None where they hold none."""
    if held and all(isinstance(value, bytes) for value in held):
        dtype = packed_type(held) if len({len(value) for value in held}) == 1 else None
        width = 0 if dtype is None else len(held[0]) // np.dtype(dtype).itemsize
        return (dtype, width) if width > 1 else (None, 0)
    if held and all(isinstance(value, str) and is_list(value) for value in held):
        try:
            return "text", len(numbers_of(held[0], "") or ())
        except GausscheckError:
            return None, 0
    return None, 0


def _why(held: list[Any]) -> str:
    """Say why values are no vectors."""
    if held and all(isinstance(value, bytes) and value[:1] == b"\x80" for value in held):
        return "pickles, which are never loaded; export the vectors by the program that wrote them"
    sizes = sorted({len(value) for value in held if isinstance(value, bytes)})
    if len(sizes) > 1:
        return f"bytes of different lengths ({', '.join(map(str, sizes[:3]))})"
    if held and isinstance(held[0], float):
        return (
            "one number a row; save a table of numbers as CSV: sqlite3 -csv -header FILE "
            "'SELECT x0, x1, ... FROM TABLE' > x.csv"
        )
    return "no column of vectors"


def _said(held: list[Any]) -> str:
    return type(held[0]).__name__ if held else "empty"


def _add_chunks(
    base: sqlite3.Connection,
    table: str,
    made: str,
    entries: list[Entry],
    places: dict[str, _Column],
) -> None:
    """Take a column of vectors of sqlite-vec, whose chunks lie in a table of their own."""
    found = _VEC_CHUNKS.match(table)
    assert found is not None
    name = found["table"]
    shapes = re.findall(r"(?:float|f32)\s*\[\s*(\d+)\s*\]", made, re.I)
    key = name
    if key in places or len(shapes) <= int(found["place"]):
        entries.append(Entry(f"{name}.{found['place']}", (0,), "sqlite-vec", "not float vectors"))
        return
    n = next(selected(base, f"SELECT count(*) FROM {_name(name + '_rowids')}"))[0]
    d = int(shapes[int(found["place"])])
    entries.append(Entry(key, (n, d), "float32", None if n else "no vectors"))
    places[key] = _Column(table, "vectors", "<f4", packed=d)


def _of_chunks(base: sqlite3.Connection, path: Path, held: _Column) -> Iterator[NDArray[Any]]:
    """Yield the vectors of sqlite-vec's chunks that its bitmap says are there."""
    name, d = held.key, held.packed
    sql = (
        f"SELECT c.validity, v.vectors FROM {_name(name + '_chunks')} c "
        f"JOIN {_name(held.table)} v ON v.rowid = c.chunk_id ORDER BY c.chunk_id"
    )
    for validity, vectors in selected(base, sql):
        if not isinstance(validity, bytes) or not isinstance(vectors, bytes):
            raise GausscheckError(f"{path}:{name}: a damaged chunk; copy it again")
        there = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little").astype(bool)
        if len(vectors) != 4 * d * there.size:
            raise GausscheckError(f"{path}:{name}: a chunk of another size; copy it again")
        yield from np.frombuffer(vectors, "<f4").reshape(-1, d)[there]


def open_sqlite(path: Path, dataset: str | None) -> Source:
    """Open one column of vectors: ``dataset`` is ``TABLE.COLUMN``, or sqlite-vec's table."""
    entries, places = _found(path)
    entry, _ = choose(_short(entries), dataset, str(path))
    return SqliteSource(path, places[entry.key])


def _short(entries: list[Entry]) -> list[Entry]:
    """Leave out what cannot be vectors where there is anything that can."""
    usable = [entry for entry in entries if entry.usable]
    return usable or entries


def inspect_sqlite(path: Path) -> Contents:
    """Say which tables hold vectors."""
    return contents_of(path, "SQLite", _found(path)[0])
