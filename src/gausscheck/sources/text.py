"""CSV, TSV and JSON lines: columns of numbers, or a column of lists written as text.

A file is parsed once, a line at a time, into an unnamed temporary file that rows are read from.
"""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import (
    KNOWN_NAMES,
    Contents,
    Entry,
    FileSource,
    contents_of,
    left_out,
    line_of,
)
from gausscheck.sources.layout import Layout, layout_of, missing, peek

_WRITE = 1 << 16
"""Values parsed before they are written."""

_DELIMITERS = {".csv": ",", ".tsv": "\t"}

_FIELD = 1 << 27
"""Characters of one cell at most."""

Row = tuple[int, Any]
"""Line number, and the row's numbers, or the text of them."""


class TextSource(FileSource):
    """Rows parsed from a text file."""

    def __init__(self, path: Path, dataset: str | None) -> None:
        self.path, self._wanted = path, dataset
        self._file: Any = None
        self._left: tuple[str, ...] = ()
        self._taken = dataset or "rows"
        self.uri = str(path)
        self.dtype = np.dtype(np.float64)
        self.eps = float(np.finfo(np.float32).eps)  # what text usually keeps
        self.n, self.d = self._parse()
        self.notes: tuple[str, ...] = (
            "text, parsed once into a temporary file",
            *left_out(self._left),
            *_cut_note(path),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path: parsed anew where it arrives."""
        return {**self.__dict__, "_file": None}

    def _parse(self) -> tuple[int, int]:
        self._file = tempfile.TemporaryFile(prefix="gausscheck-")  # noqa: SIM115 - lives with the source
        weakref.finalize(self, self._file.close)
        n, d, waiting = 0, 0, []
        with _opened(self.path) as handle:
            if _kind(self.path) in _DELIMITERS:
                rows, layout = _table(handle, self.path, self._wanted)
                self._left, self._taken = layout.left, layout.taken
            else:
                rows = _objects(handle, self.path, self._wanted)
            for line, values in rows:
                if n == 0:
                    d = len(values)
                if len(values) != d or d == 0:
                    raise GausscheckError(
                        f"{self.path}: line {line} has {len(values)} numbers, the first has {d}; "
                        "all rows must be of one length"
                    )
                waiting.append(values)
                n += 1
                if len(waiting) * d >= _WRITE:
                    np.asarray(waiting, dtype=np.float64).tofile(self._file)
                    waiting = []
            if waiting:
                np.asarray(waiting, dtype=np.float64).tofile(self._file)
            self._file.flush()
        if n == 0:
            raise GausscheckError(f"{self.path}: expected rows of numbers, found none")
        return n, d

    @property
    def taken(self) -> str:
        """The column of lists, ``columns`` for those of numbers, ``rows`` of JSON lines."""
        return self._taken

    @property
    def left(self) -> tuple[str, ...]:
        """The columns that are not taken."""
        return self._left

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        if self._file is None:
            self._parse()
        self._file.seek(8 * start * self.d)
        flat = np.fromfile(self._file, np.float64, (stop - start) * self.d)
        return flat.reshape(stop - start, self.d)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none."""
        return column_text(self.path, key)


def column_text(path: Path, key: str) -> NDArray[Any] | None:
    """Return one column as text, read from the file anew; None where there is none."""
    with _opened(path) as handle:
        if _kind(path) not in _DELIMITERS:
            held = [_member(item, key) for _, item in _lines(handle, path)]
            return None if None in held or not held else np.array(held, dtype=np.str_)
        reader, layout, rows = _peeked(handle, path, None)
        if key not in layout.names:
            return None
        place = layout.names.index(key)
        return np.array([row[place] for _, row in _whole(reader, rows, layout, path)], np.str_)


def _member(item: Any, key: str) -> str | None:
    value = item.get(key) if isinstance(item, dict) else None
    return str(value) if isinstance(value, str | int | float) else None


def _kind(path: Path) -> str:
    inner = Path(path.stem) if path.suffix.lower() == ".gz" else path
    kind = inner.suffix.lower()
    if kind not in (*_DELIMITERS, ".jsonl", ".ndjson"):
        raise GausscheckError(f"{path}: expected .csv, .tsv or .jsonl inside .gz, got {inner.name}")
    return kind


def _cut_note(path: Path) -> tuple[str, ...]:
    if path.suffix.lower() == ".gz":
        return ()  # an archive that is cut cannot be read at all
    with path.open("rb") as handle:
        handle.seek(-1, 2)
        whole = handle.read(1) in b"\r\n"
    return () if whole else ("the last line has no line break: the file may be cut short",)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a text file, unpacked on the way; damage met while it is open is one line."""
    check_file(path)
    opener: Callable[..., Any] = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as handle:
            yield handle
    except (UnicodeDecodeError, csv.Error, EOFError, OSError, zlib.error) as err:
        raise GausscheckError(f"{path}: cannot be read as text: {line_of(err)}") from err


def _peeked(
    handle: TextIO, path: Path, wanted: str | None
) -> tuple[Any, Layout, list[tuple[int, list[str]]]]:
    """Return a reader, what its first rows say of the columns, and those rows that are data."""
    csv.field_size_limit(_FIELD)
    delimiter = _DELIMITERS[_kind(path)]
    first = handle.readline()
    handle.seek(0)
    if delimiter == "," and "," not in first:
        delimiter = next((d for d in ";\t" if d in first), ",")
    reader = csv.reader(handle, delimiter=delimiter)
    rows = peek(reader)
    if not rows:
        raise GausscheckError(f"{path}: expected rows of numbers, found none")
    layout = layout_of(rows, wanted, path)
    return reader, layout, rows[1:] if layout.headed else rows


def _whole(
    reader: Any, rows: list[tuple[int, list[str]]], layout: Layout, path: Path
) -> Iterator[tuple[int, list[str]]]:
    """Yield the first rows and the others, each with as many cells as there are columns."""

    def all_rows() -> Iterator[tuple[int, list[str]]]:
        yield from rows
        for row in reader:
            if row:
                yield reader.line_num, row

    for line, row in all_rows():
        if len(row) != len(layout.names):
            raise GausscheckError(
                f"{path}: line {line} has {len(row)} cells, the first has {len(layout.names)}"
            )
        yield line, row


def _table(handle: TextIO, path: Path, wanted: str | None) -> tuple[Iterator[Row], Layout]:
    """Return the rows of a delimited file, and what its columns are."""
    reader, layout, first = _peeked(handle, path, wanted)

    def rows() -> Iterator[Row]:
        for line, row in _whole(reader, first, layout, path):
            if layout.column is not None:
                yield line, _numbers(row[layout.column], path, line)
            else:
                yield line, _cells([row[i] for i in layout.plain], path, line)

    return rows(), layout


def _cells(cells: list[str], path: Path, line: int) -> list[float]:
    """Turn cells into numbers; an empty one is NaN, which the audit refuses or drops by row."""
    try:
        return list(map(float, cells))
    except ValueError:
        pass
    try:
        return [np.nan if missing(cell) else float(cell) for cell in cells]
    except ValueError as err:
        raise GausscheckError(f"{path}: line {line}: expected numbers, got {line_of(err)}") from err


def _lines(handle: TextIO, path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the values of JSON lines."""
    for number, line in enumerate(handle, 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except (ValueError, RecursionError) as err:
            raise GausscheckError(f"{path}: line {number} is not JSON: {line_of(err)}") from err
        yield number, held


def _objects(handle: TextIO, path: Path, dataset: str | None) -> Iterator[Row]:
    """Yield rows of JSON lines: a list each, or an object with a list under a known key."""
    key = dataset
    for number, held in _lines(handle, path):
        if isinstance(held, list):
            yield number, _numbers(held, path, number)
            continue
        if not isinstance(held, dict):
            raise GausscheckError(f"{path}: line {number}: expected a list or an object")
        if key is None:
            key = next((k for k in KNOWN_NAMES if k in held), None)
            lists = [k for k, v in held.items() if isinstance(v, list)]
            key = lists[0] if key is None and len(lists) == 1 else key
        if key is None or key not in held:
            raise GausscheckError(
                f"{path}: line {number}: expected a list under {key or 'a known key'}, got keys "
                f"{', '.join(held)}; choose with --dataset"
            )
        yield number, _numbers(held[key], path, number)


def _numbers(row: Any, path: Path, line: int) -> list[float]:
    """Turn a list, or the text of one, into numbers."""
    try:
        values = _parsed(row) if isinstance(row, str) else row
        if not isinstance(values, list):
            raise ValueError(f"{type(values).__name__} {str(values)[:40]!r}")
        odd = [v for v in values if type(v) not in (int, float)]
        if odd:
            raise ValueError(f"{json.dumps(odd[0])[:40]} in the list")
        return [float(v) for v in values]
    except (ValueError, OverflowError, RecursionError) as err:
        raise GausscheckError(f"{path}: line {line}: expected numbers, got {line_of(err)}") from err


def _parsed(text: str) -> Any:
    """Read the text of a list, with commas or, as NumPy prints arrays, with spaces.

    Examples
    --------
    >>> _parsed("[0.5, nan]"), _parsed("[1. 2.]")
    ([0.5, nan], [1.0, 2.0])
    """
    try:
        return json.loads(text)
    except ValueError:
        inner = text.strip()
        if not (inner.startswith("[") and inner.endswith("]")):
            raise ValueError(f"{inner[:40]!r}, which is not a list") from None
        if "..." in inner:
            raise ValueError(
                "an array cut short as NumPy prints it (...): save it with tolist()"
            ) from None
        return [float(cell) for cell in inner[1:-1].replace(",", " ").split()]


def open_text(path: Path, dataset: str | None) -> TextSource:
    """Parse the file."""
    _kind(path)
    return TextSource(path, dataset)


def inspect_text(path: Path) -> Contents:
    """Say what the file holds: it has to be parsed for that."""
    source = TextSource(path, None)
    entries = [Entry(source.taken, (source.n, source.d), "text")]
    entries += [Entry(k, (source.n,), "text", "beside the rows") for k in source.left if k]
    return contents_of(path, f"text {_kind(path)}", entries)
