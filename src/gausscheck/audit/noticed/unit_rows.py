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

SHARE = 0.3
"""Lengths of normalised rows spread by less than so much of what they would in a Gaussian: rounding
to 8 bits leaves .01 to .06 of it, to 4 bits .25, and no division by the length leaves 1."""

ARITHMETIC = 8
"""Lengths are computed in numbers of so many bits (bfloat16) or more: values of fewer bits are
rounded ones."""

SHIFTS = 4
"""Rows that each row is paired with for tr Σ²."""


def rounding_spread(rows: NDArray[Any], grid: Grid, live: NDArray[np.intp] | None = None) -> float:
    """Return the relative spread of the lengths of unit rows that rounding to a grid leaves.

    Var ‖x‖ = Σ x_j² h_j²/12 / ‖x‖² for rounding errors uniform within the local spacing h_j;
    lengths computed in few bits are off by half its epsilon.

    Parameters
    ----------
    rows : (m, d) array
        A sample of stored rows, none of them zero.
    grid : Grid
    live : int array, optional
        Columns that vary: what rounding does to others is the same in every row. All by default.
    """
    if grid.bits is None and not grid.step.any():
        return FLOOR
    x = np.asarray(rows, dtype=np.float64)
    square = np.einsum("ij,ij->i", x, x)
    local = grid.spacing(x)
    error = x * local if live is None else x[:, live] * local[:, live]
    expected = sqrt(float((np.einsum("ij,ij->i", error, error) / square**2).mean()) / 12)
    floating = grid.bits is not None and (grid.step < local.mean(axis=0)).any()
    computed = floating and grid.bits is not None and grid.bits >= ARITHMETIC
    precision = 2.0**-grid.bits if computed and grid.bits is not None else 0.0
    return max(ROOM * expected, precision, FLOOR)


def share_of_gaussian(rows: NDArray[Any], live: NDArray[np.intp] | None = None) -> float:
    """Return the spread of squared lengths over that of a Gaussian of this mean and covariance.

    Without the constant ‖μ‖² a squared length is ‖v‖² + 2 μᵀv, v = x − μ, of variance
    2 tr Σ² + 4 μᵀΣμ in a Gaussian. A column that is constant, or a mean far from zero, makes
    lengths alike but not this share of them small; division by the length does.

    Parameters
    ----------
    rows : (m, d) array
        A sample of stored rows in random order.
    live : int array, optional
        Columns that vary. All by default.

    Returns
    -------
    float
        About 1 for Gaussian rows, 0 for rows of one length, whatever m and d: tr Σ² is the mean of
        (vᵀw)² over pairs of rows. Cost O(m d).

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2000, 64))
    >>> far = np.hstack([x, np.full((2000, 1), 1e9)])
    >>> round(share_of_gaussian(x), 1), round(share_of_gaussian(far), 1)
    (1.0, 1.0)
    >>> share_of_gaussian(x / np.linalg.norm(x, axis=1, keepdims=True)) < 1e-12
    True
    """
    v = np.array(rows if live is None else rows[:, live], dtype=np.float64)
    mean = v.mean(axis=0)
    v -= mean
    scale = float(np.abs(v).max(initial=0.0))
    if scale == 0:
        return 1.0
    v /= scale
    square, along = np.einsum("ij,ij->i", v, v), v @ (mean / scale)
    pull = float(square.mean()) / (len(v) - 1)  # what the common mean takes off a product of two
    pairs = [np.einsum("ij,ij->i", v[k:], v[:-k]) + pull for k in range(1, SHIFTS + 1)]
    gaussian = 2 * float((np.concatenate(pairs) ** 2).mean()) + 4 * float((along**2).mean())
    return sqrt(float((square + 2 * along).var()) / gaussian)


def notice_unit_rows(mean: float, sd: float, spread: float, share: float) -> Noticed | None:
    """Say that rows have one length, whatever type they are stored in.

    Parameters
    ----------
    mean, sd : float
        Of the lengths of usable rows.
    spread : float
        From :func:`rounding_spread`.
    share : float
        From :func:`share_of_gaussian`.

    Examples
    --------
    >>> notice_unit_rows(1.0, 1e-5, 1e-4, 1e-3).kind
    'unit_rows'
    >>> notice_unit_rows(1.0, 0.06, 1e-4, 1.0) is None
    True
    """
    found = sd / mean
    if found > spread or share > SHARE:
        return None
    return Noticed(
        kind="unit_rows",
        text=f"rows were normalised before they were stored: length {mean:.4g} ± {found:.1e}",
        rows=None,
        columns=None,
        effect="lengths say nothing; whitened lengths do: read rates beside the normalised twin's",
        remedy="save the rows before normalisation too, if lengths are of interest",
    )
