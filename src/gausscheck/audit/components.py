"""Principal components are tested on rows that they were not found from.

Components of the rows at hand turn towards the longest of them: of 2,000 rows of a mixture of two
scales in 32 dimensions they have A*² 21, where any direction of the law has 11.5. So the level's
value is cross-fitted: components of one half of the rows, tested on the other, and the reverse.
Its interval counts how components turn with the rows: they are found again from parts of a half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.effect import Effect
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.intervals import jackknife_error
from gausscheck.audit.projector import ROWS, Projector
from gausscheck.core import F64, Directions, FloatArray
from gausscheck.normality import A0, profile
from gausscheck.normality.groups import group_sizes
from gausscheck.rng import stream

SPAN = 2
"""Components of parts of a half lie among so many times as many of the whole half."""

SPLITS = 5
"""Ways to part a half of the rows in two."""

LEAST_ROWS = 20
"""Rows that a half needs."""


def cross_fitted(inputs: LevelInputs, directions: Directions, effect: Effect) -> Effect:
    """Measure leading components on rows that they were not found from.

    Parameters
    ----------
    inputs : LevelInputs
    directions : Directions
        As many components as there are columns, or as a half of the rows has.
    effect : Effect
        Of the components of all rows on the same rows: n, limit, and what dependence adds.

    Returns
    -------
    Effect
        With delta(A, B) the discrepancy of rows B along the components of rows A, averaged over
        components: (delta(A, B) + delta(B, A))/2. Its variance is that of the rows tested, by the
        delete-a-group jackknife, and of the components: (v(A) + v(B))/4 with v(A) the mean of
        (delta(A₁, B) − delta(A₂, B))²/2 over partings of A in two, which errs towards too much, for
        these have half the rows. As it is where a half has fewer than 20 rows. Cost
        O(m d² + d³ + m k² + m k log m).

    References
    ----------
    Chernozhukov et al. (2018), Econometrics Journal 21(1), C1-C68, on cross-fitting.
    """
    config, projector = inputs.config, inputs.projector
    m = projector.sample.m
    if m < 2 * LEAST_ROWS:
        return effect
    found = inputs.grouping.halves(projector.sample.index)
    order = np.arange(m) if found is None else found
    parts = order[: m // 2], order[m // 2 :]
    halves = [
        _Half.of(projector, mine, other, directions.k) for mine, other in (parts, parts[::-1])
    ]
    groups = config.groups - config.groups // 2, config.groups // 2
    values, without = zip(
        *(half.tested(g, config.workers) for half, g in zip(halves, groups, strict=True)),
        strict=True,
    )
    of_rows = jackknife_error(np.concatenate(without) / 2)
    rng = stream(config.seed, "components")
    of_components = sum(half.turning(rng, config.workers) for half in halves) / 4
    error = float(np.sqrt(of_rows**2 + of_components))
    return effect.measured_as(sum(values) / 2, error, config.groups, config.confidence)


@dataclass(frozen=True, slots=True)
class _Half:
    """Rows along the leading components of one half of them, strongest first.

    Attributes
    ----------
    own : (p, m) array
        The half that the components come from.
    other : (p, m) array
        The rows that are tested.
    k : int
        Components that are tested; the rest is what they may turn into without a group.
    """

    own: NDArray[np.floating]
    other: NDArray[np.floating]
    k: int

    @classmethod
    def of(
        cls, projector: Projector, mine: NDArray[np.intp], other: NDArray[np.intp], k: int
    ) -> _Half:
        """Find the components of the rows ``mine``, and see both halves along them."""
        matrix = _leading(projector, mine, SPAN * k)
        directions = Directions(matrix, "pca", ("",) * matrix.shape[1], fit_rows="all")
        m = projector.sample.m
        seen = [
            projector.project(directions, part).copy() for part in projector.slabs(directions.k)
        ]
        block = np.concatenate(seen).reshape(directions.k, m)
        return cls(block[:, mine], block[:, other], min(k, directions.k))

    def tested(self, groups: int, threads: int) -> tuple[float, F64]:
        """Discrepancy of the other half along the components, and what it loses with each group."""
        block = self.other[: self.k]
        n = block.shape[1]
        found = profile(
            block, tests=("anderson_darling",), groups=groups, effects=False, threads=threads
        )
        value = _mean_delta(found.ad_star, n)
        left = np.asarray(found.ad_star_without, dtype=np.float64)
        without = np.nanmean(left - A0, axis=0) / (n - group_sizes(n, groups))
        return value, without - value

    def turning(self, rng: np.random.Generator, threads: int) -> float:
        """Variance of the discrepancy of the other half, from components of parts of this one."""
        m = self.own.shape[1]
        total, scatter = self.own.sum(axis=1), self.own @ self.own.T
        squares = []
        for _ in range(SPLITS):
            part = self.own[:, rng.permutation(m)[: m // 2]]
            first, inner = part.sum(axis=1), part @ part.T
            one = self._along(first, inner, m // 2, threads)
            other = self._along(total - first, scatter - inner, m - m // 2, threads)
            squares.append((one - other) ** 2 / 2)
        return float(np.mean(squares))

    def _along(self, total: F64, scatter: F64, m: int, threads: int) -> float:
        """Discrepancy of the other half along the components of m rows with these moments."""
        covariance = scatter / m - np.outer(total, total) / m**2
        lead = np.linalg.eigh(covariance)[1][:, ::-1][:, : self.k]
        block = lead.T @ self.other
        found = profile(
            block, tests=("anderson_darling",), effects=False, threads=threads, overwrite=True
        )
        return _mean_delta(found.ad_star, block.shape[1])


def _mean_delta(ad_star: FloatArray, n: int) -> float:
    return float(np.nanmean(np.asarray(ad_star, dtype=np.float64) - A0)) / n


def _leading(projector: Projector, mine: NDArray[np.intp], count: int) -> F64:
    """Return leading components of some of the sampled rows, ``(dim, at most count)``."""
    dim = projector.preparation.dim
    chosen = np.zeros(projector.sample.m, dtype=bool)
    chosen[mine] = True
    total, scatter = np.zeros(dim), np.zeros((dim, dim))
    for start in range(0, chosen.size, ROWS):
        rows = projector.rows(start, min(start + ROWS, chosen.size))[chosen[start : start + ROWS]]
        total += rows.sum(axis=0)
        scatter += rows.T @ rows
    mean = total / mine.size
    covariance = scatter / mine.size - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance)
    keep = values > values[-1] * max(dim, 100) * np.finfo(float).eps
    return np.ascontiguousarray(vectors[:, keep][:, ::-1][:, :count])
