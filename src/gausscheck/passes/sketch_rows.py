"""What a sketch holds of its rows as arrays by name, and back; that of files 1.x, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64
from gausscheck.passes.reductions import Named, Rows
from gausscheck.passes.row_keys import RowKeys
from gausscheck.passes.row_norms import CELLS, NormCells, NormSums

Members = Mapping[str, NDArray[Any]]


def members_of(rows: Rows, sums: Sequence[NormSums]) -> dict[str, NDArray[Any]]:
    """Return the arrays of rows; ``sums`` are those of each node: ``rows.sums`` follow."""
    shape = (-1, rows.sums.count.size)
    return {
        "rows/counts": np.array([rows.n, rows.non_finite.count, rows.zero.count], dtype=np.int64),
        "rows/non_finite": rows.non_finite.first,
        "rows/zero": rows.zero.first,
        "keys/keys": rows.keys.keys,
        "keys/first": rows.keys.first,
        "keys/count": rows.keys.count,
        "norms/range": np.array([rows.cells.low, rows.cells.high]),
        "norms/shift": np.array([rows.cells.shift], dtype=np.int64),
        "norms/cell": rows.cells.cell,
        "norms/count": rows.cells.count,
        "nodes/norm_count": np.array([s.count for s in sums], dtype=np.int64).reshape(shape),
        "nodes/norm_mean": np.array([s.means for s in sums], dtype=np.float64).reshape(shape),
        "nodes/norm_square": np.array([s.squares for s in sums], dtype=np.float64).reshape(shape),
    }


def rows_from(members: Members, level: int, low: int, high: int) -> tuple[Rows, list[NormSums]]:
    """Return what is held of rows ``low:high``, and the sums of norms of each node.

    Raises
    ------
    KeyError, ValueError
        If arrays are missing or contradict one another.
    """
    n, non_finite, zero = _whole(members["rows/counts"], 3).tolist()
    shift = int(_whole(members["norms/shift"], 1)[0])
    least, most = members["norms/range"].tolist()
    keys = RowKeys(level, members["keys/keys"], members["keys/first"], members["keys/count"])
    cells = NormCells(least, most, shift, members["norms/cell"], members["norms/count"])
    names = ("nodes/norm_count", "nodes/norm_mean", "nodes/norm_square")
    sums = [NormSums(*state) for state in zip(*(members[name] for name in names), strict=True)]
    rows = Rows(
        n,
        Named(non_finite, members["rows/non_finite"]),
        Named(zero, members["rows/zero"]),
        keys,
        NormSums.none(members[names[0]].shape[1]),
        cells,
    )
    good = n - rows.bad
    sound = (
        n == high - low
        and good >= 0
        and _named(rows.non_finite, low, high)
        and _named(rows.zero, low, high)
        and _keys(keys, good, low, high)
        and _cells(cells, good)
        and all(members[name].shape == members[names[0]].shape for name in names)
        and all(members[name].dtype == np.float64 for name in names[1:])
        and members[names[0]].dtype == np.int64
        and sum(state.n for state in sums) == good
        and all(_sums(state, cells) for state in sums)
    )
    if not sound:
        raise ValueError("what it says of rows does not fit together")
    return rows, sums


def _whole(values: NDArray[Any], size: int) -> I64:
    if values.shape != (size,) or values.dtype != np.int64 or values.min() < 0:
        raise ValueError("its counts are not whole")
    return values


def _named(some: Named, low: int, high: int) -> bool:
    return _ascend(some.first, low, high) and some.first.size == min(some.count, 5)


def _ascend(values: NDArray[Any], low: int, high: int) -> bool:
    """Whether values are whole numbers of a range that ascend."""
    if values.ndim != 1 or values.dtype != np.int64:
        return False
    inside = not values.size or bool(low <= values[0] and values[-1] < high)
    return inside and bool((values[1:] > values[:-1]).all())


def _keys(keys: RowKeys, good: int, low: int, high: int) -> bool:
    size = keys.keys.size
    if not (
        keys.keys.shape == keys.first.shape == (size,)
        and keys.count.shape == ((size if keys.level else 0),)
        and keys.keys.dtype == np.uint64
        and keys.count.dtype == keys.first.dtype == np.int64
        and bool((keys.count > 0).all())
    ):
        return False
    if keys.level == 0:
        return size == good and _ascend(keys.first, low, high)
    held = not size or int(keys.keys[-1]) >> (64 - keys.level) == 0
    inside = not size or bool(low <= keys.first.min() and keys.first.max() < high)
    ascend = bool((keys.keys[1:] > keys.keys[:-1]).all())
    return held and inside and ascend and int(keys.count.sum()) <= good


def _cells(cells: NormCells, good: int) -> bool:
    size = cells.cell.size
    if not (
        cells.count.shape == cells.cell.shape == (size,)
        and size <= CELLS
        and cells.count.dtype == np.int64
        and cells.shift < 63
        and int(cells.count.sum()) == good
        and (not size or cells.count.min() > 0)
    ):
        return False
    if not size:
        return cells.low == np.inf and cells.high == -np.inf
    ends = np.array([cells.low, cells.high])
    place = ends.view(np.int64) >> cells.shift
    return (
        bool(np.isfinite(ends).all() and ends[0] > 0)
        and _ascend(cells.cell, 0, (1 << 63) - 1)
        and place.tolist() == [int(cells.cell[0]), int(cells.cell[-1])]
    )


def _sums(sums: NormSums, cells: NormCells) -> bool:
    """Whether groups are as even as row i in group i modulo G makes them, of norms there are."""
    whole, more = divmod(sums.n, sums.count.size)
    there = sums.count > 0
    if not (
        (sums.count == whole + (np.arange(sums.count.size) < more)).all()
        and np.isfinite(sums.means).all()
        and np.isfinite(sums.squares).all()
        and (sums.squares >= 0).all()
    ):
        return False
    if not there.any():
        return True
    means, squares = sums.means[there], sums.squares[there]
    slack = 1e-9 * cells.high
    spread = sums.count[there] * (cells.high - cells.low + slack) ** 2
    inside = (means >= cells.low - slack) & (means <= cells.high + slack)
    return bool(inside.all() and (squares <= spread).all())


def rows_from_1(
    members: Members, stretches: Sequence[tuple[int, int]], groups: int, level: int
) -> tuple[Rows, list[NormSums]]:
    """Return the same from a file 1.x, which holds a key and a norm of every row.

    Parameters
    ----------
    members : mapping
    stretches : sequence of (int, int)
        Rows of each node.
    groups, level : int

    Raises
    ------
    KeyError, ValueError
        If arrays are missing or contradict one another.
    """
    low, high = (stretches[0][0], stretches[-1][1]) if stretches else (0, 0)
    non_finite, zero = members["rows/non_finite"], members["rows/zero"]
    keys, norms = members["rows/keys"], members["rows/norms"]
    sound = (
        _ascend(non_finite, low, high)
        and _ascend(zero, low, high)
        and keys.shape == norms.shape == (high - low,)
        and keys.dtype == np.uint64
        and norms.dtype == np.float64
    )
    good = np.ones(high - low, dtype=bool)
    if sound:
        good[non_finite - low] = False
        good[zero - low] = False
    if not sound or not _lengths(norms[good]):
        raise ValueError("what it says of rows does not fit together")
    ids = np.flatnonzero(good)
    sums = [
        NormSums.of(norms[a - low : b - low][good[a - low : b - low]], groups) for a, b in stretches
    ]
    rows = Rows(
        high - low,
        Named.of(non_finite),
        Named.of(zero),
        RowKeys.of(keys[ids], low + ids, level),
        NormSums.none(groups),
        NormCells.of(norms[ids]),
    )
    return rows, sums


def _lengths(norms: F64) -> bool:
    return bool(np.isfinite(norms).all() and (norms > 0).all())
