"""Simulate the null draws that ship in the package: normality/nulls/null_draws.npz.

The default audit takes four tests of joint normality of random subspaces of 1, 2, 4, ... 64
dimensions, on at most 500 rows. Draws are the first ones of the streams that ``simulated_law``
would draw from, in their order, stored as float32: shipped or drawn anew, p-values are the same.

    python benchmarks/null_draws.py    # about ten minutes on one core; a cell at a time, resumes
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from gausscheck.normality import TESTS
from gausscheck.normality.nulls.simulated import null_of

ROWS = (50, 100, 200, 300, 500)
DIMENSIONS = (1, 2, 4, 8, 16, 32, 64)
NAMES = ("mardia_skewness", "mardia_kurtosis", "bhep", "energy")
DRAWS = 999
TARGET = Path(__file__).parents[1] / "src/gausscheck/normality/nulls/null_draws.npz"


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    found: dict[str, np.ndarray] = {}
    if target.exists():
        with np.load(target) as archive:
            found = {name: archive[name] for name in archive.files}
    for n in reversed(ROWS):
        for k in DIMENSIONS:
            if 10 * k > n:
                continue
            for name in NAMES:
                null = null_of(TESTS[name], n, k)
                if null.key in found:
                    continue
                began = time.perf_counter()
                found[null.key] = null.draws(range(DRAWS), 1).astype(np.float32)
                np.savez(target, **found)
                print(f"{null.key}: {time.perf_counter() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
