"""Levels of the verdict that look at several dimensions at once: subspaces, shell and sphere.

All are affine invariant, so they do not depend on scale, correlation or the mean; and all are free
of n in the way the directions' A*² is: a0 + n · delta, read at the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import Scene
from gausscheck.audit.effect import Effect, estimate_effect
from gausscheck.audit.projector import Bench
from gausscheck.audit.verdict import badness, decide, rows_needed
from gausscheck.core import F64, Directions
from gausscheck.normality import JOINT_TESTS, judge_rows, residuals, whiten_tall
from gausscheck.normality.sphere.energy import energy_null, energy_without, group_energies
from gausscheck.normality.sphere.shell import (
    shell_limit,
    shell_mean,
    shell_transform,
    without_groups,
)
from gausscheck.preparation import Preparation
from gausscheck.rng import haar, stream

ROWS, BYTES = 10_000, 128 << 20
"""Sampled rows that joint levels read, at most; fewer where float64 rows would exceed the bytes."""

SHARE = 5
"""Joint levels are read at this fraction of the reference. Each is one statistic where a family of
directions averages hundreds: at the whole reference, as many Gaussian rows could not clear it."""

SUBSPACES, DIMENSIONS = 8, 64
"""Random subspaces of each dimension: as many as make up the second number, at least the first."""

TEST_ROWS, TEST_SUBSPACES, TEST_DRAWS = 500, 4, 199
"""Rows, subspaces and simulated draws behind the p-values of joint tests on subspaces."""

MARGINAL_TESTS = ("mardia_skewness", "mardia_kurtosis", "bhep", "energy")


@dataclass(frozen=True, slots=True)
class JointLevel:
    """What a joint level adds to the report; ``name`` is what the verdict calls it."""

    entry: dict[str, Any]
    effect: Effect
    name: str


def joint_levels(
    bench: Bench, prep: Preparation, scene: Scene, constant_norm: bool
) -> tuple[dict[str, JointLevel], dict[str, str]]:
    """Run the joint levels that the options ask for and that these rows allow.

    Returns
    -------
    levels, reasons : dict
        By name: what was found, and why a level was left out.
    """
    wanted = bench.config.joint_levels()
    reasons = {
        name: why
        for name, why in _not_applicable(bench, prep, scene.rank, constant_norm).items()
        if name in wanted
    }
    todo = [name for name in wanted if name not in reasons]
    found: dict[str, JointLevel] = {}
    if "marginals" in todo:
        found["marginals"] = _marginals(bench, prep, scene)
    if "norms" in todo or "sphere" in todo:
        found.update(_shell_and_sphere(bench, prep, todo))
    return found, reasons


def _marginals(bench: Bench, prep: Preparation, scene: Scene) -> JointLevel:
    """Test the thin shell on random subspaces of 1, 2, 4, ... 64 dimensions; the worst decides.

    Parameters
    ----------
    bench : Bench
    prep : Preparation
    scene : Scene

    Returns
    -------
    JointLevel
        Intervals are widened for the number of dimensions looked at (Bonferroni). With it the
        p-values of joint tests on some of the rows, simulated at that n and k. Cost O(n d k) for
        each subspace.
    """
    config = bench.config
    m = min(bench.sample.m, ROWS)
    sizes = [k for k in 2 ** np.arange(7) if k <= min(max(scene.rank // 2, 1), m // 10)]
    confidence = 1 - (1 - config.confidence) / len(sizes)
    rng = stream(config.seed, "marginals")
    curve, effects = [], []
    for place, k in enumerate(sizes):
        whole, without = [], []
        pvalues: dict[str, list[float | None]] = {test: [] for test in MARGINAL_TESTS}
        for s, y in enumerate(_subspaces(bench, prep, scene.axes, m, int(k), rng)):
            found = without_groups(shell_transform(y), config.groups)
            whole.append(found[0])
            without.append(found[1])
            if s < TEST_SUBSPACES:
                _joint_pvalues(bench, y, pvalues)
        effect = estimate_effect(
            np.array(whole),
            np.array(without),
            m,
            reference=config.reference // SHARE,
            confidence=confidence,
            null_mean=shell_mean(int(k)),
            limit=shell_limit(int(k)),
            least=3 * int(k),
        )
        effects.append(effect)
        point = {
            "k": int(k),
            "subspaces": len(whole),
            "status": decide(effect),
            **effect.to_dict(),
        }
        curve.append({**point, "pvalues": pvalues})
        bench.report("testing marginals", (place + 1) / len(sizes))
    worst = max(range(len(curve)), key=lambda i: badness(effects[i]))
    entry = {
        **_entry(effects[worst], "shell A²"),
        "k": curve[worst]["k"],
        "tests": {"rows": min(m, TEST_ROWS), "subspaces": TEST_SUBSPACES, "draws": TEST_DRAWS},
        "curve": curve,
    }
    return JointLevel(entry, effects[worst], f"random {curve[worst]['k']}-dimensional subspaces")


def _subspaces(
    bench: Bench,
    prep: Preparation,
    axes: NDArray[np.intp],
    m: int,
    k: int,
    rng: np.random.Generator,
) -> Iterator[F64]:
    """Whitened rows (m, k) within each of several random subspaces."""
    dim = prep.dim
    count = max(SUBSPACES, DIMENSIONS // k)
    matrix = np.zeros((dim, count * k))
    for s in range(count):
        matrix[axes, s * k : (s + 1) * k] = haar(rng, axes.size, k)
    labels = ("",) * matrix.shape[1]
    ways = Directions(matrix, "marginals", labels)
    step = max(1, bench.width // k) * k
    for low in range(0, matrix.shape[1], step):
        high = min(low + step, matrix.shape[1])
        block = bench.project(prep, ways, slice(low, high), m).astype(np.float64)
        for first in range(0, high - low, k):
            yield residuals(block[first : first + k].T)[0]


def _joint_pvalues(bench: Bench, y: F64, pvalues: dict[str, list[float | None]]) -> None:
    for spec in JOINT_TESTS:
        if spec.name in pvalues:
            outcome = judge_rows(
                spec,
                y[:TEST_ROWS],
                calibrated=True,
                cache=bench.config.cache,
                draws=TEST_DRAWS,
                threads=bench.config.workers,
            )
            found = outcome.pvalue
            pvalues[spec.name].append(None if found is None else float(found[0]))


def _shell_and_sphere(bench: Bench, prep: Preparation, wanted: list[str]) -> dict[str, JointLevel]:
    """Test lengths and directions of the rows, whitened in all the dimensions they span.

    Returns
    -------
    dict
        ``norms``: A² of the squared lengths against their exact Beta law. ``sphere``: energy
        statistic of the directions against uniformity. Cost O(n d² + n² r).
    """
    config = bench.config
    m = _joint_rows(bench, prep)
    y, _ = whiten_tall(bench.first_rows(prep, m))
    r = y.shape[1]
    levels: dict[str, JointLevel] = {}
    if "norms" in wanted:
        bench.report("testing norms", 0.0)
        whole, without = without_groups(shell_transform(y), config.groups)
        effect = _effect(bench, whole, without, m, r, shell_mean(r), shell_limit(r))
        entry = {**_entry(effect, "shell A²"), "k": r}
        levels["norms"] = JointLevel(entry, effect, "whitened norms")
    if "sphere" in wanted:
        bench.report("testing sphere", 0.0)
        y /= np.linalg.norm(y, axis=1, keepdims=True)
        table = group_energies(y, config.groups, bench.pool)
        sizes = np.array([p.size for p in np.array_split(np.arange(m), config.groups)], float)
        null = energy_null(r)
        whole, without = energy_without(table, sizes, r)
        effect = _effect(bench, whole, without, m, r, null.mean, null.limit)
        entry = {**_entry(effect, "energy N"), "k": r}
        levels["sphere"] = JointLevel(entry, effect, "directions of whitened rows")
    return levels


def _joint_rows(bench: Bench, prep: Preparation) -> int:
    """Count the sampled rows that whole-space levels read."""
    return min(bench.sample.m, ROWS, max(BYTES // (8 * prep.dim), 1))


def _not_applicable(
    bench: Bench, prep: Preparation, rank: int, constant_norm: bool
) -> dict[str, str]:
    """Say which joint levels cannot speak of these rows, and why."""
    m = _joint_rows(bench, prep)
    reasons: dict[str, str] = {}
    if m < 3 * rank:
        why = (
            f"{m:,} rows looked at span {rank} dimensions: whitened, rows look alike whatever they "
            "are; 3 rows a dimension are needed"
        )
        reasons = {"norms": why, "sphere": why}
    elif rank < 3:
        reasons = {"sphere": f"rank {rank}: a sphere needs 3 dimensions"}
    if constant_norm or prep.kind == "unit":
        reasons["norms"] = "rows are L2-normalised: their lengths say nothing"
    return reasons


def _effect(
    bench: Bench, whole: float, without: F64, m: int, dim: int, null_mean: float, limit: float
) -> Effect:
    return estimate_effect(
        np.array([whole]),
        without[None],
        m,
        reference=bench.config.reference // SHARE,
        confidence=bench.config.confidence,
        null_mean=null_mean,
        limit=limit,
        least=3 * dim,
    )


def _entry(effect: Effect, statistic: str) -> dict[str, Any]:
    status = decide(effect)
    needed = rows_needed(effect) if status == "inconclusive" else None
    return {
        "status": status,
        "kind": "joint",
        "statistic": statistic,
        **effect.to_dict(),
        "rows_needed": needed,
    }
