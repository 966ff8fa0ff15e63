"""What stored values look like: sparse columns, grids, unit rows, collapse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import (
    Grid,
    UnusualCells,
    find_grid,
    measure_collapse,
    notice_collapse,
    notice_grid,
    notice_sparse,
    notice_unit_rows,
    rounding_spread,
    sparse_columns,
    unusual_rows,
    usual_values,
)
from gausscheck.audit.reading import ReadRows
from gausscheck.config import Config
from gausscheck.core import F64
from gausscheck.report import Noticed
from gausscheck.rng import stream

ROWS = 20_000
"""Sampled rows that are looked at."""


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
        Rows had length one before they were rounded.
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
    usual = usual_values(some)
    cells = UnusualCells(usual).of(some)
    sparse = sparse_columns(cells, live)
    unusual = unusual_rows(some, usual, sparse)
    grid = find_grid(some, np.setdiff1d(live, sparse))
    norms = np.delete(read.rows.norms, read.rows.bad)
    unit = notice_unit_rows(norms, rounding_spread(some, grid))
    found = (
        notice_collapse(measure_collapse(some[:, live])),
        notice_sparse(cells, sparse, unusual, sample.index[: len(some)]),
        notice_grid(grid, config.reference),
        unit,
    )
    return Values(
        sparse, unusual, grid, unit is not None, tuple(one for one in found if one is not None)
    )


def dither(read: ReadRows, grid: Grid, config: Config) -> None:
    """Take a grid that is worth noticing off the sampled rows, in place."""
    if grid.columns.size:
        read.sample.change(partial(_dithered, grid, config.seed), np.dtype(np.float32))


def _dithered(grid: Grid, seed: int, rows: F64, start: int) -> F64:
    rng = stream(seed, f"dither {start}")
    return grid.dithered(rows, rng)
