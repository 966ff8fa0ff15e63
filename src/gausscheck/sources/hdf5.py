"""HDF5 files: the 2-D numeric dataset is found, groups searched, chunks read once.

A file may point outside itself (links, virtual datasets, external storage) and name filters that
HDF5 loads from a plug-in: none of it is followed.
"""

from __future__ import annotations

import math
import sys
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
    as_text,
    check_beside,
    choose,
    contents_of,
    line_of,
    problem_of,
    stored_eps,
)
from gausscheck.sources.stack import Getter, StackSource, stacked, summed_up

FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
"""Filters that come with HDF5 or h5py: deflate, shuffle, fletcher32, szip, n-bit, scale-offset,
LZF."""

_COPY = "copy its values into a dataset of their own"
"""What to do about a view that is not read."""

_LINKS = 16
"""Links that are followed one after another."""


class Hdf5Source(FileSource):
    """Rows of one dataset. The file is opened on first read and can travel by its path."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self._key = path, key
        self._file: Any = None
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
        return {**self.__dict__, "_file": None}

    def _dataset(self) -> Any:
        if self._file is None:
            import h5py

            # a cache of 64 MB holds a chunk that straddles two reads
            self._file = h5py.File(self.path, "r", rdcc_nbytes=64 << 20)
        return plain_dataset(self._file, self._key, self.path)

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        out = np.empty((stop - start, self.d), dtype=self.dtype)
        if start == stop:  # h5py before 3.13 divides by it
            return out
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

    with h5py.File(path, "r") as file:
        item = member(file, key, path)
        return values_of(item, path) if isinstance(item, h5py.Dataset) else None


def values_of(item: Any, path: Path) -> NDArray[Any]:
    """Return all of a dataset, strings decoded."""
    import h5py

    _refuse(item, path)
    check_beside(math.prod(item.shape or ()) * item.dtype.itemsize, str(path), item.name)
    check_written(item, f"{path}:{item.name}")
    if h5py.check_string_dtype(item.dtype) is not None:
        return as_text(np.asarray(item.asstr()[()]), str(path), item.name)
    return np.asarray(item[()])


def member(file: Any, key: str, path: Path, depth: int = 0) -> Any:
    """Return what lies under a key, links inside the file followed; None where nothing does.

    Raises
    ------
    GausscheckError
        At a link to another file, and where links lead in circles.
    """
    import h5py

    place, rest = file, [part for part in key.split("/") if part not in ("", ".")]
    while rest:
        name = rest.pop(0)
        if not isinstance(place, h5py.Group):
            return None
        try:
            link = place.get(name, getlink=True)
        except TypeError:  # a kind of link that h5py does not know
            link = h5py.ExternalLink("", "")
        if isinstance(link, h5py.ExternalLink):
            raise GausscheckError(
                f"{path}: {key} is a link to another file, which is not followed; name that file"
            )
        if isinstance(link, h5py.SoftLink):
            if depth > _LINKS:
                raise GausscheckError(f"{path}: {key} is a link that leads in circles")
            begin = "" if link.path.startswith("/") else f"{place.name}/"
            return member(file, "/".join([begin + link.path, *rest]), path, depth + 1)
        if link is None:
            return None
        place = place[name]
    return place


def plain_dataset(file: Any, key: str, path: Path) -> Any:
    """Return a dataset whose values lie in this file and need no plug-in.

    Raises
    ------
    GausscheckError
    """
    item = member(file, key, path)
    if item is None:
        raise GausscheckError(f"{path}: expected a dataset {key}, found none")
    _refuse(item, path)
    return item


def _refuse(item: Any, path: Path) -> None:
    problem = outside(item)
    if problem is not None:
        raise GausscheckError(f"{path}:{item.name}: {problem}")


def outside(item: Any) -> str | None:
    """Say why the values of a dataset are not read: they lie elsewhere, or need what is not ours.

    Reading a chunk makes HDF5 look for a filter that it does not know among plug-ins, and load it.
    """
    if item.external:
        return "its values lie in other files, which are not read; copy them into one file"
    plist = item.id.get_create_plist()
    if item.is_virtual:
        return _behind_view(item)
    filters = [plist.get_filter(place)[0] for place in range(plist.get_nfilters())]
    strange = [number for number in filters if number not in FILTERS]
    if strange and "hdf5plugin" not in sys.modules:
        return (
            f"packed with filter {strange[0]}, which is not part of HDF5; repack it with gzip, or "
            "import hdf5plugin before"
        )
    if item.chunks is not None:
        size = math.prod(item.chunks) * item.dtype.itemsize
        if size > LARGEST_PIECE:
            return f"chunks of {size:,} bytes, of which at most {LARGEST_PIECE:,} are held"
    return None


def _behind_view(item: Any) -> str | None:
    """Say why a view (a virtual dataset) is not read; None where it shows datasets of its file.

    HDF5 makes up what a view does not find, follows a view of itself until the stack is full, and
    would load plug-ins or open files for what it shows.
    """
    import h5py

    shown = 0
    for source in item.virtual_sources():
        if source.file_name != ".":
            return "a view of other files, which are not followed; name one of them"
        try:
            found = member(item.file, source.dset_name, Path(item.file.filename))
        except GausscheckError:
            return "a view of other files, which are not followed; name one of them"
        if not isinstance(found, h5py.Dataset):
            return f"a view of {source.dset_name}, which is not there; {_COPY}"
        if found.is_virtual:
            return f"a view of a view, which is not followed; {_COPY}"
        problem = outside(found)
        if problem is not None:
            return problem
        size = source.vspace.get_select_npoints()
        if not _fits(source.src_space, found, size):
            return f"a view that reaches beyond {source.dset_name}; {_COPY}"
        shown += size
    if shown != item.size:
        return f"a view with gaps, which HDF5 fills with {item.fillvalue}; {_COPY}"
    return None


def _fits(selection: Any, shown: Any, size: int) -> bool:
    """Whether a part of a dataset that a view shows lies within it.

    A selection of all of it says no extent before HDF5 has opened the dataset.
    """
    if selection.get_simple_extent_ndims() == 0:
        return bool(size == shown.size)
    ends = selection.get_select_bounds()[1]
    return len(ends) == shown.ndim and all(e < s for e, s in zip(ends, shown.shape, strict=True))


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
