"""Tests of whole rows: what can be said of them, in full or estimated, and under which null."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import FloatArray, GausscheckError
from gausscheck.normality.multivariate.bhep import RESOLUTION, null_sd
from gausscheck.normality.multivariate.sampled_bhep import sampled_bhep
from gausscheck.normality.nulls.simulated import DRAWS, simulated_law
from gausscheck.normality.outcomes import judge, undefined
from gausscheck.normality.spec import Evidence, Law, Outcome, Spec
from gausscheck.normality.whiten import fit_whitening, residuals, whitened_blocks
from gausscheck.rng import hashed_order

PAIRS = 1 << 31
"""Ordered pairs of rows up to which pairs are summed over: 46,340 rows."""

TALL = 10_000
"""Rows a dimension from which rows are whitened by their covariance: it saves copies of them."""


def judge_rows(
    spec: Spec,
    x: NDArray[Any],
    *,
    calibrated: bool,
    cache: bool,
    threads: int | None,
    draws: int = DRAWS,
) -> Outcome:
    """Run a joint or sphere test on rows ``(n, d)``.

    Above :data:`PAIRS` pairs of rows a test that sums over pairs is estimated instead: at sampled
    frequencies where its weight is normal, else on a random sample of the rows.
    """
    notes: tuple[str, ...] = ()
    many = spec.pairwise and x.shape[0] ** 2 > PAIRS
    if many and spec.smoothing is not None:
        seen = _see_sampled(spec, x, threads)
    else:
        if many:
            keep = np.sort(hashed_order(x.shape[0], 0)[: isqrt(PAIRS)])
            notes = (f"on a random {keep.size:,} of {x.shape[0]:,} rows: cost is quadratic",)
            x = x[keep]
        seen = _see(spec, x)
    n, d = x.shape
    if spec.scope == "joint" and seen.dimension < d:
        notes = (*notes, f"covariance of rank {seen.dimension} of {d}: tested within its range")
    if seen.why is not None:
        law = Law(None, notes=(seen.why,))
        return judge(spec, np.array([np.nan]), n, seen.dimension, law)
    statistic, dimension = seen.statistic, seen.dimension
    exact = seen.error is None
    if exact and spec.textbook is not None and (not calibrated or _holds(spec, n, dimension)):
        law = spec.textbook(statistic, n, dimension if seen.freedom is None else seen.freedom)
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
    if seen.error is not None:
        error = float(seen.error[0])
        notes = (*notes, f"estimated at sampled frequencies: standard error {error:.2g}")
    outcome = judge(spec, statistic, n, dimension, replace(law, notes=(*notes, *law.notes)))
    return replace(outcome, standard_error=seen.error)


def _holds(spec: Spec, n: int, d: int) -> bool:
    return spec.holds is not None and spec.holds(n, d)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A statistic, the dimension it was taken in, or why there is none."""

    dimension: int
    statistic: FloatArray
    why: str | None = None
    error: FloatArray | None = None
    freedom: float | None = None


_NOTHING = np.array([np.nan])


def _see(spec: Spec, x: NDArray[Any]) -> _Seen:
    """Take the statistic of rows in full."""
    n, d = x.shape
    if spec.needs == "residuals" and n > TALL * d:
        mean, back = fit_whitening(x)
        y, dimension = whitened_blocks(x, mean, back)(0, n), back.shape[1]
        evidence = Evidence(n=n, residuals=y)
        why = undefined(spec, n) or _degenerate(spec, n, d, dimension)
    elif spec.scope == "sphere":
        x = x.astype(np.float64)
        norms = np.linalg.norm(x, axis=1, keepdims=True)
        if d < 2 or not norms.all():
            raise GausscheckError(
                f"{spec.name}: expected rows of at least two dimensions and of positive length"
            )
        evidence, dimension = Evidence(n=n, unit=x / norms), d
        why = undefined(spec, n)
    else:
        x = x.astype(np.float64)
        y, dimension = residuals(x)
        evidence = Evidence(n=n, joint=x, residuals=y)
        why = undefined(spec, n) or _degenerate(spec, n, d, dimension)
    if why is not None:
        return _Seen(dimension, _NOTHING, why)
    freedom = None if spec.freedom is None else spec.freedom(evidence)
    return _Seen(dimension, spec.statistic(evidence), freedom=freedom)


def _see_sampled(spec: Spec, x: NDArray[Any], threads: int | None) -> _Seen:
    """Estimate a BHEP statistic of many rows, whitened block by block as they are read."""
    if spec.smoothing is None:
        raise LookupError(f"{spec.name} has no smoothing")
    n, d = x.shape
    mean, back = fit_whitening(x)
    rank = back.shape[1]
    why = _degenerate(spec, n, d, rank)
    if why is not None:
        return _Seen(rank, _NOTHING, why)
    statistic, error = sampled_bhep(
        whitened_blocks(x, mean, back),
        n,
        rank,
        spec.smoothing(n, rank),
        threads=threads or os.cpu_count() or 1,
    )
    return _Seen(rank, np.array([statistic]), error=np.array([error]))


def _degenerate(spec: Spec, n: int, d: int, rank: int) -> str | None:
    """Say why a joint test cannot speak of these rows, or None where it can."""
    if rank == 0:
        return "not defined: the rows are all equal"
    if rank >= n - 1:
        return (
            f"not defined: {n} rows span all {rank} dimensions they could; whitened, any such rows "
            "look alike: take more rows or fewer dimensions"
        )
    if rank < d and spec.needs == "joint":
        return f"not defined: the covariance has rank {rank} of {d}"
    if spec.smoothing is not None:
        spread = null_sd(spec.smoothing(n, rank), rank)
        if spread < RESOLUTION:
            return (
                f"not defined at d = {rank}: with its smoothing the null's standard deviation is "
                f"{spread:.0e}, which double precision cannot see; use energy, or fewer dimensions"
            )
    return None
