"""Simulate the null draws that ship in the package: normality/nulls/null_draws.npz.

The default audit takes four tests of joint normality of random subspaces of 1, 2, 4, ... 64
dimensions, on at most 500 rows. Draws are the first ones of the streams that ``simulated_law``
would draw from, in their order: shipped or drawn anew, p-values agree but for ties.

    python benchmarks/null_draws.py    # some minutes on one core
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from gausscheck.normality import TESTS
from gausscheck.normality.evaluate_rows import too_smooth
from gausscheck.normality.nulls.shipped import STEPS
from gausscheck.normality.nulls.simulated import null_of

ROWS = (50, 100, 200, 300, 500)
DIMENSIONS = (1, 2, 4, 8, 16, 32, 64)
NAMES = ("mardia_skewness", "mardia_kurtosis", "bhep", "energy")
DRAWS = 999
TARGET = Path(__file__).parents[1] / "src/gausscheck/normality/nulls/null_draws.npz"


def main() -> None:
    keys, ranges, steps = [], [], []
    for n in ROWS:
        for k in DIMENSIONS:
            for name in NAMES:
                if 6 * k > n or too_smooth(TESTS[name], n, k):
                    continue
                began = time.perf_counter()
                null = null_of(TESTS[name], n, k)
                draws = null.draws(range(DRAWS), 1)
                low, high = draws.min(), draws.max()
                keys.append(null.key)
                ranges.append((low, high))
                steps.append(np.rint((draws - low) / (high - low) * STEPS).astype(np.uint16))
                print(f"{null.key}: {time.perf_counter() - began:.1f} s", flush=True)
    np.savez_compressed(TARGET, keys=keys, rows=ROWS, ranges=ranges, steps=steps)


if __name__ == "__main__":
    main()
