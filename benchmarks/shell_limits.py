"""Simulate the table that ships as src/gausscheck/normality/shell_limits.npz.

The 5 % critical value of the Anderson-Darling distance of whitened squared lengths from their law,
in k dimensions: chi-square draws with their mean scaled to k, as the fit of a covariance does.

    python benchmarks/shell_limits.py
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.special import chdtr

DIMENSIONS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 512, 4096])
ROWS, REPETITIONS = 1000, 40_000
TARGET = Path(__file__).parents[1] / "src" / "gausscheck" / "normality" / "shell_limits.npz"


def simulate(k: int) -> tuple[float, float]:
    rng = np.random.default_rng([20_260_309, k])
    odd = np.arange(1, 2 * ROWS, 2)
    found = []
    for _ in range(REPETITIONS // 500):
        s = rng.chisquare(k, (500, ROWS))
        s *= k / s.mean(axis=1, keepdims=True)
        s.sort(axis=1)
        u = np.clip(chdtr(k, s), 1e-16, 1 - 1e-16)
        found.append(-ROWS - (np.log(u) + np.log1p(-u[:, ::-1])) @ odd / ROWS)
    values = np.concatenate(found)
    return float(np.quantile(values, 0.95)), float(values.mean())


def main() -> None:
    from gausscheck.normality.radial import shell_mean

    with ProcessPoolExecutor(3) as pool:
        results = list(pool.map(simulate, map(int, DIMENSIONS)))
    limits = np.array([limit for limit, _ in results])
    np.savez(TARGET, dimensions=DIMENSIONS.astype(float), limits=limits)
    for k, (limit, mean) in zip(DIMENSIONS, results, strict=True):
        print(f"k = {k:>5}: limit {limit:.3f}, mean {mean:.3f}, formula {shell_mean(int(k)):.3f}")


if __name__ == "__main__":
    main()
