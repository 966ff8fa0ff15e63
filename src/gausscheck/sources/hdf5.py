"""HDF5 files: the 2-D numeric dataset is found, groups searched, chunks read once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import (
    LARGEST_PIECE,
    Contents,
    Entry,
    FileSource,
    choose,
    contents_of,
    line_of,
    problem_of,
    stored_eps,
)
from gausscheck.sources.chunked import HELD, ChunkReader
from gausscheck.sources.hdf5_inside import (
    member,
    outside,
    plain_dataset,
    refuse,
    whole_chunk,
)
from gausscheck.sources.labels import as_text, check_beside, texts
from gausscheck.sources.stack import Getter, StackSource, stacked, summed_up

_WORDS = 256
"""Texts read at a time."""

_CACHE = 1 << 20
"""Bytes of chunks that HDF5 keeps of a dataset at least."""


class Hdf5Source(FileSource):
    """Rows of one dataset. The file is opened on first read and can travel by its path.

    Memory holds a block of rows, and 64 MB or one chunk of the file at most.
    """

    _turned = False
    """Whether rows are the second dimension of the dataset."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self._key = path, key
        self._file: Any = None
        self._data: Any = None
        self._reader: ChunkReader | None = None
        self._cache, self._spills = _CACHE, False
        try:
            data = self._dataset()
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{path}:/{key}: cannot be opened ({line_of(err)}); the file is damaged: copy or "
                "download it again"
            ) from err
        self.uri = f"{path}:/{key}"
        check_written(data, self.uri)
        self.n, self.d = data.shape
        self.dtype = data.dtype.newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the open handle."""
        return {**self.__dict__, "_file": None, "_data": None, "_reader": None}

    def _dataset(self) -> Any:
        if self._data is None:
            import h5py

            self._file = h5py.File(self.path, "r", rdcc_nbytes=self._cache)
            self._data = plain_dataset(self._file, self._key, self.path)
        return self._data

    def _shut(self) -> None:
        """Close the file, and with it what HDF5 holds of it."""
        if self._file is not None:
            self._file.close()
        self._file = self._data = None

    def close(self) -> None:
        """Close the file and forget what is held; the next read opens it again."""
        self._shut()
        self._reader = None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        try:
            if self._reader is None:
                self._reader = self._chunked(self._dataset())
            rows: NDArray[Any] = self._reader.read(start, stop, self._fill)
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{self.uri}: rows {start} to {stop} cannot be read ({line_of(err)}); the file "
                "is damaged: copy or download it again"
            ) from err
        if self._spills:
            self._shut()
        return rows

    def _chunked(self, data: Any) -> ChunkReader:
        """Return what reads the rows in whole chunks, where those are decoded."""
        chunk = whole_chunk(data, self._turned)
        wide = self.d * self.dtype.itemsize
        shape = (self.n, self.d)
        if (
            chunk is None
        ):  # any rows can be read by themselves: HDF5 takes no more than is asked for
            return ChunkReader(shape, self.dtype, range(self.n))
        height, strip = chunk
        starts = range(0, self.n, height)
        self._spills = min(height, self.n) * wide > HELD
        if data.is_virtual:
            piece = max(1, LARGEST_PIECE // wide)
            return ChunkReader(shape, self.dtype, starts, piece=piece)
        self._shut()  # HDF5 keeps the one chunk that rows are taken from
        self._cache = max(_CACHE, height * strip * self.dtype.itemsize)
        piece = max(1, HELD // (strip * self.dtype.itemsize))
        return ChunkReader(shape, self.dtype, starts, strip, piece)

    def _fill(self, out: NDArray[Any], low: int, high: int, columns: slice) -> None:
        """Decode some rows of some columns."""
        if self._turned:
            out[...] = self._dataset()[columns, low:high].T
        else:
            self._dataset().read_direct(out, np.s_[low:high, columns])

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another dataset of the file, strings decoded; None where there is none."""
        return column_hdf5(self.path, key)


def check_written(data: Any, uri: str) -> None:
    """Refuse a dataset of which something was never written: HDF5 makes up the values.

    Raises
    ------
    GausscheckError
    """
    if data.is_virtual:  # of this file alone
        for source in data.virtual_sources():
            check_written(member(data.file, source.dset_name, Path(uri)), uri)
        return
    if data.size and data.external is None and data.id.get_storage_size() == 0:
        raise GausscheckError(
            f"{uri}: expected values, found none written: HDF5 would read {data.fillvalue} for all "
            "of them; run what fills it"
        )
    if data.chunks is None:
        return
    expected = math.prod(-(-s // c) for s, c in zip(data.shape, data.chunks, strict=True))
    found = data.id.get_num_chunks()
    if found < expected:
        raise GausscheckError(
            f"{uri}: expected {expected:,} chunks, found {found:,}: the others were never written "
            f"and would be read as {data.fillvalue}; save the rows that were written alone"
        )


def column_hdf5(path: Path, key: str) -> NDArray[Any] | None:
    """Return one dataset whole, strings decoded; None where there is none."""
    import h5py

    with h5py.File(path, "r", rdcc_nbytes=HELD) as file:
        item = member(file, key, path)
        return values_of(item, path) if isinstance(item, h5py.Dataset) else None


def values_of(item: Any, path: Path) -> NDArray[Any]:
    """Return all of a dataset, strings decoded."""
    import h5py

    refuse(item, path)
    check_beside(math.prod(item.shape or ()) * item.dtype.itemsize, str(path), item.name)
    check_written(item, f"{path}:{item.name}")
    if h5py.check_string_dtype(item.dtype) is not None:
        if item.ndim == 1 and item.dtype.kind == "O":
            return texts(_words(item), str(path), item.name)
        return as_text(np.asarray(item.asstr()[()]), str(path), item.name)
    return np.asarray(item[()])


def _words(item: Any) -> Iterator[str]:
    """Yield texts a piece at a time: many rows may share one that the file holds once."""
    for low in range(0, len(item), _WORDS):
        yield from item.asstr()[low : low + _WORDS]


def entries_of(path: Path) -> list[Entry]:
    """List the datasets of a file, in groups too."""
    import h5py

    check_file(path)
    found: list[Entry] = []

    def visit(name: str | bytes, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape != ():
            shape = (0,) if item.shape is None else item.shape  # a null dataspace
            problem = _problem(item) if item.shape else "it holds nothing"
            problem = outside(item) if problem is None else problem
            if isinstance(name, bytes):  # h5py leaves a name that is not UTF-8 as it is
                name, problem = name.decode("utf-8", "replace"), "its name is not UTF-8"
            found.append(Entry(name, shape, str(item.dtype), problem))
        elif isinstance(item, h5py.Datatype) and isinstance(name, str):
            found.append(Entry(name, (0,), "a type", "it is a type, not a dataset"))

    try:
        with opened(path) as file:
            file.visititems(visit)
    except GausscheckError:
        raise
    except Exception as err:
        raise _damaged(path, err) from err
    return found


def opened(path: Path) -> Any:
    """Open a file.

    Raises
    ------
    GausscheckError
        If it is damaged.
    """
    import h5py

    try:
        return h5py.File(path, "r")
    except Exception as err:
        raise _damaged(path, err) from err


def _damaged(path: Path, err: Exception) -> GausscheckError:
    return GausscheckError(
        f"{path}: expected an HDF5 file, got one that is damaged, truncated or of another kind "
        f"({line_of(err)}); copy or download it again"
    )


def _problem(item: Any) -> str | None:
    import h5py

    if h5py.check_string_dtype(item.dtype) is not None:
        return "strings are not numbers"
    if h5py.check_vlen_dtype(item.dtype) is not None:
        return "lists of any length; save them as a dataset of two dimensions"
    if h5py.check_ref_dtype(item.dtype) is not None:
        return "references to other datasets; name one of those"
    if (names := h5py.check_enum_dtype(item.dtype)) is not None:
        return f"codes of the names {', '.join(list(names)[:5])}, which are not embeddings"
    return problem_of(item.shape, item.dtype)


def open_hdf5(path: Path, dataset: str | None) -> Hdf5Source | StackSource:
    """Open one dataset of the file, or all where each is a vector."""
    found = entries_of(path)
    many = stacked(path, found, dataset, getter_hdf5, "dataset")
    if many is not None:
        return many
    entry, _ = choose(found, dataset, str(path))
    return Hdf5Source(path, entry.key)


def getter_hdf5(path: Path) -> Getter:
    """Open the file and return what reads a dataset, or rows of it."""
    file = opened(path)

    def get(key: str) -> Any:
        data = plain_dataset(file, key, path)
        check_written(data, f"{path}:/{key}")
        return data

    return get


def documents_hdf5(path: Path) -> tuple[list[Entry], Getter]:
    """Return the file's datasets, and what reads rows of one."""
    return entries_of(path), getter_hdf5(path)


def inspect_hdf5(path: Path) -> Contents:
    """Say what the file holds."""
    found, said = summed_up(entries_of(path), "dataset")
    return contents_of(path, f"HDF5{said}", found)
