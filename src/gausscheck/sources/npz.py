"""``.npz`` archives: one array is chosen; read in place, or unpacked to a temporary file."""

from __future__ import annotations

import math
import shutil
import tempfile
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.archive import unpacked
from gausscheck.sources.base import (
    Contents,
    Entry,
    FileSource,
    choose,
    contents_of,
    dtype_problem,
    line_of,
    problem_of,
    read_stored,
    stored_eps,
)
from gausscheck.sources.fortran import FortranRows
from gausscheck.sources.labels import check_beside
from gausscheck.sources.npy import header_of
from gausscheck.sources.sparse import MEMBERS, SparseSource, open_sparse
from gausscheck.sources.stack import Getter, StackSource, stacked, summed_up

_PIECE = 4 << 20


class NpzSource(FileSource):
    """Rows of one member.

    A stored member is read by position inside the archive; a compressed one is unpacked, piece by
    piece, into an unnamed temporary file first.
    """

    def __init__(self, path: Path, entry: Entry) -> None:
        self.uri = f"{path}:{entry.key}"
        self.path, self._member = path, f"{entry.key}.npy"
        self._unpacked: Any = None
        self._columns: FortranRows | None = None
        try:
            with zipfile.ZipFile(path) as archive, archive.open(self._member) as member:
                shape, fortran, self._stored = _header(cast(BinaryIO, member), self.uri)
                head = member.tell()
                member.seek(0)
                self._running = zlib.crc32(member.read(head))
                info = archive.getinfo(self._member)
            self._packed = info.compress_type != zipfile.ZIP_STORED
            self._offset = head if self._packed else _begin(path, info) + head
        except GausscheckError:
            raise
        except Exception as err:
            raise self._damaged(err) from err
        self._promised, self._next = info.CRC, 0
        self.n, self.d = shape
        self.dtype = self._stored.newbyteorder("=")
        self._fortran = fortran and self.d > 1
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ()
        size = info.file_size - head
        if size != math.prod(shape) * self._stored.itemsize:
            raise GausscheckError(
                f"{self.uri}: damaged: {size:,} bytes do not hold shape {shape}; copy or download "
                "it again"
            )
        if self._packed:
            self.notes = ("compressed member, unpacked into a temporary file",)
            self._unpack()
        elif self._offset + size > path.stat().st_size:
            raise GausscheckError(f"{self.uri}: truncated; copy or download it again")

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path: unpacked anew where it arrives."""
        return {**self.__dict__, "_unpacked": None, "_columns": None}

    def close(self) -> None:
        """Forget rows that were read ahead."""
        self._columns = None

    def _unpack(self) -> None:
        self._unpacked = tempfile.TemporaryFile(prefix="gausscheck-")  # noqa: SIM115 - lives with the source
        weakref.finalize(self, self._unpacked.close)
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self._member) as member:
                shutil.copyfileobj(member, self._unpacked, _PIECE)
        except Exception as err:
            raise self._damaged(err) from err
        self._unpacked.flush()

    def _damaged(self, err: Exception) -> GausscheckError:
        return GausscheckError(f"{self.uri}: damaged ({line_of(err)}); copy or download it again")

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        if self._packed and self._unpacked is None:
            self._unpack()
        place: Any = self._unpacked if self._packed else self.path
        if self._fortran:
            if self._columns is None:
                shape = (self.n, self.d)
                self._columns = FortranRows(place, self._stored, self._offset, shape, self.uri)
            return self._columns.read(start, stop)
        count = (stop - start) * self.d
        flat = read_stored(place, self._stored, self._offset, start * self.d, count, self.uri)
        if not self._packed and start == self._next:
            self._check(flat, stop)
        return flat.astype(self.dtype, copy=False).reshape(stop - start, self.d)

    def _check(self, flat: NDArray[Any], stop: int) -> None:
        """Hold rows that are read in order against the checksum, which is of all of them."""
        self._running, self._next = zlib.crc32(flat.data, self._running), stop
        if stop == self.n and self._running != self._promised:
            raise GausscheckError(
                f"{self.uri}: damaged: its checksum differs; copy or download it again"
            )

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another member of the archive; None where there is none."""
        return column_npz(self.path, key, self.n)


def column_npz(path: Path, key: str, rows: int | None = None) -> NDArray[Any] | None:
    """Return one member whole; None where there is none."""
    uri = f"{path}:{key}"
    with zipfile.ZipFile(path) as archive:
        if f"{key}.npy" not in archive.namelist():
            return None
        with archive.open(f"{key}.npy") as member:
            shape, _, dtype = _header(cast(BinaryIO, member), uri)
    if dtype.hasobject:
        raise GausscheckError(f"{uri}: {dtype_problem(np.dtype(object))}")
    check_beside(math.prod(shape) * dtype.itemsize, str(path), key, rows)
    return np.asarray(getter_npz(path)(key))


def _begin(path: Path, info: zipfile.ZipInfo) -> int:
    """Return where a stored member's bytes begin: its local header has lengths of its own."""
    with path.open("rb") as handle:
        handle.seek(info.header_offset + 26)
        name, extra = np.frombuffer(handle.read(4), "<u2")
    return info.header_offset + 30 + int(name) + int(extra)


def _header(member: BinaryIO, uri: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        return header_of(member, np.lib.format.read_magic(member))
    except Exception as err:  # NumPy evaluates the header as a literal: anything can come
        raise GausscheckError(
            f"{uri}: expected an array, its header is damaged: {line_of(err)}; copy or download "
            "it again"
        ) from err


def _entries(path: Path) -> list[Entry]:
    check_file(path)
    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                key = name.removesuffix(".npy")
                if key == name:
                    found.append(Entry(name, (), "bytes", "not an array"))
                    continue
                with archive.open(name) as member:
                    shape, _, dtype = _header(cast(BinaryIO, member), f"{path}:{key}")
                found.append(Entry(key, tuple(shape), str(dtype), problem_of(shape, dtype)))
    except GausscheckError:
        raise
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected an .npz archive, got a damaged or truncated one ({line_of(err)}); "
            "copy or download it again"
        ) from err
    return found


def getter_npz(path: Path) -> Getter:
    """Open the archive and return what reads a member."""
    archive = zipfile.ZipFile(path)

    def get(key: str) -> NDArray[Any]:
        with archive.open(f"{key}.npy") as member:
            held = np.lib.format.read_array(cast(BinaryIO, member), allow_pickle=False)
            return np.asarray(held)

    return get


def documents_npz(path: Path) -> tuple[list[Entry], Getter]:
    """Return the archive's arrays, and what maps one."""
    return _entries(path), lambda key: unpacked(path, key)


def open_npz(path: Path, dataset: str | None) -> NpzSource | SparseSource | StackSource:
    """Open one array of the archive, the sparse matrix it is, or all where each is a vector."""
    found = _entries(path)
    if dataset in (None, "sparse") and {entry.key for entry in found} >= MEMBERS:
        return open_sparse(path)
    many = stacked(path, found, dataset, getter_npz, "member")
    if many is not None:
        return many
    entry, _ = choose(found, dataset, str(path))
    return NpzSource(path, entry)


def inspect_npz(path: Path) -> Contents:
    """Say what the archive holds."""
    found, said = summed_up(_entries(path), "member")
    if {entry.key for entry in found} >= MEMBERS:
        source = open_sparse(path)
        entry = Entry("sparse", (source.n, source.d), str(source.dtype))
        return contents_of(path, f".npz, {source.notes[0]}", [entry])
    return contents_of(path, f".npz{said}", found)
