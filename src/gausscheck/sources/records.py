"""Structured arrays: a field that is a vector, or fields that are numbers, as rows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    Contents,
    Entry,
    FileSource,
    choose,
    contents_of,
    is_side,
    left_out,
    problem_of,
    read_stored,
    stored_eps,
)

NUMBERS = "columns"
"""What the fields of floating-point numbers are called together."""


class RecordsSource(FileSource):
    """Rows of the records of a ``.npy``, read by position: memory holds the block asked for.

    Parameters
    ----------
    path : Path
    shape : tuple of int
    stored : numpy.dtype
        With fields.
    offset : int
        Where the records begin.
    field : str or None
        A field that is a vector, or ``columns``.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        stored: np.dtype[Any],
        offset: int,
        field: str | None,
    ) -> None:
        self.path, self._stored, self._offset = path, stored, offset
        if offset + math.prod(shape) * stored.itemsize != path.stat().st_size:
            raise GausscheckError(
                f"{path}: truncated or damaged: {path.stat().st_size:,} bytes do not hold {shape} "
                f"records of {stored.itemsize}; copy or download it again"
            )
        entry, _ = choose(_entries(shape, stored), field, str(path))
        self._fields = _floats(stored) if entry.key == NUMBERS else [entry.key]
        self.uri = f"{path}:{entry.key}"
        self.n, self.d = entry.shape
        self.dtype = np.dtype(entry.dtype)
        self.eps = stored_eps(self.dtype)
        left = [name for name in stored.names or () if name not in self._fields]
        self.notes = left_out(left) if entry.key == NUMBERS else ()

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        records = self._records(start, stop)
        if len(self._fields) == 1:
            return np.ascontiguousarray(records[self._fields[0]], dtype=self.dtype)
        return np.stack([records[name].astype(self.dtype) for name in self._fields], axis=1)

    def _records(self, start: int, stop: int) -> NDArray[Any]:
        return read_stored(self.path, self._stored, self._offset, start, stop - start, self.uri)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another field; None where there is none of that name, or it is no single value."""
        names = self._stored.names or ()
        if key not in names or self._stored[key].shape:
            return None
        values = np.asarray(self._records(0, self.n)[key])
        return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values


def _floats(stored: np.dtype[Any]) -> list[str]:
    names = stored.names or ()
    return [k for k in names if stored[k].kind == "f" and not is_side(k)]


def _entries(shape: tuple[int, ...], stored: np.dtype[Any]) -> list[Entry]:
    found = []
    n = math.prod(shape)
    for name in stored.names or ():
        base, inner = stored[name].base.newbyteorder("="), stored[name].shape
        problem = "a field of single values" if not inner else problem_of((n, *inner), base)
        found.append(Entry(name, (n, *inner), str(base), problem))
    floats = _floats(stored)
    if len(floats) > 1 and not any(entry.usable for entry in found):
        dtype = np.result_type(*(stored[name] for name in floats)).newbyteorder("=")
        whole = (n, len(floats))
        found.append(Entry(NUMBERS, whole, str(dtype), problem_of(whole, dtype)))
    return found


def inspect_records(path: Path, shape: tuple[int, ...], stored: np.dtype[Any]) -> Contents:
    """Say what the fields of the records are."""
    return contents_of(path, ".npy, records", _entries(shape, stored))
