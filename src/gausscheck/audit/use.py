"""Use: what happens to a Gaussian outlier threshold on these rows.

The share of rows beyond the 5, 1 and 0.1 % quantiles of the exact law of whitened lengths has a
known value for Gaussian rows at any n and d and is an effect size for all others: free of n, and
in the unit that a practitioner pays in. Among leading components the same holds for each k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.length_jackknife import (
    LengthErrors,
    coarsened,
    jeffreys,
    length_errors,
    radial_bins,
    radial_divergence,
    random_groups,
    whole_groups,
)
from gausscheck.audit.length_references import PlugIn, normalised_twin, plug_in_rates
from gausscheck.audit.whitened_lengths import (
    LEVELS,
    LengthLaw,
    LengthState,
    component_grid,
    count_lengths,
    cumulative_squares,
    fit_rows,
    fold_of,
)
from gausscheck.core import GausscheckError

F64 = NDArray[np.float64]

Interval = tuple[float, float]

KEYS = tuple(f"{level:g}" for level in LEVELS)
ONE = "0.01"
"""The level that ``safe_components``, ``too_few`` and the sentences speak of."""

MOST, LEAST = 0.02, 0.005
"""Rates at the 1 % threshold above which it flags too many, below which too few."""

SAMPLED = 10_000
"""The most rows that standard errors are measured on."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A false-alarm rate: a share of rows beyond a Gaussian threshold.

    Attributes
    ----------
    value : float
    ci : (float, float)
        Jeffreys' interval at the jackknife's effective number of rows.
    gaussian : float
        What Gaussian rows give: the nominal level; for unit rows, what normalised ones give
        (simulated).
    """

    value: float
    ci: Interval
    gaussian: float


@dataclass(frozen=True, slots=True)
class UseCurvePoint:
    """Rates of the thresholds among the k leading components, by level ("0.05", "0.01", "0.001").

    Components are found, whitened and measured on the same rows; the law allows for it.
    """

    k: int
    false_alarm: dict[str, Rate]


@dataclass(frozen=True, slots=True)
class RadialLoss:
    """Log-likelihood that a Gaussian model loses in the radius, nats a row: a lower bound.

    ``value`` may come out slightly below 0 on Gaussian rows; ``ci`` is a jackknife interval.
    """

    value: float
    ci: Interval


@dataclass(frozen=True, slots=True)
class SafeComponents:
    """How many leading components a 1 % threshold can be used on.

    Attributes
    ----------
    value : int
        The largest k of the curve such that the rate is at most 2 % there and at every smaller
        k; 0 where none is.
    ci : (int, int)
        The same rule on the upper and on the lower ends of the rates' intervals.
    of : int
        The most components that can be measured, min(rank, n - 2).
    """

    value: int
    ci: tuple[int, int]
    of: int


@dataclass(frozen=True, slots=True)
class Weighted:
    """Rates when every occurrence of a repeated row counts; the fit is on distinct rows.

    Attributes
    ----------
    false_alarm : dict of str to float
        Shares of all occurrences, by level.
    rows : int
        Occurrences.
    most_repeated, times : int or None, int
        The most repeated row beyond the 1 % threshold, and how often it occurs.
    """

    false_alarm: dict[str, float]
    rows: int
    most_repeated: int | None
    times: int


@dataclass(frozen=True, slots=True)
class Use:
    """The section ``use`` of a report.

    Attributes
    ----------
    n : int
        Distinct rows measured.
    false_alarm : dict of str to Rate
        With all components, by level: "0.05", "0.01", "0.001".
    radial_kl : RadialLoss
    curve : tuple of UseCurvePoint
        By k, ascending; the last has all components.
    safe_components : SafeComponents
    too_few : tuple of int
        Every k whose upper end at 1 % lies below .5 %: the threshold flags too few rows.
    weighted : Weighted or None
        Where repeats move a rate out of its interval.
    shrunk : PlugIn or None
        Chi-square thresholds on held-out rows, with the covariance as estimated and shrunk.
    beyond : int
        Rows beyond the 0.1 % threshold.
    rows_beyond : tuple of int
        Ids of the longest of them, longest first, 20 at most.
    sentence : str
        What was measured, in words. No claim that a Gaussian model fits.
    """

    n: int
    false_alarm: dict[str, Rate]
    radial_kl: RadialLoss
    curve: tuple[UseCurvePoint, ...]
    safe_components: SafeComponents
    too_few: tuple[int, ...]
    weighted: Weighted | None
    shrunk: PlugIn | None
    beyond: int
    rows_beyond: tuple[int, ...]
    sentence: str


def use_of_rows(
    x: F64,
    *,
    groups: int | NDArray[np.integer] = 20,
    confidence: float = 0.95,
    rng: np.random.Generator,
    unit: bool = False,
    multiplicity: NDArray[np.integer] | None = None,
    ids: NDArray[np.integer] | None = None,
) -> Use:
    """Measure what Gaussian thresholds do on rows in memory.

    Parameters
    ----------
    x : (n, d) array
        Finite rows, no repeats beyond those that ``multiplicity`` tells of.
    groups : int or (n,) int array
        Random groups of the jackknife, or the cluster or block of each row (joined to 20 groups).
    confidence : float
        Of all intervals.
    rng : numpy.random.Generator
        For groups, the sample of rows that errors are measured on, and the twin.
    unit : bool
        Whether the rows have length one: rates then stand beside a normalised Gaussian twin's.
    multiplicity : (n,) int array, optional
        How often each row occurs: the full count at its first occurrence, 0 at later ones.
    ids : (n,) int array, optional
        Row numbers for ``rows_beyond``.

    Returns
    -------
    Use
        Cost about 15 products of (min(n, 10,000), r) with (r, r), r = min(n - 1, d), one
        eigendecomposition of r x r (two for unit rows); where n <= d nothing is d x d.

    Raises
    ------
    GausscheckError
        With fewer than 4 distinct rows, or where all are equal.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> use = use_of_rows(rng.standard_normal((2000, 16)), rng=rng)
    >>> use.safe_components.value, use.too_few
    (16, ())
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2:
        raise GausscheckError(f"expected rows of shape (n, d), got shape {x.shape}")
    numbers = np.arange(len(x), dtype=np.int64) if ids is None else np.asarray(ids, np.int64)
    times = None if multiplicity is None else np.asarray(multiplicity, np.int64)
    labels = None if isinstance(groups, int) else np.asarray(groups)
    if times is not None and not times.all():
        keep = times > 0
        x, numbers, times = x[keep], numbers[keep], times[keep]
        labels = None if labels is None else labels[keep]
    random, simulated = rng.spawn(2)
    fitted = fit_rows(x)
    n, ks = len(x), component_grid(fitted.of)
    if isinstance(groups, int):
        member = random_groups(n, groups, random)
    else:
        member = whole_groups(groups if labels is None else labels)
    law = LengthLaw.of(n, ks)
    folds = fold_of(np.arange(n)) if labels is None else member
    h = cumulative_squares(fitted.y.copy(), ks) / (n - 1)
    state = count_lengths(h, law, numbers, folds, times)
    part = np.arange(n) if n <= SAMPLED else np.sort(random.choice(n, SAMPLED, replace=False))
    member = np.unique(member[part], return_inverse=True)[1]
    errors = length_errors(fitted.y[part], member, ks)
    twin = normalised_twin(fitted, n, ks, simulated) if unit else None
    return assemble(
        law, state, errors, twin=twin, shrunk=plug_in_rates(fitted, x.shape[1]),
        confidence=confidence,
    )  # fmt: skip


def assemble(
    law: LengthLaw,
    state: LengthState,
    errors: LengthErrors,
    *,
    twin: F64 | None = None,
    shrunk: PlugIn | None = None,
    confidence: float = 0.95,
) -> Use:
    """Put counts, errors and references together.

    Parameters
    ----------
    law, state : LengthLaw, LengthState
        Of all distinct rows.
    errors : LengthErrors
        Of these rows or a sample of them, at the same ks.
    twin : (K, 3) array, optional
        Rates of a normalised Gaussian twin; for unit rows.
    shrunk : PlugIn, optional
    confidence : float
    """
    n = state.n
    curve = tuple(
        UseCurvePoint(
            k,
            {
                key: _rate(
                    state.beyond[i, j] / n,
                    n,
                    errors.design[i, j],
                    LEVELS[j] if twin is None else float(twin[i, j]),
                    confidence,
                )
                for j, key in enumerate(KEYS)
            },
        )
        for i, k in enumerate(law.ks)
    )
    last = curve[-1].false_alarm
    too_few = tuple(point.k for point in curve if point.false_alarm[ONE].ci[1] < LEAST)
    return Use(
        n=n,
        false_alarm=last,
        radial_kl=_radial(state, errors, confidence),
        curve=curve,
        safe_components=safe_components(curve),
        too_few=too_few,
        weighted=_weighted(state, last),
        shrunk=shrunk,
        beyond=int(state.beyond[-1, 2]),
        rows_beyond=tuple(state.extreme.tolist()),
        sentence=sentence(curve),
    )


def _rate(share: float, n: int, design: float, gaussian: float, confidence: float) -> Rate:
    return Rate(float(share), jeffreys(float(share), n, float(design), confidence), gaussian)


def _radial(state: LengthState, errors: LengthErrors, confidence: float) -> RadialLoss:
    from scipy.special import stdtrit

    value = radial_divergence(coarsened(state.histogram, radial_bins(state.n)))
    se = errors.radial_se * np.sqrt(errors.rows / state.n)
    half = float(stdtrit(errors.groups - 1, (1 + confidence) / 2)) * se
    return RadialLoss(value, (value - half, value + half))


def _weighted(state: LengthState, rates: dict[str, Rate]) -> Weighted | None:
    shares = {key: float(state.weighted[j] / state.occurrences) for j, key in enumerate(KEYS)}
    if all(rates[key].ci[0] <= shares[key] <= rates[key].ci[1] for key in KEYS):
        return None
    row = state.repeated if state.times > 1 else None
    return Weighted(shares, state.occurrences, row, state.times if row is not None else 0)


def safe_components(curve: tuple[UseCurvePoint, ...]) -> SafeComponents:
    """Apply the rule of :class:`SafeComponents` to the rates and to both ends of their intervals."""
    rates = [point.false_alarm[ONE] for point in curve]

    def reach(values: list[float]) -> int:
        largest = 0
        for point, value in zip(curve, values, strict=True):
            if value > MOST:
                break
            largest = point.k
        return largest

    ends = (reach([rate.ci[1] for rate in rates]), reach([rate.ci[0] for rate in rates]))
    return SafeComponents(reach([rate.value for rate in rates]), ends, curve[-1].k)


def sentence(curve): return ''
