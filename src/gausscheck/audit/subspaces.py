"""The level of random subspaces: the thin shell on 1, 2, 4, ... 64 dimensions; the worst decides.

Affine invariant, so scale, correlation and the mean do not matter; and free of n in the way the
directions' A*² is: null mean + n · discrepancy, read at the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gausscheck.audit.effect import Effect, LeftOut, estimate_effect
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.verdict import badness, decide, level_fields
from gausscheck.core import F64, Directions
from gausscheck.normality import JOINT_TESTS, residuals, run_on_rows
from gausscheck.normality.groups import Partition
from gausscheck.normality.nulls.shipped import shipped_rows
from gausscheck.normality.rotated import whitened_rows
from gausscheck.normality.sphere.shell import shell_left_out, shell_limit, shell_mean
from gausscheck.passes.fold import map_ahead
from gausscheck.report import SubspaceLevel, SubspacePoint, SubspaceTests
from gausscheck.rng import haar, stream

ROWS = 10_000
"""Sampled rows that joint levels read, at most."""

SHARE = 5
"""Joint levels are read at this fraction of the reference. Each is one statistic where a family of
directions averages hundreds: at the whole reference, as many Gaussian rows could not clear it."""

SUBSPACES, DIMENSIONS = 8, 64
"""Random subspaces of each dimension: as many as make up the second number, at least the first."""

REFIT = 8
"""Dimensions from which on groups are left out with the whitening fitted anew: in fewer, the scale
of a fit is all of it that tells."""

TEST_ROWS, TEST_SUBSPACES, TEST_DRAWS = 500, 4, 199
"""Rows at most, subspaces and simulated draws behind the p-values of joint tests on subspaces; of
the numbers of rows that draws ship for, the largest that fits is taken."""

TESTS_OF_ROWS = ("mardia_skewness", "mardia_kurtosis", "bhep", "energy")


def subspace_level(inputs: LevelInputs) -> SubspaceLevel:
    """Test the thin shell on random subspaces of 1, 2, 4, ... 64 dimensions.

    Returns
    -------
    SubspaceLevel
        Intervals are widened for the number of dimensions looked at (Bonferroni). With it the
        p-values of joint tests on some of the rows, simulated at that n and k. Cost O(n d k) for
        each subspace.
    """
    config = inputs.config
    m = min(inputs.projector.sample.m, ROWS)
    most = min(max(inputs.space.rank // 2, 1), m // 10)
    sizes = [int(k) for k in 2 ** np.arange(7) if k <= most]
    confidence = 1 - (1 - config.confidence) / len(sizes)
    rng = stream(config.seed, "marginals")
    partitions = inputs.partitions(m)
    effects, curve = [], []
    for k, looks in zip(sizes, _looks(inputs, m, sizes, rng, partitions), strict=True):
        effects.append(_effect(inputs, m, k, confidence, looks, partitions))
        tested = [look.pvalues for look in looks[:TEST_SUBSPACES] if look.pvalues]
        pvalues = {test: [one[test] for one in tested] for test in TESTS_OF_ROWS}
        curve.append(_point(k, len(looks), effects[-1], pvalues))
    worst = max(range(len(curve)), key=lambda i: badness(effects[i]))
    return SubspaceLevel(
        **level_fields(
            effects[worst],
            kind="subspaces",
            statistic="shell A²",
            status=None if inputs.too_few is None else "inconclusive",
            note=inputs.too_few or inputs.note,
        ),
        k=curve[worst].k,
        tests=SubspaceTests(
            rows=shipped_rows(min(m, TEST_ROWS)), subspaces=TEST_SUBSPACES, draws=TEST_DRAWS
        ),
        curve=tuple(curve),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """What one subspace gives: its shell A², of all rows and without each group of partitions.

    And the p-values of joint tests, of some subspaces.
    """

    whole: float
    without: list[F64]
    pvalues: dict[str, float | None]


def _looks(
    inputs: LevelInputs,
    m: int,
    sizes: list[int],
    rng: np.random.Generator,
    partitions: list[Partition],
) -> list[list[_Look]]:
    """Look at random subspaces of each number of dimensions, all in one go."""
    independent = len(partitions) == 1  # the nulls of joint tests are of independent rows

    def look(size: int, place: int, rows: F64) -> tuple[int, _Look]:
        y = whitened_rows(rows, residuals)
        whole, without = shell_left_out(y, partitions, refitted=sizes[size] >= REFIT)
        tested = place < TEST_SUBSPACES and independent
        return size, _Look(whole, without, _joint_pvalues(inputs, y) if tested else {})

    subspaces = (
        (size, place, rows)
        for size, k in enumerate(sizes)
        for place, rows in enumerate(_subspaces(inputs, m, k, rng))
    )
    found: list[list[_Look]] = [[] for _ in sizes]
    every = sum(_count(k) for k in sizes)
    for done, (size, one) in enumerate(map_ahead(look, subspaces, inputs.projector.pool)):
        found[size].append(one)
        inputs.progress("testing marginals", (done + 1) / every)
    return found


def _effect(
    inputs: LevelInputs,
    m: int,
    k: int,
    confidence: float,
    looks: list[_Look],
    partitions: list[Partition],
) -> Effect:
    without, *blocks = (
        np.array(left) for left in zip(*(look.without for look in looks), strict=True)
    )
    return estimate_effect(
        np.array([look.whole for look in looks]),
        without,
        m,
        reference=inputs.config.reference // SHARE,
        confidence=confidence,
        null_mean=shell_mean(k),
        limit=shell_limit(k),
        blocks=LeftOut(blocks[0], partitions[1].sizes) if blocks else None,
        refitted=k >= REFIT,
    )


def _point(
    k: int, subspaces: int, effect: Effect, pvalues: dict[str, list[float | None]]
) -> SubspacePoint:
    return SubspacePoint(
        k=k,
        subspaces=subspaces,
        status=decide(effect),
        value=effect.value,
        value_ci=effect.value_ci,
        null_mean=effect.null_mean,
        limit=effect.limit,
        times_limit=effect.times_limit(effect.value),
        discrepancy=effect.discrepancy,
        pvalues={test: tuple(found) for test, found in pvalues.items()},
    )


def _count(k: int) -> int:
    return max(SUBSPACES, DIMENSIONS // k)


def _subspaces(inputs: LevelInputs, m: int, k: int, rng: np.random.Generator) -> Iterator[F64]:
    """Rows (m, k) within each of several random subspaces."""
    axes, projector = inputs.space.axes, inputs.projector
    count = _count(k)
    matrix = np.zeros((inputs.space.dim, count * k))
    for s in range(count):
        matrix[axes, s * k : (s + 1) * k] = haar(rng, axes.size, k)
    directions = Directions(matrix, "marginals", ("",) * matrix.shape[1])
    step = max(1, projector.width // k) * k
    for low in range(0, matrix.shape[1], step):
        high = min(low + step, matrix.shape[1])
        block = projector.project(directions, slice(low, high), m).astype(np.float64)
        for first in range(0, high - low, k):
            yield np.ascontiguousarray(block[first : first + k].T)


def _joint_pvalues(inputs: LevelInputs, y: F64) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    rows = y[: shipped_rows(min(len(y), TEST_ROWS))]
    again = whitened_rows(rows, residuals)
    for spec in JOINT_TESTS:
        if spec.name in TESTS_OF_ROWS:
            outcome = run_on_rows(
                spec,
                rows,
                calibrated=True,
                cache=inputs.config.null_cache,
                draws=TEST_DRAWS,
                threads=inputs.config.workers,
                whitened=(again, again.shape[1]),
            )
            found[spec.name] = None if outcome.pvalue is None else float(outcome.pvalue[0])
    return found
