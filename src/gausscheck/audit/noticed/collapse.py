"""Rows that all point one way, or vary along a handful of directions only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import Noticed, digits

F64 = NDArray[np.float64]

ALIKE = 0.95
"""Mean cosine of two rows from which they count as collapsed on one direction."""

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
        (Σ λ)² / Σ λ² of the covariance's eigenvalues: dimensions that share the variance.
    dimensions : int
        Live columns.
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


def measure_collapse(rows: NDArray[Any], eigenvalues: NDArray[Any]) -> Collapse:
    """Measure the use of the space.

    Parameters
    ----------
    rows : (m, d) array
        A sample of stored rows, none of them zero, at least 2.
    eigenvalues : (r,) array
        Of the covariance of live columns.

    Examples
    --------
    >>> measure_collapse(np.eye(4), np.ones(4)).effective_rank
    4.0
    """
    x = np.asarray(rows, dtype=np.float64)
    m = len(x)
    total = (x / np.linalg.norm(x, axis=1, keepdims=True)).sum(axis=0)
    cosine = float(total @ total - m) / (m * (m - 1))
    values = np.clip(eigenvalues, 0, None)
    square = float(values @ values)
    effective = float(values.sum()) ** 2 / square if square else 0.0
    return Collapse(cosine, effective, len(values))


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
