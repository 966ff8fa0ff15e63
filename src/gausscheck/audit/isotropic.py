"""Isotropic Gaussian rows: mean 0 and covariance σ² I known, not fitted.

What SIGReg and LeJEPA train towards (Balestriero & LeCun 2025), and what must be asked of their
outputs: tests that centre and whiten first say nothing about the mean and the covariance. Three
parts, none of which needs n > d:

- the mean, by its squared length;
- sphericity of the covariance, by tr Σ² and the participation of its eigenvalues;
- shape along directions, by the sliced Epps-Pulley distance with known parameters.

Effects are free of n. Mean and sphericity are read from pairs of rows, in standard deviations of
x·y and of (x·y)² for two independent isotropic rows, as the claim "uniform on the sphere" is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log1p, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.intervals import jackknife_error, student_quantile
from gausscheck.audit.multiplicity import holm
from gausscheck.core import F64, GausscheckError
from gausscheck.normality.groups import delete_group, group_sizes
from gausscheck.normality.multivariate.known_epps_pulley import (
    EP_MEAN,
    epps_pulley_known_log_p,
    known_gaps,
    known_kernel_values,
)
from gausscheck.normality.multivariate.second_order import (
    SecondOrder,
    identity_pvalue,
    john_pvalue,
    mean_effect,
    mean_log_p,
    scale_log_p,
    second_order,
    sphericity_effect,
    sphericity_log_p,
)
from gausscheck.report import IsotropicPart, IsotropicResult

IsotropicStatus = Literal["holds", "fails", "inconclusive"]

DIRECTIONS = 256
"""Random directions of the sliced distance."""

PAIR_MARGIN = 0.1
"""Margin of the mean and of sphericity, in standard deviations over pairs of isotropic rows.

Inner products moved by a tenth of their standard deviation, or widened by 7 %, turn the 5 % largest
into 6.1 to 6.2 %. A coefficient of variation of the eigenvalues of 38 % reaches it.
"""

SLICED_MARGIN = 1e-3
"""Margin of ∫ |φ(t) − exp(−t²/2)|² φ(t) dt, averaged over directions.

A mean of .07 standard deviations, a standard deviation off by 7 %, a skewness of .33 or an excess
kurtosis of .9 along every direction reach it. Sampling gives a batch of n rows .42/n, so that a
regulariser on batches of 400 cannot see less.
"""

WORST_MARGIN = 5e-3
"""Margin of the same along one direction: a mean or a standard deviation off by .16, Laplace tails.

Laplace gives 7e-3.
"""

SCALE_MARGIN = 0.1
"""Margin of |σ̂² / σ² − 1| where the scale is given."""


def isotropic(
    rows: F64,
    rng: np.random.Generator,
    *,
    scale: float | None = None,
    directions: int = DIRECTIONS,
    groups: int = 20,
    confidence: float = 0.95,
    alpha: float = 0.05,
    sizes: NDArray[np.integer] | None = None,
) -> IsotropicResult:
    """Test that rows are N(0, σ² I): known mean, known shape of the covariance.

    Parameters
    ----------
    rows : (n, d) array
        Neither centred nor whitened, in random order. n >= 2 groups, d >= 2; n < d is allowed.
    rng : Generator
        For the random directions.
    scale : float, optional
        σ. By default it is estimated as sqrt(tr S / d), from n d values, and is no part of the
        null.
    directions : int
        Random directions of the sliced distance; the axes are looked at beside them.
    groups, confidence, alpha
        Of the jackknife, the intervals, the rejection.
    sizes : (G,) int array, optional
        Rows of contiguous groups within which rows depend on each other (blocks of neighbours,
        clusters), in place of random ones; 2 at least. Effects are then without their bias by the
        jackknife, which is what dependent pairs add, and there are no p-values: the interval
        alone says whether a margin is exceeded.

    Returns
    -------
    IsotropicResult
        Cost O(n d (directions + d)) and 33 exponentials a projected value.

    Raises
    ------
    GausscheckError
        If rows are too few, constant or not finite, or the scale is not positive.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> isotropic(rng.standard_normal((6000, 8)), rng).status
    'holds'
    """
    left_out = _LeftOut.of(len(rows), groups, sizes)
    _check(rows, scale, left_out.sizes.size)
    n, d = rows.shape
    second, without = second_order(rows, left_out.sizes)
    sigma = scale if scale is not None else sqrt(second.trace / d)
    null_error = sqrt(2 / (n * (n - 1)))
    quantile = student_quantile(left_out.sizes.size, 0.5 + confidence / 2)

    def effect(estimate: Callable[[SecondOrder], float], least: float) -> tuple[float, float]:
        parts = np.array([estimate(part) for part in without])
        value, error = left_out.of_values(estimate(second), parts)
        return float(value), quantile * max(float(error), least)

    effects = {
        "mean": (*effect(mean_effect, null_error), PAIR_MARGIN),
        "sphericity": (*effect(sphericity_effect, null_error), PAIR_MARGIN),
    }
    if scale is not None:
        variance = scale**2
        effects["scale"] = (
            *effect(lambda part: part.trace / (d * variance) - 1, sqrt(2 / (n * d))),
            SCALE_MARGIN,
        )
    sliced = _sliced(rows / sigma, _frame(d, directions, rng), directions, left_out, confidence)
    effects["sliced"] = (*sliced.mean, SLICED_MARGIN)
    effects["worst"] = (*sliced.worst, WORST_MARGIN)
    logs = {} if left_out.dependent else {**_log_pvalues(second, scale), "worst": sliced.log_p}
    parts = _parts(effects, logs, alpha)
    statuses = {part.status for part in parts}
    share = min(1 / (1 + sqrt(2) * effects["sphericity"][0]), 1.0)
    return IsotropicResult(
        status=_overall(parts),
        rejected=any(_rejected(logs, alpha).values()) or (not logs and "fails" in statuses),
        parts=parts,
        n=n,
        d=d,
        scale=sigma,
        scale_given=scale is not None,
        directions=directions,
        worst_direction=sliced.place,
        direction_effects=sliced.effects,
        participation=share,
        iso_score=(d * share - 1) / (d - 1),
        identity_pvalue=None
        if scale is None or left_out.dependent
        else identity_pvalue(second, scale**2),
        john_pvalue=None if left_out.dependent else john_pvalue(second),
    )


def _log_pvalues(second: SecondOrder, scale: float | None) -> dict[str, float]:
    logs = {"mean": mean_log_p(second), "sphericity": sphericity_log_p(second)}
    return logs if scale is None else {**logs, "scale": scale_log_p(second, scale**2)}


def _check(rows: F64, scale: float | None, groups: int) -> None:
    if rows.ndim != 2 or rows.shape[0] < 2 * groups or rows.shape[1] < 2:
        raise GausscheckError(
            f"isotropic: expected at least {2 * groups} rows of 2 or more dimensions, got shape "
            f"{rows.shape}; take more rows or fewer groups"
        )
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise GausscheckError(f"isotropic: expected a positive scale, got {scale}")
    if not np.all(np.isfinite(rows)) or not np.any(rows != rows[0]):
        raise GausscheckError(
            "isotropic: expected finite rows that vary, got NaN, inf or rows all alike; drop the "
            "former, and look at what made the latter"
        )


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """Groups of rows side by side, and whether rows of one depend on each other."""

    sizes: NDArray[np.integer]
    dependent: bool

    @classmethod
    def of(cls, n: int, groups: int, sizes: NDArray[np.integer] | None) -> _LeftOut:
        return cls(group_sizes(n, groups), False) if sizes is None else cls(sizes, True)

    def of_values(self, whole: F64 | float, without: F64) -> tuple[F64, F64]:
        """Return a statistic and its error; without what dependent pairs add where there are any.

        ``without`` is (G,) or (G, k).
        """
        if not self.dependent:
            return np.asarray(whole), jackknife_error(without.T)
        value, variance = delete_group(whole, without, self.sizes)
        return value, np.sqrt(variance)


@dataclass(frozen=True, slots=True)
class _Sliced:
    """``mean`` and ``worst``: effect and half width; log_p of the worst, Šidák over directions."""

    mean: tuple[float, float]
    worst: tuple[float, float]
    place: int
    log_p: float
    effects: F64


def _frame(d: int, directions: int, rng: np.random.Generator) -> F64:
    """Random unit columns, then the axes: (d, directions + d)."""
    random = rng.standard_normal((d, directions))
    return np.hstack([random / np.linalg.norm(random, axis=0), np.eye(d)])


def _sliced(rows: F64, frame: F64, random: int, left_out: _LeftOut, confidence: float) -> _Sliced:
    n, k, groups = rows.shape[0], frame.shape[1], left_out.sizes.size
    gaps, without = known_gaps(rows, frame, left_out.sizes)
    left = (without - EP_MEAN / (n - left_out.sizes)).T
    effects, errors = left_out.of_values(gaps - EP_MEAN / n, left)
    value, error = left_out.of_values(
        float((gaps[:random] - EP_MEAN / n).mean()), left[:, :random].mean(axis=1)
    )
    mean, mean_half = float(value), student_quantile(groups, 0.5 + confidence / 2) * float(error)
    place = int(np.argmax(effects))
    null_error = sqrt(2 * float((known_kernel_values() ** 2).sum())) / n
    worst_half = student_quantile(groups, 1 - (1 - confidence) / (2 * k)) * max(
        float(errors[place]), null_error
    )
    log_p = epps_pulley_known_log_p(n * float(gaps[place]))
    # log(1 − (1 − p)^k); for a small p, k p to first order
    rest = k * log1p(-exp(log_p)) if log_p < -1e-12 else -np.inf
    sidak = float(np.log(-np.expm1(rest)) if log_p > -30 else log_p + np.log(k))
    return _Sliced(
        (mean, mean_half), (float(effects[place]), worst_half), place, min(sidak, 0.0), effects
    )


def _rejected(logs: dict[str, float], alpha: float) -> dict[str, bool]:
    if not logs:
        return {}
    return dict(zip(logs, holm(np.array(list(logs.values())), alpha).tolist(), strict=True))


def _parts(
    effects: dict[str, tuple[float, float, float]], logs: dict[str, float], alpha: float
) -> tuple[IsotropicPart, ...]:
    rejected = _rejected(logs, alpha)
    parts = []
    for name, (effect, half, margin) in effects.items():
        log_p = logs.get(name)
        beyond = rejected[name] if name in rejected else abs(effect) - half > margin
        status: IsotropicStatus = "inconclusive"
        if beyond and abs(effect) > margin:
            status = "fails"
        elif abs(effect) + half < margin:
            status = "holds"
        ends = (effect - half, effect + half)
        p = None if log_p is None else exp(log_p)
        parts.append(IsotropicPart(name, effect, ends, margin, p, log_p, status))
    return tuple(parts)


def _overall(parts: tuple[IsotropicPart, ...]) -> IsotropicStatus:
    statuses = [part.status for part in parts]
    if "fails" in statuses:
        return "fails"
    return "inconclusive" if "inconclusive" in statuses else "holds"
