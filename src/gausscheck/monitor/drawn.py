"""A uniform random sample of rows whose number nobody knows beforehand: those of lowest hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import I64
from gausscheck.rng import row_hash


class DrawnRows:
    """The rows of lowest hash of (seed, id) among all that were offered, and what is kept of them.

    Whatever the order and the batches in which ids come, the same are kept (bottom-m sampling); of
    ids 0 to n − 1 those that :class:`gausscheck.passes.sample.RowSample` keeps.

    Parameters
    ----------
    most, seed : int
        Rows to keep.
    """

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.seed = most, seed
        self._ids = np.empty(0, dtype=np.int64)
        self._columns: dict[str, NDArray[Any]] = {}

    @property
    def ids(self) -> I64:
        """Ids of the rows held, ascending."""
        return np.sort(self._ids)

    def column(self, name: str) -> NDArray[Any]:
        """Return what is held under a name, one entry a row, by ascending id."""
        return self._columns[name][: self._ids.size][np.argsort(self._ids)]

    def enter(self, ids: I64) -> NDArray[np.intp]:
        """Return the places of those new ids that belong to the sample, ascending; O(m + b)."""
        if self._ids.size + ids.size <= self.most:
            return np.arange(ids.size)
        keys = self._keys(ids)
        cut = np.partition(np.concatenate([self._keys(self._ids), keys]), self.most - 1)
        return np.flatnonzero(keys <= cut[self.most - 1])

    def put(self, ids: I64, columns: dict[str, NDArray[Any]]) -> None:
        """Keep rows that :meth:`enter` let in, in the place of those that have to leave."""
        held = self._ids.size
        leaving = max(held + ids.size - self.most, 0)
        grown = held + ids.size - leaving
        longest = np.argsort(self._keys(self._ids)) if leaving else np.empty(0, dtype=np.intp)
        slots = np.concatenate([longest[held - leaving :], np.arange(held, grown)])
        for name, values in columns.items():
            space = self._space(name, values, grown)
            space[slots] = values
        self._ids = np.concatenate([self._ids, np.empty(grown - held, dtype=np.int64)])
        self._ids[slots] = ids

    def _keys(self, ids: I64) -> NDArray[np.uint64]:
        return row_hash(ids.view(np.uint64), self.seed)

    def _space(self, name: str, values: NDArray[Any], rows: int) -> NDArray[Any]:
        """Return an array with room for so many rows of such values; it grows by doubling."""
        shape = values.shape[1:]
        space = self._columns.get(name, np.empty((0, *shape), values.dtype))
        dtype = np.result_type(space.dtype, values.dtype)
        if rows > len(space) or dtype != space.dtype:
            size = min(max(rows, 2 * len(space)), self.most)
            wider = np.empty((size, *shape), dtype)
            wider[: self._ids.size] = space[: self._ids.size]
            space = self._columns[name] = wider
        return space
