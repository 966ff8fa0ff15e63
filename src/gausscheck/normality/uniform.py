"""Where rows point, once whitened: distance of their directions from uniformity, free of n.

For uniform directions u, v on the sphere in p dimensions the energy statistic
N = n E‖u − v‖ − (1/n) Σ ‖uᵢ − uⱼ‖ (Bakshaev 2010) has mean a0 whatever n; otherwise it grows like
a0 + n·delta, delta the squared energy distance of the law of directions from uniformity.

Whitening fixes Σ y and Σ y yᵀ of the rows, and so most of Σ u and Σ u uᵀ of their directions: a
share (E‖y‖)²/p of the degree-one part of the variance, p/(p + 2) of the degree-two part. a0 and the
critical value leave those shares out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gausscheck.normality.gram import F64, squared_distances


@dataclass(frozen=True, slots=True)
class EnergyNull:
    """Null of the energy statistic on directions of whitened rows in p dimensions.

    Attributes
    ----------
    chord : float
        E‖u − v‖.
    mean : float
        a0.
    limit : float
        5 % critical value, by the gamma law of the same mean and variance.
    """

    chord: float
    mean: float
    limit: float


@lru_cache(maxsize=64)
def energy_null(p: int) -> EnergyNull:
    """Return the null in p >= 3 dimensions.

    Examples
    --------
    >>> null = energy_null(64)
    >>> null.mean < null.limit < null.chord
    True
    """
    from scipy.special import betaln, gammaln, gdtrix

    # t = u·v has density (1 − t²)^((p − 3)/2) / B
    node, weight = np.polynomial.legendre.leggauss(600)
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
    fixed1 = float(2 * np.exp(2 * (gammaln((p + 1) / 2) - gammaln(p / 2)))) / p
    fixed2 = p / (p + 2)
    mean = expected - fixed1 * one - fixed2 * two
    spread = float(mass @ kernel**2)
    spread -= (1 - (1 - fixed1) ** 2) * one**2 / p
    spread -= (1 - (1 - fixed2) ** 2) * two**2 / (p * (p + 1) / 2 - 1)
    variance = 2 * max(spread, 1e-12)
    shape, rate = mean**2 / variance, mean / variance
    return EnergyNull(expected, mean, float(gdtrix(rate, shape, 0.95)))


def group_chords(u: F64, groups: int) -> F64:
    """Sum chords between G contiguous groups of unit rows, ``(G, G)``; cost O(n² p / 2)."""
    parts = np.array_split(u, groups)
    table = np.zeros((groups, groups))
    for g, left in enumerate(parts):
        for h in range(g, groups):
            right = parts[h]
            ones = np.ones((left.shape[0], 1)), np.ones((1, right.shape[0]))
            gram = squared_distances(left @ right.T, *ones)
            table[g, h] = table[h, g] = float(np.sqrt(gram, out=gram).sum())
    return table


def energy_without(table: F64, sizes: F64, chord: float) -> tuple[float, F64]:
    """Return N of all rows and N without each group, from sums of chords between groups."""
    n = float(sizes.sum())
    total = float(table.sum())
    left = n - sizes
    rest = total - 2 * table.sum(axis=1) + np.diag(table)
    return n * chord - total / n, left * chord - rest / left
