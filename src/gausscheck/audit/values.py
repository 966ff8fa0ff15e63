"""What stored values look like: sparse columns, grids, unit rows, collapse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import (
    Grid,
    Unusual,
    UnusualCells,
    find_grid,
    measure_collapse,
    notice_collapse,
    notice_grid,
    notice_sparse,
    notice_unit_rows,
    rounding_spread,
    share_of_gaussian,
    sparse_columns,
    unusual_rows,
    usual_values,
)
from gausscheck.audit.reading import ReadRows
from gausscheck.config import Config
from gausscheck.core import F64
from gausscheck.passes.sample import pieces
from gausscheck.report import Noticed
from gausscheck.rng import stream

ROWS = 20_000
"""Sampled rows that are looked at for cells that are rare."""

FEW_ROWS = 4096
"""As many of them tell what most cells hold, and what rounding does to lengths."""


@dataclass(frozen=True, slots=True)
class Values:
    """What the stored values of sampled rows look like.

    Attributes
    ----------
    sparse : array of int
        Columns that are constant but for a few cells.
    unusual : (m,) bool array
        Sampled rows, of those looked at, that hold such a cell.
    grid : Grid
    unit_rows : bool
        Rows had one length before they were rounded.
    noticed : tuple of Noticed
    """

    sparse: NDArray[np.intp]
    unusual: NDArray[np.bool_]
    grid: Grid
    unit_rows: bool
    noticed: tuple[Noticed, ...]


def look_at_values(read: ReadRows, config: Config, live: NDArray[np.intp]) -> Values:
    """Look at the stored values of some of the sampled rows. Cost O(m d log m)."""
    sample = read.sample
    some = sample.read(0, min(sample.m, ROWS))
    usual, cells, sparse, grid = _columns(some, live)
    unusual = unusual_rows(some, usual, sparse)
    norms, few = read.rows.sums, some[:FEW_ROWS]
    unit = notice_unit_rows(
        norms.mean, norms.sd, rounding_spread(few, grid, live), share_of_gaussian(few, live)
    )
    found = (
        notice_collapse(measure_collapse(few[:, live])),
        notice_sparse(cells, sparse, unusual, sample.index[: len(some)]),
        notice_grid(grid, config.reference),
        unit,
    )
    return Values(
        sparse, unusual, grid, unit is not None, tuple(one for one in found if one is not None)
    )


def _columns(
    some: NDArray[Any], live: NDArray[np.intp]
) -> tuple[NDArray[Any], Unusual, NDArray[np.intp], Grid]:
    """Return usual values, counts of other cells, sparse columns, and the grid of the rest."""
    usual = usual_values(some[:FEW_ROWS])
    cells = UnusualCells(usual).of(some)
    sparse = sparse_columns(cells, live)
    return usual, cells, sparse, find_grid(some, np.setdiff1d(live, sparse))


def dither(read: ReadRows, grid: Grid, config: Config) -> None:
    """Take a grid that is worth noticing off the sampled rows, in place."""
    if grid.columns.size:
        read.sample.change(partial(_dithered, grid, config.seed), grid.dtype)


def as_levels_read(
    stored: NDArray[Any], live: NDArray[np.intp], seed: int
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Take a grid that is worth noticing off rows, as an audit of the same rows does.

    Parameters
    ----------
    stored : (m, d) array
        Stored rows in hashed order, repeats left out.
    live : int array
        Columns that vary.
    seed : int
        Of the audit: its draws are made again.

    Returns
    -------
    rows : (m, d) array
        ``stored`` itself where there is no such grid.
    sparse : array of int
        Columns that are constant but for a few cells: no level averages over them. Cost
        O(m d log m).
    """
    _, _, sparse, grid = _columns(stored[:ROWS], live)
    if not grid.columns.size:
        return stored, sparse
    rows = np.empty(stored.shape, dtype=grid.dtype)
    for part in pieces(len(stored)):
        rows[part] = _dithered(grid, seed, stored[part], part.start)
    return rows, sparse


def _dithered(grid: Grid, seed: int, rows: NDArray[Any], start: int) -> F64:
    rng = stream(seed, f"dither {start}")
    return grid.dithered(rows, rng)
