"""What every level of an audit works with: the sample, the rows, the budget, the threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck import projections
from gausscheck.config import Config
from gausscheck.core import Directions, Source
from gausscheck.learned import School
from gausscheck.preprocess import Preparation
from gausscheck.reductions import Rows
from gausscheck.sample import RowSample

Progress = Callable[[str, float], None]
"""Called with a stage's name and the share of it that is done, from 0 to 1."""

SCHOOL_BYTES = 128 << 20
"""Bytes of float64 rows that directions may be learned from."""


@dataclass(slots=True)
class Bench:
    """What every level needs."""

    source: Source
    config: Config
    sample: RowSample
    pool: ThreadPoolExecutor
    rows: Rows
    center: NDArray[np.float64]
    double: bool
    report: Progress
    _buffer: NDArray[Any] | None = None

    def project(
        self, prep: Preparation, ways: Directions, columns: slice, rows: int | None = None
    ) -> NDArray[Any]:
        """Return the sampled rows, or the first of them, along some of the directions, ``(k, m)``.

        At most :attr:`width` directions. The array is good until the next call: its memory is used
        again, for pages fresh from the system cost as much as the product.
        """
        first, m = self.span(ways)
        m = m if rows is None else min(m, rows)
        k = len(range(*columns.indices(ways.k)))
        if self._buffer is None:
            dtype = np.float64 if self.double else np.float32
            self._buffer = np.empty(self.width * self.sample.m, dtype)
        out = self._buffer[: k * m].reshape(k, m)

        def read(start: int, stop: int) -> NDArray[Any]:
            return self.sample.read(first + start, first + stop)

        projections.project(read, m, prep, self.center, ways, columns, out=out, pool=self.pool)
        return out

    def span(self, ways: Directions) -> tuple[int, int]:
        """Where in the sample the rows begin that may test these directions, and their number."""
        fitted = self.sample.m // 2 if ways.fit_rows == "half" else 0
        return fitted, self.sample.m - fitted

    def school(self, prep: Preparation, labels: NDArray[Any] | None) -> School:
        """Return the first half of the sample, prepared and centred, to learn directions from.

        At most :data:`SCHOOL_BYTES` of them.
        """
        half = min(self.sample.m // 2, max(SCHOOL_BYTES // (8 * prep.dim), 64))
        mine = None if labels is None else labels[self.sample.index[:half]]
        return School(self.first_rows(prep, half), mine, self.config.seed)

    def first_rows(self, prep: Preparation, m: int) -> NDArray[np.float64]:
        """Return the first m rows of the sample, prepared and centred, ``(m, dim)``."""
        rows = prep.rows(self.sample.read(0, m)) - self.center
        rows = rows if prep.matrix is None else rows @ prep.matrix
        rows -= rows.mean(axis=0)
        return np.asarray(rows)

    @property
    def width(self) -> int:
        """Directions at a time such that their projections take an eighth of the budget."""
        bytes_each = self.sample.m * (8 if self.double else 4)
        tiles = self.config.memory_bytes // 8 // bytes_each // projections.TILE
        return max(1, tiles) * projections.TILE

    def slabs(self, k: int) -> Iterator[slice]:
        """Cut k directions into slices of at most :attr:`width`."""
        for low in range(0, k, self.width):
            yield slice(low, min(low + self.width, k))
