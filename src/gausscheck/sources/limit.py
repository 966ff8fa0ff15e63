"""A random sample of a source's rows, read without reading much more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import BaseSource

_GAP = 1 << 13
"""Bytes between two rows that are read along rather than passed over."""

_SPAN = 4 << 20
"""Bytes read at once, at most, unless it is one row."""


class LimitedSource(BaseSource):
    """Rows drawn without replacement, in the order of the source.

    Rows that lie close are read together, others one by one; so a file that is read by position is
    read in little more than the sample. Memory holds the numbers of the rows, and 4 MB.

    Parameters
    ----------
    source : Source
    limit : int
        Rows of the sample, fewer than the source has.
    seed : int
    """

    def __init__(self, source: Source, limit: int, seed: int) -> None:
        self._source, self._seed = source, seed
        rng = np.random.default_rng(seed)
        self._index = np.sort(rng.choice(source.n, limit, replace=False, shuffle=False))
        self.uri, self.n, self.d = source.uri, limit, source.d
        self.dtype, self.eps = source.dtype, source.eps
        self.notes: tuple[str, ...] = (
            f"a random sample of {limit:,} of {source.n:,} rows",
            *source.notes,
        )

    @property
    def index(self) -> NDArray[np.int64]:
        """The rows of the source that are in the sample, ascending."""
        return self._index

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop`` of the sample, C-contiguous."""
        out = np.empty((max(stop - start, 0), self.d), dtype=self.dtype)
        done = 0
        for rows in self._runs(self._index[start:stop]):
            low, high = int(rows[0]), int(rows[-1]) + 1
            out[done : done + rows.size] = self._source.read(low, high)[rows - low]
            done += rows.size
        return out

    def _runs(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Part ascending rows where a gap is wide, and where a run grows long."""
        width = max(self.d * self.dtype.itemsize, 1)
        cuts = np.flatnonzero(np.diff(rows) > max(_GAP // width, 1)) + 1
        for run in np.split(rows, cuts):
            while run.size:
                near = int(np.searchsorted(run, run[0] + max(_SPAN // width, 1)))
                yield run[:near]
                run = run[near:]

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies beside the rows of the sample; None where nothing does."""
        found = self._source.beside(key)
        return None if found is None or len(found) != self._source.n else found[self._index]

    def fingerprint(self) -> str | None:
        """Name the bytes, and which rows of them."""
        told = self._source.fingerprint()
        return None if told is None else f"{told}-{self.n}-{self._seed}"

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def limited(source: Source, limit: int | None, seed: int) -> Source:
    """Return a random sample of a source's rows, or the source where it has no more.

    Raises
    ------
    GausscheckError
        If the limit is not positive.
    """
    if limit is None:
        return source
    if limit < 1:
        raise GausscheckError(f"limit: expected a positive number of rows, got {limit}")
    return LimitedSource(source, limit, seed) if limit < source.n else source
