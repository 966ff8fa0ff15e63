"""Zarr arrays and groups, versions 2 and 3 of the format, by zarr 3."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    Contents,
    Entry,
    FileSource,
    as_text,
    check_beside,
    choose,
    contents_of,
    line_of,
    need,
    problem_of,
    stored_eps,
)
from gausscheck.sources.h5ad import candidates
from gausscheck.sources.zarr_metadata import ArrayMetadata, arrays_in, check_chunk_files

ROOT = "array"
"""What the array is called where the store is one array."""


class ZarrSource(FileSource):
    """Rows of one array of a store."""

    def __init__(self, path: Path, metadata: ArrayMetadata) -> None:
        self.path, self._metadata = path, metadata
        self._array: Any = None
        key = metadata.key
        self.uri = str(path) if key == ROOT else f"{path}:{key}"
        array = self._opened()
        _check_chunks(array, self.uri)
        self.n, self.d = array.shape
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_array": None}

    def _opened(self) -> Any:
        if self._array is None:
            self._array = _open_array(self.path, self._metadata)
        return self._array

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        try:
            rows = self._opened()[start:stop]
        except Exception as err:
            raise GausscheckError(
                f"{self.uri}: rows {start} to {stop} cannot be read ({line_of(err)}); a chunk is "
                "damaged: copy or download it again"
            ) from err
        return np.ascontiguousarray(rows, dtype=self.dtype)

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
    if metadata.unsafe is not None:
        raise GausscheckError(f"{path}: {metadata.key}: {metadata.unsafe}")
    need("zarr", "zarr", str(path))
    import zarr

    folder = path if metadata.key == ROOT else path / metadata.key
    check_chunk_files(folder, metadata.packed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files in the folder that are no part of the store
            return zarr.open_array(folder, mode="r", zarr_format=3 if metadata.version == 3 else 2)
    except Exception as err:
        raise GausscheckError(
            f"{folder}: expected a zarr array, its metadata cannot be read ({line_of(err)})"
        ) from err


def _check_chunks(array: Any, uri: str) -> None:
    """Refuse an array with missing chunks, which zarr reads as the fill value.

    Raises
    ------
    GausscheckError
    """
    try:
        parts = array.shards or array.chunks  # what is one object in the store
        inside = math.prod(p // c for p, c in zip(parts, array.chunks, strict=True))
        found = array.nchunks_initialized // inside
    except Exception as err:
        raise GausscheckError(f"{uri}: its chunks cannot be listed ({line_of(err)})") from err
    expected = math.prod(-(-size // part) for size, part in zip(array.shape, parts, strict=True))
    if found < expected:
        raise GausscheckError(
            f"{uri}: expected {expected:,} chunks, found {found:,}: zarr would read the missing "
            f"ones as {array.fill_value}; copy the store again, or write all-equal chunks too "
            "(write_empty_chunks)"
        )


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
        array = _open_array(path, held[key])
        _check_chunks(array, f"{path}:{key}")
        return array

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
