"""Rows that lie in several files, one part after another."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import BaseSource


class PartsSource(BaseSource):
    """Sources in a row, read as one.

    Parameters
    ----------
    parts : sequence of Source
        Of the same width. Where widths of numbers differ the widest is used for all.
    uri : str

    Raises
    ------
    GausscheckError
        Naming the part that has another number of dimensions, or integers among floats.
    """

    def __init__(self, parts: Sequence[Source], uri: str) -> None:
        first = parts[0]
        for part in parts[1:]:
            if part.d != first.d:
                raise GausscheckError(
                    f"{part.uri}: expected {first.d} dimensions like {first.uri}, got {part.d}; "
                    "move it out of the folder"
                )
            if (part.dtype.kind == "f") != (first.dtype.kind == "f"):
                raise GausscheckError(
                    f"{part.uri}: expected {first.dtype} like {first.uri}, got {part.dtype}; save "
                    "all parts alike"
                )
        self._parts = list(parts)
        self._busy: set[int] = set()
        self._ends = list(accumulate(part.n for part in parts))
        self.uri = uri
        self.n, self.d = self._ends[-1], first.d
        self.dtype = np.result_type(*(part.dtype for part in parts))
        self.eps = max(part.eps for part in parts)
        mixed = {str(part.dtype) for part in parts}
        said = dict.fromkeys(note for part in parts for note in part.notes)
        self.notes: tuple[str, ...] = (f"{len(parts)} files", *said)
        if len(mixed) > 1:
            self.notes += (f"files of {', '.join(sorted(mixed))}, read as {self.dtype}",)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, across the borders of files."""
        if stop <= start:
            return np.empty((0, self.d), dtype=self.dtype)
        first = bisect_right(self._ends, start)
        pieces = []
        for place in range(first, len(self._parts)):
            low = self._ends[place] - self._parts[place].n
            if low >= stop:
                break
            mine = self._parts[place].read(
                max(start - low, 0), min(stop - low, self._parts[place].n)
            )
            pieces.append(mine)
        self._release(first, first + len(pieces))
        if len(pieces) == 1:
            return pieces[0].astype(self.dtype, copy=False)
        return np.concatenate(pieces, dtype=self.dtype)

    def _release(self, first: int, last: int) -> None:
        """Let parts that are no longer read close their files and forget what they hold."""
        mine = set(range(first, last))
        for place in self._busy - mine:
            self._parts[place].close()
        self._busy = mine

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return labels of all parts, where each has them."""
        found = []
        for part in self._parts:
            mine = part.beside(key)
            if mine is None:
                return None
            found.append(mine)
        return np.concatenate(found)

    def fingerprint(self) -> str | None:
        """Name the bytes behind all parts; None where one of them cannot be seen."""
        told = [part.fingerprint() for part in self._parts]
        if None in told:
            return None
        return sha256(repr(told).encode()).hexdigest()

    def close(self) -> None:
        """Close every part."""
        for part in self._parts:
            part.close()


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that puts part_2 before part_10, in folders too.

    Examples
    --------
    >>> sorted([Path("e_10.npy"), Path("e_2.npy")], key=natural)[0].name
    'e_2.npy'
    """
    pieces = re.split(r"(\d+)", str(path))
    digits = [p.lstrip("0") if i % 2 else p for i, p in enumerate(pieces)]
    return [(1, len(p), p) if i % 2 else (0, 0, p) for i, p in enumerate(digits)]
