"""Mean A*² against the number of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.normality import profile

GROWTH_VALUES = 1 << 18
"""Values that a size of the growth curve may read."""


class GrowthCurve:
    """Mean A*² against the number of rows, on nested subsets.

    Up to eight disjoint subsets a size, and as many directions as :data:`GROWTH_VALUES` allows.
    """

    def __init__(self, k: int, m: int) -> None:
        sizes = np.unique(np.geomspace(min(100, m), m, 9).astype(int))[:-1]
        self._repeats = np.minimum(8, m // sizes)
        wanted = np.clip(GROWTH_VALUES // (sizes * self._repeats), min(k, 16), k)
        self._chosen = [np.unique(np.linspace(0, k - 1, w).astype(int)) for w in wanted]
        self._sizes, self._m = sizes, m
        self._sums = np.zeros((sizes.size, 2))

    def take(self, block: NDArray[Any], part: slice, threads: int) -> None:
        """Add the directions of one slab."""
        for i, size in enumerate(self._sizes):
            chosen = self._chosen[i]
            mine = chosen[(chosen >= part.start) & (chosen < part.stop)] - part.start
            if mine.size:
                piece = block[mine, : self._repeats[i] * size].reshape(-1, size)
                found = profile(
                    piece, tests=("anderson_darling",), effects=False, threads=threads,
                    overwrite=True,
                )  # fmt: skip
                fine = np.isfinite(found.ad_star)
                self._sums[i] += found.ad_star[fine].sum(), fine.sum()

    def curve(self, ad_star: NDArray[Any]) -> NDArray[np.float64]:
        """Columns: rows, mean A*²; the last row is that of all rows and directions."""
        means = self._sums[:, 0] / self._sums[:, 1]
        last = (self._m, float(np.nanmean(ad_star)))
        return np.vstack([np.column_stack([self._sizes, means]), last])
