"""Parquet: a column of lists, or many columns of numbers; decoded in batches as rows are read."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import (
    SIDE_NAMES,
    Contents,
    Entry,
    FileSource,
    choose,
    contents_of,
    left_out,
    line_of,
    need,
    problem_of,
    stored_eps,
)

NUMBERS = "columns"
"""What the plain columns of floating-point numbers are called together."""

_BATCH_BYTES = 1 << 20
"""Bytes of rows decoded at a time: a row group may be as large as the file."""

_HELD = 3
"""Decoded batches kept."""

_BUFFER = 1 << 20
"""Bytes of a column read at a time; without it Arrow reads whole columns of a row group."""


class ParquetSource(FileSource):
    """Rows of one column of lists, or of all columns of floats together.

    Rows are decoded in order, a small batch at a time, whatever the size of the row groups. A read
    that goes back, or on to another row group, starts at the beginning of its row group.
    """

    def __init__(
        self, path: Path, entry: Entry, columns: list[str], notes: tuple[str, ...] = ()
    ) -> None:
        self.path, self._columns = path, columns
        self._file: Any = None
        self._batches: Iterator[Any] = iter(())
        self._next = 0
        self._held: deque[tuple[int, NDArray[Any]]] = deque(maxlen=_HELD)
        with _reader(path) as file:
            meta = file.metadata
            sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
        self._ends = list(accumulate(sizes))
        self.uri = f"{path}:{entry.key}"
        self.n, self.d = entry.shape
        self.dtype = np.dtype(entry.dtype)
        self.eps = stored_eps(self.dtype)
        self.notes = notes
        self._rows = max(64, _BATCH_BYTES // (self.d * self.dtype.itemsize))

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        cursor: dict[str, Any] = {
            "_file": None,
            "_batches": iter(()),
            "_next": 0,
            "_held": deque(maxlen=_HELD),
        }
        return {**self.__dict__, **cursor}

    def close(self) -> None:
        """Close the file and forget decoded batches; the next read opens it again."""
        self._held.clear()
        self._batches, self._next = iter(()), 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        out = np.empty((stop - start, self.d), dtype=self.dtype)
        row = start
        while row < stop:
            low, rows = self._batch(row)
            mine = rows[row - low : stop - low]
            out[row - start : row - start + len(mine)] = mine
            row += len(mine)
        return out

    def _batch(self, row: int) -> tuple[int, NDArray[Any]]:
        """Return the decoded batch that holds a row, and its first row."""
        for low, rows in self._held:
            if low <= row < low + len(rows):
                return low, rows
        group = bisect_right(self._ends, row)
        begin = self._ends[group - 1] if group else 0
        if self._file is None or not begin <= self._next <= row:
            self._seek(group, begin)
        while True:
            low = self._next
            try:
                table = next(self._batches, None)
            except Exception as err:
                raise GausscheckError(
                    f"{self.uri}: rows from {low} on cannot be read ({line_of(err)}); the file is "
                    "damaged: copy or download it again"
                ) from err
            if table is None or table.num_rows == 0:
                raise GausscheckError(
                    f"{self.uri}: damaged: {self.n:,} rows promised, {low:,} found; copy or "
                    "download it again"
                )
            self._next += table.num_rows
            if row < self._next:
                self._held.append((low, self._decode(table, low)))
                return self._held[-1]

    def _seek(self, group: int, begin: int) -> None:
        self._held.clear()
        if self._file is None:
            self._file = _reader(self.path)
        self._batches = self._file.iter_batches(
            batch_size=self._rows,
            row_groups=range(group, len(self._ends)),
            columns=self._columns,
            use_threads=False,
        )
        self._next = begin

    def _decode(self, table: Any, first: int) -> NDArray[Any]:
        if len(self._columns) == 1:
            return self._lists(table.column(0), first)
        out = np.empty((table.num_rows, self.d), dtype=self.dtype)
        for place, name in enumerate(self._columns):
            out[:, place] = table.column(name).to_numpy(zero_copy_only=False)
        return out

    def _lists(self, chunk: Any, first: int) -> NDArray[Any]:
        chunk = getattr(chunk, "storage", chunk)  # a tensor type is a fixed-size list underneath
        if chunk.null_count:
            row = first + int(np.flatnonzero(chunk.is_null().to_numpy(zero_copy_only=False))[0])
            raise GausscheckError(f"{self.uri}: row {row} is null; leave such rows out of the file")
        values = chunk.flatten()
        if hasattr(chunk, "offsets"):
            lengths = np.diff(chunk.offsets.to_numpy())
            other = np.flatnonzero(lengths != self.d)
            if other.size:
                raise GausscheckError(
                    f"{self.uri}: row {first + int(other[0])} has {lengths[other[0]]} numbers, the "
                    f"first has {self.d}; all rows must be of one length"
                )
        if values.null_count:
            place = int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])
            raise GausscheckError(
                f"{self.uri}: row {first + place // self.d} holds a null; leave such rows out"
            )
        flat = values.to_numpy(zero_copy_only=False).astype(self.dtype, copy=False)
        return np.asarray(flat.reshape(-1, self.d))

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none."""
        return column_parquet(self.path, key)


def column_parquet(path: Path, key: str) -> NDArray[Any] | None:
    """Return one plain column, text as text; None where there is none."""
    with _reader(path) as file:
        if key not in file.schema_arrow.names:
            return None
        values = file.read(columns=[key])[key].to_numpy()
    return values.astype(np.str_) if values.dtype == object else np.asarray(values)


def _reader(path: Path) -> Any:
    need("pyarrow", "parquet", str(path))
    import pyarrow.parquet as pq

    check_file(path)
    try:
        return pq.ParquetFile(
            path, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
        )
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected a parquet file, got a damaged or truncated one ({line_of(err)}); "
            "copy or download it again"
        ) from err


def _entries(path: Path) -> tuple[list[Entry], list[str]]:
    """Return what the file holds, and the names of the plain columns of floats."""
    with _reader(path) as file:
        import pyarrow.types as kinds

        n = file.metadata.num_rows
        found: list[Entry] = []
        floats = {}
        for field in file.schema_arrow:
            kind = getattr(field.type, "storage_type", field.type)
            if kinds.is_floating(kind) and field.name not in SIDE_NAMES:
                floats[field.name] = np.dtype(kind.to_pandas_dtype())
            fixed = kinds.is_fixed_size_list(kind)
            if fixed or kinds.is_list(kind) or kinds.is_large_list(kind):
                width = kind.list_size if fixed else _width(file, field.name, path)
                found.append(_list_entry(field.name, (n, width), kind.value_type))
            else:
                found.append(Entry(field.name, (n,), str(kind), f"{kind}: not a column of lists"))
    if len(floats) > 1 and not any(entry.usable for entry in found):
        shape, dtype = (n, len(floats)), np.result_type(*floats.values())
        found.append(Entry(NUMBERS, shape, str(dtype), problem_of(shape, dtype)))
    return found, list(floats)


def _list_entry(name: str, shape: tuple[int, int], kind: Any) -> Entry:
    """Return the entry of a column of lists of one kind of value."""
    import pyarrow.types as kinds

    if not (kinds.is_floating(kind) or kinds.is_integer(kind) or kinds.is_boolean(kind)):
        return Entry(name, shape, f"list of {kind}", f"lists of {kind}, not of numbers")
    dtype = np.dtype(kind.to_pandas_dtype())
    return Entry(name, shape, str(dtype), problem_of(shape, dtype))


def _width(file: Any, name: str, path: Path) -> int:
    """Length of the first list that is not null."""
    try:
        for batch in file.iter_batches(batch_size=64, columns=[name], use_threads=False):
            for item in batch.column(0):
                if item.is_valid:
                    return len(item)
    except Exception as err:
        raise GausscheckError(
            f"{path}:{name}: the first row cannot be read ({line_of(err)}); the file is damaged"
        ) from err
    return 0


def open_parquet(path: Path, dataset: str | None) -> ParquetSource:
    """Open one column of lists, or all columns of floats where there is none."""
    found, floats = _entries(path)
    entry, _ = choose(found, dataset, str(path))
    if entry.key != NUMBERS:
        return ParquetSource(path, entry, [entry.key])
    others = [held.key for held in found if held.key not in (*floats, NUMBERS)]
    return ParquetSource(path, entry, floats, left_out(others))


def inspect_parquet(path: Path) -> Contents:
    """Say what the file holds."""
    return contents_of(path, "parquet", _entries(path)[0])
