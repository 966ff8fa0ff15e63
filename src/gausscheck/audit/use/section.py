"""Use: what happens to a Gaussian outlier threshold on these rows.

The share of rows beyond the 5, 1 and 0.1 % quantiles of the exact law of whitened lengths has a
known value for Gaussian rows at any n and d and is an effect size for all others: free of n, and
in the unit that a practitioner pays in. Among leading components the same holds for each k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.use.jackknife import (
    LengthErrors,
    coarsened,
    jeffreys,
    length_errors,
    radial_bins,
    radial_divergence,
    random_groups,
    whole_groups,
)
from gausscheck.audit.use.references import normalised_twin, plug_in_rates
from gausscheck.audit.use.safe_components import safe_components, too_few
from gausscheck.audit.use.whitened_lengths import (
    FOLDS,
    LEVELS,
    LengthLaw,
    LengthState,
    component_grid,
    count_lengths,
    cumulative_squares,
    fit_rows,
    fold_of,
)
from gausscheck.audit.use.words import sentence
from gausscheck.core import F64, GausscheckError
from gausscheck.report.use import (
    KEYS,
    MASKED,
    PlugIn,
    RadialLoss,
    Rate,
    Use,
    UseCurvePoint,
    Weighted,
)

SAMPLED = 10_000
"""The most rows that standard errors are measured on."""

FEWEST_FOLDS = 10
"""The radial divergence is cross-fitted on clusters of rows from so many groups of them on; of few
clusters each tells too little of another."""


def use_of_rows(
    x: F64,
    *,
    groups: int | NDArray[np.integer] = 20,
    confidence: float = 0.95,
    rng: np.random.Generator,
    unit: bool = False,
    multiplicity: NDArray[np.integer] | None = None,
    ids: NDArray[np.integer] | None = None,
    components: int | None = None,
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
    components : int, optional
        Measure among so many leading components (and the first one) alone, at a smaller cost.

    Returns
    -------
    Use
        Cost about 15 products of (min(n, 10,000), r) with (r, r), r = min(n - 1, d), one
        eigendecomposition of r x r (two for unit rows); where n <= d nothing is d x d.

    Raises
    ------
    GausscheckError
        With fewer than 4 distinct rows, where all are equal or some not finite, and where groups,
        multiplicity or ids do not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> use = use_of_rows(rng.standard_normal((2000, 16)), rng=rng)
    >>> use.safe_components.value, use.too_few
    (16, ())
    """
    x = np.asarray(x, dtype=np.float64)
    _check(x, groups, multiplicity, ids)
    numbers = np.arange(len(x), dtype=np.int64) if ids is None else np.asarray(ids, np.int64)
    times = None if multiplicity is None else np.asarray(multiplicity, np.int64)
    count, labels = (groups, None) if isinstance(groups, int) else (FOLDS, np.asarray(groups))
    if times is not None and not times.all():
        keep = times > 0
        x, numbers, times = x[keep], numbers[keep], times[keep]
        labels = None if labels is None else labels[keep]
    random, simulated = rng.spawn(2)
    fitted = fit_rows(x)
    n = len(x)
    ks = component_grid(fitted.of) if components is None else _alone(min(components, fitted.of))
    if labels is None:
        member, folds = random_groups(n, count, random), fold_of(np.arange(n))
    else:
        member = whole_groups(labels)
        folds = member if member.max() >= FEWEST_FOLDS - 1 else fold_of(np.arange(n))
    law = LengthLaw.of(n, ks)
    h = cumulative_squares(fitted.y.copy(), ks) / (n - 1)
    state = count_lengths(h, law, numbers, folds, times)
    part = np.arange(n) if n <= SAMPLED else np.sort(random.choice(n, SAMPLED, replace=False))
    member = np.unique(member[part], return_inverse=True)[1]
    errors = length_errors(fitted.y[part], member, ks, folds[part])
    twin = normalised_twin(fitted, n, ks, simulated) if unit else None
    return assemble(
        law, state, errors, twin=twin, shrunk=plug_in_rates(fitted, x.shape[1]),
        confidence=confidence,
    )  # fmt: skip


def _alone(k: int) -> tuple[int, ...]:
    """Return k, and one component: where groups leave too few rows for k, its errors stand in."""
    return tuple(sorted({1, k}))


def _check(x: F64, groups: int | NDArray[np.integer], *per_row: NDArray[np.integer] | None) -> None:
    if x.ndim != 2 or not x.size:
        raise GausscheckError(f"expected rows of shape (n, d), got shape {x.shape}")
    if not np.isfinite(x).all():
        row = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        raise GausscheckError(f"expected finite rows, row {row} is not: leave such rows out")
    labels = () if isinstance(groups, int) else (groups,)
    for values in (*labels, *per_row):
        if values is not None and np.shape(values) != (len(x),):
            raise GausscheckError(
                f"expected one value for each of {len(x)} rows (groups, multiplicity, ids), got "
                f"shape {np.shape(values)}"
            )
    if isinstance(groups, int) and groups < 2:
        raise GausscheckError(f"expected 2 groups or more, got {groups}")
    if per_row[0] is not None and np.min(per_row[0]) < 0:
        raise GausscheckError(f"expected multiplicities from 0 on, got {np.min(per_row[0])}")


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
    return Use(
        n=n,
        masked=law.ks[-1] > MASKED * n,
        false_alarm=last,
        radial_kl=_radial(state, errors, confidence),
        curve=curve,
        safe_components=safe_components(curve),
        too_few=too_few(curve),
        weighted=_weighted(state, last),
        shrunk=shrunk,
        beyond=int(state.beyond[-1, 2]),
        rows_beyond=tuple(state.extreme.tolist()),
        sentence=sentence(curve, n, unit=twin is not None),
    )


def _rate(share: float, n: int, design: float, gaussian: float, confidence: float) -> Rate:
    return Rate(float(share), jeffreys(float(share), n, float(design), confidence), gaussian)


def _radial(state: LengthState, errors: LengthErrors, confidence: float) -> RadialLoss:
    from scipy.special import stdtrit

    value = radial_divergence(coarsened(state.histogram, radial_bins(state.n)))
    se = errors.radial_se * float(np.sqrt(errors.rows / state.n))
    half = float(stdtrit(errors.groups - 1, (1 + confidence) / 2)) * se
    shift = (
        errors.radial_shift * errors.rows / state.n
    )  # a lower bound: it falls short with few rows
    return RadialLoss(value, (value + min(shift, 0) - half, value + max(shift, 0) + half))


def _weighted(state: LengthState, rates: dict[str, Rate]) -> Weighted | None:
    shares = {key: float(state.weighted[j] / state.occurrences) for j, key in enumerate(KEYS)}
    if all(rates[key].ci[0] <= shares[key] <= rates[key].ci[1] for key in KEYS):
        return None
    row = state.repeated if state.times > 1 else None
    return Weighted(shares, state.occurrences, row, state.times if row is not None else 0)
