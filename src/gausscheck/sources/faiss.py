"""Flat faiss indexes (inner product and L2), parsed without faiss; others are refused by name."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import Contents, Entry, check_file, problem_of

_FLAT = {"IxFI": "IndexFlatIP", "IxF2": "IndexFlatL2", "IxFl": "IndexFlat"}
_MAPS = {"IxMp": "IndexIDMap", "IxM2": "IndexIDMap2"}
_REASONS = {
    "IB": "binary vectors are packed bits, which have no Gaussian shape to test",
    "Iw": "an inverted file keeps vectors by list, often compressed",
    "IH": "a graph index: save its storage (index.storage) as a flat index",
    "Ix": "not a flat index: vectors are encoded",
}
_HEAD = struct.Struct("<iqqq?i")
"""Dimensions, vectors, two reserved numbers, whether trained, metric."""


class FaissSource:
    """Vectors of a flat index."""

    def __init__(self, path: Path) -> None:
        self.uri = str(path)
        self.kind, self.d, self.n, self._offset = _parse(path)
        problem = problem_of((self.n, self.d), np.dtype(np.float32))
        if problem is not None:
            raise GausscheckError(f"{path}: expected vectors, got {problem}")
        self._path = path
        self.dtype = np.dtype(np.float32)
        self.eps = float(np.finfo(np.float32).eps)
        self.notes: tuple[str, ...] = ()

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        count = (stop - start) * self.d
        flat = np.fromfile(self._path, "<f4", count, offset=self._offset + 4 * start * self.d)
        if flat.size != count:
            raise GausscheckError(f"{self.uri}: the file shrank while it was read")
        return flat.astype(np.float32, copy=False).reshape(stop - start, self.d)


def _parse(path: Path) -> tuple[str, int, int, int]:
    """Return the kind of index, dimensions, vectors, and where the vectors begin."""
    check_file(path)
    size = path.stat().st_size
    kinds = []
    with path.open("rb") as handle:
        while True:
            fourcc = handle.read(4).decode("latin-1")
            if fourcc not in _FLAT and fourcc not in _MAPS:
                reason = next(
                    (why for key, why in _REASONS.items() if fourcc.startswith(key)), None
                )
                if reason is None:
                    raise GausscheckError(f"{path}: expected a faiss index, got other bytes")
                raise GausscheckError(
                    f"{path}: faiss index of kind {fourcc}: {reason}; reconstruct the vectors "
                    "(index.reconstruct_n) and save them as .npy"
                )
            head = handle.read(_HEAD.size)
            if len(head) < _HEAD.size:
                raise GausscheckError(f"{path}: truncated faiss index; copy or download it again")
            d, n, _, _, _, metric = _HEAD.unpack(head)
            if metric > 1:
                handle.read(4)  # the argument of a rarer metric
            kinds.append(_FLAT.get(fourcc) or _MAPS[fourcc])
            if fourcc in _FLAT:
                break
        count = int.from_bytes(handle.read(8), "little")
        where = handle.tell()
    if d <= 0 or n < 0 or count != n * d or where + 4 * count > size:
        raise GausscheckError(
            f"{path}: damaged or truncated faiss index: {n} vectors of {d} dimensions do not fit "
            f"{size:,} bytes; copy or download it again"
        )
    return " of ".join(kinds), d, n, where


def open_faiss(path: Path, dataset: str | None) -> FaissSource:
    """Open a flat index; it holds one array, so ``dataset`` must be None."""
    if dataset is not None:
        raise GausscheckError(f"{path}: a faiss index holds one array; leave --dataset out")
    return FaissSource(path)


def inspect_faiss(path: Path) -> Contents:
    """Say what the file holds."""
    source = FaissSource(path)
    entry = Entry("vectors", (source.n, source.d), "float32")
    size = path.stat().st_size
    return Contents(str(path), f"faiss {source.kind}", size, (entry,), entry.key, "the only array")
