"""One level of the verdict: a family of directions, tested, summed up, its worst ones named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.effect import Effect, LeftOut, estimate_effect
from gausscheck.audit.global_pvalue import global_pvalue
from gausscheck.audit.growth import GrowthCurve
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.learned_bounds import (
    LEAST_HELD_OUT,
    could_miss_kurtosis,
    could_miss_skewness,
    in_turn,
    learned_bounds,
)
from gausscheck.audit.multiplicity import corrections
from gausscheck.audit.principal_components import cross_fitted
from gausscheck.audit.rejected import rejected_directions
from gausscheck.audit.verdict import decide, level_fields
from gausscheck.audit.worst_directions import qq_curves, worst_directions
from gausscheck.core import F64, Directions, Moments
from gausscheck.normality import A0, L_KURTOSIS_NORMAL, Outcome, Profile, kolmogorov_null, profile
from gausscheck.normality.engine.jackknife import ad_star_without
from gausscheck.normality.engine.profile import left_out_shifts
from gausscheck.report import DirectionalLevel, DirectionTest, GlobalTest, LearnedLevel

MOST_EXCEPTIONS = 0.05
"""Directions beyond the limit are exceptions, and not the rule, up to this share of a level."""

GIVEN = ("axes", "random", "file")
"""Kinds of directions that no search in these rows has chosen: each is as good as another."""


@dataclass(frozen=True, slots=True)
class DirectionalAudit:
    """What a family of directions adds to the report, and what later steps still need of it."""

    level: DirectionalLevel
    tests: dict[str, DirectionTest]
    effect: Effect
    profile: Profile


def audit_directions(
    inputs: LevelInputs, directions: Directions, moments: Moments | None
) -> DirectionalAudit:
    """Test one family of directions.

    Parameters
    ----------
    inputs : LevelInputs
    directions : Directions
    moments : Moments or None
        Of every direction over all rows, where the sample does not hold them all.

    Returns
    -------
    DirectionalAudit
        Cost O(m d k + m log m k) for m sampled rows.
    """
    config = inputs.config
    found = _profile(inputs, directions, moments)
    whole, blocks = found.profile, found.blocks
    told = whole if blocks is None else _without_pvalues(whole)
    sparse = _sparse(inputs, directions)
    values = np.where(sparse, np.nan, whole.ad_star)
    of_rows: dict[str, Any] = {
        "without": whole.ad_star_without,
        "n": whole.n,
        "reference": config.reference,
        "blocks": blocks,
    }
    effect = estimate_effect(values, confidence=config.confidence, **of_rows)
    if directions.kind == "pca":
        effect = cross_fitted(inputs, directions, effect)
    rejected = sparse | rejected_directions(
        values, log_pvalues=_log_pvalues(whole), alpha=config.alpha, **of_rows
    )
    labels = tuple(name for name, one in zip(directions.labels, rejected, strict=True) if one)
    worst, extremes = worst_directions(inputs, directions, whole, sparse)
    qq, qq_labels = qq_curves(extremes)
    searched = directions.kind not in ("axes", "random")
    decides = effect
    if directions.kind in GIVEN and 0 < rejected.sum() <= MOST_EXCEPTIONS * directions.k:
        others = np.where(rejected, np.nan, values)
        decides = estimate_effect(others, confidence=config.confidence, **of_rows)
    fields: dict[str, Any] = {
        **directional_fields(inputs, effect, decides, labels, bool(sparse.any())),
        "directions": directions.k,
        "seed": directions.seed,
        "fit_rows": directions.fit_rows,
        "rejected": labels,
        "rms_cdf_error": float(np.sqrt(max(effect.discrepancy, 0.0))),
        "statistic_mean": _mean(values),
        "kolmogorov": _mean(whole.kolmogorov),
        "kolmogorov_null": float(kolmogorov_null(whole.n)),
        "wasserstein1": _mean(whole.wasserstein1),
        "l_skewness": _mean(whole.l_skewness),
        "l_kurtosis": _mean(whole.l_kurtosis),
        "l_kurtosis_null": L_KURTOSIS_NORMAL,
        "global_test": _global_test(inputs, directions, whole) if blocks is None else None,
        "worst": worst,
        "table": direction_table(told, directions),
        "growth": found.growth,
        "qq": qq,
        "qq_labels": qq_labels,
        "matrix": directions.matrix if searched else None,
    }
    level = (
        learned_level(inputs, directions, fields)
        if directions.fit_rows == "half"
        else DirectionalLevel(**fields)
    )
    tests = {name: summed(outcome, config.alpha) for name, outcome in told.outcomes.items()}
    return DirectionalAudit(level, tests, effect, whole)


def directional_fields(
    inputs: LevelInputs, effect: Effect, decides: Effect, rejected: tuple[str, ...], sparse: bool
) -> dict[str, Any]:
    """Decide a family of directions: by its mean, and by each direction.

    A mean below the limit with directions beyond it is ``gaussian_except``. Where these are few,
    it is the mean of the others that ``decides``: one two-point axis among 192 would else make all
    of them not Gaussian. A nearly constant coordinate is not Gaussian whatever the others are;
    where too few rows are independent the level is inconclusive.
    """
    status, note = decide(decides), inputs.note
    if sparse:
        status = "not_gaussian"
    elif inputs.too_few is not None:
        status, note = "inconclusive", inputs.too_few
    elif status == "gaussian" and rejected:
        status = "gaussian_except"
    return level_fields(effect, kind="directional", statistic="mean A*²", status=status, note=note)


def learned_level(
    inputs: LevelInputs, directions: Directions, fields: dict[str, Any]
) -> LearnedLevel:
    """Add what held-out rows say of learned directions, as lower bounds.

    Directions that are beyond the limit make the level ``not_gaussian``; finding none supports
    nothing, so it is ``inconclusive``.
    """
    block = inputs.projector.project(directions, slice(0, directions.k)).astype(np.float64)
    enough = block.shape[1] >= LEAST_HELD_OUT
    told = enough and inputs.too_few is None and not inputs.grouping.too_few(block.shape[1])
    beyond = bool(fields["rejected"]) and told
    size = inputs.projector.sample.m, inputs.space.rank
    skewed = "pursuit 2" in directions.labels  # FastICA is blind to it
    return LearnedLevel(
        **{
            **fields,
            "kind": "learned",
            "status": "not_gaussian" if beyond else "inconclusive",
            "rows_needed": None,
        },
        **(_bounds(inputs, directions, block, fields["rejected"]) if enough else _NO_BOUNDS),
        could_miss_kurtosis=could_miss_kurtosis(*size),
        could_miss_skewness=could_miss_skewness(*size) if skewed else None,
    )


_NO_BOUNDS: dict[str, Any] = {
    "directions_rejected": 0,
    "negentropy": (),
    "negentropy_median": None,
    "negentropy_largest": None,
    "variance_share": 0.0,
}


def _bounds(
    inputs: LevelInputs, directions: Directions, block: F64, rejected: tuple[str, ...]
) -> dict[str, Any]:
    """Bound what is learned; where rows depend, on folds of whole blocks of them."""
    order = inputs.grouping.order(inputs.projector.row_ids(directions))
    bounds = learned_bounds(
        block if order is None else block[:, in_turn(order[0])],
        directions.labels,
        directions.matrix,
        inputs.space.covariance,
        alpha=inputs.config.alpha,
        threads=inputs.config.workers,
        among=None if order is None else np.isin(directions.labels, rejected),
    )
    return {
        "directions_rejected": bounds.directions_rejected,
        "negentropy": tuple(bounds.negentropy.tolist()),
        "negentropy_median": bounds.median,
        "negentropy_largest": bounds.largest,
        "variance_share": bounds.variance_share,
    }


def _sparse(inputs: LevelInputs, directions: Directions) -> NDArray[np.bool_]:
    """Say which directions are coordinates that are constant but for a few cells."""
    if directions.kind != "axes" or not inputs.sparse.size:
        return np.zeros(directions.k, dtype=bool)
    names = {f"axis {j}" for j in inputs.sparse}
    return np.array([label in names for label in directions.labels])


def _mean(values: NDArray[Any]) -> float | None:
    fine = values[np.isfinite(values)]
    return float(fine.mean()) if fine.size else None


@dataclass(frozen=True, slots=True)
class _Found:
    profile: Profile
    growth: NDArray[np.float64]
    blocks: LeftOut | None


def _profile(inputs: LevelInputs, directions: Directions, moments: Moments | None) -> _Found:
    """Run the engine on all directions, a slab at a time, and follow A*² over nested subsets."""
    config, projector = inputs.config, inputs.projector
    growth = GrowthCurve(directions.k, projector.span(directions)[1])
    order = inputs.grouping.order(projector.row_ids(directions))
    pieces, shifts = [], []
    for part in projector.slabs(directions.k):
        block = projector.project(directions, part)
        growth.take(block, part, config.workers)
        if order is not None:
            shifts.append(left_out_shifts(block[:, order[0]], order[1], config.workers))
        pieces.append(
            profile(
                block,
                groups=config.groups,
                moments=None if moments is None else moments.pick(part),
                threads=config.workers,
                overwrite=True,
            )
        )
        inputs.progress(f"testing {directions.kind}", part.stop / directions.k)
    whole = Profile.concatenate(pieces)
    blocks = None
    if order is not None:
        without = ad_star_without(whole.ad_star, np.concatenate(shifts), order[1])
        blocks = LeftOut(without, order[1])
    return _Found(whole, growth.curve(whole.ad_star), blocks)


def _global_test(inputs: LevelInputs, directions: Directions, whole: Profile) -> GlobalTest:
    return global_pvalue(
        inputs.space.covariance,
        directions,
        np.asarray(whole.ad_star, dtype=np.float64),
        _log_pvalues(whole),
    )


def _log_pvalues(whole: Profile) -> F64:
    log_pvalue = whole.outcomes["anderson_darling"].log_pvalue
    if log_pvalue is None:
        raise LookupError("anderson_darling gave no p-values")
    return np.asarray(log_pvalue, dtype=np.float64)


def direction_table(whole: Profile, directions: Directions) -> dict[str, NDArray[Any]]:
    """Return a value a direction: effect sizes, and every test's statistic and p-value."""
    m = whole.moments
    table: dict[str, NDArray[Any]] = {
        "label": np.array(directions.labels),
        "ad_star": whole.ad_star,
        "ad_discrepancy": (whole.ad_star - A0) / whole.n,
        "skewness": m.m3 / m.m2**1.5,
        "excess_kurtosis": m.m4 / m.m2**2 - 3,
        "l_skewness": whole.l_skewness,
        "l_kurtosis": whole.l_kurtosis,
        "kolmogorov": whole.kolmogorov,
        "wasserstein1": whole.wasserstein1,
        "sd": np.sqrt(m.m2),
    }
    for test, outcome in whole.outcomes.items():
        table[f"{test}_statistic"] = outcome.statistic
        if outcome.pvalue is not None:
            table[f"{test}_pvalue"] = outcome.pvalue
        if outcome.log_pvalue is not None:
            table[f"{test}_log_pvalue"] = outcome.log_pvalue
    return {name: np.asarray(values) for name, values in table.items()}


DEPENDENT = "no p-value: rows depend on each other, and nulls are of independent rows"
"""Why tests of dependent rows have statistics alone."""


def _without_pvalues(whole: Profile) -> Profile:
    """Return a profile whose tests have no p-values: their nulls are of independent rows."""
    outcomes = {
        name: replace(
            outcome, pvalue=None, log_pvalue=None, calibration="none",
            notes=(*outcome.notes, DEPENDENT),
        )
        for name, outcome in whole.outcomes.items()
    }  # fmt: skip
    return replace(whole, outcomes=outcomes)


def summed(outcome: Outcome, alpha: float) -> DirectionTest:
    """Sum one test up over all directions."""
    defined: dict[str, Any] = {}
    if outcome.pvalue is not None:
        defined = {
            "pvalue_mean": _mean(outcome.pvalue),
            **corrections(np.asarray(outcome.pvalue, dtype=np.float64), alpha),
        }
    return DirectionTest(
        scope=outcome.scope,
        null=outcome.null,
        n=outcome.n,
        calibration=outcome.calibration,
        notes=outcome.notes,
        statistic_mean=_mean(outcome.statistic),
        **defined,
    )
