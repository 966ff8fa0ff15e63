"""Rows of a matrix that lies column by column in a file."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.chunked import HELD, ChunkReader

_APART = 24
"""Values left free between two columns."""


class FortranRows:
    """Rows read as one run of each column.

    Blocks that follow one another, or lie close, are cut from a stretch of rows that is read at
    once, so that runs are long; a block elsewhere is read by itself. Memory holds 64 MB at most
    beside the block.

    Parameters
    ----------
    file : Path or file
    stored : numpy.dtype
        As it lies in the file.
    offset : int
        Where the first column begins.
    shape : (int, int)
    uri : str
    """

    def __init__(
        self,
        file: Path | IO[bytes],
        stored: np.dtype[Any],
        offset: int,
        shape: tuple[int, int],
        uri: str,
    ) -> None:
        self._file, self._stored, self._offset, self._uri = file, stored, offset, uri
        self._shape, self._next, self._last = shape, 0, -1
        self._dtype = stored.newbyteorder("=")
        self._stretch = max(1, HELD // (2 * shape[1] * stored.itemsize))
        self._reader = ChunkReader(shape, self._dtype, range(0, shape[0], self._stretch))

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        stretch = start // self._stretch
        near = start == self._next or stretch == self._last
        self._next, self._last = stop, stretch
        if near:
            return self._reader.read(start, stop, self._runs)
        out = np.empty((stop - start, self._shape[1]), dtype=self._dtype)
        self._runs(out, start, stop, slice(0, self._shape[1]))
        return out

    def _runs(self, out: NDArray[Any], low: int, high: int, columns: slice) -> None:
        count = columns.stop - columns.start
        # columns a power of two apart would share the same few lines of the processor's cache
        held = np.empty((count, high - low + _APART), dtype=self._stored)[:, : high - low]
        path = self._file if isinstance(self._file, Path) else None
        handle: Any = self._file if path is None else path.open("rb", buffering=0)
        try:
            for place, run in enumerate(held):
                first = (columns.start + place) * self._shape[0] + low
                handle.seek(self._offset + first * self._stored.itemsize)
                if handle.readinto(run.view(np.uint8).data) != run.nbytes:
                    raise GausscheckError(f"{self._uri}: the file shrank while it was read")
        finally:
            if path is not None:
                handle.close()
        out[...] = held.T
