"""Simulate the null tables that ship in the package: normality/nulls/null_tables.npz.

Standard normal samples at each size; upper quantiles of the statistics in ``TABLES``, and the mean
of sqrt(n) times the Kolmogorov distance. A level p stands at the value that b of m samples exceed
with p = (b + 1) / (m + 1), so that a p-value read off the table errs upward; its standard error is
about sqrt(p (1 − p) / m). Levels that fewer than 9 samples exceed are not read off: where the
limit law is known they are interpolated towards it in 1/n, else they continue the published law.
The modified lilliefors statistic moves with 1/sqrt(n): from 50 rows on its quantiles are fitted by
a + b/sqrt(n) + c/n over all sizes at once, which gives the limit too.

    python benchmarks/null_tables.py [TABLE ...]    # those tables, the others stay as they are
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri, ndtri_exp
from scipy.stats import chi2

from gausscheck.core import F64, FloatArray, Moments
from gausscheck.normality.evidence import moments_of, order, standardise
from gausscheck.normality.spec import Ordered
from gausscheck.normality.univariate.edf import KOLMOGOROV_FALL, kolmogorov, modified_kolmogorov
from gausscheck.normality.univariate.energy import ENERGY_1D
from gausscheck.normality.univariate.epps_pulley import EPPS_PULLEY
from gausscheck.normality.univariate.moments import (
    ANSCOMBE_KURTOSIS,
    DAGOSTINO_PEARSON,
    JARQUE_BERA,
)
from gausscheck.normality.univariate.shapiro import (
    SHAPIRO_FRANCIA,
    SHAPIRO_WILK,
    shapiro_francia_score,
    shapiro_wilk_score,
)

SMALL = (8, 10, 12, 15, 20, 30, 50, 100, 200, 500, 1000, 2000)
LARGE = (5000, 20_000)
LEVELS = np.concatenate(
    [
        1 - np.array([1e-4, 1e-3, 0.003]),
        np.linspace(0.99, 0.5, 50),
        np.geomspace(0.48, 1e-5, 120),
    ]
)
LEAST = 9
"""Samples beyond a quantile that is read off."""

SIZES_TO_FIT = 5

TARGET = Path(__file__).parents[1] / "src/gausscheck/normality/nulls/null_tables.npz"


@dataclass(frozen=True)
class Table:
    """What is tabulated: statistics of moments or of ordered samples, and what is known of them.

    ``values``: at most so many in all at a size, in at most ``most`` samples. ``limit``: upper
    quantiles of the limit law. ``beyond``: how to go on from a quantile, by log p.
    """

    of: Callable[..., FloatArray]
    needs: str
    sizes: tuple[int, ...]
    values: int
    most: int = 1_000_000
    limit: Callable[[F64], F64] | None = None
    beyond: Callable[[float, float, F64], F64] | None = None

    def draws(self, n: int) -> int:
        """Return how many samples of n values to take."""
        return min(self.most, self.values // n)


def normal_tail(value: float, log_p: float, beyond: F64) -> F64:
    """Go on from a quantile as the normal law does."""
    return np.asarray(value - ndtri_exp(beyond) + ndtri_exp(log_p))


def kolmogorov_tail(value: float, log_p: float, beyond: F64) -> F64:
    """Go on from a quantile as the limit of D* does."""
    return np.asarray(np.sqrt(value**2 + (log_p - beyond) / KOLMOGOROV_FALL))


def _lilliefors(samples: Ordered) -> FloatArray:
    return modified_kolmogorov(kolmogorov(samples), samples.n)


def _kurtosis(moments: Moments) -> FloatArray:
    return np.abs(ANSCOMBE_KURTOSIS.statistic(moments))


TABLES = {
    "epps_pulley": Table(EPPS_PULLEY.statistic, "ordered", SMALL, 2_000_000_000),
    "energy": Table(ENERGY_1D.statistic, "ordered", SMALL, 2_000_000_000),
    "dagostino_pearson": Table(DAGOSTINO_PEARSON.statistic, "moments", SMALL, 2_000_000_000),
    "jarque_bera": Table(
        JARQUE_BERA.statistic,
        "moments",
        (*SMALL, *LARGE),
        1_000_000_000,
        limit=lambda p: np.asarray(chi2.isf(p, 2)),
    ),
    "anscombe_kurtosis": Table(
        _kurtosis,
        "moments",
        (*SMALL[4:], *LARGE),
        1_000_000_000,
        limit=lambda p: np.asarray(-ndtri(p / 2)),
    ),
    "lilliefors": Table(
        _lilliefors, "ordered", (*SMALL, *LARGE), 250_000_000, beyond=kolmogorov_tail
    ),
    "shapiro_wilk": Table(
        lambda s: shapiro_wilk_score(SHAPIRO_WILK.statistic(s), s.n),
        "ordered",
        (*SMALL[2:], LARGE[0]),
        1_000_000_000,
        most=250_000,
        beyond=normal_tail,
    ),
    "shapiro_francia": Table(
        lambda s: shapiro_francia_score(SHAPIRO_FRANCIA.statistic(s), s.n),
        "ordered",
        (*SMALL, LARGE[0]),
        1_000_000_000,
        most=250_000,
        beyond=normal_tail,
    ),
}


def simulate(task: tuple[tuple[str, ...], int, int]) -> dict[str, F64]:
    """Return the statistics of tables that share their samples: ``draws`` samples of n values."""
    names, n, draws = task
    sorts = TABLES[names[0]].needs == "ordered"
    rng = np.random.default_rng([20_261_126, n, sorts])
    batch = max(1, 500_000 // n)
    found: dict[str, list[F64]] = {name: [] for name in names}
    for start in range(0, draws, batch):
        x = rng.standard_normal((min(batch, draws - start), n))
        moments = moments_of(x)
        read = order(standardise(x, moments, in_place=True)) if sorts else moments
        for name in names:
            found[name].append(TABLES[name].of(read))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def upper_quantiles(values: F64, levels: F64) -> F64:
    """Quantiles at p = (b + 1)/(m + 1); NaN where fewer than ``LEAST`` samples lie beyond."""
    exceed = levels * (values.size + 1) - 1
    found = np.quantile(values, 1 - np.clip(exceed, 0, None) / values.size)
    return np.where(exceed < LEAST, np.nan, found)


def complete(table: Table, sizes: F64, grid: F64) -> tuple[F64, F64]:
    """Fill in the levels that were not read off, and append the limit where it is known."""
    if table.limit is not None:
        sizes, grid = np.append(sizes, np.inf), np.vstack([grid, table.limit(LEVELS)])
        for column in grid.T:
            gone = np.isnan(column)
            column[gone] = np.interp(-1 / sizes[gone], -1 / sizes[~gone], column[~gone])
        return sizes, grid
    for row in grid:
        gone = np.isnan(row)
        if gone.any():
            last = np.flatnonzero(~gone)[-1]
            if table.beyond is None:
                raise SystemExit("more draws are needed: some levels were not read off")
            row[gone] = table.beyond(row[last], np.log(LEVELS[last]), np.log(LEVELS[gone]))
    return sizes, grid


def fitted(sizes: F64, grid: F64, draws: F64) -> tuple[F64, F64]:
    """Fit a + b/sqrt(n) + c/n to the quantiles of each level from 50 rows on."""
    big = sizes >= 50
    ends = np.concatenate([sizes, [1e5, 1e6, np.inf]])
    design = np.stack([np.ones_like(ends), ends**-0.5, 1 / ends], axis=1)
    whole = np.vstack([grid, np.full((3, LEVELS.size), np.nan)])
    for j in range(LEVELS.size):
        use = np.flatnonzero(big & ~np.isnan(grid[:, j]))
        if use.size < SIZES_TO_FIT:
            whole[np.append(big, [True] * 3), j] = np.nan
            continue
        weight = np.sqrt(draws[use])
        fit = np.linalg.lstsq(design[use] * weight[:, None], grid[use, j] * weight, rcond=None)[0]
        place = np.flatnonzero(np.append(big, [True] * 3))
        whole[place, j] = design[place] @ fit
    return ends, whole


def main() -> None:
    names = sys.argv[1:] or list(TABLES)
    with np.load(TARGET) as archive:
        tables = {name: archive[name] for name in archive.files}
    tables["levels"] = LEVELS
    tasks = []
    for n in (*SMALL, *LARGE):
        groups: dict[tuple[str, int], list[str]] = {}
        for name in names:
            table = TABLES[name]
            if n in table.sizes:
                groups.setdefault((table.needs, table.draws(n)), []).append(name)
        tasks += [(tuple(group), n, draws) for (_, draws), group in groups.items()]
    with ProcessPoolExecutor(2) as pool:
        results = list(zip(tasks, pool.map(simulate, tasks), strict=True))
    for name in names:
        table = TABLES[name]
        mine = {n: found[name] for (group, n, _), found in results if name in group}
        sizes = np.array(sorted(mine), float)
        grid = np.stack([upper_quantiles(mine[int(n)], LEVELS) for n in sizes])
        if name == "lilliefors":
            draws = np.array([mine[int(n)].size for n in sizes], float)
            distance = [mine[int(n)].mean() for n in sizes]  # of the modified statistic
            root = np.sqrt(sizes)
            tables["kolmogorov_mean"] = np.array(distance) * root / (root - 0.01 + 0.85 / root)
            tables["kolmogorov_mean_sizes"] = sizes
            sizes, grid = fitted(sizes, grid, draws)
        tables[f"{name}_sizes"], tables[name] = complete(table, sizes, grid)
        print(f"{name}: {sizes.size} sizes", flush=True)
    tables.pop("sizes", None)
    np.savez_compressed(TARGET, **tables)


if __name__ == "__main__":
    main()
