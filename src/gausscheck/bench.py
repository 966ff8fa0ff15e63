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


@dataclass(frozen=True, slots=True)
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

    def project(self, prep: Preparation, ways: Directions, columns: slice) -> NDArray[Any]:
        """Return the sampled rows along some of the directions, ``(k, m)``."""
        return projections.project(
            self.sample.read,
            self.sample.m,
            prep,
            self.center,
            ways,
            columns,
            double=self.double,
            pool=self.pool,
        )

    def slabs(self, k: int) -> Iterator[slice]:
        """Directions at a time such that their projections take a quarter of the budget."""
        bytes_each = self.sample.m * (8 if self.double else 4)
        width = max(1, self.config.memory_bytes // 4 // bytes_each // projections.TILE)
        step = width * projections.TILE
        for low in range(0, k, step):
            yield slice(low, min(low + step, k))
