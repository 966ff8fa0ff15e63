"""One level of the verdict: a family of directions, tested, summed up, its worst ones named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck import summary
from gausscheck.bench import Bench
from gausscheck.core import Directions, Moments, Outcome
from gausscheck.normality import A0, Profile, kolmogorov_null, profile
from gausscheck.preprocess import Preparation
from gausscheck.projections import Scene, stream
from gausscheck.twin import global_pvalue

QUANTILES = 201
"""Points of a stored Q-Q curve."""

GROWTH_VALUES = 1 << 19
"""Values that a size of the growth curve may read."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a level adds to the report, and what the table and the verdict still need of it."""

    entry: dict[str, Any]
    outcomes: dict[str, Any]
    effect: summary.Effect
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
    effect = summary.effect(
        whole.ad_star,
        whole.ad_star_without,
        whole.n,
        reference=config.reference,
        confidence=config.confidence,
    )
    status = summary.decide(effect)
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
        "rows_needed": summary.rows_needed(effect) if status == "inconclusive" else None,
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
    return {**entry, **summary.corrections(np.asarray(outcome.pvalue, dtype=np.float64), alpha)}


class _Growth:
    """Mean A*² against the number of rows, on nested subsets.

    Up to eight disjoint subsets a size, and as many directions as :data:`GROWTH_VALUES` allows.
    """

    def __init__(self, k: int, m: int) -> None:
        sizes = np.unique(np.geomspace(min(100, m), m, 9).astype(int))[:-1]
        self._repeats = np.minimum(8, m // sizes)
        wanted = np.clip(GROWTH_VALUES // (sizes * self._repeats), min(k, 16), k)
        self._chosen = [np.unique(np.linspace(0, k - 1, w).astype(int)) for w in wanted]
        self._sizes, self._m = sizes, m
        self._sums = np.zeros((sizes.size, 2))

    def take(self, block: NDArray[Any], part: slice, threads: int) -> None:
        """Add the directions of one slab."""
        for i, size in enumerate(self._sizes):
            chosen = self._chosen[i]
            mine = chosen[(chosen >= part.start) & (chosen < part.stop)] - part.start
            if mine.size:
                piece = block[mine, : self._repeats[i] * size].reshape(-1, size)
                found = profile(
                    piece, tests=("anderson_darling",), effects=False, threads=threads,
                    overwrite=True,
                )  # fmt: skip
                fine = np.isfinite(found.ad_star)
                self._sums[i] += found.ad_star[fine].sum(), fine.sum()

    def curve(self, ad_star: NDArray[Any]) -> NDArray[np.float64]:
        """Columns: rows, mean A*²; the last row is that of all rows and directions."""
        means = self._sums[:, 0] / self._sums[:, 1]
        last = (self._m, float(np.nanmean(ad_star)))
        return np.vstack([np.column_stack([self._sizes, means]), last])


def _worst(
    bench: Bench,
    prep: Preparation,
    ways: Directions,
    whole: Profile,
    arrays: dict[str, NDArray[Any]],
) -> list[dict[str, Any]]:
    """Name the most deviant directions, their shape and the rows at their ends; keep Q-Q curves."""
    from scipy.special import ndtri

    order = np.argsort(-whole.ad_star, kind="stable")
    chosen = order[: bench.config.worst]
    median = order[order.size // 2]
    picked = np.append(chosen, median)
    few = replace(ways, matrix=ways.matrix[:, picked], labels=tuple(ways.labels[j] for j in picked))
    block = bench.project(prep, few, slice(0, few.k)).astype(np.float64)
    block -= block.mean(axis=1, keepdims=True)
    block /= block.std(axis=1, keepdims=True)
    m = block.shape[1]
    levels = (np.unique(np.linspace(0, m - 1, min(QUANTILES, m)).astype(int)) + 0.5) / m
    tails = np.geomspace(0.5 / m, 0.05, 25)
    levels = np.unique(np.concatenate([tails, levels, 1 - tails]))
    arrays[f"{ways.kind}/qq"] = np.vstack([ndtri(levels), np.quantile(block, levels, axis=1).T])
    arrays[f"{ways.kind}/qq_label"] = np.array(few.labels)
    first, _ = bench.span(ways)
    mom = whole.moments
    entries = []
    for place, j in enumerate(chosen):
        skewness = float(mom.m3[j] / mom.m2[j] ** 1.5)
        excess = float(mom.m4[j] / mom.m2[j] ** 2 - 3)
        rank = np.argsort(block[place])
        entries.append(
            {
                "direction": ways.labels[j],
                "ad_star": float(whole.ad_star[j]),
                "rms_cdf_error": float(np.sqrt(max(whole.ad_star[j] - A0, 0) / whole.n)),
                "skewness": skewness,
                "excess_kurtosis": excess,
                "shape": summary.shape(skewness, excess),
                "lowest_rows": bench.sample.index[first + rank[:3]].tolist(),
                "highest_rows": bench.sample.index[first + rank[::-1][:3]].tolist(),
            }
        )
    return entries
