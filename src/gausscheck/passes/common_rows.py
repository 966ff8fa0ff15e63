"""Random rows of one source, or the same ones of several: row i of each is the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import I64, Source
from gausscheck.rng import hashed_sample


def common_rows(
    sources: Sequence[Source], seed: int, most: int, *, distinct: bool = True
) -> tuple[I64, list[NDArray[Any]]]:
    """Read the same random rows of all sources: those that are usable in each.

    Parameters
    ----------
    sources : sequence of Source
        Of the same number of rows.
    seed : int
        Of the hashed order that audits sample rows in.
    most : int
        Rows read, at most.
    distinct : bool
        Whether rows that are equal to an earlier one are left out.

    Returns
    -------
    ids : (m,) int array
        Row numbers, in hashed order. Rows that are not finite, all zero or (distinct) equal to an
        earlier one in one of the sources are left out.
    rows : list of (m, d) arrays
        As stored.
    """
    order = hashed_sample(sources[0].n, most, seed)
    wanted = np.sort(order)
    rows = [rows_at(source, wanted) for source in sources]
    usable = np.ones(wanted.size, dtype=bool)
    for x in rows:
        usable &= np.isfinite(x).all(axis=1) & x.any(axis=1)
        if distinct:
            first = np.zeros(wanted.size, dtype=bool)
            first[np.unique(_keys(x), return_index=True)[1]] = True
            usable &= first
    place = np.searchsorted(wanted, order)
    place = place[usable[place]]
    return wanted[place], [x[place] for x in rows]


def rows_at(source: Source, wanted: I64) -> NDArray[Any]:
    """Read some rows, whose numbers ascend."""
    parts = []
    for start in range(0, source.n, 4096):
        low, high = np.searchsorted(wanted, [start, start + 4096])
        if low < high:
            block = source.read(start, min(start + 4096, source.n))
            parts.append(block[wanted[low:high] - start])
    return np.concatenate(parts)


def _keys(x: NDArray[Any]) -> NDArray[Any]:
    """Return the bytes of each row as one value, so that rows compare as a whole."""
    plain = np.ascontiguousarray(x)
    return plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
