"""Parquet: a column of lists, or many columns of numbers; row groups decoded as they are read."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    Contents,
    Entry,
    check_file,
    choose,
    contents_of,
    need,
    problem_of,
    stored_eps,
)

NUMBERS = "columns"
"""What the plain columns of floating-point numbers are called together."""

_HELD = 2
"""Decoded row groups kept."""


class ParquetSource:
    """Rows of one column of lists, or of all columns of floats together."""

    def __init__(self, path: Path, entry: Entry, columns: list[str]) -> None:
        self._path, self._columns = path, columns
        self._file: Any = None
        self._held: dict[int, NDArray[Any]] = {}
        meta = self._open().metadata
        self._ends = list(
            accumulate(meta.row_group(i).num_rows for i in range(meta.num_row_groups))
        )
        self.uri = f"{path}:{entry.key}"
        self.n, self.d = entry.shape
        self.dtype = np.dtype(entry.dtype)
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_file": None, "_held": {}}

    def _open(self) -> Any:
        if self._file is None:
            self._file = _reader(self._path)
        return self._file

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        pieces = []
        group = bisect_right(self._ends, start)
        while group < len(self._ends):
            rows = self._group(group)
            low = self._ends[group] - len(rows)
            if low >= stop:
                break
            pieces.append(rows[max(start - low, 0) : stop - low])
            group += 1
        return np.ascontiguousarray(pieces[0] if len(pieces) == 1 else np.concatenate(pieces))

    def _group(self, group: int) -> NDArray[Any]:
        if group not in self._held:
            while len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            first = self._ends[group - 1] if group else 0
            try:
                table = self._open().read_row_group(group, columns=self._columns, use_threads=False)
            except Exception as err:
                raise GausscheckError(
                    f"{self.uri}: rows from {first} on cannot be read ({_line(err)}); the file is "
                    "damaged: copy or download it again"
                ) from err
            self._held[group] = self._decode(table, first)
        return self._held[group]

    def _decode(self, table: Any, first: int) -> NDArray[Any]:
        if len(self._columns) > 1:
            stack = [table[name].to_numpy() for name in self._columns]
            return np.stack(stack, axis=1).astype(self.dtype, copy=False)
        parts = []
        for chunk in table[self._columns[0]].chunks:
            parts.append(self._lists(chunk, first))
            first += len(chunk)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _lists(self, chunk: Any, first: int) -> NDArray[Any]:
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
        if key not in self._open().schema_arrow.names:
            return None
        values = self._open().read(columns=[key])[key].to_numpy()
        return values.astype(np.str_) if values.dtype == object else np.asarray(values)


def _reader(path: Path) -> Any:
    need("pyarrow", "parquet", str(path))
    import pyarrow.parquet as pq

    check_file(path)
    try:
        return pq.ParquetFile(path)
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected a parquet file, got a damaged or truncated one ({_line(err)}); copy "
            "or download it again"
        ) from err


def _line(err: Exception) -> str:
    return (str(err) or type(err).__name__).splitlines()[0]


def _entries(path: Path) -> list[Entry]:
    import pyarrow.types as kinds

    file = _reader(path)
    n = file.metadata.num_rows
    found, floats = [], []
    for field in file.schema_arrow:
        kind = field.type
        if kinds.is_floating(kind):
            floats.append(kind.to_pandas_dtype())
        listed = kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)
        if not listed:
            found.append(Entry(field.name, (n,), str(kind), f"{kind}: not a column of lists"))
            continue
        try:
            dtype = np.dtype(kind.value_type.to_pandas_dtype())
        except (NotImplementedError, TypeError):
            dtype = np.dtype(object)
        width = kind.list_size if kinds.is_fixed_size_list(kind) else _width(file, field.name, path)
        shape = (n, width)
        found.append(Entry(field.name, shape, str(dtype), problem_of(shape, dtype)))
    if len(floats) > 1 and not any(entry.usable for entry in found):
        shape = (n, len(floats))
        dtype = np.result_type(*floats)
        found.append(Entry(NUMBERS, shape, str(dtype), problem_of(shape, dtype)))
    return found


def _width(file: Any, name: str, path: Path) -> int:
    """Length of the first list."""
    try:
        for batch in file.iter_batches(batch_size=1, columns=[name], use_threads=False):
            return len(batch.column(0)[0]) if batch.column(0)[0].is_valid else 0
    except Exception as err:
        raise GausscheckError(
            f"{path}:{name}: the first row cannot be read ({_line(err)}); the file is damaged"
        ) from err
    return 0


def open_parquet(path: Path, dataset: str | None) -> ParquetSource:
    """Open one column of lists, or all columns of floats where there is none."""
    entry, _ = choose(_entries(path), dataset, str(path))
    if entry.key != NUMBERS:
        return ParquetSource(path, entry, [entry.key])
    import pyarrow.types as kinds

    schema = _reader(path).schema_arrow
    return ParquetSource(path, entry, [f.name for f in schema if kinds.is_floating(f.type)])


def inspect_parquet(path: Path) -> Contents:
    """Say what the file holds."""
    return contents_of(path, "parquet", _entries(path))
