"""Arrays of documents, tokens and dimensions (ColBERT, patches, residues): tokens as rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.files import fingerprint_of
from gausscheck.sources.base import (
    BaseSource,
    Entry,
    choose,
    dtype_problem,
    line_of,
    problem_of,
    stored_eps,
)
from gausscheck.sources.chunked import ChunkReader
from gausscheck.sources.stack import NAMES, Getter, StackSource, stack_of

FORMS = ("npy", "npz", "hdf5", "safetensors", "zarr", "torchfile", "raw")
"""Formats whose arrays may have three dimensions."""


class DocumentsSource(BaseSource):
    """Tokens of a (documents, tokens, d) array, one document after another.

    Rows of a document are alike: ``beside("document")`` says which is whose. Memory holds the
    documents that a block of rows lies in; of an array in chunks, the documents of one chunk.

    Parameters
    ----------
    uri : str
    opener : callable
        Returns the array: it has a shape, a type, and slices.
    path : Path or None
    """

    def __init__(self, uri: str, opener: Callable[[], Any], path: Path | None = None) -> None:
        self.uri, self._opener, self._path = uri, opener, path
        self._array: Any = None
        self._reader: ChunkReader | None = None
        held = self._opened()
        documents, self._tokens, self.d = (int(size) for size in held.shape)
        self.n = documents * self._tokens
        self.dtype = np.dtype(held.dtype).newbyteorder("=")
        problem = dtype_problem(self.dtype) or problem_of((self.n, self.d), self.dtype)
        if problem is not None:
            raise GausscheckError(f"{uri}: expected numbers, got {problem}")
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = (
            f"{documents:,} documents of {self._tokens:,} tokens: rows of a document are alike",
        )

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_array": None, "_reader": None}

    def _opened(self) -> Any:
        if self._array is None:
            self._array = self._opener()
        return self._array

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        try:
            if self._reader is None:
                chunks = getattr(self._opened(), "chunks", None)
                step = 1 if chunks is None else self._tokens * chunks[0]
                starts = range(0, self.n, step)
                self._reader = ChunkReader((self.n, self.d), self.dtype, starts)
            return self._reader.read(start, stop, self._fill)
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{self.uri}: rows {start} to {stop} cannot be read ({line_of(err)}); the file is "
                "damaged: copy or download it again"
            ) from err

    def _fill(self, out: NDArray[Any], low: int, high: int, columns: slice) -> None:
        """Decode the documents of some rows."""
        first, last = low // self._tokens, -(-high // self._tokens)
        held = np.asarray(self._opened()[first:last]).reshape(-1, self.d)
        out[...] = held[low - first * self._tokens :][: high - low]

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return the document of each row; None for another key."""
        return np.arange(self.n) // self._tokens if key in NAMES else None

    def fingerprint(self) -> str | None:
        """Name the file by place, size and time of change."""
        return None if self._path is None else fingerprint_of([self._path])

    def close(self) -> None:
        """Forget the opened array."""
        self._reader = None
        if self._path is not None:
            self._array = None


def _arrays(form: str, path: Path) -> tuple[list[Entry], Getter]:
    module = import_module(f"gausscheck.sources.{form}")
    found: tuple[list[Entry], Getter] = getattr(module, f"documents_{form}")(path)
    return found


def _getter(form: str, path: Path) -> Getter:
    return _arrays(form, path)[1]


def _array(form: str, path: Path, key: str) -> Any:
    return _getter(form, path)(key)


def open_documents(form: str, path: Path, dataset: str | None) -> Source:
    """Open a three-dimensional array, or many of two dimensions, with tokens as rows.

    Raises
    ------
    GausscheckError
        If the file holds neither.
    """
    if form not in FORMS:
        raise GausscheckError(
            f"{path}: expected .npy, .npz, .h5, .zarr, .safetensors or .pt to flatten, got another "
            "format; leave flatten out, or save a 3-D array"
        )
    entries, _ = _arrays(form, path)
    deep = [replace(entry, problem=_problem(entry)) for entry in entries]
    if any(entry.usable for entry in deep) or dataset is not None:
        entry, _ = choose(deep, dataset, str(path))
        return DocumentsSource(f"{path}:{entry.key}", partial(_array, form, path, entry.key), path)
    try:
        many = stack_of(entries, ndim=2)
    except GausscheckError as err:
        raise GausscheckError(f"{path}:{err}") from err
    if many is None:
        listed = "; ".join(map(str, entries[:6])) or "nothing"
        raise GausscheckError(
            f"{path}: expected an array (documents, tokens, dimensions) to flatten, got {listed}; "
            "leave flatten out"
        )
    return StackSource(path, many, partial(_getter, form), "document")


def _problem(entry: Entry) -> str | None:
    try:
        reason = dtype_problem(np.dtype(entry.dtype))
    except TypeError:
        reason = f"{entry.dtype}: not a type to flatten"
    if reason is not None:
        return reason
    if len(entry.shape) != 3 or 0 in entry.shape:
        return f"shape {entry.shape}, not (documents, tokens, dimensions)"
    return None
