"""What is wrong with the rows and coordinates before any test looks at them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import Repeats, counted
from gausscheck.core import GausscheckError
from gausscheck.normality.whiten import canonical
from gausscheck.passes.reductions import RowCheck, Rows
from gausscheck.passes.spread import Spread
from gausscheck.preparation import Eigenbasis
from gausscheck.report import Preflight

DEAD_RELATIVE = 1e-6
"""A coordinate is dead if its sd is below this share of the median coordinate's sd."""


def check_rows(rows: RowCheck, policy: str, uri: str) -> None:
    """Refuse rows that are not finite or all zero, unless the policy is to drop them.

    Raises
    ------
    GausscheckError
        Naming the first bad rows, when ``policy`` is ``error`` or nothing would be left.
    """
    if rows.bad and policy == "error":
        kinds = []
        for what, found in (("not finite", rows.non_finite), ("all zero", rows.zero)):
            if found.count:
                first = ", ".join(map(str, found.first))
                more = ", ..." if found.count > found.first.size else ""
                kinds.append(f"{found.count} {what} (row {first}{more})")
        raise GausscheckError(
            f"{uri}: expected finite, non-zero rows, got {' and '.join(kinds)} among "
            f'{rows.n}; mend the file, or drop them with on_bad_rows="drop"'
        )
    left = rows.n - rows.bad
    if left < 20:
        raise GausscheckError(
            f"{uri}: expected at least 20 usable rows, got {left}"
            + (f" after dropping {rows.bad}" if rows.bad else "")
            + "; save more rows of embeddings"
        )


LARGE_SHARE = 1e-4
"""A column hides others where they vary by less than such a share of it."""

SMALLEST, LARGEST = 1e-30, 1e30
"""Standard deviations of coordinates beyond which products in float32 are none."""


def check_scale(spread: Spread, uri: str) -> None:
    """Refuse rows whose coordinates float32 does not hold: their whitened lengths would be nothing.

    Raises
    ------
    GausscheckError
        If one varies by more than 1e30, or the median one that varies by less than 1e-30.
    """
    sd = np.sqrt(spread.covariance.diagonal().clip(min=0))
    positive = sd[sd > 0]
    if not positive.size:
        return
    middle, most = float(np.median(positive)), float(positive.max())
    if middle < SMALLEST or most > LARGEST:
        found = f"{most:.0e}" if most > LARGEST else f"{middle:.0e}"
        raise GausscheckError(
            f"{uri}: expected coordinates that vary by {SMALLEST:.0e} to {LARGEST:.0e}, got a "
            f"standard deviation of {found}; divide all rows by it"
        )


def dead_coordinates(spread: Spread, eps: float) -> NDArray[np.intp]:
    """Return coordinates whose sd is rounding noise.

    A coordinate is dead when its standard deviation is below ``DEAD_RELATIVE`` of the median one,
    or below the rounding step of its own values (``eps`` times its largest magnitude, over two).
    """
    sd = np.sqrt(spread.covariance.diagonal().clip(min=0))
    positive = sd[sd > 0]
    if positive.size == 0:
        return np.arange(sd.size)
    floor = DEAD_RELATIVE * np.median(positive)
    return np.flatnonzero((sd <= floor) | (sd <= 0.5 * min(eps, 1e-3) * spread.largest))


def faint_coordinates(
    spread: Spread, dead: NDArray[np.intp], eps: float, dtype: np.dtype[Any]
) -> NDArray[np.intp]:
    """Return the dead coordinates that vary beyond rounding: only beside others they do not."""
    sd = np.sqrt(spread.covariance.diagonal().clip(min=0))[dead]
    least = float(np.finfo(dtype).smallest_subnormal) if dtype.kind == "f" else 0.0
    varies = sd > 4 * np.maximum(min(eps, 1e-3) * spread.largest[dead], least)
    return np.asarray(dead[varies])


def hidden_by_scale(
    spread: Spread, live: NDArray[np.intp], basis: Eigenbasis
) -> tuple[NDArray[np.intp], int] | None:
    """Return the columns whose scale hides dimensions of others, and how many it hides.

    The rank of the correlations does not depend on the scales of columns; None where it is that of
    the covariance. Cost O(d³) where that is not the number of columns.
    """
    if basis.rank >= live.size or spread.n <= live.size:
        return None
    sd = np.sqrt(spread.covariance.diagonal()[live])
    scaled = spread.covariance.of_columns(live).dense() / np.outer(sd, sd)
    values = np.linalg.eigvalsh(scaled)
    hidden = int((values > basis.tolerance * values[-1]).sum()) - basis.rank
    large = np.flatnonzero(sd * LARGE_SHARE > np.median(sd))
    if hidden <= 0 or not large.size:
        return None
    return live[large[np.argsort(-sd[large], kind="stable")]], hidden


def eigenbasis(spread: Spread, live: NDArray[np.intp]) -> Eigenbasis:
    """Eigen-decompose the float64 covariance of the live coordinates.

    The rank counts eigenvalues above ``max(n, d) * 2.2e-16`` times the largest (never more than
    n − 1 of them). Cost O(d³), or O(n² d) where n is far below d.
    """
    values, vectors = spread.covariance.of_columns(live).eigh()
    tolerance = float(max(live.size, 100) * np.finfo(np.float64).eps)
    rank = int((values > tolerance * values[-1]).sum())
    return Eigenbasis(values, canonical(vectors), min(rank, spread.n - 1), tolerance)


def preflight_section(
    rows: Rows,
    repeats: Repeats,
    spread: Spread,
    basis: Eigenbasis,
    dead: NDArray[np.intp],
    dtype: str,
    eps: float,
    *,
    unit: bool = False,
    confidence: float = 0.95,
) -> Preflight:
    """Put the findings of the first pass into numbers and sentences.

    Parameters
    ----------
    rows, repeats, spread : Rows, Repeats, Spread
        Of all good rows.
    basis : Eigenbasis
    dead : array of int
    dtype : str
    eps : float
        Of the stored type.
    unit : bool
        Whether stored values say that rows had one length before they were rounded.
    confidence : float
        Of the interval of duplicates.
    """
    kept = basis.values[basis.values.size - basis.rank :] if basis.rank else basis.values[:0]
    rounding = rows.sums.mean_square / spread.mean.size * eps**2 / 12
    found = Preflight(
        n=rows.n,
        d=spread.mean.size,
        n_used=spread.n,
        dtype=dtype,
        non_finite=rows.non_finite.count,
        non_finite_first=tuple(map(int, rows.non_finite.first)),
        zero=rows.zero.count,
        zero_first=tuple(map(int, rows.zero.first)),
        duplicates=repeats.repeats,
        duplicates_ci=repeats.interval(confidence),
        duplicates_first=tuple(map(int, repeats.again[:5])),
        dead=tuple(map(int, dead)),
        rank=basis.rank,
        rank_tolerance=basis.tolerance,
        condition=float(basis.values[-1] / kept[0]) if kept.size else None,
        below_rounding=int((kept < rounding).sum()),
        constant_norm=unit,
        norm_mean=rows.sums.mean,
        norm_cv=rows.sums.cv,
    )
    return replace(found, notes=_notes(found))


def _notes(found: Preflight) -> tuple[str, ...]:
    """Say in sentences what a reader should know, and what the section ``noticed`` does not say."""
    notes: list[str] = []
    dropped = found.n - found.n_used
    if dropped:
        notes.append(f"{dropped} rows dropped: not finite or all zero")
    if found.below_rounding:
        few = counted(
            found.below_rounding, "principal direction varies", "principal directions vary"
        )
        notes.append(f"{few} less than {found.dtype} rounds: noise, once whitened")
    return tuple(notes)
