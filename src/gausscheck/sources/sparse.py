"""Sparse matrices as scipy.sparse saves them: made dense a block of rows at a time."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.archive import unpacked
from gausscheck.sources.base import (
    LARGEST_PIECE,
    BaseSource,
    FileSource,
    dtype_problem,
    line_of,
    stored_eps,
)

MEMBERS = frozenset({"format", "shape", "data"})
"""What an archive of a sparse matrix holds, of whatever layout."""

_PIECE = 1 << 20
"""Entries that are sorted at a time."""

_SMALL = 1 << 20
"""Bytes of the members that say format and shape, at most."""


class _Entries(NamedTuple):
    """The entries of a matrix by rows: where each row begins, and columns and values."""

    starts: NDArray[Any]
    columns: NDArray[Any]
    values: NDArray[Any]

    def dense(self, start: int, stop: int, d: int) -> NDArray[Any]:
        """Return rows as a dense block; entries of one place are added up."""
        out = np.zeros((stop - start, d), dtype=self.values.dtype.newbyteorder("="))
        low, high = int(self.starts[start]), int(self.starts[stop])
        rows = np.repeat(np.arange(stop - start), np.diff(self.starts[start : stop + 1]))
        np.add.at(out, (rows, self.columns[low:high]), self.values[low:high])
        return out


class SparseSource(FileSource):
    """Rows of a CSR, CSC or COO matrix in an ``.npz``.

    Members are unpacked into temporary files and read from there; entries that lie by columns or
    in no order are sorted by rows into others, a million at a time. Memory holds one number a row
    and the dense block that is asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.uri = path, f"{path}:sparse"
        self._held: _Entries | None = None
        self._shape, kind = _head(path)
        self._kind = kind
        entries = self._entries()
        self.n, self.d = self._shape
        self.dtype = entries.values.dtype.newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        full = entries.values.size / (self.n * self.d)
        self.notes: tuple[str, ...] = (
            f"a sparse {kind} matrix, {full:.2%} of it filled, made dense a block at a time",
        )

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_held": None}

    def _entries(self) -> _Entries:
        if self._held is None:
            try:
                self._held = _by_rows(self.path, self._kind, self._shape)
            except GausscheckError:
                raise
            except Exception as err:
                raise GausscheckError(
                    f"{self.path}: expected a sparse matrix, its members don't fit together "
                    f"({line_of(err)}); save it again with scipy.sparse.save_npz"
                ) from err
        return self._held

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, dense and C-contiguous."""
        return self._entries().dense(start, stop, self.d)

    def close(self) -> None:
        """Give the temporary files back."""
        self._held = None


def _head(path: Path) -> tuple[tuple[int, int], str]:
    """Return shape and format, from members that are small or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            small = ("format", "shape", "format.npy", "shape.npy")
            if any(m.file_size > _SMALL for m in archive.infolist() if m.filename in small):
                raise ValueError("its format or shape is far too long")
        with np.load(path, allow_pickle=False) as archive:
            kind = archive["format"].item()
            n, d = map(int, archive["shape"])
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected a sparse matrix, its format and shape cannot be read "
            f"({line_of(err)}); save it again with scipy.sparse.save_npz"
        ) from err
    name = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    if name not in ("csr", "csc", "coo"):
        raise GausscheckError(f"{path}: expected a csr, csc or coo matrix, got {name}; use tocsr()")
    if 8 * (max(n, d) if name == "csc" else n) > LARGEST_PIECE:
        raise GausscheckError(
            f"{path}: a sparse {name} matrix of shape {(n, d)}: where its rows begin takes more "
            f"than the {LARGEST_PIECE:,} bytes that are held; it is damaged, or save it again in "
            "parts"
        )
    if n < 1 or d < 1:
        raise GausscheckError(f"{path}: expected rows and dimensions, got shape {(n, d)}")
    return (n, d), name


def _member(path: Path, name: str) -> NDArray[Any]:
    """Return a one-dimensional member, mapped from a temporary file."""
    held = unpacked(path, name)
    if held.ndim != 1:
        raise ValueError(f"{name} of shape {held.shape}")
    return held


def _by_rows(path: Path, kind: str, shape: tuple[int, int]) -> _Entries:
    values = _member(path, "data")
    problem = dtype_problem(values.dtype)
    if problem is not None:
        raise GausscheckError(f"{path}: expected a sparse matrix of numbers, got {problem}")
    n, d = shape
    if kind == "coo":
        columns = _member(path, "col")
        if columns.shape != values.shape:
            raise ValueError(f"{columns.size} columns for {values.size} values")
        return _sorted(shape, _member(path, "row"), lambda low, high: columns[low:high], values)
    starts, inner = _member(path, "indptr"), _member(path, "indices")
    major = n if kind == "csr" else d
    ends = np.array(starts[: major + 2])  # one too many is enough to be refused
    if ends.shape != (major + 1,) or ends[0] != 0 or ends[-1] != values.size:
        raise ValueError(f"indptr of {ends.size} for {major} and {values.size} values")
    if (np.diff(ends) < 0).any() or inner.shape != values.shape:
        raise ValueError("indptr or indices out of order")
    _check(inner, d if kind == "csr" else n)
    if kind == "csr":
        return _Entries(ends.astype(np.int64), inner, values)
    return _sorted(
        shape,
        inner,
        lambda low, high: np.searchsorted(ends, np.arange(low, high), "right") - 1,
        values,
    )


def _check(places: NDArray[Any], most: int) -> None:
    for low in range(0, places.size, _PIECE):
        piece = places[low : low + _PIECE]
        if piece.min() < 0 or piece.max() >= most:
            raise ValueError(f"an index beyond {most}")


def _sorted(
    shape: tuple[int, int],
    rows: NDArray[Any],
    columns: Callable[[int, int], NDArray[Any]],
    values: NDArray[Any],
) -> _Entries:
    """Sort entries by rows, by counting: they are walked twice, and scattered into files."""
    n, d = shape
    if rows.shape != values.shape:
        raise ValueError(f"{rows.size} rows for {values.size} values")
    _check(rows, n)
    counts = np.zeros(n, np.int64)
    for low in range(0, rows.size, _PIECE):
        counts += np.bincount(rows[low : low + _PIECE], minlength=n)
    starts = np.concatenate(([0], np.cumsum(counts)))
    out = _Entries(starts, _scratch(values.size, np.dtype(np.int64)),
                   _scratch(values.size, values.dtype))  # fmt: skip
    after = starts[:-1].copy()
    for low in range(0, values.size, _PIECE):
        high = min(low + _PIECE, values.size)
        row, column, value = rows[low:high], columns(low, high), values[low:high]
        _check(column, d)
        order = np.argsort(row, kind="stable")
        row = row[order]
        first = np.r_[True, row[1:] != row[:-1]]
        begins = np.flatnonzero(first)
        rank = np.arange(row.size) - np.repeat(begins, np.diff(np.append(begins, row.size)))
        place = after[row] + rank
        out.columns[place], out.values[place] = column[order], value[order]
        np.add.at(after, row, 1)
    return out


def _scratch(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array in an unnamed temporary file."""
    if size == 0:
        return np.empty(0, dtype)
    with tempfile.TemporaryFile(prefix="gausscheck-") as file:  # the mapping keeps it
        return np.memmap(file, dtype=dtype, mode="w+", shape=(size,))


def open_sparse(path: Path) -> SparseSource:
    """Open the sparse matrix of an archive."""
    return SparseSource(path)


class SparseArraySource(BaseSource):
    """Rows of a sparse matrix in memory.

    Parameters
    ----------
    matrix : scipy.sparse array or matrix
    """

    def __init__(self, matrix: Any) -> None:
        self.uri = f"<scipy {type(matrix).__name__}>"
        problem = dtype_problem(matrix.dtype)
        if problem is not None or len(matrix.shape) != 2 or 0 in matrix.shape:
            raise GausscheckError(
                f"{self.uri}: expected a 2-D array of real numbers (rows, dimensions), got "
                f"{problem or f'shape {matrix.shape}'}"
            )
        self._rows = matrix.tocsr()
        self.n, self.d = (int(size) for size in matrix.shape)
        self.dtype = np.dtype(matrix.dtype).newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ("a sparse matrix, made dense a block at a time",)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, dense and C-contiguous."""
        return np.ascontiguousarray(self._rows[start:stop].toarray(), dtype=self.dtype)
