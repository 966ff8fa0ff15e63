"""Numbers without a header: raw memory, whose shape is told beside it; ``.fvecs`` and ``.fbin``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.files import check_file
from gausscheck.sources.archive import is_archive
from gausscheck.sources.base import (
    Contents,
    Entry,
    FileSource,
    contents_of,
    dtype_problem,
    line_of,
    read_stored,
    require,
    stored_eps,
)
from gausscheck.sources.refused import refused_by_content

_COUNTED = {".fbin": "<f4", ".u8bin": "u1", ".i8bin": "i1", ".hbin": "<f2"}
"""Files that begin with the number of rows and of dimensions, int32 each."""

_PREFIXED = {".fvecs": "<f4", ".bvecs": "u1", ".ivecs": "<i4"}
"""Files whose every row begins with its length, an int32."""

_DIMENSIONS = 64
"""Of an array, at most."""

_ODD = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What other JSON than a shape raises."""

_PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


class RawSource(FileSource):
    """Rows at an offset of a file, read by position: a block at a time is all that memory holds.

    Parameters
    ----------
    path : Path
    shape : (int, int)
    dtype : numpy.dtype
        As it is stored; a record type with a field ``row`` where something lies between the rows.
    offset : int
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        offset: int = 0,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.path, self.uri = path, str(path)
        self._stored, self._offset = dtype, offset
        value = dtype["row"].base if dtype.names else dtype
        require(shape, value, self.uri)
        self.n, self.d = shape
        self.dtype = value.newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        self.notes = notes

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        each = 1 if self._stored.names else self.d
        count = (stop - start) * each
        flat = read_stored(self.path, self._stored, self._offset, start * each, count, self.uri)
        rows = flat["row"] if self._stored.names else flat.reshape(stop - start, self.d)
        return np.ascontiguousarray(rows, dtype=self.dtype)


def dtype_of(name: str, where: str) -> np.dtype[Any]:
    """Read the name of an element type.

    Raises
    ------
    GausscheckError
        If there is no such type of numbers.
    """
    try:
        dtype = np.dtype(name)
    except TypeError as err:
        raise GausscheckError(
            f"{where}: expected an element type such as f4, got {name!r}"
        ) from err
    problem = dtype_problem(dtype)
    if problem is not None:
        raise GausscheckError(f"{where}: expected an element type of numbers, got {problem}")
    return dtype


def open_shaped(path: Path, shape: tuple[int, ...] | None, dtype: str | None) -> RawSource:
    """Open raw memory whose shape and element type are given, or stand in a file beside it.

    Raises
    ------
    GausscheckError
        If the two don't make the size of the file.
    """
    check_file(path)
    beside = _sidecar(path)
    notes: tuple[str, ...] = ()
    if (shape is None or dtype is None) and beside is not None:
        told, kind, name = beside
        shape, dtype = shape or told, dtype or kind
        notes = (f"shape and element type from {name}",)
    if shape is None:
        raise _refusal(path)
    stored = dtype_of("<f4" if dtype is None else dtype, str(path))
    if dtype is None:
        notes += ("taken as float32: name another element type with dtype",)
    size = path.stat().st_size
    rest = math.prod(size for size in shape if size > 0) * stored.itemsize
    if list(shape).count(-1) == 1 and rest and size % rest == 0:
        shape = tuple(size // rest if s == -1 else s for s in shape)
    if any(s < 0 for s in shape) or math.prod(shape) * stored.itemsize != size:
        raise GausscheckError(
            f"{path}: expected {math.prod(shape) * stored.itemsize:,} bytes for shape {shape} of "
            f"{stored}, the file has {size:,}; name the right shape or dtype"
        )
    if len(shape) != 2:
        require(shape, stored, str(path))
    return RawSource(path, (shape[0], shape[1]), stored, 0, notes)


def _sidecar(path: Path) -> tuple[tuple[int, ...], str | None, str] | None:
    """Return shape, element type and name of the JSON file that lies beside raw memory."""
    for name in (f"{path.name}.json", f"{path.stem}.json", f"{path.stem}.meta.json"):
        file = path.with_name(name)
        if not file.is_file() or file.stat().st_size > 1 << 20:
            continue
        try:
            told = json.loads(file.read_text("utf-8"))
            shape, kind = tuple(map(int, told["shape"])), told.get("dtype")
            if len(shape) > _DIMENSIONS or not all(-1 <= size < 1 << 63 for size in shape):
                raise ValueError(f"{len(shape):,} sizes, not all of them those of an array")
        except _ODD as err:
            raise GausscheckError(
                f'{file}: expected {{"shape": [rows, dimensions], "dtype": "float32"}} for '
                f"{path.name}, got what cannot be read ({line_of(err)})"
            ) from err
        return shape, None if kind is None else str(kind), name
    return None


def _refusal(path: Path) -> GausscheckError:
    size = path.stat().st_size
    fits = [d for d in (384, 512, 768, 1024, 1536, 3072) if size % (4 * d) == 0]
    guess = f"; as float32 it would fit d = {', '.join(map(str, fits[:4]))}" if fits else ""
    return GausscheckError(
        f"{path}: raw numbers don't say their shape: give shape and dtype, or save them with one: "
        f"np.save('x.npy', np.fromfile({path.name!r}, 'f4').reshape(-1, d)){guess}"
    )


def _headed(path: Path) -> RawSource | None:
    """Open a file of one of the two layouts of nearest-neighbour benchmarks; None for others."""
    suffix, size = path.suffix.lower(), path.stat().st_size
    head = np.fromfile(path, "<i4", 2)
    if head.size < 2:
        return None
    if suffix in _COUNTED:
        n, d, dtype = int(head[0]), int(head[1]), np.dtype(_COUNTED[suffix])
        fits = n > 0 and d > 0 and 8 + n * d * dtype.itemsize == size
        offset = 8
    elif suffix in _PREFIXED:
        d = int(head[0])
        if not 0 < d < size:
            raise GausscheckError(f"{path}: damaged: a row of {d} numbers; download it again")
        dtype = np.dtype([("length", "<i4"), ("row", _PREFIXED[suffix], (d,))])
        n, fits, offset = size // dtype.itemsize, size % dtype.itemsize == 0, 0
    else:
        return None
    if not fits:
        raise GausscheckError(
            f"{path}: damaged or truncated: rows of {d} numbers do not fill {size:,} bytes; copy "
            "or download it again"
        )
    return RawSource(path, (n, d), dtype, offset)


def open_raw(path: Path, dataset: str | None) -> Source:
    """Open a file without a known header: benchmarks' vectors, word2vec, torch, or raw memory."""
    if _torch(path):
        from gausscheck.sources.torchfile import open_torchfile

        return open_torchfile(path, dataset)
    from gausscheck.sources.words import is_binary_words, open_words

    if is_binary_words(path):
        return open_words(path, dataset)
    if path.suffix.lower() == ".bin" and (known := refused_by_content(path)) is not None:
        raise known
    if dataset is not None:
        raise GausscheckError(f"{path}: raw numbers are one array; leave dataset out")
    return _headed(path) or open_shaped(path, None, None)


def _torch(path: Path) -> bool:
    """Whether a file is one that torch saved."""
    check_file(path)
    with path.open("rb") as handle:
        magic = handle.read(2)
    return is_archive(path) or (magic in _PICKLED and _sidecar(path) is None)


def column_raw(path: Path, key: str) -> NDArray[Any] | None:
    """Return one tensor whole where torch saved the file; None elsewhere."""
    if not _torch(path):
        return None
    from gausscheck.sources.torchfile import column_torchfile

    return column_torchfile(path, key)


def documents_raw(path: Path) -> tuple[list[Entry], Callable[[str], Any]]:
    """Return the tensors of a file that torch saved, and what reads one."""
    if not _torch(path):
        raise GausscheckError(f"{path}: raw numbers: give a shape of two dimensions instead")
    from gausscheck.sources.torchfile import documents_torchfile

    return documents_torchfile(path)


def inspect_raw(path: Path) -> Contents:
    """Say what the file holds."""
    if _torch(path):
        from gausscheck.sources.torchfile import inspect_torchfile

        return inspect_torchfile(path)
    source = open_raw(path, None)
    entry = Entry("array", (source.n, source.d), str(source.dtype))
    return contents_of(path, "word2vec binary" if source.notes and "word" in source.notes[0]
                       else "raw numbers", [entry])  # fmt: skip
