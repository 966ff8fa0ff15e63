"""What of an HDF5 file is read: datasets whose values lie in it and need no plug-in.

A file may point outside itself (links, virtual datasets, external storage) and name filters that
HDF5 loads from a plug-in: none of it is followed.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.sources.base import LARGEST_PIECE

FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
"""Filters that come with HDF5 or h5py: deflate, shuffle, fletcher32, szip, n-bit, scale-offset,
LZF."""

_COPY = "copy its values into a dataset of their own"
"""What to do about a view that is not read."""

_LINKS = 16
"""Links that are followed one after another."""


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
    refuse(item, path)
    return item


def refuse(item: Any, path: Path) -> None:
    """Refuse a dataset that :func:`outside` says why not to read.

    Raises
    ------
    GausscheckError
    """
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


def whole_chunk(data: Any, turned: bool = False) -> tuple[int, int] | None:
    """Return rows and columns of the chunks that are read whole; None where rows lie as they are.

    Those are chunks that are packed, or narrower than the rows: HDF5 would take each row of them
    by itself. Of a view, which may begin and end within chunks: the tallest that it shows, in full
    width. Where the dataset is ``turned``, its rows are the columns.
    """
    if data.is_virtual:
        path = Path(data.file.filename)
        shown = [member(data.file, held.dset_name, path) for held in data.virtual_sources()]
        tall = [chunk[0] for chunk in map(whole_chunk, shown) if chunk is not None]
        whole = (max(tall), data.shape[-1]) if tall else None
        return (data.shape[-1], data.shape[0]) if turned and tall else whole
    if data.chunks is None:
        return None
    rows, columns = data.chunks[0], data.chunks[-1]
    packed = data.id.get_create_plist().get_nfilters() > 0
    if turned:
        return columns, rows
    return (rows, columns) if packed or columns < data.shape[-1] else None
