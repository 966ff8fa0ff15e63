"""Zarr arrays and groups, versions 2 and 3 of the format, by zarr 3."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
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

ROOT = "array"
"""What the array is called where the store is one array."""


class ZarrSource(FileSource):
    """Rows of one array of a store."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self._key = path, key
        self._array: Any = None
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
            held = _store(self.path)
            self._array = held if self._key == ROOT else held[self._key]
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
    """Return one array of a store whole; None where there is none."""
    held = _store(path)
    if hasattr(held, "shape") or key not in held or not hasattr(held[key], "shape"):
        return None
    return np.asarray(held[key][:])


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


def _store(path: Path) -> Any:
    need("zarr", "zarr", str(path))
    import zarr

    if not path.exists():
        raise GausscheckError(f"{path}: no such store; check the path")
    try:
        return zarr.open(path, mode="r")
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected a zarr array or group, its metadata cannot be read ({line_of(err)})"
        ) from err


def _entries(path: Path) -> list[Entry]:
    held = _store(path)
    if hasattr(held, "shape"):
        return [_entry(ROOT, held)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files in the folder that are no part of the store
            members = list(held.members(max_depth=None))
    except Exception as err:
        raise GausscheckError(f"{path}: its metadata cannot be read ({line_of(err)})") from err
    return [_entry(name, item) for name, item in sorted(members) if hasattr(item, "shape")]


def _entry(name: str, array: Any) -> Entry:
    dtype = np.dtype(array.dtype)
    return Entry(name, tuple(array.shape), str(dtype), problem_of(array.shape, dtype))


def documents_zarr(path: Path) -> tuple[list[Entry], Callable[[str], Any]]:
    """Return the store's arrays, and what opens one."""
    held = _store(path)

    def checked(key: str) -> Any:
        array = held if key == ROOT else held[key]
        _check_chunks(array, f"{path}:{key}")
        return array

    return _entries(path), checked


def open_zarr(path: Path, dataset: str | None) -> ZarrSource:
    """Open one array of the store."""
    entry, _ = choose(_entries(path), dataset, str(path))
    return ZarrSource(path, entry.key)


def inspect_zarr(path: Path) -> Contents:
    """Say what the store holds."""
    return contents_of(path, "zarr", _entries(path))
