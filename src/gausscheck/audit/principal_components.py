"""Principal components are tested on rows that they were not found from.

Components of the rows at hand turn towards the longest of them: of 2,000 rows of a mixture of two
scales in 32 dimensions they have A*² 21, where any direction of the law has 11.5. So the level's
value is cross-fitted: components of one half of the rows, tested on the other, and the reverse.
Its interval counts how components turn with the rows: they are found again from parts of a half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.effect import Effect
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.noticed import corrected, group_order, wider
from gausscheck.audit.projector import ROWS, Projector
from gausscheck.core import F64, Directions
from gausscheck.normality import A0, profile
from gausscheck.normality.engine.jackknife import ad_star_without
from gausscheck.normality.engine.profile import left_out_shifts
from gausscheck.normality.groups import group_sizes
from gausscheck.passes.scatter import ScatterMatrix, is_wide
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
        Of the components of all rows on the same rows.

    Returns
    -------
    Effect
        With delta(A, B) the discrepancy of rows B along the components of rows A, averaged over
        components: (delta(A, B) + delta(B, A))/2. Its variance is that of the rows tested, by the
        delete-a-group jackknife, and of the components: (v(A) + v(B))/4 with v(A) the mean of
        (delta(A₁, B) − delta(A₂, B))²/2 over partings of A in two, which errs towards too much, for
        these have half the rows. Where neighbours are alike, halves are quarters of the file in
        turn, and blocks of each correct its delta as they do for other directions. ``effect`` as it
        is where a half has fewer than 20 rows or two groups. Cost O(m d² + d³ + m k² + m k log m).

    References
    ----------
    Chernozhukov et al. (2018), Econometrics Journal 21(1), C1-C68, on cross-fitting.
    """
    config, projector = inputs.config, inputs.projector
    if projector.sample.m < 2 * LEAST_ROWS:
        return effect
    one, other = _parts(inputs)
    if min(one.sizes.size, other.sizes.size) < 2:
        return effect
    rng = stream(config.seed, "components")
    value = variance = 0.0
    count = SPAN * directions.k
    found = projector.pool.map(lambda part: _leading(projector, part.rows, count), (one, other))
    for mine, tested, leading in zip((one, other), (other, one), found, strict=True):
        half = _Half.of(projector, leading, mine, tested, directions.k)
        delta, error = half.tested(rng, config.workers)
        value += delta / 2
        variance += (error**2 + half.turning(rng, config.workers)) / 4
    return effect.measured_as(value, float(np.sqrt(variance)), config.groups, config.confidence)


@dataclass(frozen=True, slots=True)
class _Part:
    """Half of the sampled rows, its groups side by side.

    Attributes
    ----------
    rows : (m,) int array
        Places in the sample.
    sizes : (G,) int array
        Rows of each group.
    alike : bool
        Whether groups are neighbours or clusters, and not random.
    """

    rows: NDArray[np.intp]
    sizes: NDArray[np.intp]
    alike: bool


def _parts(inputs: LevelInputs) -> list[_Part]:
    """Part the sample in two, such that halves do not depend on each other."""
    index, grouping = inputs.projector.sample.index, inputs.grouping
    order, half = grouping.halves(index), index.size // 2
    groups = inputs.config.groups // 2
    if order is None:
        rows = np.arange(index.size)
        return [
            _Part(part, group_sizes(part.size, groups), alike=False)
            for part in (rows[:half], rows[half:])
        ]
    found = []
    for part in (order[:half], order[half:]):
        labels = None if grouping.labels is None else grouping.labels[index[part]]
        permutation, sizes = group_order(index[part], groups, labels)
        found.append(_Part(part[permutation], sizes, alike=True))
    return found


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
        Components that are tested; the rest is what they may turn into.
    own_sizes, other_sizes : (G,) int array
        Rows of each group.
    alike : bool
    """

    own: NDArray[np.floating]
    other: NDArray[np.floating]
    k: int
    own_sizes: NDArray[np.intp]
    other_sizes: NDArray[np.intp]
    alike: bool

    @classmethod
    def of(cls, projector: Projector, matrix: F64, mine: _Part, other: _Part, k: int) -> _Half:
        """See both halves along the leading components of the rows ``mine``, its columns."""
        directions = Directions(matrix, "pca", ("",) * matrix.shape[1], fit_rows="all")
        slabs = projector.slabs(directions.k)
        block = np.concatenate([projector.project(directions, part).copy() for part in slabs])
        return cls(
            block[:, mine.rows],
            block[:, other.rows],
            min(k, directions.k),
            mine.sizes,
            other.sizes,
            mine.alike,
        )

    def tested(self, rng: np.random.Generator, threads: int) -> tuple[float, float]:
        """Discrepancy of the other half along the components, and its error by groups of rows."""
        block, sizes = self.other[: self.k], self.other_sizes
        n = block.shape[1]
        whole = _ad_star(block, threads)
        value = _mean_delta(whole, n)
        random = block[:, rng.permutation(n)] if self.alike else block
        equal = group_sizes(n, sizes.size)
        found = corrected(value, _deltas_without(random, whole, equal, threads), equal, n)
        if not self.alike:
            return value, found.standard_error
        left = _deltas_without(block, whole, sizes, threads)
        best = wider(corrected(value, left, sizes, n), found)
        return min(best.value, value), best.standard_error

    def turning(self, rng: np.random.Generator, threads: int) -> float:
        """Variance of the discrepancy of the other half, from components of parts of this one."""
        m, groups = self.own.shape[1], self.own_sizes.size
        member = np.repeat(np.arange(groups), self.own_sizes)
        total, scatter = self.own.sum(axis=1), self.own @ self.own.T
        squares: list[float] = []
        for _ in range(SPLITS):
            part = self.own[:, np.isin(member, rng.permutation(groups)[: groups // 2])]
            first, inner, size = part.sum(axis=1), part @ part.T, part.shape[1]
            one = self._along(first, inner, size, threads)
            other = self._along(total - first, scatter - inner, m - size, threads)
            squares.append((one - other) ** 2 / 2)
        return float(sum(squares) / SPLITS)

    def _along(self, total: F64, scatter: F64, m: int, threads: int) -> float:
        """Discrepancy of the other half along the components of m rows with these moments."""
        covariance = scatter / m - np.outer(total, total) / m**2
        lead = np.linalg.eigh(covariance)[1][:, ::-1][:, : self.k]
        return _mean_delta(_ad_star(lead.T @ self.other, threads), self.other.shape[1])


def _ad_star(block: NDArray[np.floating], threads: int) -> F64:
    found = profile(block, tests=("anderson_darling",), effects=False, threads=threads)
    return np.asarray(found.ad_star, dtype=np.float64)


def _mean_delta(ad_star: F64, n: int) -> float:
    return float(np.nanmean(ad_star - A0) / n)


def _deltas_without(
    block: NDArray[np.floating], whole: F64, sizes: NDArray[np.intp], threads: int
) -> F64:
    """Return the mean discrepancy without each group of columns, from A*² of all of them."""
    left = ad_star_without(whole, left_out_shifts(block, sizes, threads), sizes)
    return np.asarray(np.nanmean(left - A0, axis=0) / (block.shape[1] - sizes))


def _leading(projector: Projector, mine: NDArray[np.intp], count: int) -> F64:
    """Return leading components of some of the sampled rows, ``(dim, at most count)``."""
    dim = projector.preparation.dim
    chosen = np.zeros(projector.sample.m, dtype=bool)
    chosen[mine] = True
    blocks = (
        projector.rows(start, min(start + ROWS, chosen.size))[chosen[start : start + ROWS]]
        for start in range(0, chosen.size, ROWS)
    )
    values, vectors = _covariance(blocks, mine.size, dim).eigh()
    keep = values > values[-1] * max(dim, 100) * np.finfo(float).eps
    return np.ascontiguousarray(vectors[:, keep][:, ::-1][:, :count])


def _covariance(blocks: Iterable[F64], n: int, dim: int) -> ScatterMatrix:
    """Return the covariance of n rows that come in blocks."""
    if is_wide(n, dim):
        rows = np.concatenate(list(blocks))
        return ScatterMatrix.of(rows - rows.mean(axis=0)).over(n)
    total, scatter = np.zeros(dim), np.zeros((dim, dim))
    for rows in blocks:
        total += rows.sum(axis=0)
        scatter += rows.T @ rows
    mean = total / n
    return ScatterMatrix(scatter / n - np.outer(mean, mean))
