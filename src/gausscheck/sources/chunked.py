"""Rows of an array that is stored in chunks: read in order, each chunk is decoded once.

Rows that lie in the same chunks are a band. A block of rows need not end where a band does: the
band that it ends in is kept for the next block, in memory or, where it is large, in a temporary
file.
"""

from __future__ import annotations

import weakref
from bisect import bisect_right
from collections.abc import Sequence
from threading import Lock
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gausscheck.files import scratch

HELD = 64 << 20
"""Bytes of a decoded band kept in memory; a larger one is kept on the disk."""


class Fill(Protocol):
    """Decodes a part of an array."""

    def __call__(self, out: NDArray[Any], low: int, high: int, columns: slice) -> None:
        """Put rows ``low:high`` of some columns into an array of that shape."""
        ...


class ChunkReader:
    """Blocks of rows out of whole bands. Memory holds the block, and a band of 64 MB at most.

    On the disk a band lies strip by strip, as it was decoded: a block takes one run of each.

    Parameters
    ----------
    shape : (int, int)
    dtype : numpy.dtype
        In native byte order.
    starts : sequence of int
        The first row of each band, ascending from 0.
    strip : int, optional
        Columns that lie in the same chunks; all of them unless given.
    piece : int, optional
        Rows of a strip that are decoded at once on their way to the disk; the band's unless given.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        starts: Sequence[int],
        strip: int | None = None,
        piece: int | None = None,
    ) -> None:
        self._n, self._d = shape
        self._dtype, self._starts = dtype, starts
        self._strip = self._d if strip is None else strip
        self._piece = self._n if piece is None else piece
        self._low = self._high = 0
        self._rows: NDArray[Any] | None = None
        self._file: IO[bytes] | None = None
        self._closing: weakref.finalize[..., Any] | None = None
        self._lock = Lock()

    def read(self, start: int, stop: int, fill: Fill) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous; ``fill`` decodes what is not kept."""
        out = np.empty((max(stop - start, 0), self._d), dtype=self._dtype)
        row = start
        with self._lock:
            while row < stop:
                after = self._after(row, stop, fill)
                rows = out[row - start : after - start]
                if self._low <= row < self._high:
                    self._copy(rows, row, after)
                else:
                    fill(rows, row, after, slice(0, self._d))
                row = after
        return out

    def _after(self, row: int, stop: int, fill: Fill) -> int:
        """Return the end of what comes next: of what is kept, or of the bands wanted whole."""
        if not self._low <= row < self._high:
            place = bisect_right(self._starts, row)
            low, high = self._starts[place - 1], self._end(place)
            if low == row and high <= stop:
                return (
                    stop if stop == self._n else self._starts[bisect_right(self._starts, stop) - 1]
                )
            self._keep(low, high, fill)
        return min(self._high, stop)

    def _end(self, place: int) -> int:
        return self._starts[place] if place < len(self._starts) else self._n

    def _keep(self, low: int, high: int, fill: Fill) -> None:
        """Decode a band and keep it in place of the last one."""
        self.forget()
        size = (high - low) * self._d * self._dtype.itemsize
        if size > HELD:
            self._spill(low, high, size, fill)
        else:
            rows = np.empty((high - low, self._d), dtype=self._dtype)
            fill(rows, low, high, slice(0, self._d))
            self._rows = rows
        self._low, self._high = low, high

    def _spill(self, low: int, high: int, size: int, fill: Fill) -> None:
        file = scratch(size)
        self._closing = weakref.finalize(self, file.close)
        for left in range(0, self._d, self._strip):
            columns = slice(left, min(left + self._strip, self._d))
            for first in range(low, high, self._piece):
                last = min(first + self._piece, high)
                piece = np.empty((last - first, columns.stop - left), dtype=self._dtype)
                fill(piece, first, last, columns)
                piece.tofile(file)
        self._file = file

    def _copy(self, out: NDArray[Any], row: int, after: int) -> None:
        """Put rows of the band that is kept into a block."""
        if self._rows is not None:
            out[...] = self._rows[row - self._low : after - self._low]
            return
        assert self._file is not None
        for left in range(0, self._d, self._strip):
            width = min(self._strip, self._d - left)
            first = left * (self._high - self._low) + (row - self._low) * width
            self._file.seek(first * self._dtype.itemsize)
            flat = np.fromfile(self._file, self._dtype, (after - row) * width)
            out[:, left : left + width] = flat.reshape(-1, width)

    def forget(self) -> None:
        """Give back what is kept."""
        if self._closing is not None:
            self._closing()
        self._low = self._high = 0
        self._rows = self._file = self._closing = None
