"""A leaf of rows, as the reductions that share a pass see it: chosen and centred once for all."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64

VALUES = 1 << 17
"""Values that are centred at once: few enough to stay in cache."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows a later pass looks at.

    Attributes
    ----------
    left_out : array of int
        Row ids, ascending.
    bad : bool
        Whether some rows are not finite or all zero; they are seen by their values, and left out.
    """

    left_out: I64
    bad: bool

    def of(self, block: NDArray[Any], row0: int) -> tuple[NDArray[Any], I64]:
        """Return those rows of one block of stored rows, and their ids."""
        ids = np.arange(row0, row0 + len(block), dtype=np.int64)
        low, high = np.searchsorted(self.left_out, [row0, row0 + len(block)])
        if low == high and not self.bad:
            return block, ids
        keep = np.ones(len(block), dtype=bool)
        keep[self.left_out[low:high] - row0] = False
        if self.bad:
            keep &= usable(block)
        return block[keep], ids[keep]

    @property
    def key(self) -> bytes:
        """Name the rows that are left out, for a kept pass."""
        return self.left_out.tobytes() + bytes([self.bad])


EVERY_ROW = Selection(np.empty(0, dtype=np.int64), bad=False)
"""All rows, where none is bad."""


class Leaf:
    """Stored rows that follow one another, and what is made of them once.

    Arrays are told apart by identity: whoever asks holds those that it asks with as long as the
    leaf is there.

    Parameters
    ----------
    block : (n, d) array
    row0 : int
        The first row's number in the source.
    """

    __slots__ = ("_centred", "_chosen", "block", "row0")

    def __init__(self, block: NDArray[Any], row0: int) -> None:
        self.block, self.row0 = block, row0
        self._chosen: dict[Hashable, tuple[NDArray[Any], I64]] = {}
        self._centred: dict[Hashable, NDArray[Any]] = {}

    def chosen(self, selection: Selection) -> tuple[NDArray[Any], I64]:
        """Return the stored rows that are looked at, and their numbers."""
        name = (id(selection.left_out), selection.bad)
        if name not in self._chosen:
            self._chosen[name] = selection.of(self.block, self.row0)
        return self._chosen[name]

    def centred(
        self, selection: Selection, center: F64, dtype: np.dtype[Any], *, unit: bool
    ) -> NDArray[Any]:
        """Return the rows that are looked at without their centre, as :func:`centred` does.

        ``unit`` divides each by its length first.
        """
        name = (id(selection.left_out), selection.bad, id(center), dtype, unit)
        if name not in self._centred:
            rows = self.chosen(selection)[0]
            self._centred[name] = centred(unit_rows(rows) if unit else rows, center, dtype)
        return self._centred[name]


def usable(block: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which stored rows can be analysed: finite, and not all zero."""
    squares = squared_norms(block.astype(np.float64))
    return np.isfinite(squares) & (squares > 0)


def squared_norms(x: F64) -> F64:
    """Return squared Euclidean norms: not finite where a row is not, or overflows float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.einsum("ij,ij->i", x, x))


def unit_rows(rows: NDArray[Any]) -> F64:
    """Return rows divided by their lengths."""
    x: F64 = rows.astype(np.float64)
    x /= np.sqrt(squared_norms(x))[:, None]
    return x


def centred(
    rows: NDArray[Any], center: F64, dtype: np.dtype[Any] | type = np.float64
) -> NDArray[Any]:
    """Return rows without their centre in a dtype, rounded once.

    The centre is rounded first, by :func:`rounded_center`: equal values give equal results in
    whatever type they are stored.

    Examples
    --------
    >>> centred(np.ones((1, 2), np.float16), np.array([0.5, 1.0]), np.float32)
    array([[0.5, 0. ]], dtype=float32)
    """
    mid = rounded_center(rows.dtype, center, dtype)
    out = np.empty(rows.shape, dtype=dtype)
    exact = np.can_cast(rows.dtype, dtype)
    step = max(1, VALUES // max(rows.shape[1], 1))
    for low in range(0, len(rows), step):
        part, into = rows[low : low + step], out[low : low + step]
        if exact:
            widen(part, into)
            into -= mid
        else:
            into[...] = part.astype(np.float64) - mid
    return out


def rounded_center(stored: np.dtype[Any], center: F64, dtype: np.dtype[Any] | type) -> NDArray[Any]:
    """Return what :func:`centred` takes off: of rows narrower than float64 the centre in the dtype.

    A rounded centre is but another constant; rows of float64 are centred before they are rounded.
    """
    return center if stored == np.float64 else center.astype(dtype)


def widen(rows: NDArray[Any], out: NDArray[Any]) -> None:
    """Write rows into a wider array, values unchanged.

    Float16 to float32 by the bits, a quarter of the time of a cast: the exponent's and the
    fraction's are shifted into place, and multiplied by 2^112, the difference of the two biases.
    """
    if rows.dtype != np.float16 or out.dtype != np.float32 or not np.isfinite(_longest(rows)):
        out[...] = rows
        return
    words = out.view(np.int32)
    words[...] = rows.view(np.int16)
    np.left_shift(words, 13, out=words)
    np.bitwise_and(words, np.int32(-0x70000001), out=words)  # copies of the sign but the first
    np.multiply(out, np.float32(2.0**112), out=out)


def _longest(rows: NDArray[np.float16]) -> np.float16:
    """Return a value of the largest magnitude: words of one sign are in the order of the values."""
    positive = rows.view(np.int16).max(initial=0)
    negative = rows.view(np.uint16).max(initial=0x8000) & 0x7FFF
    return np.uint16(max(int(positive), int(negative))).view(np.float16)


def stretch(picks: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return numbers that follow one another as a slice, which copies nothing.

    Examples
    --------
    >>> stretch(np.array([3, 4, 5]))
    slice(3, 6, None)
    """
    low = int(picks[0]) if picks.size else 0
    if np.array_equal(picks, np.arange(low, low + picks.size)):
        return slice(low, low + picks.size)
    return picks
