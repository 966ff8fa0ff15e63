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
from gausscheck.preprocess import Preparation
from gausscheck.reductions import Rows
from gausscheck.sample import RowSample

Progress = Callable[[str, float], None]
"""Called with a stage's name and the share of it that is done, from 0 to 1."""


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

    def project(self, prep: Preparation, ways: Directions, columns: slice) -> NDArray[Any]:
        """Return the sampled rows along some of the directions, ``(k, m)``.

        At most :attr:`width` of them. The array is good until the next call: its memory is used
        again, for pages fresh from the system cost as much as the product.
        """
        m, k = self.sample.m, len(range(*columns.indices(ways.k)))
        if self._buffer is None:
            dtype = np.float64 if self.double else np.float32
            self._buffer = np.empty(self.width * m, dtype)
        out = self._buffer[: k * m].reshape(k, m)
        projections.project(
            self.sample.read, m, prep, self.center, ways, columns, out=out, pool=self.pool
        )
        return out

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
