"""What is wrong with the rows and coordinates before any test looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.passes.reductions import Rows, Spread
from gausscheck.preparation import Eigenbasis

DEAD_RELATIVE = 1e-6
"""A coordinate is dead if its sd is below this share of the median coordinate's sd."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """Findings of the first pass.

    Attributes
    ----------
    n, d : int
        Rows in the file, dimensions.
    n_used : int
        Rows analysed.
    non_finite, zero, duplicates : int
        Counts of rows; ``*_first`` names the first few.
    dead : tuple of int
        Coordinates that do not vary beyond rounding.
    rank : int
        Numerical rank of the covariance: eigenvalues above ``rank_tolerance`` times the largest.
    condition : float or None
        Largest over smallest eigenvalue within the rank.
    constant_norm : bool
        All rows have the same length up to the rounding of the stored type.
    norm_mean, norm_cv : float
    notes : tuple of str
        What a reader should know, one sentence each.
    """

    n: int
    d: int
    n_used: int
    dtype: str
    non_finite: int
    non_finite_first: tuple[int, ...]
    zero: int
    zero_first: tuple[int, ...]
    duplicates: int
    duplicates_first: tuple[int, ...]
    dead: tuple[int, ...]
    rank: int
    rank_tolerance: float
    condition: float | None
    below_rounding: int
    constant_norm: bool
    norm_mean: float
    norm_cv: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @property
    def live(self) -> NDArray[np.intp]:
        """Indices of coordinates that vary."""
        return np.setdiff1d(np.arange(self.d), np.array(self.dead, dtype=int))


def check_rows(rows: Rows, policy: str, uri: str) -> None:
    """Refuse rows that are not finite or all zero, unless the policy is to drop them.

    Raises
    ------
    GausscheckError
        Naming the first bad rows, when ``policy`` is ``error`` or nothing would be left.
    """
    bad = rows.bad
    if bad.size and policy == "error":
        kinds = []
        for what, found in (("not finite", rows.non_finite), ("all zero", rows.zero)):
            if found.size:
                first = ", ".join(map(str, found[:5]))
                more = ", ..." if found.size > 5 else ""
                kinds.append(f"{found.size} {what} (row {first}{more})")
        raise GausscheckError(
            f"{uri}: expected finite, non-zero rows, got {' and '.join(kinds)} among "
            f"{rows.norms.size}; mend the file, or drop them with --on-bad-rows drop"
        )
    left = rows.norms.size - bad.size
    if left < 20:
        raise GausscheckError(
            f"{uri}: expected at least 20 usable rows, got {left}"
            + (f" after dropping {bad.size}" if bad.size else "")
            + "; save more rows of embeddings"
        )


def dead_coordinates(spread: Spread, eps: float) -> NDArray[np.intp]:
    """Return coordinates whose sd is rounding noise.

    A coordinate is dead when its standard deviation is below ``DEAD_RELATIVE`` of the median one,
    or below the rounding step of its own values (``eps`` times its largest magnitude, over two).
    """
    sd = np.sqrt(np.diag(spread.covariance).clip(min=0))
    positive = sd[sd > 0]
    if positive.size == 0:
        return np.arange(sd.size)
    floor = DEAD_RELATIVE * np.median(positive)
    return np.flatnonzero((sd <= floor) | (sd <= 0.5 * min(eps, 1e-3) * spread.largest))


def spectrum(spread: Spread, live: NDArray[np.intp]) -> Eigenbasis:
    """Eigen-decompose the float64 covariance of the live coordinates.

    The rank counts eigenvalues above ``max(n, d) * 2.2e-16`` times the largest (never more than
    n − 1 of them). Cost O(d³).
    """
    cov = spread.covariance[np.ix_(live, live)]
    values, vectors = np.linalg.eigh(cov)
    tolerance = float(max(cov.shape[0], 100) * np.finfo(np.float64).eps)
    rank = int((values > tolerance * values[-1]).sum())
    return Eigenbasis(values, vectors, min(rank, spread.n - 1), tolerance)


def preflight(
    rows: Rows, spread: Spread, spec: Eigenbasis, dead: NDArray[np.intp], dtype: str, eps: float
) -> Preflight:
    """Put the findings of the first pass into numbers and sentences."""
    good = np.ones(rows.norms.size, dtype=bool)
    good[rows.bad] = False
    norms = rows.norms[good]
    mean = float(norms.mean())
    cv = float(norms.std() / mean)
    n_duplicates, first_duplicates = rows.duplicates()
    constant = cv <= max(eps / 2, 1e-6)
    top = spec.values[-1]
    kept = spec.values[spec.values.size - spec.rank :] if spec.rank else spec.values[:0]
    second = float((norms**2).mean()) / spread.mean.size
    rounding = second * eps**2 / 12
    below = int((kept < rounding).sum())
    live = spread.mean.size - dead.size
    notes: list[str] = []
    if rows.bad.size:
        notes.append(f"{rows.bad.size} rows dropped: not finite or all zero")
    if n_duplicates:
        share = n_duplicates / rows.norms.size
        notes.append(
            f"{n_duplicates} rows repeat an earlier row ({share:.2%}); they are kept, and "
            "repeated rows make intervals too narrow"
        )
    if dead.size:
        named = ", ".join(map(str, dead[:8])) + (", ..." if dead.size > 8 else "")
        notes.append(f"{dead.size} dead coordinates excluded: {named}")
    if spec.rank < live:
        if spread.n - 1 < live:
            notes.append(
                f"rank {spec.rank}: fewer rows ({spread.n}) than dimensions ({live}); joint "
                "statements reach only low-dimensional projections"
            )
        else:
            notes.append(
                f"rank {spec.rank} of {live} live coordinates: rows lie in a subspace; whitening "
                "and chi-square laws use the rank"
            )
    if below:
        notes.append(
            f"{below} principal directions vary less than the rounding of {dtype}: whitening "
            "amplifies that rounding"
        )
    if constant:
        notes.append(
            f"rows are L2-normalised (length {mean:.4g} up to the rounding of {dtype}): norm "
            "statistics do not apply"
        )
    return Preflight(
        n=rows.norms.size,
        d=spread.mean.size,
        n_used=spread.n,
        dtype=dtype,
        non_finite=rows.non_finite.size,
        non_finite_first=tuple(map(int, rows.non_finite[:5])),
        zero=rows.zero.size,
        zero_first=tuple(map(int, rows.zero[:5])),
        duplicates=n_duplicates,
        duplicates_first=tuple(map(int, first_duplicates)),
        dead=tuple(map(int, dead)),
        rank=spec.rank,
        rank_tolerance=spec.tolerance,
        condition=float(top / kept[0]) if kept.size else None,
        below_rounding=below,
        constant_norm=bool(constant),
        norm_mean=mean,
        norm_cv=cv,
        notes=tuple(notes),
    )
