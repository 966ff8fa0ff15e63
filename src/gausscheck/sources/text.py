"""CSV, TSV and JSON lines: columns of numbers, or a column of lists written as text.

A file is parsed once, a line at a time, into an unnamed temporary file that rows are read from.
"""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    KNOWN_NAMES,
    SIDE_NAMES,
    Contents,
    Entry,
    check_file,
    contents_of,
)

NUMBERS = "columns"
"""What the plain columns of numbers are called together."""

_WRITE = 1 << 16
"""Values parsed before they are written."""

_DELIMITERS = {".csv": ",", ".tsv": "\t"}

Record = tuple[int, Any, dict[str, str]]
"""Line number, the row's numbers (a list or its text), the other columns."""


class TextSource:
    """Rows parsed from a text file."""

    def __init__(self, path: Path, dataset: str | None) -> None:
        self._path, self._dataset = path, dataset
        self._file: Any = None
        self._beside: dict[str, list[str]] = {}
        self.uri = str(path)
        self.dtype = np.dtype(np.float64)
        self.eps = float(np.finfo(np.float32).eps)  # what text usually keeps
        self.notes: tuple[str, ...] = ("text, parsed once into a temporary file",)
        self.n, self.d = self._parse()

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path: parsed anew where it arrives."""
        return {**self.__dict__, "_file": None}

    def _parse(self) -> tuple[int, int]:
        self._file = tempfile.TemporaryFile(prefix="gausscheck-")  # noqa: SIM115 - lives with the source
        weakref.finalize(self, self._file.close)
        self._beside = {}
        n, d, waiting = 0, 0, []
        try:
            for line, row, others in _records(self._path, self._dataset):
                values = _numbers(row, self._path, line)
                if n == 0:
                    d = len(values)
                if len(values) != d or d == 0:
                    raise GausscheckError(
                        f"{self._path}: line {line} has {len(values)} numbers, the first has {d}; "
                        "all rows must be of one length"
                    )
                waiting.append(values)
                if len(waiting) * d >= _WRITE:
                    np.asarray(waiting, dtype=np.float64).tofile(self._file)
                    waiting = []
                for name, value in others.items():
                    self._beside.setdefault(name, []).append(value)
                n += 1
        except (UnicodeDecodeError, csv.Error, EOFError, OSError) as err:
            raise GausscheckError(f"{self._path}: cannot be read as text: {err}") from err
        if n == 0:
            raise GausscheckError(f"{self._path}: expected rows of numbers, found none")
        if waiting:
            np.asarray(waiting, dtype=np.float64).tofile(self._file)
        self._file.flush()
        return n, d

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        if self._file is None:
            self._parse()
        self._file.seek(8 * start * self.d)
        flat = np.fromfile(self._file, np.float64, (stop - start) * self.d)
        return flat.reshape(stop - start, self.d)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none."""
        values = self._beside.get(key)
        return None if values is None else np.array(values, dtype=np.str_)


def _kind(path: Path) -> str:
    inner = Path(path.stem) if path.suffix == ".gz" else path
    kind = inner.suffix.lower()
    if kind not in (".csv", ".tsv", ".jsonl", ".ndjson"):
        raise GausscheckError(f"{path}: expected .csv, .tsv or .jsonl inside .gz, got {inner.name}")
    return kind


def _open(path: Path) -> TextIO:
    check_file(path)
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open("r", encoding="utf-8", newline="")


def _records(path: Path, dataset: str | None) -> Iterator[Record]:
    kind = _kind(path)
    with _open(path) as handle:
        if kind in _DELIMITERS:
            yield from _table(csv.reader(handle, delimiter=_DELIMITERS[kind]), path, dataset)
        else:
            yield from _objects(handle, path, dataset)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _table(reader: Any, path: Path, dataset: str | None) -> Iterator[Record]:
    """Rows of a delimited file; a first line that is not all numbers and lists is a header."""
    csv.field_size_limit(1 << 27)
    first = next(reader, None)
    if first is None:
        return
    headed = not all(_is_number(c) or c.lstrip().startswith("[") for c in first)
    names = first if headed else [str(i) for i in range(len(first))]
    rows = reader if headed else _chain(first, reader)
    column: int | None = None
    plain: list[int] = []
    for row in rows:
        if not row:
            continue
        if column is None and not plain:
            column, plain = _columns(names, row, path, dataset)
        if len(row) != len(names):
            raise GausscheckError(
                f"{path}: line {reader.line_num} has {len(row)} cells, the first has {len(names)}"
            )
        mine = {column} if column is not None else set(plain)
        others = {names[i]: row[i] for i in range(len(row)) if i not in mine}
        yield (
            reader.line_num,
            row[column] if column is not None else [row[i] for i in plain],
            others,
        )


def _chain(first: list[str], reader: Any) -> Iterator[list[str]]:
    yield first
    yield from reader


def _columns(
    names: list[str], row: list[str], path: Path, dataset: str | None
) -> tuple[int | None, list[int]]:
    """Pick the column of lists, or the columns of numbers."""
    lists = [i for i, cell in enumerate(row) if cell.lstrip().startswith("[")]
    if dataset is not None and dataset != NUMBERS:
        if dataset not in names:
            raise GausscheckError(f"{path}: expected a column {dataset!r}, got {', '.join(names)}")
        return names.index(dataset), []
    for known in KNOWN_NAMES:
        if known in names and names.index(known) in lists:
            return names.index(known), []
    if len(lists) == 1:
        return lists[0], []
    if lists:
        named = ", ".join(names[i] for i in lists)
        raise GausscheckError(f"{path}: several columns of lists; choose with --dataset: {named}")
    plain = [i for i, c in enumerate(row) if _is_number(c) and names[i] not in SIDE_NAMES]
    if len(plain) < 2:
        raise GausscheckError(
            f"{path}: expected columns of numbers or a column of lists, got {', '.join(names)}"
        )
    return None, plain


def _objects(handle: TextIO, path: Path, dataset: str | None) -> Iterator[Record]:
    """Rows of JSON lines: a list each, or an object with a list under a known key."""
    key = dataset
    for number, line in enumerate(handle, 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except ValueError as err:
            raise GausscheckError(f"{path}: line {number} is not JSON: {err}") from err
        if isinstance(held, list):
            yield number, held, {}
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
        others = {
            k: str(v) for k, v in held.items() if isinstance(v, str | int | float) and k != key
        }
        yield number, held[key], others


def _numbers(row: Any, path: Path, line: int) -> list[float]:
    """Turn a list, or the text of one, into numbers."""
    try:
        values = json.loads(row.replace("nan", "NaN")) if isinstance(row, str) else row
        return [float(v) for v in values]
    except (ValueError, TypeError) as err:
        raise GausscheckError(
            f"{path}: line {line}: expected numbers, got {str(err).splitlines()[0]}"
        ) from err


def open_text(path: Path, dataset: str | None) -> TextSource:
    """Parse the file."""
    _kind(path)
    return TextSource(path, dataset)


def inspect_text(path: Path) -> Contents:
    """Say what the file holds: it has to be parsed for that."""
    source = TextSource(path, None)
    entries = [Entry("embeddings", (source.n, source.d), "text")]
    entries += [Entry(k, (source.n,), "text", "a label column") for k in source._beside]
    return contents_of(path, f"text {_kind(path)}", entries)
