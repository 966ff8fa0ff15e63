"""Zarr arrays and groups, versions 2 and 3 of the format, by zarr 3."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    Contents,
    Entry,
    FileSource,
    choose,
    contents_of,
    line_of,
    need,
    problem_of,
    stored_eps,
)
from gausscheck.sources.chunked import HELD, ChunkReader
from gausscheck.sources.h5ad import candidates
from gausscheck.sources.labels import as_text, check_beside
from gausscheck.sources.zarr_metadata import ArrayMetadata, arrays_in, check_chunk_files

ROOT = "array"
"""What the array is called where the store is one array."""


class ZarrSource(FileSource):
    """Rows of one array of a store. Memory holds a block of rows, and 64 MB or a chunk at most."""

    def __init__(self, path: Path, metadata: ArrayMetadata) -> None:
        self.path, self._metadata = path, metadata
        self._array: Any = None
        self._reader: ChunkReader | None = None
        key = metadata.key
        self.uri = str(path) if key == ROOT else f"{path}:{key}"
        array = self._array = _open_whole(path, metadata, self.uri)
        self.n, self.d = array.shape
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_array": None, "_reader": None}

    def close(self) -> None:
        """Forget the opened array, and the band of chunks that is kept."""
        self._array = self._reader = None

    def _opened(self) -> Any:
        if self._array is None:
            self._array = _open_array(self.path, self._metadata)
        return self._array

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        try:
            if self._reader is None:
                self._reader = _reader(self._opened(), (self.n, self.d), self.dtype)
            return self._reader.read(start, stop, self._fill)
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{self.uri}: rows {start} to {stop} cannot be read ({line_of(err)}); a chunk is "
                "damaged: copy or download it again"
            ) from err

    def _fill(self, out: NDArray[Any], low: int, high: int, columns: slice) -> None:
        """Decode some rows of some columns."""
        out[...] = self._opened()[low:high, columns]

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another array of the store; None where there is none."""
        return column_zarr(self.path, key)


def column_zarr(path: Path, key: str) -> NDArray[Any] | None:
    """Return one array of a store whole, strings as text; None where there is none.

    Raises
    ------
    GausscheckError
        If its codecs are not among those that are read, or it is too large.
    """
    held = next((array for array in arrays_in(path, ROOT) if array.key == key), None)
    if held is None or key == ROOT:
        return None
    check_beside(held.nbytes, str(path), key)
    values = np.asarray(_open_array(path, held)[:])
    return as_text(values, str(path), key) if values.dtype.kind in "OT" else values


def _open_array(path: Path, metadata: ArrayMetadata) -> Any:
    """Open an array by zarr, if what its metadata names may be decoded.

    Raises
    ------
    GausscheckError
    """
    return _open_listed(path, metadata)[0]


def _open_whole(path: Path, metadata: ArrayMetadata, uri: str) -> Any:
    """Open an array none of whose chunks is missing: zarr reads such ones as the fill value.

    Raises
    ------
    GausscheckError
    """
    array, names = _open_listed(path, metadata)
    try:
        parts = array.shards or array.chunks  # what is one object in the store
        grid = [range(-(-size // part)) for size, part in zip(array.shape, parts, strict=True)]
        expected = math.prod(map(len, grid))
        found = len(names)
        if found >= expected:  # what a shape promises beyond that may have no end
            found = sum(array.metadata.encode_chunk_key(place) in names for place in product(*grid))
    except Exception as err:
        raise GausscheckError(f"{uri}: its chunks cannot be listed ({line_of(err)})") from err
    if found < expected:
        raise GausscheckError(
            f"{uri}: expected {expected:,} chunks, found {found:,}: zarr would read the missing "
            f"ones as {array.fill_value}; copy the store again, or write all-equal chunks too "
            "(write_empty_chunks)"
        )
    return array


def _open_listed(path: Path, metadata: ArrayMetadata) -> tuple[Any, set[str]]:
    """Open an array; return it and the files of its chunks."""
    if metadata.unsafe is not None:
        raise GausscheckError(f"{path}: {metadata.key}: {metadata.unsafe}")
    need("zarr", "zarr", str(path))
    import zarr

    folder = path if metadata.key == ROOT else path / metadata.key
    names = check_chunk_files(folder, metadata.packed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files in the folder that are no part of the store
            version: Any = 3 if metadata.version == 3 else 2
            return zarr.open_array(folder, mode="r", zarr_format=version), names
    except Exception as err:
        raise GausscheckError(
            f"{folder}: expected a zarr array, its metadata cannot be read ({line_of(err)})"
        ) from err


def _reader(array: Any, shape: tuple[int, int], dtype: np.dtype[Any]) -> ChunkReader:
    """Return what reads rows in whole shards, or in whole chunks where shards are tall."""
    wide = shape[1] * dtype.itemsize
    parts = array.shards
    if parts is None or min(parts[0], shape[0]) * wide > HELD:
        parts = array.chunks
    return ChunkReader(shape, dtype, range(0, shape[0], parts[0]), parts[1])


def _entry(array: ArrayMetadata) -> Entry:
    problem = array.unsafe or problem_of(array.shape, array.dtype)
    return Entry(array.key, array.shape, str(array.dtype), problem)


def _arrays(path: Path) -> list[ArrayMetadata]:
    need("zarr", "zarr", str(path))
    if not path.exists():
        raise GausscheckError(f"{path}: no such store; check the path")
    return arrays_in(path, ROOT)


def documents_zarr(path: Path) -> tuple[list[Entry], Callable[[str], Any]]:
    """Return the store's arrays, and what opens one."""
    held = {array.key: array for array in _arrays(path)}

    def checked(key: str) -> Any:
        return _open_whole(path, held[key], f"{path}:{key}")

    return [_entry(array) for array in held.values()], checked


def _meant(entries: list[Entry]) -> list[Entry]:
    """Return the arrays that may be embeddings: of AnnData, those of obsm, as in its .h5ad."""
    inside = [entry for entry in entries if entry.key.startswith("obsm/")]
    cells = any(entry.key.startswith("obs/") for entry in entries)
    return candidates(inside) if inside and cells else entries


def open_zarr(path: Path, dataset: str | None) -> ZarrSource:
    """Open one array of the store."""
    held = _arrays(path)
    entries = [_entry(array) for array in held]
    entry, _ = choose(_meant(entries) if dataset is None else entries, dataset, str(path))
    return ZarrSource(path, next(array for array in held if array.key == entry.key))


def inspect_zarr(path: Path) -> Contents:
    """Say what the store holds."""
    entries = [_entry(array) for array in _arrays(path)]
    return replace(contents_of(path, "zarr", _meant(entries)), entries=tuple(entries))
