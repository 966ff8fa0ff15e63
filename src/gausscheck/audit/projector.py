"""Sampled rows, seen along directions: the sample, its preparation and the precision of products.

A projected block is ``(k, m)``: one direction a row, so that each sorts in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64, Directions
from gausscheck.passes.leaf import centred, stretch
from gausscheck.passes.plan import TILE
from gausscheck.passes.sample import RowSample
from gausscheck.preparation import Preparation

ROWS = 1024
"""Rows in one matrix product. Fixed, so that results do not depend on the memory plan."""


class _Buffer:
    """Memory for projections that is used again: fresh pages cost as much as the product."""

    def __init__(self) -> None:
        self._held: NDArray[Any] = np.empty(0)

    def of(self, size: int, dtype: type) -> NDArray[Any]:
        """Return so many values, good until the next call."""
        if self._held.size < size or self._held.dtype != dtype:
            self._held = np.empty(size, dtype)
        return self._held[:size]


@dataclass(frozen=True, slots=True)
class Projector:
    """What projects sampled rows.

    Attributes
    ----------
    sample : RowSample
    preparation : Preparation
    center : (d,) array
        Taken off the rows before they are multiplied: a mean far from zero would cost a float32
        product the digits that matter.
    double : bool
        Whether products are float64.
    memory : int
        Bytes of the whole budget; projections take an eighth.
    pool : ThreadPoolExecutor
    """

    sample: RowSample
    preparation: Preparation
    center: F64
    double: bool
    memory: int
    pool: ThreadPoolExecutor
    _buffer: _Buffer = field(default_factory=_Buffer)

    def prepared_as(self, preparation: Preparation, center: F64) -> Projector:
        """Return a projector of the same rows under another preparation."""
        return replace(self, preparation=preparation, center=center)

    def project(
        self, directions: Directions, columns: slice, rows: int | None = None
    ) -> NDArray[Any]:
        """Return the sampled rows, or the first of them, along some of the directions, ``(k, m)``.

        ``(row(x) - center) @ matrix @ P`` in products of fixed shape. Stored values of 32 bits are
        centred in float32 without loss, for a rounded centre is but another constant; unit rows in
        float64. At most :attr:`width` directions; the array is good until the next call. Cost
        O(m d k), or O(m k) for plain axes.
        """
        first, m = self.span(directions)
        m = m if rows is None else min(m, rows)
        k = len(range(*columns.indices(directions.k)))
        out = self._buffer.of(k * m, np.float64 if self.double else np.float32).reshape(k, m)
        product = _Product(self, directions, columns, out, first)
        list(self.pool.map(product.chunk, range(0, m, ROWS)))
        return out

    def span(self, directions: Directions) -> tuple[int, int]:
        """Where in the sample the rows begin that may test these directions, and their number."""
        fitted = self.sample.m // 2 if directions.fit_rows == "half" else 0
        return fitted, self.sample.m - fitted

    def rows_for(self, directions: Directions) -> RowSample:
        """Return the sample, learned directions' half to learn from first."""
        return self.sample.apart if directions.fit_rows == "half" else self.sample

    def row_ids(self, directions: Directions) -> I64:
        """Rows of the file behind the columns of a projection."""
        return self.rows_for(directions).index[self.span(directions)[0] :]

    def first_rows(self, m: int) -> F64:
        """Return the first m rows of the sample, prepared and centred, ``(m, dim)``."""
        rows = self.rows(0, m)
        rows -= rows.mean(axis=0)
        return rows

    def rows(self, start: int, stop: int) -> F64:
        """Return rows of the sample, prepared, the centre of all rows taken off, ``(m, dim)``."""
        prep = self.preparation
        rows = prep.rows(self.sample.read(start, stop))
        rows -= self.center
        return np.asarray(rows if prep.matrix is None else rows @ prep.matrix)

    @property
    def width(self) -> int:
        """Directions at a time such that their projections take an eighth of the budget."""
        bytes_each = self.sample.m * (8 if self.double else 4)
        return max(1, self.memory // 8 // bytes_each // TILE) * TILE

    def slabs(self, k: int) -> Iterator[slice]:
        """Cut k directions into slices of at most :attr:`width`."""
        for low in range(0, k, self.width):
            yield slice(low, min(low + self.width, k))


class _Product:
    """Projections of one call, a chunk of rows at a time; chunks run side by side."""

    def __init__(
        self,
        projector: Projector,
        directions: Directions,
        columns: slice,
        out: NDArray[Any],
        first: int,
    ) -> None:
        self._projector, self._out, self._first = projector, out, first
        self._sample = projector.rows_for(directions)
        prep, center = projector.preparation, projector.center
        part = directions.take(columns)
        axes = part.axes if prep.matrix is None else None
        self._plain = axes is not None
        self._picks = stretch(np.arange(center.size) if axes is None else axes)
        self._offset = center[self._picks]
        self._weights = np.empty((0, 0))
        if not self._plain:
            seen = part.columns() if prep.matrix is None else part.seen_through(prep.matrix)
            self._weights = np.ascontiguousarray(seen.T.astype(out.dtype))

    def chunk(self, start: int) -> None:
        """Fill the columns ``start : start + ROWS``."""
        out = self._out
        stop = min(start + ROWS, out.shape[1])
        block = self._sample.read(self._first + start, self._first + stop)
        rows = self._projector.preparation.mapped(block)
        x = centred(rows[:, self._picks], self._offset, out.dtype)
        if self._plain:
            out[:, start:stop] = x.T
            return
        for low in range(0, out.shape[0], TILE):
            # this way round: the other costs a third more in BLAS kernels of 512 bits
            out[low : low + TILE, start:stop] = (x @ self._weights[low : low + TILE].T).T
