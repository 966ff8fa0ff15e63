"""Simulate what the joint levels cannot take from a formula.

The 5 % critical value of the Anderson-Darling distance of whitened squared lengths from their law,
in k dimensions: chi-square draws with their mean scaled to k, as the fit of a covariance does. It
is written to src/gausscheck/normality/shell_limits.npz. Then what whitening adds to the mean of the
energy statistic, times n, beside the formula that the package uses.

    python benchmarks/shell_limits.py
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.special import chdtr

DIMENSIONS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 512, 4096])
ROWS, REPETITIONS = 1000, 40_000
TARGET = Path(__file__).parents[1] / "src" / "gausscheck" / "normality/nulls/shell_limits.npz"


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


def shift(job: tuple[int, int, int]) -> tuple[float, float]:
    """Return n (mean N − a0) and its standard error, over so many samples (p, n, samples)."""
    from gausscheck.normality import whiten_tall
    from gausscheck.normality.sphere.energy import energy_null

    p, n, samples = job
    rng = np.random.default_rng([20_260_310, p, n])
    null = energy_null(p)
    found = []
    for _ in range(samples):
        x = rng.standard_normal((n, p))
        y, _ = whiten_tall(x - x.mean(axis=0))
        y /= np.linalg.norm(y, axis=1, keepdims=True)
        t = y @ y.T
        k = (
            null.constant
            - np.sqrt(np.maximum(2 - 2 * t, 0))
            - null.linear * t
            - null.square * t * t
        )
        found.append((k.sum() - np.trace(k)) / n + null.constant - null.linear - null.square)
    values = n * (np.array(found) - null.mean)
    return float(values.mean()), float(values.std() / np.sqrt(samples))


def main() -> None:
    from gausscheck.normality.sphere.energy import energy_shift
    from gausscheck.normality.sphere.shell import shell_mean

    with ProcessPoolExecutor(3) as pool:
        results = list(pool.map(simulate, map(int, DIMENSIONS)))
    limits = np.array([limit for limit, _ in results])
    np.savez(TARGET, dimensions=DIMENSIONS.astype(float), limits=limits)
    for k, (limit, mean) in zip(DIMENSIONS, results, strict=True):
        print(f"k = {k:>5}: limit {limit:.3f}, mean {mean:.3f}, formula {shell_mean(int(k)):.3f}")
    jobs = [(8, 100, 4000), (16, 200, 4000), (32, 150, 4000), (64, 250, 2000), (128, 500, 600)]
    with ProcessPoolExecutor(3) as pool:
        for (p, n, _), (found, error) in zip(jobs, pool.map(shift, jobs), strict=True):
            formula = n * energy_shift(n, p)
            print(
                f"p = {p}, n = {n}: n x shift {found:.3f} (se {error:.3f}), formula {formula:.3f}"
            )


if __name__ == "__main__":
    main()
