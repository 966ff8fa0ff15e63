"""Keys of rows: equal rows have equal keys, so that repeats can be counted without the rows.

Up to :data:`CAP` rows the key of every row is held. Beyond, those in the lowest 2^-level of the
hash space alone are (distinct sampling, Gibbons 2001). Whether a key is held depends on the key
alone: it is held with all its occurrences or not at all, and parts of a file merge exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import I64
from gausscheck.passes.leaf import Leaf

CAP = 1 << 20
"""Rows up to which every key is held."""

HELD = 1 << 16
"""Keys that are held of more rows, at most about; half as many at least where rows differ."""


def level_of(n: int) -> int:
    """Return the level of so many rows: of n distinct keys n / 2^level are held.

    Examples
    --------
    >>> level_of(CAP), level_of(10**7), level_of(10**9)
    (0, 8, 14)
    """
    return 0 if n <= CAP else int((n - 1) // HELD).bit_length()


@dataclass(frozen=True, slots=True)
class RowKeys:
    """Keys of usable rows, and where they occur.

    Attributes
    ----------
    level : int
        0: one entry a row, in row order. Else one entry a key, ascending: those below
        2^(64 - level).
    keys : (k,) uint64 array
    first : (k,) int array
        The first row with that key.
    count : (k,) int array
        Rows with that key; empty at level 0, where each entry is one.
    """

    level: int
    keys: NDArray[np.uint64]
    first: I64
    count: I64

    @classmethod
    def of(cls, keys: NDArray[np.uint64], ids: I64, level: int) -> RowKeys:
        """Return what is held of rows with these keys and ids."""
        if level:
            held = np.flatnonzero(keys >> np.uint64(64 - level) == 0)
            keys, ids = keys[held], ids[held]
        ones = np.ones(keys.size if level else 0, dtype=np.int64)
        every = cls(level, keys, ids, ones)
        return every.by_key() if level else every

    @classmethod
    def none(cls, level: int) -> RowKeys:
        """Return what is held of no rows."""
        return cls.of(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64), level)

    @classmethod
    def join(cls, parts: Sequence[RowKeys]) -> RowKeys:
        """Return what is held of the rows of all parts, which are of one level, in row order."""
        names = ("keys", "first", "count")
        every = cls(
            parts[0].level,
            *(np.concatenate([getattr(part, name) for part in parts]) for name in names),
        )
        return every.by_key() if every.level else every

    def by_key(self) -> RowKeys:
        """Return one entry a key, ascending."""
        if not self.keys.size:
            return self
        order = np.argsort(self.keys, kind="stable")
        keys = self.keys[order]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        return RowKeys(
            self.level,
            keys[starts],
            np.minimum.reduceat(self.first[order], starts),
            np.add.reduceat(self.count[order], starts),
        )


@dataclass(frozen=True, slots=True)
class CountKeys:
    """Reduction of rows to how often some keys occur, and where first.

    Attributes
    ----------
    wanted : (k,) uint64 array
        Keys, ascending, each once.
    """

    wanted: NDArray[np.uint64]

    def of_leaf(self, leaf: Leaf) -> RowKeys:
        """Return the wanted keys of one leaf of stored rows."""
        keys = row_keys(leaf.block)
        place = np.searchsorted(self.wanted, keys).clip(max=self.wanted.size - 1)
        found = np.flatnonzero(self.wanted[place] == keys)
        ones = np.ones(found.size, dtype=np.int64)
        return RowKeys(1, keys[found], leaf.row0 + found, ones).by_key()

    def merge(self, a: RowKeys, b: RowKeys) -> RowKeys:
        """Return the wanted keys of both."""
        return RowKeys.join([a, b])

    @property
    def key(self) -> str:
        """Name what is looked at, for a kept pass."""
        from hashlib import sha256

        return f"repeats-{sha256(self.wanted.tobytes()).hexdigest()[:20]}"

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> RowKeys:
        """Build counts from their arrays by field; raises ValueError where they do not fit."""
        keys, first, count = (arrays[name] for name in ("keys", "first", "count"))
        if not np.array_equal(keys, self.wanted) or not first.shape == count.shape == keys.shape:
            raise ValueError("of other rows")
        return RowKeys(1, keys, first, count)


def row_keys(block: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a 64-bit key for each row: equal rows get equal keys, others almost surely differ.

    Words of 64 bits are mixed by xor-shift and multiplication, weighted by their place and summed
    modulo 2^64; by chance two different rows collide with probability about n²/2^65.

    Parameters
    ----------
    block : (n, d) array
        Any fixed-width dtype. Rows are compared bit by bit, so 0.0 and -0.0 differ.

    Returns
    -------
    (n,) uint64 array

    Examples
    --------
    >>> keys = row_keys(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    >>> bool(keys[0] == keys[2]), bool(keys[0] == keys[1])
    (True, False)
    """
    n = block.shape[0]
    raw = np.ascontiguousarray(block).view(np.uint8).reshape(n, -1)
    spare = -raw.shape[1] % 8
    if spare:
        raw = np.pad(raw, ((0, 0), (0, spare)))
    words = raw.view(np.uint64)
    place = np.random.default_rng(0x9E3779B9).integers(
        1, 1 << 63, size=words.shape[1], dtype=np.uint64
    )
    mixed = words + place
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(32)
    return np.asarray(mixed.sum(axis=1, dtype=np.uint64))


def is_first(*keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which rows repeat no earlier one, from their keys; several keys count together.

    Parameters
    ----------
    *keys : (n,) uint64 arrays
        Of :func:`row_keys`, in file order: of one file, or of files whose rows correspond.

    Returns
    -------
    (n,) bool array
        Cost O(n log n).

    Examples
    --------
    >>> a, b = np.array([[9, 4, 9], [7, 7, 8]], dtype=np.uint64)
    >>> is_first(a).tolist(), is_first(a, b).tolist()
    ([True, True, False], [True, True, True])
    """
    one = keys[0] if len(keys) == 1 else row_keys(np.stack(keys, axis=1))
    first = np.zeros(one.size, dtype=bool)
    first[np.unique(one, return_index=True)[1]] = True
    return first


def counted_once(repeats: int, what: str = "row") -> str:
    """Say that repeats were counted once.

    Examples
    --------
    >>> counted_once(1500, "pair")
    '1,500 pairs repeat an earlier one: counted once'
    """
    words = f"{what} repeats" if repeats == 1 else f"{what}s repeat"
    return f"{repeats:,} {words} an earlier one: counted once"
