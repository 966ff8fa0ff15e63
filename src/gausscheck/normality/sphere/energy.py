"""Where rows point, once whitened: distance of their directions from uniformity, free of n.

The kernel of the energy statistic, E‖U − V‖ − ‖u − v‖, less its first two harmonics: with t = u·v,
k(t) = E‖U − V‖ − ‖u − v‖ − c₁ t − c₂ P₂(t). Whitening all but fixes the means and second moments
that those harmonics see; the rest sees every departure of third order and beyond. Under uniformity
N = (1/n) Σ k(uᵢ·uⱼ) has mean a0 = k(1) and variance 2 (1 − 1/n) E k² whatever n; otherwise it grows
like a0 + n·delta, delta the squared distance of the law of directions from uniformity.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.normality.groups import Partition
from gausscheck.normality.nodes import gauss_legendre


@dataclass(frozen=True, slots=True)
class EnergyNull:
    """The kernel in p dimensions, and the null law of its statistic.

    Attributes
    ----------
    constant, linear, square : float
        k(t) = constant − sqrt(2 − 2 t) − linear·t − square·t².
    mean : float
        a0.
    limit : float
        5 % critical value for many rows, by the gamma law of mean a0 and variance 2 E k².
    pair_sd : float
        sqrt(E k²): standard deviation of k(t) for two independent uniform rows.
    """

    constant: float
    linear: float
    square: float
    mean: float
    limit: float
    pair_sd: float


@lru_cache(maxsize=64)
def energy_null(p: int) -> EnergyNull:
    """Return the kernel and its null in p >= 3 dimensions.

    Examples
    --------
    >>> null = energy_null(64)
    >>> 0 < null.mean < null.limit
    True
    """
    from scipy.special import betaln, gdtrix

    # t = u·v has density (1 − t²)^((p − 3)/2) / B
    node, weight = gauss_legendre(600)
    angle = np.pi * (node + 1) / 2
    density = np.exp((p - 2) * np.log(np.sin(angle)) - betaln(0.5, (p - 1) / 2))
    mass = weight * np.pi / 2 * density
    t = np.cos(angle)
    chord = np.sqrt(2 - 2 * t)
    expected = float(mass @ chord)
    kernel = expected - chord
    second = (p * t * t - 1) / (p - 1)
    one = float(mass @ (kernel * t)) / float(mass @ (t * t))
    two = float(mass @ (kernel * second)) / float(mass @ second**2)
    kernel = kernel - one * t - two * second
    square = two * p / (p - 1)
    mean = expected - one - two
    variance = 2 * float(mass @ kernel**2)
    limit = float(gdtrix(mean / variance, mean**2 / variance, 0.95))
    return EnergyNull(expected + two / (p - 1), one, square, mean, limit, sqrt(variance / 2))


def energy_shift(n: int, p: int) -> float:
    """Return what whitening adds to the mean of N on n rows of p dimensions.

    It goes like 1/n whatever p/n; the factor is fitted to simulations
    (``benchmarks/shell_limits.py``).
    """
    return 0.43 * (1 - 2.6 / p) / n


SINGLE = 32
"""From so many dimensions on pairs are looked at in float32: few are so near that it tells."""


def pair_sums(left: F64, right: F64, *, same: bool) -> tuple[float, float, float]:
    """Sum t = u·v, t² and the chord √(2 − 2t) over all pairs of unit rows of two sets.

    Parameters
    ----------
    left, right : (a, p), (b, p) arrays
        Unit rows.
    same : bool
        Whether they are one set: a row is then no distance from itself, whatever rounding says.

    Returns
    -------
    (float, float, float)
        To some 1e-6 of N from :data:`SINGLE` dimensions on, to rounding below. Cost O(a b p).
    """
    dtype = np.float32 if left.shape[1] >= SINGLE else np.float64
    one = float(left.sum(axis=0) @ right.sum(axis=0))
    a: NDArray[Any] = left.astype(dtype, copy=False)
    b: NDArray[Any] = right.astype(dtype, copy=False)
    t = a @ b.T
    two = float(np.vdot(t, t))
    return one, two, float(_chord(t, same=same).sum(dtype=np.float64))


def energy_left_out(
    u: F64, partitions: Sequence[Partition], pool: Executor
) -> tuple[float, list[F64]]:
    """Return N of unit rows, and N without each group of several partitions of them.

    Parameters
    ----------
    u : (n, p) array
        Whitened rows, divided by their lengths.
    partitions : sequence of Partition
        One at least.
    pool : Executor
        Threads that take blocks of pairs side by side.

    Returns
    -------
    whole : float
    without : list of (G,) array
        One a partition; of each value what whitening adds to it is taken off. What a group takes
        part in are the sums of its rows over all rows, less the pairs within it: all pairs are
        looked at once, whatever the number of partitions. Cost O(n² p / 2).
    """
    n, p = u.shape
    null = energy_null(p)
    single = u.astype(np.float32 if p >= SINGLE else np.float64, copy=False)
    groups = partitions[0].groups()
    parts = [single[group] for group in groups]

    def between(pair: tuple[int, int]) -> tuple[F64, F64]:
        rest = _varying(null, parts[pair[0]], parts[pair[1]], same=pair[0] == pair[1])
        right, down = (rest.sum(axis=axis, dtype=np.float64) for axis in (1, 0))
        return null.constant * down.size - right, null.constant * right.size - down

    pairs = [(g, h) for g in range(len(parts)) for h in range(g, len(parts))]
    of_row, inside = np.zeros(n), []
    for (g, h), (right, down) in zip(pairs, pool.map(between, pairs), strict=True):
        of_row[groups[g]] += right
        if g == h:
            inside.append(right.sum())
        else:
            of_row[groups[h]] += down
    within = [np.array(inside)]
    for part in partitions[1:]:
        rows = (single[group] for group in part.groups())
        within.append(np.array(list(pool.map(partial(_sum_within, null), rows))))

    shift = energy_shift(n, p)

    def left_out(part: Partition, own: F64) -> F64:
        of_group = np.bincount(part.members(), of_row)
        left = n - part.sizes
        # of a pair it is the same, for all rows are whitened together
        return np.asarray((of_row.sum() - 2 * of_group + own) / left - shift * (left / n))

    whole = float(of_row.sum()) / n - shift
    return whole, [left_out(*found) for found in zip(partitions, within, strict=True)]


def _varying(
    null: EnergyNull, left: NDArray[Any], right: NDArray[Any], *, same: bool
) -> NDArray[Any]:
    """Return constant − k(t) of all pairs of unit rows of two sets, ``(a, b)``.

    The constant, rounded to float32, would be off by the same in every pair.
    """
    t = left @ right.T
    rest = t * null.square
    rest += null.linear
    rest *= t
    rest += _chord(t, same=same)
    return np.asarray(rest)


def _chord(t: NDArray[Any], *, same: bool) -> NDArray[Any]:
    """Return √(2 − 2t), in place of t."""
    t *= -2
    t += 2
    if same:
        np.fill_diagonal(t, 0)
    return np.asarray(np.sqrt(t.clip(min=0, out=t), out=t))


BLOCK = 1024
"""Rows of a block of pairs within a group, which may be a whole cluster."""


def _sum_within(null: EnergyNull, rows: NDArray[Any]) -> float:
    """Sum the kernel over all pairs of one group's rows."""
    total = null.constant * len(rows) ** 2
    for low in range(0, len(rows), BLOCK):
        for left in range(low, len(rows), BLOCK):
            one, two = rows[low : low + BLOCK], rows[left : left + BLOCK]
            found = _varying(null, one, two, same=left == low).sum(dtype=np.float64)
            total -= float(found) * (1 if left == low else 2)
    return total


def sphere_left_out(
    y: F64, partitions: Sequence[Partition], pool: Executor
) -> tuple[float, list[F64]]:
    """Return :func:`energy_left_out` of the directions of whitened rows ``(n, p)``.

    The rows are divided by their lengths in place.
    """
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    return energy_left_out(y, partitions, pool)
