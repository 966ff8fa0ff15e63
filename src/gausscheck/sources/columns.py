"""Columns as Arrow holds them: which can be embeddings, and how their values become rows."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    Entry,
    FileSource,
    choose,
    is_side,
    left_out,
    line_of,
    problem_of,
    stored_eps,
)
from gausscheck.sources.cells import is_list, numbers_of, plausible

NUMBERS = "columns"
"""What the plain columns of floating-point numbers are called together."""

BATCH_BYTES = 1 << 20
"""Bytes of rows decoded at a time: a row group may be as large as the file."""

_HELD = 3
"""Decoded batches kept."""

_TEXT = "text"
"""The type of a column of lists written as text."""

First = Callable[[str], list[Any]]
"""Returns the first values of a column that are not null, as Arrow scalars."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table holds.

    Attributes
    ----------
    entries : list of Entry
    floats : list of str
        The plain columns of floating-point numbers.
    packed : dict
        Element types of the columns whose values are bytes.
    """

    entries: list[Entry]
    floats: list[str]
    packed: dict[str, str]


def columns_of(schema: Any, n: int, first: First) -> Columns:
    """Say what the columns of a schema are."""
    import pyarrow.types as kinds

    found: list[Entry] = []
    floats: dict[str, np.dtype[Any]] = {}
    packed: dict[str, str] = {}
    for field in schema:
        kind = getattr(field.type, "storage_type", field.type)
        if kinds.is_floating(kind) and not is_side(field.name):
            floats[field.name] = np.dtype(kind.to_pandas_dtype())
        fixed = kinds.is_fixed_size_list(kind)
        if fixed or kinds.is_list(kind) or kinds.is_large_list(kind):
            width = kind.list_size if fixed else next((len(v) for v in first(field.name)), 0)
            found.append(_list_entry(field.name, (n, width), kind.value_type))
        elif _is_bytes(kind):
            entry, dtype = _bytes_entry(field.name, n, first(field.name)[:64])
            found.append(entry)
            packed.update({} if dtype is None else {field.name: dtype})
        elif kinds.is_string(kind) or kinds.is_large_string(kind):
            found.append(_text_entry(field.name, n, first(field.name)[:16]))
        else:
            found.append(Entry(field.name, (n,), str(kind), f"{kind}: not a column of lists"))
    if len(floats) > 1 and not any(entry.usable for entry in found):
        shape, widest = (n, len(floats)), np.result_type(*floats.values())
        found.append(Entry(NUMBERS, shape, str(widest), problem_of(shape, widest)))
    return Columns(found, list(floats), packed)


def _is_bytes(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(
        kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind)
    )


def _list_entry(name: str, shape: tuple[int, int], kind: Any) -> Entry:
    """Return the entry of a column of lists of one kind of value."""
    import pyarrow.types as kinds

    if kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind):
        reason = "lists of lists (documents of tokens); save one vector a row, or 3-D to flatten"
        return Entry(name, shape, f"list of {kind}", reason)
    if not (kinds.is_floating(kind) or kinds.is_integer(kind) or kinds.is_boolean(kind)):
        return Entry(name, shape, f"list of {kind}", f"lists of {kind}, not of numbers")
    dtype = np.dtype(kind.to_pandas_dtype())
    return Entry(name, shape, str(dtype), problem_of(shape, dtype))


def _bytes_entry(name: str, n: int, first: list[Any]) -> tuple[Entry, str | None]:
    raws = [value.as_py() for value in first]
    if not raws or len({len(raw) for raw in raws}) > 1:
        return Entry(name, (n,), "bytes", "bytes of no one length"), None
    dtype = packed_type(raws)
    if dtype is None:
        return Entry(name, (n,), "bytes", "bytes that are not float32, float64 or float16"), None
    held = np.dtype(dtype)
    return Entry(name, (n, len(raws[0]) // held.itemsize), str(held.newbyteorder("="))), dtype


def packed_type(raws: Sequence[bytes]) -> str | None:
    """Return the float type in which all of some bytes look like coordinates; None if in none."""
    types = ("<f4", "<f8", "<f2")
    return next((t for t in types if all(plausible(raw, t) for raw in raws if any(raw))), None)


def _text_entry(name: str, n: int, first: list[Any]) -> Entry:
    texts = [value.as_py() for value in first]
    if not texts or not all(map(is_list, texts)):
        return Entry(name, (n,), "string", "string: not a column of lists")
    try:
        width = len(numbers_of(texts[0], name) or ())
    except GausscheckError as err:
        return Entry(name, (n,), "string", f"text of lists: {err}")
    return Entry(name, (n, width), _TEXT, problem_of((n, width), np.dtype(np.float64)))


class BatchedSource(FileSource):
    """Rows of one column of lists (or bytes, or text), or of all columns of floats together.

    Rows are decoded in order, a batch of about 1 MB at a time. A read that goes back, or on to
    another part of the file, starts at the beginning of its part. A null is a row of NaN.

    Parameters
    ----------
    path : Path
    columns : Columns
    dataset : str or None
    sizes : sequence of int
        Rows of each part of the file that reading can begin at.
    """

    def __init__(
        self, path: Path, columns: Columns, dataset: str | None, sizes: Sequence[int]
    ) -> None:
        entry, _ = choose(columns.entries, dataset, str(path))
        self.path, self.uri = path, f"{path}:{entry.key}"
        self.n, self.d = entry.shape
        self._columns = [entry.key]
        self._kind = "text" if entry.dtype == _TEXT else columns.packed.get(entry.key, "lists")
        self._batches: Iterator[Any] = iter(())
        self._next = -1
        self._held: deque[tuple[int, NDArray[Any]]] = deque(maxlen=_HELD)
        self._ends = list(accumulate(sizes))
        self.dtype = np.dtype(np.float64 if entry.dtype == _TEXT else entry.dtype)
        self.eps = stored_eps(np.dtype(np.float32) if entry.dtype == _TEXT else self.dtype)
        self.notes: tuple[str, ...] = ()
        if entry.key == NUMBERS:
            self._columns = columns.floats
            others = [held.key for held in columns.entries if held.key not in columns.floats]
            self.notes = left_out([name for name in others if name != NUMBERS])
        elif self._kind == "text":
            self.notes = ("lists written as text",)
        elif self._kind != "lists":
            self.notes = (f"bytes taken as {self.dtype}",)
        self._rows = max(64, BATCH_BYTES // (self.d * self.dtype.itemsize))

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        cursor = {"_batches": iter(()), "_next": -1, "_held": deque(maxlen=_HELD)}
        return {**self.__dict__, **cursor}

    def _begin(self, part: int) -> Iterator[Any]:
        """Yield the batches of this and all later parts of the file."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file and forget decoded batches; the next read opens it again."""
        self._held.clear()
        self._batches, self._next = iter(()), -1

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
        for low, held in self._held:
            if low <= row < low + len(held):
                return low, held
        part = bisect_right(self._ends, row)
        begin = self._ends[part - 1] if part else 0
        if not begin <= self._next <= row:
            self._held.clear()
            self._batches, self._next = self._begin(part), begin
        while True:
            low = self._next
            try:
                table = next(self._batches, None)
                after = low if table is None else low + table.num_rows
                rows = self._decode(table, low) if table is not None and row < after else None
            except GausscheckError:
                raise
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
            self._next = after
            if rows is not None:
                self._held.append((low, rows))
                return self._held[-1]

    def _decode(self, table: Any, first: int) -> NDArray[Any]:
        if len(self._columns) > 1:
            out = np.empty((table.num_rows, self.d), dtype=self.dtype)
            for place, name in enumerate(self._columns):
                out[:, place] = table.column(name).to_numpy(zero_copy_only=False)
            return out
        chunk = table.column(self._columns[0])
        chunk = getattr(chunk, "storage", chunk)  # a tensor type is a fixed-size list underneath
        valid = ~chunk.is_null().to_numpy(zero_copy_only=False)
        if self._kind == "lists":
            return self._lists(chunk, valid, first)
        held = chunk.to_pylist()
        return self._texts(held, first) if self._kind == "text" else self._packed(held, first)

    def _lists(self, chunk: Any, valid: NDArray[Any], first: int) -> NDArray[Any]:
        if self.dtype.kind != "f" and not valid.all():
            row = first + int(np.flatnonzero(~valid)[0])
            raise GausscheckError(f"{self.uri}: row {row} is null; leave such rows out of the file")
        values = chunk.flatten()
        if hasattr(chunk, "offsets"):
            lengths = np.diff(chunk.offsets.to_numpy())
            other = np.flatnonzero((lengths != self.d) & valid)
            if other.size:
                raise self._uneven(first + int(other[0]), int(lengths[other[0]]))
        if values.null_count and self.dtype.kind != "f":
            place = int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])
            raise GausscheckError(
                f"{self.uri}: row {first + place // self.d} holds a null; leave such rows out"
            )
        flat = values.to_numpy(zero_copy_only=False).astype(self.dtype, copy=False)
        if valid.all():
            return np.asarray(flat.reshape(-1, self.d))
        out = np.full((len(valid), self.d), np.nan, dtype=self.dtype)
        out[valid] = flat.reshape(-1, self.d)
        return out

    def _uneven(self, row: int, length: int) -> GausscheckError:
        return GausscheckError(
            f"{self.uri}: row {row} has {length} numbers, the first has {self.d}; all rows must be "
            "of one length"
        )

    def _texts(self, held: list[str | None], first: int) -> NDArray[Any]:
        out = np.full((len(held), self.d), np.nan)
        for place, text in enumerate(held):
            values = numbers_of(text, f"{self.uri}: row {first + place}")
            if values is not None and len(values) != self.d:
                raise self._uneven(first + place, len(values))
            out[place] = np.nan if values is None else values
        return out

    def _packed(self, held: list[bytes | None], first: int) -> NDArray[Any]:
        size = np.dtype(self._kind).itemsize
        out = np.full((len(held), self.d), np.nan, dtype=self.dtype)
        for place, raw in enumerate(held):
            if raw is not None and len(raw) != self.d * size:
                raise self._uneven(first + place, len(raw) // size)
            out[place] = np.nan if raw is None else np.frombuffer(raw, self._kind)
        return out
