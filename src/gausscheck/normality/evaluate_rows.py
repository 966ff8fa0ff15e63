"""Tests of whole rows: what can be said of them, in full or estimated, and under which null."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, FloatArray, GausscheckError
from gausscheck.normality.multivariate.bhep import RESOLUTION, null_sd
from gausscheck.normality.nulls.simulated import DRAWS, simulated_law
from gausscheck.normality.outcomes import outcome_of, undefined
from gausscheck.normality.spec import Law, Outcome, Smoothing, Spec
from gausscheck.normality.whiten import fit_whitening, residuals, whitened_blocks
from gausscheck.rng import hashed_order

PAIRS = 1 << 31
"""Ordered pairs of rows up to which pairs are summed over: 46,340 rows."""

TALL = 10_000
"""Rows a dimension from which rows are whitened by their covariance: it saves copies of them."""


def run_on_rows(
    spec: Spec,
    x: NDArray[Any],
    *,
    calibrated: bool,
    cache: bool,
    threads: int | None,
    draws: int = DRAWS,
    whitened: tuple[F64, int] | None = None,
) -> Outcome:
    """Run a joint or sphere test on rows ``(n, d)``.

    ``whitened`` are their :func:`~gausscheck.normality.whiten.residuals`, up to a rotation, and the
    rank, for a caller that runs several tests on the same rows; made where they are not given.

    Above :data:`PAIRS` pairs of rows a test that sums over pairs is estimated instead: at sampled
    frequencies where its weight is normal, else on a random sample of the rows.
    """
    notes: tuple[str, ...] = ()
    many = spec.pairwise and x.shape[0] ** 2 > PAIRS
    if many and spec.smoothing is not None:
        taken = _estimate(spec, spec.smoothing, x, threads)
    else:
        if many:
            keep = np.sort(hashed_order(x.shape[0], 0)[: isqrt(PAIRS)])
            notes = (f"on a random {keep.size:,} of {x.shape[0]:,} rows: cost is quadratic",)
            x, whitened = x[keep], None
        taken = _take(spec, x, whitened)
    n, d = x.shape
    if spec.scope == "joint" and taken.dimension < d:
        notes = (*notes, f"covariance of rank {taken.dimension} of {d}: tested within its range")
    if taken.why is not None:
        law = Law(None, notes=(taken.why,))
        return outcome_of(spec, np.array([np.nan]), n, taken.dimension, law)
    statistic, dimension = taken.statistic, taken.dimension
    exact = taken.error is None
    if exact and spec.textbook is not None and (not calibrated or _holds(spec, n, dimension)):
        law = spec.textbook(statistic, n, dimension if taken.freedom is None else taken.freedom)
    elif not exact and not calibrated:
        law = Law(None, notes=("an estimate has no published law: calibration='calibrated'",))
    elif calibrated and spec.freedom is not None:
        law = Law(None, notes=("its null depends on the correlations: no calibrated p-value",))
    elif calibrated:
        law = simulated_law(
            spec,
            statistic,
            n,
            dimension,
            draws=draws,
            cache=cache,
            threads=threads,
            sampled=not exact,
        )
    else:
        law = spec.law(statistic, n, dimension)
    if taken.error is not None:
        error = float(taken.error[0])
        notes = (*notes, f"estimated at sampled frequencies: standard error {error:.2g}")
    outcome = outcome_of(spec, statistic, n, dimension, replace(law, notes=(*notes, *law.notes)))
    return replace(outcome, standard_error=taken.error)


def _holds(spec: Spec, n: int, d: int) -> bool:
    return spec.holds is not None and spec.holds(n, d)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A statistic, the dimension it was taken in, or why there is none."""

    dimension: int
    statistic: FloatArray
    why: str | None = None
    error: FloatArray | None = None
    freedom: float | None = None


_NOTHING = np.array([np.nan])


def _take(spec: Spec, x: NDArray[Any], whitened: tuple[F64, int] | None) -> _Taken:
    """Take the statistic of rows in full."""
    n, d = x.shape
    if spec.needs == "residuals" and n > TALL * d:
        mean, back = fit_whitening(x)
        data, dimension = whitened_blocks(x, mean, back)(0, n), back.shape[1]
        why = undefined(spec, n) or _degenerate(spec, n, d, dimension)
    elif spec.scope == "sphere":
        x = x.astype(np.float64)
        norms = np.linalg.norm(x, axis=1, keepdims=True)
        if d < 2 or not norms.all():
            raise GausscheckError(
                f"{spec.name}: expected rows of at least two dimensions and of positive length"
            )
        data, dimension = x / norms, d
        why = undefined(spec, n)
    else:
        x = x.astype(np.float64)
        y, dimension = residuals(x) if whitened is None else whitened
        data = x if spec.needs == "rows" else y
        why = undefined(spec, n) or _degenerate(spec, n, d, dimension)
    if why is not None:
        return _Taken(dimension, _NOTHING, why)
    freedom = None if spec.freedom is None else spec.freedom(data)
    return _Taken(dimension, spec.statistic(data), freedom=freedom)


def _estimate(spec: Spec, smoothing: Smoothing, x: NDArray[Any], threads: int | None) -> _Taken:
    """Estimate a smoothed statistic of many rows, whitened block by block as they are read."""
    n, d = x.shape
    mean, back = fit_whitening(x)
    rank = back.shape[1]
    why = _degenerate(spec, n, d, rank)
    if why is not None:
        return _Taken(rank, _NOTHING, why)
    read = whitened_blocks(x, mean, back)
    workers = threads or os.cpu_count() or 1
    statistic, error = smoothing.sampled(read, n, rank, smoothing.beta(n, rank), workers)
    return _Taken(rank, np.array([statistic]), error=np.array([error]))


def _degenerate(spec: Spec, n: int, d: int, rank: int) -> str | None:
    """Say why a joint test cannot speak of these rows, or None where it can."""
    if rank == 0:
        return "not defined: the rows are all equal"
    if rank >= n - 1:
        return (
            f"not defined: {n} rows span all {rank} dimensions they could; whitened, any such rows "
            "look alike: take more rows or fewer dimensions"
        )
    if rank < d and spec.needs == "rows":
        return f"not defined: the covariance has rank {rank} of {d}"
    spread = too_smooth(spec, n, rank)
    if spread is not None:
        return (
            f"not defined at d = {rank}: with its smoothing the null's standard deviation is "
            f"{spread:.0e}, which double precision cannot see; use energy, or fewer dimensions"
        )
    return None


def too_smooth(spec: Spec, n: int, d: int) -> float | None:
    """Return the null's standard deviation if its smoothing brings it below what float64 sees."""
    if spec.smoothing is None:
        return None
    spread = null_sd(spec.smoothing.beta(n, d), d)
    return spread if spread < RESOLUTION else None
