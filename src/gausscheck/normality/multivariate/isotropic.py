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
from functools import lru_cache
from math import exp, log1p, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.normality.laws import chi_square

F64 = NDArray[np.float64]

IsotropicStatus = Literal["holds", "fails", "inconclusive"]

DIRECTIONS = 256
"""Random directions of the sliced distance."""

EP_MEAN = 1 - 1 / sqrt(3)
"""Mean of the Epps-Pulley statistic with known parameters, at any n: E h(X, X)."""

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


@dataclass(frozen=True, slots=True)
class IsotropicPart:
    """One part of the isotropic null.

    Attributes
    ----------
    name : str
        ``mean``, ``sphericity``, ``sliced``, ``worst`` or ``scale``.
    effect : float
        Unbiased and free of n, 0 under the null; the unit is told by the name. ``mean``:
        ‖μ‖² / (σ² √d). ``sphericity``: (d tr Σ² / (tr Σ)² − 1) / √2. ``sliced``: mean over random
        directions of the squared distance of characteristic functions. ``worst``: the same along
        the direction of smallest p-value. ``scale``: tr Σ / (d σ²) − 1.
    effect_ci : (float, float)
        Delete-a-group jackknife; simultaneous over directions for ``worst`` (Bonferroni). Not
        narrower than the error under the null makes it, where that is known.
    margin : float
    pvalue, log_pvalue : float or None
        Of the null; None for ``sliced``, whose statistics are correlated over directions.
    status : {"holds", "fails", "inconclusive"}
        ``fails``: beyond the margin, and rejected (Holm over the parts; ``sliced``: the interval
        lies beyond the margin). ``holds``: the interval lies within it.
    """

    name: str
    effect: float
    effect_ci: tuple[float, float]
    margin: float
    pvalue: float | None
    log_pvalue: float | None
    status: IsotropicStatus


@dataclass(frozen=True, slots=True)
class IsotropicResult:
    """Whether rows are isotropic Gaussian with mean 0.

    Attributes
    ----------
    status : {"holds", "fails", "inconclusive"}
        ``fails`` if a part fails, ``holds`` if all hold.
    rejected : bool
        Whether the null is rejected at ``alpha`` (Holm over the parts), however small the
        departure.
    parts : tuple of IsotropicPart
    n, d : int
        Rows and dimensions.
    scale : float
        σ: given, or sqrt(tr S / d).
    scale_given : bool
    directions : int
        Random directions and, after them, the d axes.
    worst_direction : int
        Index of the ``worst`` among them.
    direction_effects : (k,) array
        Epps-Pulley distance of each direction, less its null mean over n.
    participation : float
        (tr Σ)² / (d tr Σ²), unbiased in its parts, at most 1: the share of dimensions in use.
    iso_score : float
        (d · participation − 1) / (d − 1): IsoScore (Rudman et al. 2022), which is a function of the
        participation ratio, without its bias at small n.
    identity_pvalue : float or None
        Of Σ = σ² I with the scale given (Ledoit & Wolf 2002, W); None where it is estimated.
    john_pvalue : float
        Of sphericity by John's U with its chi-square law (Ledoit & Wolf 2002), beside the
        U-statistic of Chen, Zhang & Zhong (2010) behind the part.
    """

    status: IsotropicStatus
    rejected: bool
    parts: tuple[IsotropicPart, ...]
    n: int
    d: int
    scale: float
    scale_given: bool
    directions: int
    worst_direction: int
    direction_effects: F64
    participation: float
    iso_score: float
    identity_pvalue: float | None
    john_pvalue: float

    def part(self, name: str) -> IsotropicPart:
        """Return the part of that name."""
        return next(part for part in self.parts if part.name == name)


def isotropic(
    rows: F64,
    rng: np.random.Generator,
    *,
    scale: float | None = None,
    directions: int = DIRECTIONS,
    groups: int = 20,
    confidence: float = 0.95,
    alpha: float = 0.05,
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
    _check(rows, scale, groups)
    n, d = rows.shape
    second, without = _second_order(rows, groups)
    sigma = scale if scale is not None else sqrt(second.trace / d)
    null_error = sqrt(2 / (n * (n - 1)))
    quantile = _student(groups - 1, 0.5 + confidence / 2)

    def effect(estimate: Callable[[_Second], float], least: float) -> tuple[float, float]:
        error = _jackknife_error(np.array([estimate(part) for part in without]))
        return estimate(second), quantile * max(float(error), least)

    effects = {
        "mean": (*effect(_mean_effect, null_error), PAIR_MARGIN),
        "sphericity": (*effect(_sphericity_effect, null_error), PAIR_MARGIN),
    }
    logs = {"mean": _mean_log_p(second), "sphericity": _sphericity_log_p(second)}
    if scale is not None:
        variance = scale**2
        effects["scale"] = (
            *effect(lambda part: part.trace / (d * variance) - 1, sqrt(2 / (n * d))),
            SCALE_MARGIN,
        )
        logs["scale"] = _scale_log_p(second, variance)
    sliced = _sliced(rows / sigma, _frame(d, directions, rng), directions, groups, confidence)
    effects["sliced"] = (*sliced.mean, SLICED_MARGIN)
    effects["worst"] = (*sliced.worst, WORST_MARGIN)
    logs["worst"] = sliced.log_p
    parts = _parts(effects, logs, alpha)
    share = min(1 / (1 + sqrt(2) * _sphericity_effect(second)), 1.0)
    return IsotropicResult(
        status=_overall(parts),
        rejected=any(_holm(logs, alpha).values()),
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
        identity_pvalue=None if scale is None else _identity_p(second, scale**2),
        john_pvalue=_john_p(second),
    )


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
class _Second:
    """What the mean and the covariance of n rows in d dimensions say.

    trace tr S and square tr S², S the n − 1 covariance; square_unbiased of tr Σ²; mean ‖x̄‖².
    """

    n: int
    d: int
    trace: float
    square: float
    square_unbiased: float
    mean: float


def _second_order(rows: F64, groups: int) -> tuple[_Second, list[_Second]]:
    """Of all rows, and without each group; memory O(d²)."""
    center = rows.mean(axis=0)
    y = rows - center
    scatter = y.T @ y
    none = np.empty((0, rows.shape[1]))

    def of(kept: F64, left_out: F64) -> _Second:
        n, d = kept.shape
        shift = -left_out.sum(axis=0) / n  # mean of the kept rows, less the centre
        lengths = ((kept - shift) ** 2).sum(axis=1)
        trace = float(lengths.sum()) / (n - 1)
        inner = scatter - left_out.T @ left_out - n * np.outer(shift, shift)
        square = float((inner**2).sum()) / (n - 1) ** 2
        # unbiased whatever the law (Himeno & Yamada 2014); the U-statistic of Chen, Zhang & Zhong
        quartic = float((lengths**2).sum()) / (n - 1)
        unbiased = (n - 1) / (n * (n - 2) * (n - 3))
        unbiased *= (n - 1) * (n - 2) * square + trace**2 - n * quartic
        return _Second(n, d, trace, square, unbiased, float(((center + shift) ** 2).sum()))

    parts = np.array_split(np.arange(len(y)), groups)
    return of(y, none), [of(np.delete(y, part, axis=0), y[part]) for part in parts]


def _mean_effect(found: _Second) -> float:
    return (found.mean - found.trace / found.n) * sqrt(found.d) / found.trace


def _sphericity_effect(found: _Second) -> float:
    return (found.d * found.square_unbiased / found.trace**2 - 1) / sqrt(2)


def _log_p(statistic: float, freedom: float) -> float:
    law = chi_square(np.array([max(statistic, 0.0)]), freedom)
    return 0.0 if law.log_pvalue is None else float(law.log_pvalue[0])


def _mean_log_p(found: _Second) -> float:
    """Of n ‖x̄‖² as a scaled chi-square on (tr Σ)² / tr Σ² degrees of freedom.

    Exact with Σ = σ² I known, and close whatever the spectrum (Box 1954; Bai & Saranadasa 1996), so
    that an uneven covariance isn't taken for a mean.
    """
    square = max(found.square_unbiased, found.trace**2 / found.d)
    return _log_p(found.n * found.mean * found.trace / square, found.trace**2 / square)


def _sphericity_log_p(found: _Second) -> float:
    """Of the Chen-Zhang-Zhong U, √2 times the effect: n U / 2 is nearly standard normal.

    Given the skewness of the chi-square law that it follows where d is small.
    """
    freedom = found.d * (found.d + 1) / 2 - 1
    z = found.n * _sphericity_effect(found) / sqrt(2)
    return _log_p(freedom + z * sqrt(2 * freedom), freedom)


def _john_p(found: _Second) -> float:
    """Of John's U, by the chi-square law that holds for any n/d (Ledoit & Wolf 2002)."""
    u = found.d * found.square / found.trace**2 - 1
    freedom = found.d * (found.d + 1) / 2 - 1
    return exp(_log_p((found.n - 1) * found.d / 2 * u, freedom))


def _identity_p(found: _Second, variance: float) -> float:
    """Of Σ = σ² I by W of Ledoit & Wolf (2002), with its chi-square law."""
    d, freedom = found.d, found.n - 1
    trace, square = found.trace / variance, found.square / variance**2
    w = (square - 2 * trace + d) / d - trace**2 / (freedom * d) + d / freedom
    return exp(_log_p(freedom * d / 2 * w, d * (d + 1) / 2))


def _scale_log_p(found: _Second, variance: float) -> float:
    """Two-sided, of tr S / σ², chi-square on (n − 1) d degrees over n − 1 by Wilson & Hilferty."""
    from scipy.special import log_ndtr

    freedom = (found.n - 1) * found.d
    ratio = found.trace / (found.d * variance)
    z = (ratio ** (1 / 3) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom))
    return min(float(np.log(2) + log_ndtr(-abs(z))), 0.0)


# ---- along directions


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


def _sliced(rows: F64, frame: F64, random: int, groups: int, confidence: float) -> _Sliced:
    n, k = rows.shape[0], frame.shape[1]
    gaps, without = _gaps(rows, frame, groups)
    sizes = n - np.array([part.size for part in np.array_split(np.arange(n), groups)])
    effects = gaps - EP_MEAN / n
    left = without - EP_MEAN / sizes
    mean = float(effects[:random].mean())
    mean_half = _student(groups - 1, 0.5 + confidence / 2) * float(
        _jackknife_error(left[:random].mean(axis=0))
    )
    place = int(np.argmax(gaps))
    null_error = sqrt(2 * float((_kernel_values() ** 2).sum())) / n
    worst_half = _student(groups - 1, 1 - (1 - confidence) / (2 * k)) * max(
        float(_jackknife_error(left[place])), null_error
    )
    log_p = epps_pulley_known_log_p(n * float(gaps[place]))
    # log(1 − (1 − p)^k); for a small p, k p to first order
    rest = k * log1p(-exp(log_p)) if log_p < -1e-12 else -np.inf
    sidak = float(np.log(-np.expm1(rest))) if log_p > -30 else log_p + np.log(k)
    return _Sliced(
        (mean, mean_half), (float(effects[place]), worst_half), place, min(sidak, 0.0), effects
    )


_FREQUENCIES = np.linspace(0, 6, 31)
"""The weight beyond 6 is 2e-9; the step resolves values within ±15 standard deviations."""


def _gaps(rows: F64, frame: F64, groups: int) -> tuple[F64, F64]:
    """∫ |φ_n(t) − exp(−t²/2)|² φ(t) dt along each column, (k,), and without each group, (k, G)."""
    n, k = rows.shape[0], frame.shape[1]
    starts = np.cumsum([0, *(part.size for part in np.array_split(np.arange(n), groups))])[:-1]
    sizes = np.diff(np.append(starts, n))
    gaps, without = np.empty(k), np.empty((k, groups))
    tile = max(1, (1 << 18) // n)
    for low in range(0, k, tile):
        step = np.exp(1j * _FREQUENCIES[1] * (rows @ frame[:, low : low + tile]))
        turn = np.ones_like(step)
        sums = np.empty((_FREQUENCIES.size, groups, step.shape[1]), dtype=complex)
        for i in range(_FREQUENCIES.size):
            sums[i] = np.add.reduceat(turn, starts, axis=0)
            turn *= step
        total = sums.sum(axis=1)
        gaps[low : low + tile] = _weighted(total / n)
        rest = (total[:, None] - sums) / (n - sizes)[None, :, None]
        without[low : low + tile] = _weighted(rest).T
    return gaps, without


def _weighted(transform: NDArray[np.complex128]) -> F64:
    """Integrate over the first axis, the frequencies."""
    t = _FREQUENCIES
    weight = np.exp(-t * t / 2) / sqrt(2 * pi) * (t[1] - t[0])
    weight[1:] *= 2  # the integrand is even
    normal = np.exp(-t * t / 2).reshape(-1, *(1,) * (transform.ndim - 1))
    return np.asarray(np.tensordot(weight, np.abs(transform - normal) ** 2, axes=1))


@lru_cache(maxsize=1)
def _kernel_values() -> F64:
    """Eigenvalues of the kernel of Epps-Pulley with known parameters, largest first.

    h(x, y) = exp(−(x − y)²/2) − (exp(−x²/4) + exp(−y²/4))/√2 + 1/√3 under N(0, 1), by Nyström's
    method on Gauss-Hermite nodes. Their sum is E h(X, X) = 1 − 1/√3.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / sqrt(2 * pi)
    fall = np.exp(-(node**2) / 4) / sqrt(2)
    kernel = np.exp(-((node[:, None] - node) ** 2) / 2) - fall[:, None] - fall + 1 / sqrt(3)
    root = np.sqrt(weight)
    values = np.linalg.eigvalsh(root[:, None] * kernel * root)[::-1]
    return np.asarray(values[values > 1e-12])


def epps_pulley_known_log_p(statistic: float) -> float:
    """Log p-value of n ∫ |φ_n − exp(−t²/2)|² φ dt with known parameters.

    Parameters
    ----------
    statistic : float

    Returns
    -------
    float
        Upper tail of Σ λ Z², λ the eigenvalues of the kernel, by the saddlepoint of Lugannani &
        Rice (1980) as in Kuonen (1999): within a few percent of p over the whole tail, and no
        underflow. The law holds from some 100 rows.

    Examples
    --------
    >>> round(float(np.exp(epps_pulley_known_log_p(1.178))), 2)
    0.05
    """
    from scipy.optimize import brentq
    from scipy.special import log_ndtr

    values = _kernel_values()
    if statistic <= 0:
        return 0.0
    if abs(statistic / EP_MEAN - 1) < 1e-3:  # the formula is 0/0 at the mean
        statistic = EP_MEAN * (1 + 1e-3)

    def slope(s: float) -> float:
        return float((values / (1 - 2 * s * values)).sum()) - statistic

    most = 1 / (2 * values[0])
    # one eigenvalue alone must not exceed the statistic, and all together must reach it
    high = most * (1 - min(values[0] / statistic, 1) * 1e-6)
    low = -values.size / statistic
    s = brentq(slope, low, high, xtol=1e-14, rtol=1e-14)
    cumulant = -0.5 * float(np.log1p(-2 * s * values).sum())
    curvature = 2 * float((values**2 / (1 - 2 * s * values) ** 2).sum())
    w = np.sign(s) * sqrt(max(2 * (s * statistic - cumulant), 1e-300))
    v = s * sqrt(curvature)
    return min(float(log_ndtr(-(w + np.log(v / w) / w))), 0.0)


# ---- status


def _jackknife_error(without: F64) -> F64:
    """Delete-a-group standard error over the last axis."""
    groups = without.shape[-1]
    centred = without - without.mean(axis=-1, keepdims=True)
    return np.asarray(np.sqrt((groups - 1) / groups * (centred**2).sum(axis=-1)))


def _student(freedom: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, level))


def _holm(logs: dict[str, float], alpha: float) -> dict[str, bool]:
    """Which nulls Holm (1979) rejects, from logarithms of p-values."""
    rejected: dict[str, bool] = {}
    going = True
    for place, name in enumerate(sorted(logs, key=lambda key: logs[key])):
        going = going and logs[name] <= np.log(alpha / (len(logs) - place))
        rejected[name] = going
    return rejected


def _parts(
    effects: dict[str, tuple[float, float, float]], logs: dict[str, float], alpha: float
) -> tuple[IsotropicPart, ...]:
    rejected = _holm(logs, alpha)
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
