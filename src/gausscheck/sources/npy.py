"""``.npy`` files, read by position: C and Fortran order, any endianness, never pickle."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import (
    LARGEST_PIECE,
    Contents,
    Entry,
    FileSource,
    dtype_problem,
    line_of,
    problem_of,
    read_stored,
    require,
    stored_eps,
)
from gausscheck.sources.fortran import FortranRows
from gausscheck.sources.records import RecordsSource, inspect_records

_HEADER = 1 << 16
"""Bytes of a header that are read, at most: NumPy takes 10,000 characters."""


class NpySource(FileSource):
    """Rows of a .npy file, by plain reads: pages of a file larger than memory do not pile up."""

    def __init__(self, path: Path) -> None:
        shape, fortran, stored, offset = read_header(path)
        self.uri = str(path)
        require(shape, stored, self.uri)
        check_size(path, shape, stored, offset)
        self.n, self.d = shape
        self.dtype = stored.newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ()
        self.path, self._stored, self._offset = path, stored, offset
        self._fortran = fortran and self.d > 1
        self._columns: FortranRows | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_columns": None}

    def close(self) -> None:
        """Forget rows that were read ahead."""
        self._columns = None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        if self._fortran:
            if self._columns is None:
                self._columns = FortranRows(
                    self.path, self._stored, self._offset, (self.n, self.d), self.uri
                )
            return self._columns.read(start, stop)
        count = (stop - start) * self.d
        flat = read_stored(self.path, self._stored, self._offset, start * self.d, count, self.uri)
        return flat.astype(self.dtype, copy=False).reshape(stop - start, self.d)


def read_header(path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether Fortran order, element type, and where the values begin."""
    check_file(path)
    with path.open("rb") as handle:
        try:
            version = np.lib.format.read_magic(handle)
            shape, fortran, dtype = header_of(handle, version)
        except Exception as err:  # NumPy evaluates the header as a literal: anything can come
            raise GausscheckError(
                f"{path}: expected a .npy file, but its header cannot be read ({line_of(err)}); "
                "save it again with numpy.save"
            ) from err
        return shape, fortran, dtype, handle.tell()


def header_of(
    handle: BinaryIO, version: tuple[int, int]
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of a known version that follows the magic bytes.

    Raises
    ------
    Exception
        Of whatever kind NumPy's parser meets; ValueError for an unknown version.
    """
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"version {version} of the format is not known")
    told = handle.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(told, "little")
    if length > _HEADER:
        raise ValueError(f"a header of {length:,} bytes, of which at most {_HEADER:,} are read")
    held = io.BytesIO(told + handle.read(length))
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(held)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(held)
    if not all(0 <= size < 1 << 63 for size in shape):
        raise ValueError("a shape of sizes below 0 or beyond 2^63")
    return shape, fortran, dtype


def check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int) -> None:
    """Refuse a file that is not as long as its header says."""
    expected = offset + math.prod(shape) * dtype.itemsize
    actual = path.stat().st_size
    if actual < expected:
        raise GausscheckError(
            f"{path}: truncated: the header promises {expected:,} bytes for shape {shape}, the "
            f"file has {actual:,}; copy or download it again"
        )
    if actual > expected:
        raise GausscheckError(
            f"{path}: the header promises {expected:,} bytes for shape {shape}, the file has "
            f"{actual:,}: a damaged header, or several arrays in one file; save one array a file"
        )


def documents_npy(path: Path) -> tuple[list[Entry], Callable[[str], Any]]:
    """Return the file's array, and what maps it."""
    shape, fortran, dtype, offset = read_header(path)
    check_size(path, shape, dtype, offset)
    order: Literal["F", "C"] = "F" if fortran else "C"
    entry = Entry("array", tuple(shape), str(dtype), problem_of(shape, dtype))
    return [entry], lambda key: np.memmap(path, dtype, "r", offset, tuple(shape), order)


def open_npy(path: Path, dataset: str | None) -> NpySource | RecordsSource:
    """Open a .npy file; it holds one array, so ``dataset`` must be None, or a field of records."""
    shape, _, stored, offset = read_header(path)
    if stored.names and not stored.hasobject:
        return RecordsSource(path, shape, stored, offset, dataset)
    if dataset is not None:
        raise GausscheckError(f"{path}: a .npy file holds one array; leave dataset= out")
    return NpySource(path)


def whole_npy(path: Path) -> NDArray[Any]:
    """Read the array of a .npy file of any shape: directions, labels.

    Raises
    ------
    GausscheckError
        If it is no such file, holds Python objects, or more than a reader may hold at once.
    """
    shape, _, dtype, offset = read_header(path)
    if dtype.hasobject:
        raise GausscheckError(f"{path}: {dtype_problem(np.dtype(object))}")
    check_size(path, shape, dtype, offset)
    size = math.prod(shape) * dtype.itemsize
    if size > LARGEST_PIECE:
        raise GausscheckError(
            f"{path}: an array of {size:,} bytes, of which at most {LARGEST_PIECE:,} are held"
        )
    return np.asarray(np.load(path, allow_pickle=False))


def inspect_npy(path: Path) -> Contents:
    """Say what the file holds."""
    shape, fortran, dtype, offset = read_header(path)
    if dtype.names and not dtype.hasobject:
        return inspect_records(path, shape, dtype)
    problem = problem_of(shape, dtype)
    if problem is None:
        check_size(path, shape, dtype, offset)
    entry = Entry("array", tuple(shape), str(dtype), problem)
    order = "Fortran order" if fortran else "C order"
    chosen = entry.key if entry.usable else None
    return Contents(str(path), f".npy, {order}", path.stat().st_size, (entry,), chosen,
                    "the only array" if chosen else "nothing to analyse")  # fmt: skip
