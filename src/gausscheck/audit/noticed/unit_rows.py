"""Rows that were divided by their length before they were rounded and stored."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.grid import Grid
from gausscheck.report import Noticed

FLOOR = 1e-6
"""Spread of the lengths, relative, that arithmetic in float32 leaves whatever the grid."""

ROOM = 2.0
"""Lengths may spread so many times as rounding alone would make them."""


def rounding_spread(rows: NDArray[Any], grid: Grid) -> float:
    """Return the relative spread of the lengths of unit rows that rounding to a grid leaves.

    Var ‖x‖ = Σ x_j² h_j²/12 / ‖x‖² for rounding errors uniform within the local spacing h_j;
    lengths computed in few bits are off by half its epsilon.

    Parameters
    ----------
    rows : (m, d) array
        A sample of stored rows, none of them zero.
    grid : Grid
    """
    if grid.bits is None and not grid.step.any():
        return FLOOR
    x = np.asarray(rows, dtype=np.float64)
    square = np.einsum("ij,ij->i", x, x)
    local = grid.spacing(x)
    moved = np.einsum("ij,ij->i", x**2, local**2) / 12
    expected = sqrt(float((moved / square**2).mean()))
    floating = grid.bits is not None and (grid.step < local.mean(axis=0)).any()
    precision = 2.0**-grid.bits if floating and grid.bits is not None else 0.0
    return max(ROOM * expected, precision, FLOOR)


def notice_unit_rows(norms: NDArray[Any], spread: float) -> Noticed | None:
    """Say that rows have one length, whatever type they are stored in.

    Parameters
    ----------
    norms : (n,) array
        Lengths of usable rows.
    spread : float
        From :func:`rounding_spread`.

    Examples
    --------
    >>> notice_unit_rows(np.full(100, 1.0), 1e-4).kind
    'unit_rows'
    >>> notice_unit_rows(np.linspace(0.9, 1.1, 100), 1e-4) is None
    True
    """
    mean = float(norms.mean())
    found = float(norms.std()) / mean
    if found > spread:
        return None
    return Noticed(
        kind="unit_rows",
        text=f"rows were normalised before they were stored: length {mean:.4g} ± {found:.1e}",
        rows=None,
        columns=None,
        effect="lengths say nothing; whitened lengths do: read rates beside the normalised twin's",
        remedy="save the rows before normalisation too, if lengths are of interest",
    )
