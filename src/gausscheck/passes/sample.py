"""The random row sample, held in stored precision: in memory, or in a temporary file."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import I64
from gausscheck.files import scratch
from gausscheck.rng import hashed_sample

_PIECE = 1024
"""Rows changed at once: fixed, for what is drawn depends on it."""


def pieces(m: int) -> list[slice]:
    """Return which of m rows are changed at once.

    Examples
    --------
    >>> pieces(1030)
    [slice(0, 1024, None), slice(1024, 1030, None)]
    """
    return [slice(start, min(start + _PIECE, m)) for start in range(0, m, _PIECE)]


@dataclass(frozen=True, slots=True)
class Places:
    """Rows of a sample, and where in it they go.

    Attributes
    ----------
    rows : (m,) int array
        Row ids, ascending.
    places : (m,) int array
    """

    rows: I64
    places: NDArray[np.int32]

    @classmethod
    def of(cls, index: I64) -> Places:
        """Return the places of rows in the order of a sample."""
        order = np.argsort(index)
        return cls(index[order], order.astype(np.int32))

    def within(self, start: int, stop: int) -> Places:
        """Return those of rows ``start:stop``."""
        low, high = np.searchsorted(self.rows, [start, stop])
        return Places(self.rows[low:high], self.places[low:high])


class RowSample:
    """The first m rows of the hashed order of n, filled block by block during the first pass.

    Parameters
    ----------
    n, d, m : int
        Rows in the source, dimensions, rows to keep.
    dtype : numpy.dtype
    seed : int
    memory : int
        Bytes that its rows may take; a larger sample goes to an unnamed temporary file.

    Raises
    ------
    GausscheckError
        If the disk has no room for it.
    """

    def __init__(self, n: int, d: int, m: int, dtype: np.dtype[Any], seed: int, memory: int):
        self.index = hashed_sample(n, m, seed)
        self.places = Places.of(self.index)
        self._kept: NDArray[np.intp] | None = None
        self._apart: RowSample | None = None
        self._d, self._memory = d, memory
        self._rows, self._spill = self._space(self.index.size, dtype)

    def _space(self, m: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], IO[bytes] | None]:
        shape = (m, self._d)
        if m * self._d * dtype.itemsize <= self._memory:
            return np.empty(shape, dtype), None
        spill = scratch(m * self._d * dtype.itemsize)
        return np.memmap(spill, dtype=dtype, mode="w+", shape=shape), spill

    def __enter__(self) -> RowSample:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._spill is not None:
            self._spill.close()

    @property
    def m(self) -> int:
        """Rows held."""
        return int(self.index.size)

    def put(self, block: NDArray[Any], row0: int) -> None:
        """Keep those rows of a block that belong to the sample."""
        mine = self.places.within(row0, row0 + len(block))
        whole = mine.rows.size == len(block)
        if mine.rows.size:
            self._rows[mine.places] = block if whole else block[mine.rows - row0]

    def fill(self, slots: NDArray[np.int32], rows: NDArray[Any]) -> None:
        """Keep rows whose places are known."""
        self._rows[slots] = rows

    def drop(self, bad: NDArray[np.int64]) -> None:
        """Forget rows that turned out not to be usable."""
        if bad.size:
            self._keep(~np.isin(self.index, bad))

    def only(self, ids: NDArray[np.int64]) -> RowSample:
        """Return some rows of it; no row is copied."""
        view = copy.copy(self)
        view._keep(np.isin(self.index, ids))
        return view

    def _keep(self, wanted: NDArray[np.bool_]) -> None:
        kept = np.flatnonzero(wanted)
        self.index = self.index[kept]
        self._kept = kept if self._kept is None else self._kept[kept]

    def hold_apart(self, order: NDArray[np.intp]) -> None:
        """Say in which order the rows part into those to learn from and those to test on.

        Parameters
        ----------
        order : (m,) int array
            Places in the sample; the first half is learned from. No row is copied.
        """
        view = copy.copy(self)
        view.index = self.index[order]
        view._kept = order if self._kept is None else self._kept[order]
        self._apart = view

    @property
    def apart(self) -> RowSample:
        """The same rows, the half to learn from first: this sample unless told otherwise."""
        return self if self._apart is None else self._apart

    def change(
        self, work: Callable[[NDArray[Any], int], NDArray[Any]], dtype: np.dtype[Any]
    ) -> None:
        """Replace every row held, in pieces of fixed size.

        Parameters
        ----------
        work : callable
            ``work(rows, start)`` gives the new rows; ``start`` is the place of the first.
        dtype : numpy.dtype
            Of the new rows, which take memory or a temporary file as the old ones did.
        """
        new, spill = self._space(self.m, dtype)
        for part in pieces(self.m):
            new[part] = work(self.read(part.start, part.stop), part.start)
        if self._spill is not None:
            self._spill.close()
        self._rows, self._spill, self._kept = new, spill, None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop`` of the sample, in hashed order."""
        if self._kept is None:
            return self._rows[start:stop]
        return self._rows[self._kept[start:stop]]
