"""MATLAB files: version 5 by SciPy, version 7.3 as the HDF5 that it is, turned the right way."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import (
    Contents,
    Entry,
    choose,
    contents_of,
    dtype_problem,
    line_of,
    problem_of,
    stored_eps,
)
from gausscheck.sources.hdf5 import Hdf5Source, column_hdf5, entries_of
from gausscheck.sources.labels import check_beside
from gausscheck.sources.matlab_classes import mat_kinds
from gausscheck.sources.spool import Parsed, SpooledSource

_HDF5 = b"\x89HDF\r\n\x1a\n"

_MOST = 2 << 30
"""Bytes of a matrix made dense, at most."""

_TYPES = {
    "double": "f8", "single": "f4", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "logical": "?", "char": "U1",
}  # fmt: skip


_WAYS_OUT = {
    "struct": "save its fields: save('x.mat', '-struct', '{0}')",
    "cell": "join its vectors: x = cell2mat({0}(:)); save x.mat x",
}
"""What makes a matrix of what is none, in MATLAB."""


class MatlabSource(SpooledSource):
    """Rows of one matrix of a version 5 file.

    SciPy decodes the matrix whole, 2 GB at most by the format; then it lies in a temporary file.
    """

    _place = "row"

    def __init__(self, path: Path, key: str) -> None:
        self._key = key
        self._matrix: NDArray[Any] | None = _matrix(path, key)
        dtype = self._matrix.dtype.newbyteorder("=")
        super().__init__(path, f"{path}:{key}", dtype, stored_eps(dtype))
        self._matrix = None
        self.notes: tuple[str, ...] = ()

    def _rows(self) -> Iterator[Parsed]:
        held = self._matrix
        yield from enumerate(_matrix(self.path, self._key) if held is None else held)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another vector of the file; None where there is none."""
        return column_matlab(self.path, key)


class Matlab73Source(Hdf5Source):
    """Rows of a matrix of a version 7.3 file, which lies in it by columns."""

    _turned = True

    def __init__(self, path: Path, key: str) -> None:
        super().__init__(path, key)
        self.n, self.d = self.d, self.n

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another vector of the file; None where there is none."""
        return column_matlab(self.path, key)


def _is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5: behind 512 bytes of MATLAB's own, or at once."""
    check_file(path)
    with path.open("rb") as handle:
        head = handle.read(520)
    return _HDF5 in (head[:8], head[512:520])


def _loaded(path: Path, key: str) -> Any:
    """Load a variable of numbers or characters; None for any other, which is not looked into."""
    from scipy.io import loadmat

    variables = [told for told in _variables(path) if told[0] == key]
    if not variables or any(kind not in {*_TYPES, "sparse"} for _, _, kind in variables):
        return None
    _, shape, kind = variables[0]
    size = math.prod(shape) * np.dtype(_TYPES[kind]).itemsize if kind in _TYPES else 0
    if size > _MOST:
        raise GausscheckError(f"{path}:{key}: {size:,} bytes, of which {_MOST:,} are held at most")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return loadmat(path, variable_names=[key]).get(key)
    except Exception as err:
        raise _damaged(path, err) from err


def _variables(path: Path) -> list[tuple[str, tuple[int, ...], str]]:
    """Return name, shape and kind of each variable of a version 5 file, from their headers."""
    from scipy.io import whosmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = whosmat(path)
            kinds = mat_kinds(path)
        if kinds is None:
            return list(told)
        if len(kinds) != len(told):
            raise ValueError(f"{len(told)} variables, {len(kinds)} found")
        return [
            (name, shape, kind if held in (None, kind) else held)
            for (name, shape, kind), held in zip(told, kinds, strict=True)
        ]
    except Exception as err:
        raise _damaged(path, err) from err


def _matrix(path: Path, key: str) -> NDArray[Any]:
    held = _loaded(path, key)
    if not isinstance(held, np.ndarray):
        if not hasattr(held, "toarray"):
            raise _damaged(path, ValueError(f"{key} is no matrix"))
        if 8 * math.prod(held.shape) > _MOST:
            raise GausscheckError(
                f"{path}:{key}: a sparse matrix too large to be made dense here, {held.shape}; "
                "save it with scipy.sparse.save_npz"
            )
        held = held.toarray()
    problem = dtype_problem(held.dtype)
    if problem is not None:
        raise GausscheckError(f"{path}:{key}: expected real numbers, got {problem}")
    return np.asarray(held)


def _damaged(path: Path, err: BaseException) -> GausscheckError:
    return GausscheckError(
        f"{path}: expected a MATLAB file of version 4 to 7.3, got a damaged or truncated one "
        f"({line_of(err)}); copy it again or save it with -v7.3"
    )


def _column(path: Path, key: str) -> Any:
    """Load a vector of numbers or characters; None for what is neither."""
    for name, shape, kind in _variables(path):
        if name == key and (kind not in _TYPES or len(shape) != 2):
            return None
        if name == key:
            size = math.prod(shape) * np.dtype(_TYPES[kind]).itemsize
            check_beside(size, str(path), key, math.prod(shape) if kind == "char" else max(shape))
    return _loaded(path, key)


def column_matlab(path: Path, key: str) -> NDArray[Any] | None:
    """Return a vector of numbers or of texts; None where there is none."""
    held = column_hdf5(path, key) if _is_hdf5(path) else _column(path, key)
    if not isinstance(held, np.ndarray) or held.dtype.kind not in "biufU":
        return None
    return np.asarray(held).reshape(-1) if held.ndim == 2 and 1 in held.shape else None


def _entries(path: Path) -> list[Entry]:
    if _is_hdf5(path):
        found = [e for e in entries_of(path) if not e.key.startswith("#")]
        return [Entry(e.key, e.shape[::-1], e.dtype, e.problem) for e in found]
    return [_entry(*variable) for variable in _variables(path)]


def _entry(name: str, shape: tuple[int, ...], kind: str) -> Entry:
    if kind == "sparse":
        return Entry(name, shape, "float64", problem_of(shape, np.dtype("f8")))
    if kind not in _TYPES:
        way = _WAYS_OUT.get(kind, "not a matrix of numbers").format(name)
        return Entry(name, shape, kind, f"{kind}: {way}")
    if 1 in shape and len(shape) == 2:
        return Entry(name, shape, kind, f"shape {shape}: one vector")
    dtype = np.dtype(_TYPES[kind])
    return Entry(name, shape, str(dtype), problem_of(shape, dtype))


def open_matlab(path: Path, dataset: str | None) -> MatlabSource | Matlab73Source:
    """Open one matrix of the file."""
    entry, _ = choose(_entries(path), dataset, str(path))
    return (Matlab73Source if _is_hdf5(path) else MatlabSource)(path, entry.key)


def inspect_matlab(path: Path) -> Contents:
    """Say what the file holds."""
    version = "7.3" if _is_hdf5(path) else "5"
    return contents_of(path, f"MATLAB {version}", _entries(path))
