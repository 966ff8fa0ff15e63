"""What is measured at one size: along directions, of the rows as a whole, in subspaces."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from gausscheck.config import Config
from gausscheck.core import F64
from gausscheck.normality import A0, profile, residuals, whiten_tall
from gausscheck.normality.groups import Partition, group_sizes, jackknife_interval
from gausscheck.normality.sphere.energy import energy_null, sphere_left_out
from gausscheck.normality.sphere.shell import shell_mean, shell_without
from gausscheck.rng import haar
from gausscheck.scaling.distance import cross_distance

DIRECTIONS = 512
"""Directions of a file that are looked along, at most: its axes, or random ones beyond."""

JOINT_ROWS = 5_000
"""Rows behind the joint statistics and the cosines."""


def direction_values(x: F64, config: Config, rng: np.random.Generator) -> dict[str, Any]:
    """Look along the axes, or along random directions where there are more than 512."""
    n, d = x.shape
    if d > DIRECTIONS:
        x = x @ haar(rng, d, DIRECTIONS)
    found = profile(
        np.ascontiguousarray(x.T), tests=("anderson_darling", "lilliefors"), groups=config.groups,
        threads=config.workers,
    )  # fmt: skip
    left = n - n // config.groups
    delta = (float(np.nanmean(found.ad_star)) - A0) / n
    without = (np.nanmean(found.ad_star_without, axis=0) - A0) / left
    groups = np.array_split(np.arange(n), config.groups)
    in_four = np.array_split(np.arange(n), max(config.groups, 4))
    sums = np.array([[x[g].sum(axis=0), (x[g] ** 2).sum(axis=0), (x[g] ** 4).sum(axis=0)]
                     for g in groups])  # fmt: skip
    return {
        "ad_discrepancy": _interval(delta, without, config),
        "kolmogorov": list(cross_distance(x, in_four, config.confidence)),
        "excess_kurtosis": _interval(*_kurtosis(sums, [g.size for g in groups]), config),
    }


def _kurtosis(sums: F64, sizes: list[int]) -> tuple[float, F64]:
    """Mean excess kurtosis over directions of centred rows, of all and without each group."""

    def mean(total: F64, n: int) -> float:
        k = total[2] / n / (total[1] / n) ** 2 - 3
        return float(np.nanmean(((n + 1) * k + 6) * (n - 1) / ((n - 2) * (n - 3))))

    whole, n = sums.sum(axis=0), sum(sizes)
    without = [mean(whole - part, n - size) for part, size in zip(sums, sizes, strict=True)]
    return mean(whole, n), np.array(without)


def coefficient_of_variation(values: F64) -> float:
    """Return standard deviation over mean."""
    return float(values.std() / values.mean())


def jackknifed(values: F64, statistic: Callable[[F64], float], config: Config) -> list[float]:
    """Return a statistic of values with its delete-a-group jackknife interval."""
    parts = np.array_split(np.arange(values.size), config.groups)
    without = [statistic(np.delete(values, part)) for part in parts]
    return _interval(statistic(values), np.array(without), config)


def _interval(whole: float, without: F64, config: Config) -> list[float]:
    low, high = jackknife_interval(whole, without, config.confidence)[1]
    return [whole, low, high]


def whole_values(
    x: F64, centred: F64, constant: bool, config: Config, pool: ThreadPoolExecutor
) -> dict[str, Any]:
    """Cosines, effective rank, and the joint statistics of some of the rows."""
    some = x[:JOINT_ROWS]
    unit = some / np.linalg.norm(some, axis=1, keepdims=True)
    values = {"cosine_sd": _cosine_sd(unit, config)}
    values["effective_rank"] = _interval(*_effective_rank(centred, config.groups), config)
    part = centred[:JOINT_ROWS] - centred[:JOINT_ROWS].mean(axis=0)
    y, _ = whiten_tall(part)
    m, r = y.shape
    if m < 3 * r:
        return values
    if not constant:
        found = shell_without(y, config.groups)
        values["shell_discrepancy"] = _discrepancy(*found, shell_mean(r), m, config)
    if r >= 3:
        whole, (without,) = sphere_left_out(y, [Partition.equal(m, config.groups)], pool)
        values["sphere_discrepancy"] = _discrepancy(whole, without, energy_null(r).mean, m, config)
    return values


def _effective_rank(centred: F64, groups: int) -> tuple[float, F64]:
    """Return exp of the entropy of the spectrum, of all rows and without each group.

    Eigenvalues without a group are taken to first order: variances along the axes of all rows.
    """
    values, vectors = np.linalg.eigh(np.cov(centred.T).reshape(centred.shape[1], -1))
    keep = values > 1e-12 * values[-1]
    n, sizes = len(centred), group_sizes(len(centred), groups)[:, None]
    one, two = np.empty((2, groups, int(keep.sum())))
    for place, rows in enumerate(np.array_split(centred, groups)):
        along = rows @ vectors[:, keep]
        one[place], two[place] = along.sum(axis=0), (along**2).sum(axis=0)
    left = n - sizes
    one, two = one.sum(axis=0) - one, two.sum(axis=0) - two
    without = (two - one**2 / left) / (left - 1)
    return float(_entropy_rank(values[keep])), _entropy_rank(without)


def _entropy_rank(spectrum: F64) -> F64:
    share = spectrum / spectrum.sum(axis=-1, keepdims=True)
    return np.asarray(np.exp(-(share * np.log(share, where=share > 0, out=np.zeros_like(share)))
                             .sum(axis=-1)))  # fmt: skip


def _discrepancy(
    whole: float, without: F64, null_mean: float, n: int, config: Config
) -> list[float]:
    """Return (statistic − its mean under normality)/n with its interval."""
    left = n - group_sizes(n, config.groups)
    return _interval((whole - null_mean) / n, (without - null_mean) / left, config)


def _cosine_sd(unit: F64, config: Config) -> list[float]:
    """Return the standard deviation of the cosine of two rows, exact over all pairs."""

    def statistic(u: F64) -> float:
        n = len(u)
        total = u.sum(axis=0)
        second = u.T @ u
        pairs = n * (n - 1)
        mean = (float(total @ total) - n) / pairs
        square = (float((second**2).sum()) - n) / pairs
        return float(np.sqrt(max(square - mean**2, 0)))

    parts = np.array_split(np.arange(len(unit)), config.groups)
    without = [statistic(np.delete(unit, part, axis=0)) for part in parts]
    return _interval(statistic(unit), np.array(without), config)


def subspace_values(x: F64, k: int, config: Config, rng: np.random.Generator) -> dict[str, Any]:
    """Shell and sphere statistics of random k-dimensional subspaces, averaged."""
    x = x[:JOINT_ROWS] - x[:JOINT_ROWS].mean(axis=0)
    found = [
        shell_without(residuals(x @ haar(rng, x.shape[1], k))[0], config.groups)
        for _ in range(max(4, 32 // k))
    ]
    whole = float(np.mean([statistic for statistic, _ in found]))
    without = np.mean([left_out for _, left_out in found], axis=0)
    return {"shell_discrepancy": _discrepancy(whole, without, shell_mean(k), len(x), config)}
