"""Statistics of a long sorted sample from sums over cells: the same values at a tenth of the cost.

Every test on sorted values sums a smooth function of z over the sample. Sorted values fall into
contiguous runs, one a cell of width w; with the count, Σ(z − c), Σ(z − c)² and the rank-weighted
Σ(2i − 1)(z − c) of each run, a second-order expansion around the cell's centre c replaces one
evaluation of the normal law per value by one per cell, known in advance. The error of a sum is
about n w⁴/1920 times a fourth derivative: 1e-12 n at w = 1/128. Values beyond the outermost edges
are summed one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from gausscheck.core import F64
from gausscheck.normality.univariate.epps_pulley import REACH as REACH_T
from gausscheck.normality.univariate.epps_pulley import frequencies, weighted_gap

CELLS_FROM = 20_000
"""Sample size from which the engine sums over cells."""

REACH, WIDTH = 6.0, 1 / 128
EDGES: F64 = np.arange(-REACH, REACH + WIDTH / 2, WIDTH)
CENTERS: F64 = (EDGES[:-1] + EDGES[1:]) / 2
_POWERS = [CENTERS**p for p in range(5)]


class Cells:
    """Sums over the cells of k sorted, standardised samples of n values.

    Cost O(k n), a few passes in cache.

    Parameters
    ----------
    z : (k, n) array
        Each row sorted, mean 0 and n − 1 standard deviation 1; a row of NaN gives empty cells.
    spare : (k, n) array
        Overwritten.

    Attributes
    ----------
    first, last, count : (k, C) arrays
        Ranks ``first + 1 .. last`` lie in the cell; set by :meth:`finish`, as are the next two.
    one, two : (k, C) arrays
        Σ(z − c), Σ(z − c)².
    ranked : (k, C) array
        Σ(2i − 1)(z − c).
    total, spread : (k,) arrays
        Over the whole sample: Σ(2i − 1) z, and the largest less the smallest value.
    tails : list of (int, array, array)
        Row, values beyond the outermost edges, their ranks 1..n.
    """

    def __init__(self, z: F64, spare: F64) -> None:
        k, n = z.shape
        self.n = n
        # the cells, and the two open ones at the ends, part each row without a gap
        bounds = self._bounds = np.zeros((k, EDGES.size + 2), dtype=np.intp)
        for i, row in enumerate(z):
            bounds[i, 1:-1] = np.searchsorted(row, EDGES)
        bounds[:, -1] = n
        begins = (bounds[:, :-1] + n * np.arange(k)[:, None]).ravel()
        full = np.flatnonzero(np.diff(bounds, axis=1).ravel())
        starts = begins[full]

        def sums(values: F64) -> F64:
            by_cell = np.zeros(begins.size)
            by_cell[full] = np.add.reduceat(values.ravel(), starts)
            return by_cell.reshape(k, -1)

        self.one = sums(z)
        np.multiply(z, z, out=spare)
        self.two = sums(spare)
        np.multiply(z, _odd(n), out=spare)
        self.ranked = sums(spare)
        self.spread = z[:, -1] - z[:, 0]
        self.tails: list[tuple[int, F64, F64]] = []
        for i in np.flatnonzero((bounds[:, 1] > 0) | (bounds[:, -2] < n)).tolist():
            if np.isfinite(self.spread[i]):
                at = np.concatenate([np.arange(bounds[i, 1]), np.arange(bounds[i, -2], n)])
                self.tails.append((i, z[i, at], at + 1.0))

    def finish(self) -> None:
        """Turn sums of z into sums about the centres; apart, for it is many small steps."""
        self.total = self.ranked.sum(axis=1)
        places = self._bounds[:, 1:-1].astype(np.float64)
        self.first, self.last = places[:, :-1], places[:, 1:]
        self.count = self.last - self.first
        one = self.one[:, 1:-1]
        self.two = self.two[:, 1:-1] - CENTERS * (2 * one - CENTERS * self.count)
        np.maximum(self.two, 0, out=self.two)
        self.one = one - CENTERS * self.count
        self.ranked = self.ranked[:, 1:-1] - CENTERS * (self.last**2 - self.first**2)


@lru_cache(maxsize=4)
def _odd(n: int) -> F64:
    """Return 1, 3, 5, ..., 2n − 1."""
    odd = np.arange(1, 2 * n, 2, dtype=np.float64)
    odd.flags.writeable = False
    return odd


@lru_cache(maxsize=1)
def _law() -> Mapping[str, F64]:
    """Φ, φ, log Φ, log(1 − Φ) and their first two derivatives at the centres."""
    from scipy.special import log_ndtr, ndtr

    c = CENTERS
    density = np.exp(-c * c / 2) / np.sqrt(2 * np.pi)
    log_cdf, log_sf = log_ndtr(c), log_ndtr(-c)
    up, down = density / np.exp(log_cdf), density / np.exp(log_sf)
    return {
        "cdf": ndtr(c),
        "density": density,
        "log_cdf": log_cdf,
        "log_cdf'": up,
        "log_cdf''": -up * (c + up),
        "log_sf": log_sf,
        "log_sf'": -down,
        "log_sf''": -down * (down - c),
    }


def l_moments(cells: Cells) -> F64:
    """L-moments 2, 3 and 4, ``(3, k)``, by unbiased probability-weighted moments (Hosking 1990).

    Σ i² z and Σ i³ z over a cell from its count, Σz and Σ i z, with z linear in rank inside it.
    """
    n, count = cells.n, cells.count
    plain = cells.one + CENTERS * count
    half = (cells.ranked + CENTERS * (cells.last**2 - cells.first**2) + plain) / 2  # Σ i z
    middle = (cells.first + cells.last + 1) / 2
    tilt = half - middle * plain  # Σ δ z for δ = i − middle
    level = plain / np.maximum(count, 1)
    square = count * (count**2 - 1) / 12  # Σ δ²
    quartic = count * (count**2 - 1) * (3 * count**2 - 7) / 240  # Σ δ⁴
    slope = tilt / np.where(square > 0, square, np.inf)
    second = middle**2 * plain + 2 * middle * tilt + level * square
    third = middle**3 * plain + 3 * middle**2 * tilt + 3 * middle * level * square + slope * quartic
    sums = np.stack([plain.sum(axis=1), half.sum(axis=1), second.sum(axis=1), third.sum(axis=1)])
    for i, values, ranks in cells.tails:
        sums[:, i] += [(ranks**p * values).sum() for p in range(4)]
    zero, one, two, three = sums
    b1 = (one - zero) / (n - 1)
    b2 = (two - 3 * one + 2 * zero) / ((n - 1) * (n - 2))
    b3 = (three - 6 * two + 11 * one - 6 * zero) / ((n - 1) * (n - 2) * (n - 3))
    moments = (2 * b1 - zero, 6 * b2 - 6 * b1 + zero, 20 * b3 - 30 * b2 + 12 * b1 - zero)
    return np.asarray(np.stack(moments) / n)


def third_and_fourth(cells: Cells) -> tuple[F64, F64]:
    """Return Σz³ and Σz⁴; the cell's own third and fourth moments are those of a flat density."""
    _, c1, c2, c3, c4 = _POWERS
    cubes = cells.count @ c3 + 3 * (cells.one @ c2) + 3 * (cells.two @ c1)
    fourth = cells.count @ (c4 + WIDTH**4 / 80) + 4 * (cells.one @ c3) + 6 * (cells.two @ c2)
    for i, values, _ in cells.tails:
        cubes[i] += (values**3).sum()
        fourth[i] += (values**4).sum()
    return cubes, fourth


def anderson_darling(cells: Cells) -> F64:
    """A² = −n − (1/n) Σ [(2i − 1) log Φ + (2(n − i) + 1) log(1 − Φ)]."""
    from scipy.special import log_ndtr

    n, law, count = cells.n, _law(), cells.count
    below = cells.last**2 - cells.first**2  # Σ(2i − 1) over the cell
    above = 2 * n * count - below
    mean_two = cells.two / np.maximum(count, 1)
    total = (
        below @ law["log_cdf"]
        + cells.ranked @ law["log_cdf'"]
        + 0.5 * ((below * mean_two) @ law["log_cdf''"])
        + above @ law["log_sf"]
        + (2 * n * cells.one - cells.ranked) @ law["log_sf'"]
        + 0.5 * ((above * mean_two) @ law["log_sf''"])
    )
    for i, values, ranks in cells.tails:
        total[i] += (2 * ranks - 1) @ log_ndtr(values) + (2 * (n - ranks) + 1) @ log_ndtr(-values)
    return np.asarray(-n - total / n)


def cramer_von_mises(cells: Cells) -> F64:
    """W² = 1/(12 n) + Σ (Φ(z_i) − (2i − 1)/(2n))²."""
    from scipy.special import ndtr

    n, law, count = cells.n, _law(), cells.count
    middle = (cells.first + cells.last) / (2 * n)
    gap = law["cdf"] - middle
    density = law["density"]
    bend = -CENTERS * density
    crossed = cells.ranked / (2 * n) - middle * cells.one
    ladder = count * (count**2 - 1) / (12 * n**2)
    terms = gap * (gap * count + 2 * density * cells.one + bend * cells.two)
    terms += density * (density * cells.two - 2 * crossed) + ladder
    total = 1 / (12 * n) + terms.sum(axis=1)
    for i, values, ranks in cells.tails:
        far = ndtr(values) - (2 * ranks - 1) / (2 * n)
        total[i] += far @ far
    return np.asarray(total)


def energy(cells: Cells) -> F64:
    """T = 2 Σ [z (2Φ − 1) + 2φ] − 2n/√π − (2/n) Σ (2i − n − 1) z."""
    from scipy.special import ndtr

    n, law = cells.n, _law()
    slope = 2 * law["cdf"] - 1
    toward = (
        cells.count @ (CENTERS * slope + 2 * law["density"])
        + cells.one @ slope
        + cells.two @ law["density"]
    )
    for i, values, _ in cells.tails:
        density = np.exp(-values * values / 2) / np.sqrt(2 * np.pi)
        toward[i] += (values * (2 * ndtr(values) - 1) + 2 * density).sum()
    # Σ (2i − n − 1) z = Σ (2i − 1) z, for the mean is 0
    return np.asarray(2 * toward - 2 * n / np.sqrt(np.pi) - 2 / n * cells.total)


def epps_pulley(cells: Cells) -> F64:
    """N ∫ |φ_n(t) − exp(−t²/2)|² φ(t) dt, the samples standardised with their 1/n variance."""
    n = cells.n
    scale = np.sqrt(n / (n - 1))
    out = np.full(cells.spread.size, np.nan)
    rows_by_count: dict[int, list[int]] = {}
    for i in map(int, np.flatnonzero(np.isfinite(cells.spread))):
        size = frequencies(float(cells.spread[i]) * scale).size
        rows_by_count.setdefault(size, []).append(i)
    tails = {i: values for i, values, _ in cells.tails}
    for size, rows in rows_by_count.items():
        t = np.linspace(0, REACH_T, size)
        pace = t * scale
        cos, sin = _waves(n, size)
        count, one, two = cells.count[rows], cells.one[rows], cells.two[rows]
        bend = pace**2 / 2
        real = count @ cos - pace * (one @ sin) - bend * (two @ cos)
        imaginary = count @ sin + pace * (one @ cos) - bend * (two @ sin)
        for place, i in enumerate(rows):
            if i in tails:
                angle = np.outer(pace, tails[i])
                real[place] += np.cos(angle).sum(axis=1)
                imaginary[place] += np.sin(angle).sum(axis=1)
        out[rows] = n * weighted_gap(real / n, imaginary / n, t)
    return out


@lru_cache(maxsize=16)
def _waves(n: int, count: int) -> tuple[F64, F64]:
    """Cosine and sine of centre times frequency, (C, count)."""
    angle = np.outer(CENTERS, np.linspace(0, REACH_T, count) * np.sqrt(n / (n - 1)))
    return np.cos(angle), np.sin(angle)


FROM_CELLS: Mapping[str, Callable[[Cells], F64]] = {
    "anderson_darling": anderson_darling,
    "cramer_von_mises": cramer_von_mises,
    "epps_pulley": epps_pulley,
    "energy_1d": energy,
}
"""Statistics of sorted samples as sums of smooth functions, by test."""
