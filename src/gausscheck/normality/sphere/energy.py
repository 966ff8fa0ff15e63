"""Where rows point, once whitened: distance of their directions from uniformity, free of n.

The kernel of the energy statistic, E‖U − V‖ − ‖u − v‖, less its first two harmonics: with t = u·v,
k(t) = E‖U − V‖ − ‖u − v‖ − c₁ t − c₂ P₂(t). Whitening all but fixes the means and second moments
that those harmonics see; the rest sees every departure of third order and beyond. Under uniformity
N = (1/n) Σ k(uᵢ·uⱼ) has mean a0 = k(1) and variance 2 (1 − 1/n) E k² whatever n; otherwise it grows
like a0 + n·delta, delta the squared distance of the law of directions from uniformity.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.normality.groups import group_sizes
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
    t *= -2
    t += 2
    if same:
        np.fill_diagonal(t, 0)
    np.sqrt(t.clip(min=0, out=t), out=t)
    return one, two, float(t.sum(dtype=np.float64))


def group_energies(u: F64, sizes: NDArray[Any], pool: ThreadPoolExecutor) -> F64:
    """Sum the kernel over pairs between contiguous groups of unit rows, ``(G, G)``.

    Cost O(n² p / 2).
    """
    parts = np.split(u, np.cumsum(sizes)[:-1].astype(int))
    groups = len(parts)
    null = energy_null(u.shape[1])

    def energy(pair: tuple[int, int]) -> float:
        one, two, chord = pair_sums(parts[pair[0]], parts[pair[1]], same=pair[0] == pair[1])
        count = len(parts[pair[0]]) * len(parts[pair[1]])
        return null.constant * count - null.linear * one - null.square * two - chord

    pairs = [(g, h) for g in range(groups) for h in range(g, groups)]
    table = np.zeros((groups, groups))
    for (g, h), total in zip(pairs, pool.map(energy, pairs), strict=True):
        table[g, h] = table[h, g] = total
    return table


def energy_without(table: F64, sizes: F64, p: int) -> tuple[float, F64]:
    """Return N of all rows and N without each group, less what whitening adds to either."""
    n = int(sizes.sum())
    total = float(table.sum())
    rest = total - 2 * table.sum(axis=1) + np.diag(table)
    left = n - sizes
    shifts = np.array([energy_shift(int(m), p) for m in left])
    return total / n - energy_shift(n, p), rest / left - shifts


def sphere_without(
    y: F64, groups: int, pool: ThreadPoolExecutor, sizes: NDArray[np.intp] | None = None
) -> tuple[float, F64]:
    """Return N of the directions of whitened rows ``(n, p)``, of all and without each of G groups.

    Groups are equal, or of the sizes given. The rows are divided by their lengths in place.
    Cost O(n² p / 2).
    """
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    sizes = group_sizes(len(y), groups) if sizes is None else sizes
    return energy_without(group_energies(y, sizes, pool), sizes.astype(float), y.shape[1])
