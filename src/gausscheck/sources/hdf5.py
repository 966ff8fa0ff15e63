"""HDF5 files: the 2-D numeric dataset is found, groups searched, chunks read once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import (
    Contents,
    Entry,
    FileSource,
    choose,
    contents_of,
    line_of,
    problem_of,
    stored_eps,
)
from gausscheck.sources.stack import Getter, StackSource, stacked, summed_up


class Hdf5Source(FileSource):
    """Rows of one dataset. The file is opened on first read and can travel by its path."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self._key = path, key
        self._file: Any = None
        try:
            data = self._dataset()
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
        return {**self.__dict__, "_file": None}

    def _dataset(self) -> Any:
        if self._file is None:
            import h5py

            # a cache of 64 MB holds a chunk that straddles two reads
            self._file = h5py.File(self.path, "r", rdcc_nbytes=64 << 20)
        return self._file[self._key]

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        out = np.empty((stop - start, self.d), dtype=self.dtype)
        try:
            self._dataset().read_direct(out, np.s_[start:stop])
        except Exception as err:
            raise GausscheckError(
                f"{self.uri}: rows {start} to {stop} cannot be read ({line_of(err)}); the file "
                "is damaged: copy or download it again"
            ) from err
        return out

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another dataset of the file, strings decoded; None where there is none."""
        return column_hdf5(self.path, key)


def check_written(data: Any, uri: str) -> None:
    """Refuse a dataset of which something was never written: HDF5 makes up the values.

    Raises
    ------
    GausscheckError
    """
    if data.is_virtual:
        folder = Path(data.file.filename).parent
        names = {source.file_name for source in data.virtual_sources()}
        lost = sorted(n for n in names if n != "." and not (folder / n).is_file())
        if lost:
            raise GausscheckError(
                f"{uri}: a virtual dataset whose sources are missing: {', '.join(lost[:3])}; HDF5 "
                f"would read them as {data.fillvalue}: put them beside it"
            )
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

    with h5py.File(path, "r") as file:
        item = file.get(key)
        return values_of(item) if isinstance(item, h5py.Dataset) else None


def values_of(item: Any) -> NDArray[Any]:
    """Return all of a dataset, strings decoded."""
    import h5py

    if h5py.check_string_dtype(item.dtype) is not None:
        return np.asarray(item.asstr()[()], dtype=np.str_)
    return np.asarray(item[()])


def entries_of(path: Path) -> list[Entry]:
    """List the datasets of a file, in groups too."""
    import h5py

    check_file(path)
    found: list[Entry] = []

    def visit(name: str | bytes, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape != ():
            shape = (0,) if item.shape is None else item.shape  # a null dataspace
            problem = _problem(item) if item.shape else "it holds nothing"
            if isinstance(name, bytes):  # h5py leaves a name that is not UTF-8 as it is
                name, problem = name.decode("utf-8", "replace"), "its name is not UTF-8"
            found.append(Entry(name, shape, str(item.dtype), problem))
        elif isinstance(item, h5py.Datatype) and isinstance(name, str):
            found.append(Entry(name, (0,), "a type", "it is a type, not a dataset"))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected an HDF5 file, got one that is damaged, truncated or of another kind "
            f"({line_of(err)}); copy or download it again"
        ) from err
    return found


def _problem(item: Any) -> str | None:
    import h5py

    if h5py.check_string_dtype(item.dtype) is not None:
        return "strings are not numbers"
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
    import h5py

    file = h5py.File(path, "r")
    return lambda key: file[key]


def documents_hdf5(path: Path) -> tuple[list[Entry], Getter]:
    """Return the file's datasets, and what reads rows of one."""
    get = getter_hdf5(path)

    def checked(key: str) -> Any:
        data = get(key)
        check_written(data, f"{path}:/{key}")
        return data

    return entries_of(path), checked


def inspect_hdf5(path: Path) -> Contents:
    """Say what the file holds."""
    found, said = summed_up(entries_of(path), "dataset")
    return contents_of(path, f"HDF5{said}", found)
