"""Rows that all point one way, or vary along a handful of directions only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import digits
from gausscheck.core import F64
from gausscheck.report import Noticed

ALIKE = 0.95
"""Mean cosine of two rows from which they count as collapsed on one direction."""

TRIMMED = 0.01
"""Share of rows, the furthest out, that the effective rank leaves aside."""

ROWS = 4096
"""Rows that are looked at: the measures are means over pairs of them."""

THIN = 50
"""Rows count as collapsed on a few directions when dimensions exceed these so many times."""


@dataclass(frozen=True, slots=True)
class Collapse:
    """How much of the space rows use.

    Attributes
    ----------
    mean_cosine : float
        Of two different rows, not centred.
    effective_rank : float
        1 / mean of cos² over pairs of rows about their mean: dimensions that share the variance,
        at most all. Lengths do not count, nor the 1 % of rows furthest out: a few huge rows have
        not collapsed the others.
    dimensions : int
        Columns.
    """

    mean_cosine: float
    effective_rank: float
    dimensions: int

    @property
    def alike(self) -> bool:
        """Whether all rows point one way."""
        return self.mean_cosine > ALIKE

    @property
    def thin(self) -> bool:
        """Whether a few directions carry the variance."""
        return self.effective_rank * THIN < self.dimensions


def measure_collapse(rows: NDArray[Any]) -> Collapse:
    """Measure the use of the space.

    Parameters
    ----------
    rows : (m, d) array
        A random sample of stored rows, none of them zero, at least 2; live columns only. The first
        4,096 are used.

    Returns
    -------
    Collapse
        Cost O(m d²).

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2000, 8))
    >>> found = measure_collapse(x)
    >>> abs(found.mean_cosine) < 0.01, round(found.effective_rank)
    (True, 8)
    """
    x: F64 = rows[:ROWS].astype(np.float64)  # changed in place, for new memory costs more than sums
    total = (1 / _divisors(x)) @ x
    cosine = float(total @ total - len(x)) / (len(x) * (len(x) - 1))
    # the mean of a file with one huge row is that row's
    x -= np.median(x.T.copy(), axis=1, overwrite_input=True)
    far = np.einsum("ij,ij->i", x, x)
    near = far <= np.quantile(far, 1 - TRIMMED)
    x -= near.astype(np.float64) @ x / near.sum()
    x /= _divisors(x)[:, None]
    unit = x.astype(np.float32)[near]
    m = len(unit)
    square = unit.T @ unit if m > unit.shape[1] else unit @ unit.T
    mean_square = (float((square.astype(np.float64) ** 2).sum()) - m) / (m * (m - 1))
    dimensions = x.shape[1]
    effective = 1 / mean_square if mean_square * dimensions > 1 else float(dimensions)
    return Collapse(cosine, effective, dimensions)


def _divisors(x: F64) -> F64:
    """Return the lengths of rows; 1 for rows of no length, which stay."""
    length = np.sqrt(np.einsum("ij,ij->i", x, x))
    return np.asarray(np.where(length > 0, length, 1))


def notice_collapse(found: Collapse) -> Noticed | None:
    """Say that rows have collapsed, which every affine invariant number is blind to."""
    if not (found.alike or found.thin):
        return None
    parts = []
    if found.alike:
        parts.append(f"all rows point one way (mean cosine {found.mean_cosine:.4f})")
    if found.thin:
        parts.append(
            f"{digits(found.effective_rank)} of {found.dimensions:,} dimensions carry the variance"
        )
    return Noticed(
        kind="collapse",
        text="; ".join(parts),
        rows=None,
        columns=None,
        effect="levels do not see it: they look at the shape of what variation is left",
        remedy="compare rows after subtracting the mean; in training, look for a collapsed encoder",
    )
