"""One level of the verdict: a family of directions, tested, summed up, its worst ones named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.effect import Effect, estimate_effect
from gausscheck.audit.global_pvalue import global_pvalue
from gausscheck.audit.growth import GrowthCurve
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.multiplicity import corrections
from gausscheck.audit.verdict import level_fields
from gausscheck.audit.worst_directions import qq_curves, worst_directions
from gausscheck.core import Directions, Moments
from gausscheck.normality import A0, Outcome, Profile, kolmogorov_null, profile
from gausscheck.report import DirectionalLevel, DirectionTest, GlobalTest


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
    whole, growth = _profile(inputs, directions, moments)
    effect = estimate_effect(
        whole.ad_star,
        whole.ad_star_without,
        whole.n,
        reference=config.reference,
        confidence=config.confidence,
    )
    worst, extremes = worst_directions(inputs, directions, whole)
    qq, qq_labels = qq_curves(extremes)
    searched = directions.kind not in ("axes", "random")
    level = DirectionalLevel(
        **level_fields(effect, kind="directional", statistic="mean A*²"),
        directions=directions.k,
        seed=directions.seed,
        fit_rows=directions.fit_rows,
        rejected=(),
        rms_cdf_error=float(np.sqrt(max(effect.discrepancy, 0.0))),
        statistic_mean=_mean(whole.ad_star),
        kolmogorov=_mean(whole.kolmogorov),
        kolmogorov_null=float(kolmogorov_null(whole.n)),
        wasserstein1=_mean(whole.wasserstein1),
        l_skewness=_mean(whole.l_skewness),
        l_kurtosis=_mean(whole.l_kurtosis),
        l_kurtosis_null=0.1226,
        global_test=_global_test(inputs, directions, whole),
        worst=worst,
        table=direction_table(whole, directions),
        growth=growth,
        qq=qq,
        qq_labels=qq_labels,
        matrix=directions.matrix if searched else None,
    )
    tests = {name: summed(outcome, config.alpha) for name, outcome in whole.outcomes.items()}
    return DirectionalAudit(level, tests, effect, whole)


def _mean(values: NDArray[Any]) -> float | None:
    fine = values[np.isfinite(values)]
    return float(fine.mean()) if fine.size else None


def _profile(
    inputs: LevelInputs, directions: Directions, moments: Moments | None
) -> tuple[Profile, NDArray[np.float64]]:
    """Run the engine on all directions, a slab at a time, and follow A*² over nested subsets."""
    config, projector = inputs.config, inputs.projector
    growth = GrowthCurve(directions.k, projector.span(directions)[1])
    pieces = []
    for part in projector.slabs(directions.k):
        block = projector.project(directions, part)
        growth.take(block, part, config.workers)
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
    return whole, growth.curve(whole.ad_star)


def _global_test(inputs: LevelInputs, directions: Directions, whole: Profile) -> GlobalTest:
    log_pvalue = whole.outcomes["anderson_darling"].log_pvalue
    if log_pvalue is None:
        raise LookupError("anderson_darling gave no p-values")
    return global_pvalue(
        directions.matrix.T @ inputs.space.covariance @ directions.matrix,
        np.asarray(whole.ad_star, dtype=np.float64),
        np.asarray(log_pvalue, dtype=np.float64),
    )


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


def summed(outcome: Outcome, alpha: float) -> DirectionTest:
    """Sum one test up over all directions."""
    defined: dict[str, Any] = {}
    if outcome.pvalue is not None:
        defined = {
            "statistic_mean": _mean(outcome.statistic),
            "pvalue_mean": _mean(outcome.pvalue),
            **corrections(np.asarray(outcome.pvalue, dtype=np.float64), alpha),
        }
    return DirectionTest(
        scope=outcome.scope,
        null=outcome.null,
        n=outcome.n,
        calibration=outcome.calibration,
        notes=outcome.notes,
        **defined,
    )
