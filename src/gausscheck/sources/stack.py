"""Many small arrays of one container, one after another: a vector an entry, or a document each."""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    Entry,
    FileSource,
    dtype_problem,
    is_side,
    line_of,
    stored_eps,
)
from gausscheck.sources.labels import check_texts, texts

NAMES = ("name", "document", "labels")
"""What the names of the entries are asked for by, one a row."""

_LEAST = 20
"""Vectors that make a matrix, at least: an audit needs as many rows."""

Getter = Callable[[str], Any]
"""Reads one array of an opened container."""


class StackSource(FileSource):
    """Rows of many arrays in the order of their names. Memory holds the names, and one array.

    Parameters
    ----------
    path : Path
    entries : sequence of Entry
        Of shape (d,), or (rows, d), and one element type.
    opener : callable
        ``opener(path)`` returns a function from a key to its array; it must travel by name.
    what : str
        What one is called: ``dataset``, ``file``, ``tensor``.
    """

    def __init__(
        self, path: Path, entries: Sequence[Entry], opener: Callable[[Path], Getter], what: str
    ) -> None:
        first = entries[0]
        self.path, self.uri = path, str(path)
        self._keys = [entry.key for entry in entries]
        self._opener = opener
        self._get: Getter | None = None
        self._last: tuple[int, NDArray[Any]] | None = None
        sizes = [entry.shape[0] if len(entry.shape) == 2 else 1 for entry in entries]
        self._ends = list(accumulate(sizes))
        self.n, self.d = self._ends[-1], first.shape[-1]
        self._flat = len(first.shape) == 1
        self.dtype = np.result_type(*{np.dtype(_native(entry.dtype)) for entry in entries})
        self.eps = 2.0**-7 if first.dtype == "bfloat16" else stored_eps(self.dtype)
        shape = f"of shape {first.shape}" if self._flat else f"of {self.d} dimensions"
        rows = "a row each" if self._flat else "their rows one after another"
        self.notes: tuple[str, ...] = (f"{len(entries):,} {what}s {shape}, {rows}, by name",)

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_get": None, "_last": None}

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        out = np.empty((stop - start, self.d), dtype=self.dtype)
        place, row = bisect_right(self._ends, start), start
        while row < stop:
            low = self._ends[place - 1] if place else 0
            high = min(self._ends[place], stop)
            out[row - start : high - start] = self._one(place)[row - low : high - low]
            row, place = high, place + 1
        return out

    def _one(self, place: int) -> NDArray[Any]:
        if self._last is not None and self._last[0] == place:
            return self._last[1]
        key = self._keys[place]
        low = self._ends[place - 1] if place else 0
        try:
            if self._get is None:
                self._get = self._opener(self.path)
            rows = np.asarray(self._get(key), dtype=self.dtype).reshape(-1, self.d)
            if len(rows) != self._ends[place] - low:
                raise ValueError("another shape than before")
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{self.uri}:{key}: cannot be read ({line_of(err)}); it is damaged: copy or "
                "download it again"
            ) from err
        self._last = place, rows
        return rows

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return the name of each row's entry; None for another key."""
        if key not in NAMES:
            return None
        sizes = np.diff(self._ends, prepend=0)
        names = texts(self._keys, self.uri, key)
        lengths = np.char.str_len(names)
        check_texts(int(lengths.max()), int(lengths @ sizes), self.n, self.uri, key)
        return np.repeat(names, sizes)

    def close(self) -> None:
        """Forget the opened container."""
        self._get = self._last = None


def _native(name: str) -> str:
    return "float32" if name == "bfloat16" else name


def stack_of(entries: Sequence[Entry], ndim: int = 1, least: int = _LEAST) -> list[Entry] | None:
    """Return the entries that stack, by name, where they are what a container is made of.

    At least ``least`` arrays of numbers of one width and type that lie in one group and outnumber
    all else. With ``ndim`` 2 each may have its own number of rows, and two are enough.

    Raises
    ------
    GausscheckError
        If something else lies among them that is no label: it may be a damaged one of them.
    """
    found: dict[tuple[str, int, str], list[Entry]] = {}
    for entry in entries:
        if len(entry.shape) == ndim and 0 not in entry.shape and _numeric(entry):
            group = posixpath.dirname(entry.key)
            found.setdefault((group, entry.shape[-1], entry.dtype), []).append(entry)
    if not found:
        return None
    group, most = max(((key[0], held) for key, held in found.items()), key=lambda f: len(f[1]))
    if len(most) < (least if ndim == 1 else 2) or 2 * len(most) <= len(entries):
        return None
    keys = {entry.key for entry in most}
    for entry in entries:
        name = posixpath.basename(entry.key)
        other = entry.key not in keys and posixpath.dirname(entry.key) == group
        if other and not is_side(name):
            raise GausscheckError(
                f"{entry.key}: expected {most[0].dtype} of shape {most[0].shape} like the "
                f"{len(most):,} others beside it, got {entry.dtype} {entry.shape}; remove it, or "
                "name one array with dataset"
            )
    return sorted(most, key=lambda entry: natural_key(entry.key))


def _numeric(entry: Entry) -> bool:
    try:
        return dtype_problem(np.dtype(_native(entry.dtype))) is None
    except (TypeError, ValueError):  # the name of a type that has no name, such as of records
        return False


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts P2 before P10."""
    from gausscheck.sources.parts import natural

    return natural(Path(name))


def _flat(entries: Sequence[Entry]) -> list[Entry]:
    """Take arrays of one row as vectors where there are many."""
    if sum(len(entry.shape) == 2 and entry.shape[0] == 1 for entry in entries) < _LEAST:
        return list(entries)
    return [
        replace(entry, shape=entry.shape[1:], problem="one vector")
        if len(entry.shape) == 2 and entry.shape[0] == 1
        else entry
        for entry in entries
    ]


ALL = "*"
"""What the entries that stack are called together."""


def summed_up(entries: Sequence[Entry], what: str) -> tuple[list[Entry], str]:
    """Return one entry for the many that stack, before the others, and what they are in words.

    Nothing is summed up where there is a matrix to take, or nothing that stacks.
    """
    entries = _flat(entries)
    try:
        mine = None if any(entry.usable for entry in entries) else stack_of(entries)
    except GausscheckError:
        mine = None
    if mine is None:
        return list(entries), ""
    keys = {entry.key for entry in mine}
    one = Entry(ALL, (len(mine), mine[0].shape[0]), mine[0].dtype)
    said = f", {len(mine):,} {what}s of shape {mine[0].shape}"
    return [one, *(entry for entry in entries if entry.key not in keys)], said


def stacked(
    path: Path,
    entries: Sequence[Entry],
    dataset: str | None,
    opener: Callable[[Path], Getter],
    what: str,
) -> StackSource | None:
    """Open the entries that stack as rows; None where another array is asked for or taken."""
    entries = _flat(entries)
    if dataset not in (None, ALL) or any(entry.usable for entry in entries):
        return None
    try:
        mine = stack_of(entries)
    except GausscheckError as err:
        raise GausscheckError(f"{path}:{err}") from err
    return None if mine is None else StackSource(path, mine, opener, what)
