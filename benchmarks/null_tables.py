"""Simulate the null tables that ship in the package: src/gausscheck/normality/null_tables.npz.

Standard normal samples at each size; upper quantiles of epps_pulley, energy, jarque_bera and
dagostino_pearson, and the mean of sqrt(n) times the Kolmogorov distance. A level p stands at the
value that b samples exceed with p = (b + 1) / (m + 1), so that a p-value read off the table errs
upward; its standard error is about sqrt(p (1 − p) / repetitions).

    python benchmarks/null_tables.py [--repetitions 1000000]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from gausscheck.normality import evidence as gather
from gausscheck.normality.univariate.edf import LILLIEFORS
from gausscheck.normality.univariate.energy import ENERGY_1D
from gausscheck.normality.univariate.epps_pulley import EPPS_PULLEY
from gausscheck.normality.univariate.moments import DAGOSTINO_PEARSON, JARQUE_BERA

SIZES = np.array([8, 10, 12, 15, 20, 30, 50, 100, 200, 500, 1000, 2000])
LEVELS = np.concatenate(
    [
        1 - np.array([1e-4, 1e-3, 0.003]),
        np.linspace(0.99, 0.5, 50),
        np.geomspace(0.48, 1e-5, 120),
    ]
)
SPECS = {
    "epps_pulley": EPPS_PULLEY,
    "energy": ENERGY_1D,
    "jarque_bera": JARQUE_BERA,
    "dagostino_pearson": DAGOSTINO_PEARSON,
}
TARGET = Path(__file__).parents[1] / "src" / "gausscheck" / "normality" / "null_tables.npz"


def simulate(task: tuple[int, int, int]) -> dict[str, np.ndarray]:
    n, repetitions, seed = task
    rng = np.random.default_rng([seed, n])
    batch = max(1, 2_000_000 // n)
    found: dict[str, list[np.ndarray]] = {name: [] for name in (*SPECS, "kolmogorov")}
    for start in range(0, repetitions, batch):
        x = rng.standard_normal((min(batch, repetitions - start), n))
        evidence = gather(x, ("moments", "ordered"))
        for name, spec in SPECS.items():
            found[name].append(spec.statistic(evidence))
        found["kolmogorov"].append(LILLIEFORS.statistic(evidence))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=4)
    args = parser.parse_args()
    chunks = 20
    tasks = [(int(n), args.repetitions // chunks, seed) for n in SIZES for seed in range(chunks)]
    tables = {name: np.empty((SIZES.size, LEVELS.size)) for name in SPECS}
    means = np.empty(SIZES.size)
    with ProcessPoolExecutor(args.workers) as pool:
        results = list(pool.map(simulate, tasks))
    for i, n in enumerate(SIZES):
        mine = results[i * chunks : (i + 1) * chunks]
        for name in SPECS:
            values = np.concatenate([r[name] for r in mine])
            exceed = LEVELS * (values.size + 1) - 1  # p = (b + 1) / (m + 1)
            tables[name][i] = np.quantile(values, 1 - exceed / values.size)
        means[i] = np.sqrt(n) * np.concatenate([r["kolmogorov"] for r in mine]).mean()
    np.savez_compressed(
        TARGET, sizes=SIZES.astype(float), levels=LEVELS, kolmogorov_mean=means, **tables
    )
    print(f"{TARGET.name}: {args.repetitions:,} samples at each of {SIZES.size} sizes")


if __name__ == "__main__":
    main()
