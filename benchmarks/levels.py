"""How often each test of whole rows rejects true normal (or uniform) rows at 5 % and 1 %.

For every n in {50, 200, 1000} and dimension k in {2, 10, 50, 100} with n > k: the p-value that an
audit uses, the textbook p-value beside it, and pingouin's Henze-Zirkler. Repetitions: 2,000 where the
statistic is cheap, 400 where it sums over pairs of 1,000 rows. Simulated p-values of one cell share
1,999 draws.

    python benchmarks/levels.py run levels.json    # an hour on one core; a cell at a time, resumes
    python benchmarks/levels.py page levels.json   # writes docs/levels.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from gausscheck.normality import JOINT_TESTS, SPHERE_TESTS
from gausscheck.normality.calibration import DRAWS, gaussian_evidence, simulated_law
from gausscheck.normality.joint import RESOLUTION, null_sd

ROWS, DIMENSIONS = (50, 200, 1000), (2, 10, 50, 100)
LEVELS = (0.05, 0.01)
PAGE = Path(__file__).parents[1] / "docs" / "levels.md"


def cells():
    for spec in (*JOINT_TESTS, *SPHERE_TESTS):
        for n in ROWS:
            for k in DIMENSIONS:
                if n > k and spec.sizes[0] <= n <= (spec.sizes[1] or n):
                    yield spec, n, k


def repetitions(spec, n):
    dear = n >= 1000 and (spec.pairwise or spec.name.startswith("sliced"))
    return 400 if dear else 2000


def cell(spec, n, k):
    """Rejection rates of one test at one size."""
    if spec.smoothing is not None and null_sd(spec.smoothing(n, k), k) < RESOLUTION:
        return {"offered": False}
    count = repetitions(spec, n)
    rng = np.random.default_rng([20_260_309, n, k])
    ours, textbook = [], []
    for _ in range(count):
        evidence = gaussian_evidence(spec, rng, n, k)
        statistic = spec.statistic(evidence)
        if spec.freedom is None:
            ours.append(simulated_law(spec, statistic, n, k, threads=1).pvalue[0])
        if spec.textbook is not None:
            freedom = k if spec.freedom is None else spec.freedom(evidence)
            textbook.append(spec.textbook(statistic, n, freedom).pvalue[0])
    rates = {"offered": True, "repetitions": count}
    for name, p in (("simulated", ours), ("textbook", textbook)):
        if p:
            rates[name] = [float(np.mean(np.array(p) <= a)) for a in LEVELS]
    return rates


def pingouin_cell(n, k):
    import pingouin

    rng = np.random.default_rng([20_260_310, n, k])
    p = [pingouin.multivariate_normality(rng.standard_normal((n, k))).pval for _ in range(400)]
    return {"offered": True, "repetitions": 400, "textbook": [float(np.mean(np.array(p) <= a)) for a in LEVELS]}


def run(path):
    found = json.loads(path.read_text()) if path.exists() else {}
    jobs = [(f"{s.name} {n} {k}", cell, (s, n, k)) for s, n, k in cells()]
    jobs += [(f"pingouin_henze_zirkler {n} {k}", pingouin_cell, (n, k))
             for n in ROWS for k in DIMENSIONS if n > k]  # fmt: skip
    jobs.sort(key=lambda job: job[2][-2])  # few rows first
    for key, work, arguments in jobs:
        if key not in found:
            found[key] = work(*arguments)
            path.write_text(json.dumps(found, indent=1))
            print(key, found[key], flush=True)


def band(level, count, draws=DRAWS):
    return 5 * np.sqrt(level * (1 - level) * (1 / count + 1 / (draws + 1)))


def main():
    command, path = sys.argv[1], Path(sys.argv[2])
    if command == "run":
        run(path)
    else:
        page(json.loads(path.read_text()))


if __name__ == "__main__":
    main()
