"""Moments of every direction over all rows, as a reduction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, Moments
from gausscheck.passes.reductions import PowerSums, Selection, centred, stretch

WIDE = 256
"""Directions of one product: fewer, and packing the rows anew for each tells."""

VALUES = 1 << 20
"""Projections whose sums are taken at once: few enough to weigh little where rows are narrow, and
leaves long."""

NARROW = 32
"""Rows of so many dimensions or fewer are multiplied by one direction at a time: a product of two
matrices spends more on packing them."""


class RowMap(Protocol):
    """What is done to stored rows before they are centred: unit length, or nothing."""

    def mapped(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return a block of rows mapped: in float64, or as it is stored."""
        ...


@dataclass(frozen=True, slots=True)
class DirectionMoments:
    """Reduction of rows to the moments of their projections.

    Attributes
    ----------
    row_map : RowMap
    center : (d,) array
    matrices : tuple of arrays
        One a family: a matrix ``(d, k)`` to multiply by, or the numbers of coordinates, which need
        no product.
    dtype : numpy.dtype
        Float32 or float64: what products are made in.
    selection : Selection
        Of rows.
    """

    row_map: RowMap
    center: F64
    matrices: tuple[NDArray[Any], ...]
    dtype: np.dtype[Any]
    selection: Selection

    def of(self, block: NDArray[Any], row0: int) -> Moments:
        """Return the moments of one leaf along every direction."""
        sums = PowerSums()
        stored = self.selection.of(block, row0)[0]
        rows = centred(self.row_map.mapped(stored), self.center, self.dtype)
        few = min(WIDE, max(1, VALUES // max(len(rows), 1)))
        parts: list[Moments] = []
        for matrix in self.matrices:
            size = 1 if matrix.ndim == 2 and rows.shape[1] <= NARROW else few
            for low in range(0, matrix.shape[-1], size):
                part = matrix[..., low : low + size]
                plain = matrix.ndim == 1
                parts.append(sums.of(rows[:, stretch(part)].T if plain else part.T @ rows.T))
        return Moments.concatenate(parts)

    def merge(self, a: Moments, b: Moments) -> Moments:
        """Return the moments of the rows of both."""
        return PowerSums().merge(a, b)

    @property
    def k(self) -> int:
        """The number of directions."""
        return sum(matrix.shape[-1] for matrix in self.matrices)

    @property
    def key(self) -> str:
        """Name what is looked at, for a kept pass."""
        seen = hashlib.sha256(self.center.tobytes() + self.selection.key)
        for matrix in self.matrices:
            seen.update(matrix.tobytes())
        return seen.hexdigest()[:20]

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> Moments:
        """Build moments from their arrays by field; raises ValueError where they do not fit."""
        names = ("mean", "m2", "m3", "m4")
        if {np.shape(arrays[name]) for name in names} != {(self.k,)}:
            raise ValueError("of other directions")
        return Moments(int(arrays["n"]), *(arrays[name] for name in names))
