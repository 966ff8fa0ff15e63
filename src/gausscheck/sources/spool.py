"""Rows that come only in order, parsed once into an unnamed temporary file and read from there."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import FileSource, line_of

_WRITE = 1 << 16
"""Values parsed before they are written."""

Parsed = tuple[int, "Sequence[float] | NDArray[Any] | None"]
"""Where a row stands (its line or number), and its numbers; None where there is no vector."""


class SpooledSource(FileSource):
    """Rows of a file that has to be parsed from its beginning.

    A subclass yields them in ``_rows``. Memory holds one row and a piece of 64 Ki values; the disk
    holds the file's rows once more, for as long as the source lives.

    Parameters
    ----------
    path : Path
    uri : str
    dtype : numpy.dtype
        What is written, and read.
    eps : float
        Relative spacing of the values in the file.
    """

    _place = "line"
    """What a row's number is called in messages."""

    def __init__(self, path: Path, uri: str, dtype: np.dtype[Any], eps: float) -> None:
        self.path, self.uri = path, uri
        self.dtype, self.eps = dtype, eps
        self._file: Any = None
        self._gaps = 0
        self.n, self.d = self._spool()
        self.notes: tuple[str, ...] = ("parsed once into a temporary file", *self._gap_note())

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path: parsed anew where it arrives."""
        return {**self.__dict__, "_file": None}

    def _rows(self) -> Iterator[Parsed]:
        """Yield the rows of the file."""
        raise NotImplementedError

    def _gap_note(self) -> tuple[str, ...]:
        if not self._gaps:
            return ()
        several = self._gaps > 1
        return (
            f"{self._gaps:,} row{'s hold' if several else ' holds'} no vector: taken as not finite",
        )

    def _spool(self) -> tuple[int, int]:
        """Parse the file; return rows and dimensions."""
        self._file = tempfile.TemporaryFile(prefix="gausscheck-")  # noqa: SIM115 - lives with the source
        weakref.finalize(self, self._file.close)
        n, d, first, self._gaps = 0, 0, 0, 0
        waiting: list[Any] = []
        for place, values in self._rows():
            n += 1
            if values is None:
                self._gaps += 1
                waiting.append(None)
                continue
            if d == 0:
                d, first = len(values), place
            if len(values) != d or d == 0:
                raise GausscheckError(
                    f"{self.path}: {self._place} {place} has {len(values)} numbers, "
                    f"{'the first' if n > 1 else f'{self._place} {first}'} has {d}; all rows must "
                    "be of one length"
                )
            waiting.append(values)
            if len(waiting) * d >= _WRITE:
                self._write(waiting, d)
                waiting = []
        if d == 0:
            raise GausscheckError(f"{self.path}: expected rows of numbers, found none")
        self._write(waiting, d)
        self._file.flush()
        return n, d

    def _write(self, rows: list[Any], d: int) -> None:
        gap = np.full(d, np.nan)
        block = np.asarray([gap if row is None else row for row in rows], dtype=self.dtype)
        try:
            block.tofile(self._file)
        except OSError as err:
            raise GausscheckError(
                f"{self.path}: its rows cannot be written to a temporary file ({line_of(err)}); "
                "make room, or set TMPDIR to a larger disk"
            ) from err

    def close(self) -> None:
        """Give the temporary file back; a later read parses anew."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        if self._file is None:
            self._spool()
        self._file.seek(self.dtype.itemsize * start * self.d)
        flat = np.fromfile(self._file, self.dtype, (stop - start) * self.d)
        return flat.reshape(stop - start, self.d)
