"""Flat faiss indexes (inner product and L2), parsed without faiss; others are refused by name."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import Contents, Entry, FileSource, problem_of, read_stored
from gausscheck.sources.faiss_index import EXACT, ROUNDED, FaissIndexSource, by_faiss

_FLAT = {"IxFI": "IndexFlatIP", "IxF2": "IndexFlatL2", "IxFl": "IndexFlat"}
_MAPS = {"IxMp": "IndexIDMap", "IxM2": "IndexIDMap2"}

_REASONS = {
    "IB": "binary vectors are packed bits, which have no Gaussian shape to test",
    "Iw": "an inverted file keeps vectors by list, out of order and often compressed",
    "Iv": "an inverted file keeps vectors by list, out of order and often compressed",
    "IH": "a graph index: its vectors are in its storage (index.storage)",
    "IN": "a graph index: its vectors are in its storage (index.storage)",
    "IxPT": "vectors are transformed before they are kept",
    "IxRF": "a refinement of another index: its vectors are in index.refine_index",
    "IxH": "vectors are hashed to bits",
    "IxSQ": "vectors are quantised with bounds of their own (a scalar quantiser)",
    "IxP": "vectors are kept as codes of a product quantiser",
    "IP": "vectors are kept as codes of a product quantiser",
}
"""Why a kind of index cannot be read, by the beginning of its four letters, the longest counts."""

_HEAD = struct.Struct("<iqqq?i")
"""Dimensions, vectors, two reserved numbers, whether trained, metric."""

_LARGEST_METRIC = 64
"""Metrics are numbered from 0 to 23; anything far beyond is damage."""


class FaissSource(FileSource):
    """Vectors of a flat index."""

    def __init__(self, path: Path) -> None:
        self.uri = str(path)
        self.kind, self.d, self.n, self._offset = _parse(path)
        problem = problem_of((self.n, self.d), np.dtype(np.float32))
        if problem is not None:
            raise GausscheckError(f"{path}: expected vectors, got {problem}")
        self.path = path
        self.dtype = np.dtype(np.float32)
        self.eps = float(np.finfo(np.float32).eps)
        self.notes: tuple[str, ...] = ()

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        count = (stop - start) * self.d
        stored = np.dtype("<f4")
        flat = read_stored(self.path, stored, self._offset, start * self.d, count, self.uri)
        return flat.astype(np.float32, copy=False).reshape(stop - start, self.d)


def _parse(path: Path) -> tuple[str, int, int, int]:
    """Return the kind of index, dimensions, vectors, and where the vectors begin."""
    check_file(path)
    size = path.stat().st_size
    kinds: list[str] = []
    maps: list[tuple[int, int]] = []
    with path.open("rb") as handle:
        while True:
            fourcc = handle.read(4).decode("latin-1")
            if fourcc not in _FLAT and fourcc not in _MAPS:
                raise _refusal(path, fourcc, kinds)
            d, n = _head(handle, path)
            kinds.append(_FLAT.get(fourcc) or _MAPS[fourcc])
            if fourcc in _FLAT:
                break
            maps.append((d, n))
            if len(maps) > 2:
                raise GausscheckError(f"{path}: damaged faiss index: maps within maps")
        count = int.from_bytes(handle.read(8), "little")
        where = handle.tell()
    # each map puts a count and one 64-bit id a vector behind the vectors
    expected = where + 4 * count + sum(8 + 8 * held for _, held in maps)
    alike = all(held == (d, n) for held in maps)
    if d <= 0 or n < 0 or count != n * d or expected != size or not alike:
        raise GausscheckError(
            f"{path}: damaged or truncated faiss index: {n} vectors of {d} dimensions do not fit "
            f"{size:,} bytes; copy or download it again"
        )
    return " of ".join(kinds), d, n, where


def _head(handle: BinaryIO, path: Path) -> tuple[int, int]:
    """Read what every index begins with: return dimensions and vectors."""
    head = handle.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise GausscheckError(f"{path}: truncated faiss index; copy or download it again")
    d, n, _, _, trained, metric = _HEAD.unpack(head)
    if not 0 <= metric <= _LARGEST_METRIC or not trained:
        raise GausscheckError(
            f"{path}: damaged faiss index: metric {metric}; copy or download it again"
        )
    if metric > 1:
        handle.read(4)  # the argument of a rarer metric
    return int(d), int(n)


def _refusal(path: Path, fourcc: str, outer: list[str]) -> GausscheckError:
    if re.fullmatch(r"[A-Z][A-Za-z0-9]{3}", fourcc) is None or fourcc[0] != "I":
        return GausscheckError(
            f"{path}: expected a faiss index, got other bytes or one cut short; write it again "
            "with faiss.write_index"
        )
    fits = [key for key in _REASONS if fourcc.startswith(key)]
    reason = _REASONS[max(fits, key=len)] if fits else "not a flat index: vectors are encoded"
    inside = f" inside {outer[-1]}" if outer else ""
    if fourcc in (*EXACT, *ROUNDED):
        reason += ", which faiss itself gives back (pip install faiss-cpu)"
    remedy = (
        "save the vectors before binarising"
        if fourcc.startswith(("IB", "IxH"))
        else "reconstruct the vectors (index.reconstruct_n) and save them as .npy"
    )
    return GausscheckError(f"{path}: faiss index of kind {fourcc}{inside}: {reason}; {remedy}")


def open_faiss(path: Path, dataset: str | None) -> FaissSource | FaissIndexSource:
    """Open an index; it holds one array, so ``dataset`` must be None."""
    if dataset is not None:
        raise GausscheckError(f"{path}: a faiss index holds one array; leave dataset= out")
    check_file(path)
    return FaissIndexSource(path) if by_faiss(path) else FaissSource(path)


def inspect_faiss(path: Path) -> Contents:
    """Say what the file holds."""
    source = open_faiss(path, None)
    entry = Entry("vectors", (source.n, source.d), "float32")
    size = path.stat().st_size
    return Contents(str(path), f"faiss {source.kind}", size, (entry,), entry.key, "the only array")
