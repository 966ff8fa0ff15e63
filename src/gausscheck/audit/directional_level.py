"""One level of the verdict: a family of directions, tested, summed up, its worst ones named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import Scene
from gausscheck.audit.effect import Effect, estimate_effect
from gausscheck.audit.global_pvalue import global_pvalue
from gausscheck.audit.growth import _Growth
from gausscheck.audit.multiplicity import corrections
from gausscheck.audit.projector import Bench
from gausscheck.audit.verdict import decide, rows_needed
from gausscheck.audit.worst_directions import _worst
from gausscheck.core import Directions, Moments
from gausscheck.normality import A0, Profile, kolmogorov_null, profile
from gausscheck.normality.spec import Outcome
from gausscheck.preparation import Preparation
from gausscheck.rng import stream


@dataclass(frozen=True, slots=True)
class Level:
    """What a level adds to the report, and what the table and the verdict still need of it."""

    entry: dict[str, Any]
    outcomes: dict[str, Any]
    effect: Effect
    profile: Profile


def audit_level(
    bench: Bench,
    prep: Preparation,
    scene: Scene,
    ways: Directions,
    moments: Moments | None,
    arrays: dict[str, NDArray[Any]],
) -> Level:
    """Test one family of directions.

    Parameters
    ----------
    bench : Bench
    prep : Preparation
    scene : Scene
        Its covariance is that of the prepared rows.
    ways : Directions
    moments : Moments or None
        Of every direction over all rows, where the sample does not hold them all.
    arrays : dict
        Receives the per-direction values and figure data, keyed ``level/name``.

    Returns
    -------
    Level
        Cost O(m d k + m log m k) for m sampled rows.
    """
    config, name = bench.config, ways.kind
    pieces = []
    _, m = bench.span(ways)
    growth = _Growth(ways.k, m)
    for part in bench.slabs(ways.k):
        block = bench.project(prep, ways, part)
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
        bench.report(f"testing {name}", part.stop / ways.k)
    whole = Profile.concatenate(pieces)
    effect = estimate_effect(
        whole.ad_star,
        whole.ad_star_without,
        whole.n,
        reference=config.reference,
        confidence=config.confidence,
    )
    status = decide(effect)
    for key, values in _direction_arrays(whole, ways).items():
        arrays[f"{name}/direction/{key}"] = values
    arrays[f"{name}/ad_star"] = whole.ad_star
    arrays[f"{name}/growth"] = growth.curve(whole.ad_star)
    if ways.kind not in ("axes", "random"):
        arrays[f"{name}/matrix"] = ways.matrix
    worst = _worst(bench, prep, ways, whole, arrays)
    entry = {
        "status": status,
        "directions": ways.k,
        "kind": ways.kind,
        "seed": ways.seed,
        "fit_rows": ways.fit_rows,
        **effect.to_dict(),
        "rows_needed": rows_needed(effect) if status == "inconclusive" else None,
        "ad_mean": float(np.nanmean(whole.ad_star)),
        "kolmogorov": float(np.nanmean(whole.kolmogorov)),
        "kolmogorov_null": float(kolmogorov_null(whole.n)),
        "wasserstein1": float(np.nanmean(whole.wasserstein1)),
        "l_skewness": float(np.nanmean(whole.l_skewness)),
        "l_kurtosis": float(np.nanmean(whole.l_kurtosis)),
        "l_kurtosis_null": 0.1226,
        "global": _global(bench, scene, ways, whole),
        "worst": worst,
    }
    outcomes = {
        test: _outcome_entry(outcome, config.alpha) for test, outcome in whole.outcomes.items()
    }
    return Level(entry, outcomes, effect, whole)


def _global(bench: Bench, scene: Scene, ways: Directions, whole: Profile) -> dict[str, Any]:
    log_pvalue = whole.outcomes["anderson_darling"].log_pvalue
    if log_pvalue is None:
        raise LookupError("anderson_darling gave no p-values")
    return global_pvalue(
        ways.matrix.T @ scene.covariance @ ways.matrix,
        np.asarray(whole.ad_star, dtype=np.float64),
        np.asarray(log_pvalue, dtype=np.float64),
        whole.n,
        stream(bench.config.seed, f"twin {ways.kind}"),
        bench.config.workers,
    )


def _direction_arrays(whole: Profile, ways: Directions) -> dict[str, NDArray[Any]]:
    m = whole.moments
    table: dict[str, NDArray[Any]] = {
        "label": np.array(ways.labels),
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
    return {k: np.asarray(v) for k, v in table.items()}


def _outcome_entry(outcome: Outcome, alpha: float) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "scope": outcome.scope,
        "null": outcome.null,
        "n": outcome.n,
        "calibration": outcome.calibration,
        "notes": list(outcome.notes),
    }
    if outcome.pvalue is None:
        return {**entry, "statistic_mean": None, "pvalue_mean": None}
    entry["statistic_mean"] = float(np.nanmean(outcome.statistic))
    entry["pvalue_mean"] = float(np.nanmean(outcome.pvalue))
    return {**entry, **corrections(np.asarray(outcome.pvalue, dtype=np.float64), alpha)}
