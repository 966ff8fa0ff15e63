"""What every level of an audit works with: the sample, the rows, the budget, the threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.learned_directions import School
from gausscheck.config import Config
from gausscheck.core import F64, Directions, Progress, Source
from gausscheck.passes.plan import TILE
from gausscheck.passes.reductions import Rows
from gausscheck.passes.sample import RowSample
from gausscheck.passes.sketch import KeptPass
from gausscheck.preparation import Preparation

SCHOOL_BYTES = 128 << 20
"""Bytes of float64 rows that directions may be learned from."""


@dataclass(slots=True)
class Bench:
    """What every level needs."""

    source: Source | KeptPass
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

        project(read, m, prep, self.center, ways, columns, out=out, pool=self.pool)
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
        tiles = self.config.memory_bytes // 8 // bytes_each // TILE
        return max(1, tiles) * TILE

    def slabs(self, k: int) -> Iterator[slice]:
        """Cut k directions into slices of at most :attr:`width`."""
        for low in range(0, k, self.width):
            yield slice(low, min(low + self.width, k))


ROWS = 1024
"""Rows in one matrix product. Fixed, for the same reason."""


def project(
    read: Callable[[int, int], NDArray[Any]],
    m: int,
    preparation: Preparation,
    center: F64,
    directions: Directions,
    columns: slice,
    *,
    out: NDArray[Any],
    pool: ThreadPoolExecutor,
) -> None:
    """Project sampled rows on some of the directions.

    ``(row(x) - center) @ matrix @ P`` in products of fixed shape, after centring: a mean far from
    zero would cost a float32 product the digits that matter. Stored values of 32 bits are centred
    in float32 without loss, for a rounded centre is but another constant; unit rows in float64.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` gives stored rows of the sample.
    m : int
        Sampled rows.
    preparation : Preparation
    center : (d,) array
        Mean of the rows after the row map.
    directions : Directions
    columns : slice
        Which of the directions.
    out : (k, m) array
        Receives the projections, float32 or float64; products are made in its type. Cost
        O(m d k), or O(m k) for plain axes.
    pool : ThreadPoolExecutor
    """
    dtype = out.dtype
    matrix = directions.matrix[:, columns]
    k = matrix.shape[1]
    picks: NDArray[np.intp] | None = None
    if directions.kind == "axes" and preparation.matrix is None:
        picks = matrix.argmax(axis=0)
    whole = picks is not None and np.array_equal(picks, np.arange(matrix.shape[0]))
    offset = (center if picks is None else center[picks]).astype(dtype)
    effective = matrix if preparation.matrix is None else preparation.matrix @ matrix
    weights = np.ascontiguousarray(effective.T.astype(dtype))

    def chunk(start: int) -> None:
        stop = min(start + ROWS, m)
        block = read(start, stop)
        if preparation.kind == "unit":
            x = preparation.rows(block)
            x -= center
            x = (x if picks is None else x[:, picks]).astype(dtype, copy=False)
        else:
            x = (block if picks is None or whole else block[:, picks]).astype(dtype)
            x -= offset
        if picks is not None:
            out[:, start:stop] = x.T
            return
        for low in range(0, k, TILE):
            out[low : low + TILE, start:stop] = weights[low : low + TILE] @ x.T

    list(pool.map(chunk, range(0, m, ROWS)))
