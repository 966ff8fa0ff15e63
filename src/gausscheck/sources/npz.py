"""``.npz`` archives: one array is chosen; stored members are read in place, never pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    ArraySource,
    Contents,
    Entry,
    check_file,
    choose,
    contents_of,
    problem_of,
    stored_eps,
)


class NpzSource:
    """Rows of an uncompressed C-ordered member, read by position inside the archive."""

    def __init__(self, path: Path, entry: Entry) -> None:
        self.uri = f"{path}:{entry.key}"
        self.notes: tuple[str, ...] = ()
        with zipfile.ZipFile(path) as archive, archive.open(f"{entry.key}.npy") as member:
            shape, _, self._stored = _header(cast(BinaryIO, member), self.uri)
            head = member.tell()
            info = archive.getinfo(f"{entry.key}.npy")
        with path.open("rb") as handle:
            handle.seek(info.header_offset + 26)
            name, extra = np.frombuffer(handle.read(4), "<u2")
        self._offset = info.header_offset + 30 + int(name) + int(extra) + head
        self._path = path
        self.n, self.d = shape
        self.dtype = self._stored.newbyteorder("=")
        self.eps = stored_eps(self.dtype)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        count = (stop - start) * self.d
        where = self._offset + start * self.d * self._stored.itemsize
        flat = np.fromfile(self._path, self._stored, count, offset=where)
        return flat.astype(self.dtype, copy=False).reshape(stop - start, self.d)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another member of the archive; None where there is none."""
        return _member(self._path, key)


class LoadedSource(ArraySource):
    """A compressed or Fortran-ordered member, loaded whole."""

    def __init__(self, path: Path, array: NDArray[Any], uri: str) -> None:
        super().__init__(array, uri, ("compressed member, loaded whole",))
        self._path = path

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another member of the archive; None where there is none."""
        return _member(self._path, key)


def _member(path: Path, key: str) -> NDArray[Any] | None:
    with np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive[key]) if key in archive.files else None


def _header(member: BinaryIO, uri: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(member)
        return np.lib.format.read_array_header_2_0(member)
    except (ValueError, EOFError) as err:
        first = str(err).splitlines()[0]
        raise GausscheckError(f"{uri}: expected an array, its header is damaged: {first}") from err


def _entries(path: Path) -> list[Entry]:
    check_file(path)
    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                key = name.removesuffix(".npy")
                if key == name:
                    continue
                with archive.open(name) as member:
                    shape, _, dtype = _header(cast(BinaryIO, member), f"{path}:{key}")
                found.append(Entry(key, tuple(shape), str(dtype), problem_of(shape, dtype)))
    except (zipfile.BadZipFile, OSError) as err:
        raise GausscheckError(
            f"{path}: expected an .npz archive, got a damaged or truncated one ({err}); copy or "
            "download it again"
        ) from err
    return found


def open_npz(path: Path, dataset: str | None) -> NpzSource | ArraySource:
    """Open one array of the archive; a compressed or Fortran-ordered one is loaded whole."""
    entry, _ = choose(_entries(path), dataset, str(path))
    uri = f"{path}:{entry.key}"
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{entry.key}.npy")
        with archive.open(info) as member:
            _, fortran, _ = _header(cast(BinaryIO, member), uri)
        if info.compress_type == zipfile.ZIP_STORED and not fortran:
            if info.header_offset + info.file_size > path.stat().st_size:
                raise GausscheckError(f"{uri}: truncated; copy or download it again")
            return NpzSource(path, entry)
        try:
            with archive.open(info) as member:
                array = np.lib.format.read_array(cast(BinaryIO, member), allow_pickle=False)
        except (zipfile.BadZipFile, ValueError, EOFError, OSError) as err:
            raise GausscheckError(f"{uri}: damaged: {err}; copy or download it again") from err
    return LoadedSource(path, array, uri)


def inspect_npz(path: Path) -> Contents:
    """Say what the archive holds."""
    return contents_of(path, ".npz", _entries(path))
