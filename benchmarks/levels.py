"""How often each test of whole rows rejects true normal (or uniform) rows at 5 % and 1 %.

For every n in {50, 200, 1000} and dimension k in {2, 10, 50, 100} with n > k: the p-value that an
audit uses, the textbook p-value beside it, and pingouin's Henze-Zirkler. Repetitions: 2,000 where
the statistic is cheap, 400 where it is dear at 1,000 rows. Simulated p-values of one cell share their
draws.

    python benchmarks/levels.py run levels.json    # an hour on one core; a cell at a time, resumes
    python benchmarks/levels.py page levels.json   # writes the part of docs/levels.md on whole rows
    python benchmarks/levels.py directions         # writes its part on directions, minutes
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from gausscheck.normality import DIRECTION_TESTS, JOINT_TESTS, SPHERE_TESTS, profile
from gausscheck.normality.evaluate_rows import too_smooth
from gausscheck.normality.nulls.simulated import DRAWS, null_sample, simulated_law

ROWS, DIMENSIONS = (50, 200, 1000), (2, 10, 50, 100)
LEVELS = (0.05, 0.01)
DEAR_DRAWS = 499
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


def cell(spec, n, k, times=1):
    """Return rejection rates of one test at one size."""
    if too_smooth(spec, n, k):
        return {"offered": False}
    count = times * repetitions(spec, n)
    draws = DRAWS if repetitions(spec, n) > 400 else DEAR_DRAWS
    rng = np.random.default_rng([20_260_309, n, k, times] if times > 1 else [20_260_309, n, k])
    ours, textbook = [], []
    for _ in range(count):
        sample = null_sample(spec, rng, n, k)
        statistic = spec.statistic(sample)
        if spec.freedom is None:
            law = simulated_law(spec, statistic, n, k, threads=1, draws=draws)
            ours.append(law.pvalue[0])
        if spec.textbook is not None:
            freedom = k if spec.freedom is None else spec.freedom(sample)
            textbook.append(spec.textbook(statistic, n, freedom).pvalue[0])
    rates = {"offered": True, "repetitions": count, "draws": draws}
    for name, p in (("simulated", ours), ("textbook", textbook)):
        if p:
            rates[name] = [float(np.mean(np.array(p) <= a)) for a in LEVELS]
    return rates


def pingouin_cell(n, k):
    import pingouin

    rng = np.random.default_rng([20_260_310, n, k])
    p = [pingouin.multivariate_normality(rng.standard_normal((n, k))).pval for _ in range(400)]
    rates = [float(np.mean(np.array(p) <= a)) for a in LEVELS]
    return {"offered": True, "repetitions": 400, "textbook": rates}


def run(path):
    found = json.loads(path.read_text()) if path.exists() else {}
    jobs = [(f"{s.name} {n} {k}", cell, (s, n, k)) for s, n, k in cells()]
    jobs += [(f"pingouin_henze_zirkler {n} {k}", pingouin_cell, (n, k))
             for n in ROWS for k in DIMENSIONS if n > k]  # fmt: skip
    jobs.sort(key=lambda job: job[2][-2])  # few rows first
    for key, work, arguments in jobs:
        if key not in found:
            found[key] = work(*arguments)
            if work is cell and outside(found[key]):  # is it chance? four times as many tell
                found[key] = work(*arguments, times=4)
            path.write_text(json.dumps(found, indent=1))
            print(key, found[key], flush=True)


def band(level, count, draws=DRAWS):
    return 5 * np.sqrt(level * (1 - level) * (1 / count + 1 / (draws + 1)))


def used(spec, n, k):
    """Name the p-value an audit uses: the textbook one where it holds, else a simulated one."""
    return "textbook" if spec.holds is not None and spec.holds(n, k) else "simulated"


def outside(rates):
    """Whether a simulated p-value left its band."""
    pairs = zip(LEVELS, rates.get("simulated", ()), strict=False)
    return any(abs(rate - a) > band(a, rates["repetitions"], rates["draws"]) for a, rate in pairs)


def table(rows):
    sizes = [(n, k) for n in ROWS for k in DIMENSIONS if n > k]
    heads = [f"{n:,} x {k}" for n, k in sizes]
    lines = ["| test | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, cell_of in rows:
        lines.append(f"| {name} | " + " | ".join(cell_of(n, k) for n, k in sizes) + " |")
    return lines


def page(found):
    """Write both tables; a rate outside its band is in bold."""

    def rates(cell, kind, shared):
        if not cell["offered"]:
            return "not defined"
        if kind not in cell:
            return "none"
        words = []
        for level, rate in zip(LEVELS, cell[kind], strict=True):
            wide = band(level, cell["repetitions"], cell.get("draws", DRAWS) if shared else np.inf)
            text = f"{100 * rate:.1f}"
            words.append(text if abs(rate - level) <= wide else f"**{text}**")
        return " / ".join(words)

    specs = (*JOINT_TESTS, *SPHERE_TESTS)
    known = {s.name: {k for k in found if k.startswith(f"{s.name} ")} for s in specs}

    def audit(spec):
        def cell_of(n, k):
            cell = found.get(f"{spec.name} {n} {k}")
            kind = used(spec, n, k)
            return "" if cell is None else rates(cell, kind, kind == "simulated")

        return cell_of

    def textbook(name):
        def cell_of(n, k):
            cell = found.get(f"{name} {n} {k}")
            return "" if cell is None else rates(cell, "textbook", False)

        return cell_of

    offered = [s for s in specs if known[s.name] and s.freedom is None]
    books = [s.name for s in specs if s.textbook is not None and known[s.name]]
    lines = [
        "# Levels of the tests of whole rows",
        "",
        "Written by `python benchmarks/levels.py page`. How often a test rejects rows of N(0, I_k)",
        "(uniform rows on the sphere in k dimensions, for `sphere_` tests) at the 5 % and at the 1 %",
        "level, in percent, for n x k. 2,000 repetitions; 400 where a statistic sums over pairs of",
        "1,000 rows or looks along 256 directions. **Bold**: outside 5 standard errors of the",
        "nominal level. Simulated p-values of one cell share their draws (1,999; 499 in some of the",
        "dear cells), which the standard error counts; a cell that left its band was repeated with",
        "four times as many repetitions, which stand.",
        "",
        "## What an audit uses",
        "",
        "`evaluate` by default, and every audit: the textbook law where it holds,",
        "else draws of the null at the same n and k. `none`: no calibrated p-value is offered",
        "(royston's law depends on the correlations). `not defined`: the null's spread is below",
        "what double precision can see.",
        "",
        *table([(s.name, audit(s)) for s in offered]),
        "",
        "## What the textbooks give",
        "",
        '`calibration="textbook"`: the published approximations, which R and pingouin print. An audit',
        "uses one only where it",
        "keeps its level: mardia_skewness from 100 rows a dimension, mardia_kurtosis from 50 k² rows",
        "(both from 200 rows), henze_zirkler up to 10 dimensions, doornik_hansen from 2 rows a",
        "dimension, rayleigh and bingham always, all from 50 rows.",
        "",
        *table([(name, textbook(name)) for name in (*books, "pingouin_henze_zirkler")]),
        "",
    ]
    after = PAGE.read_text(encoding="utf-8").partition(HEADING)
    PAGE.write_text("\n".join(lines) + "\n" + "".join(after[1:]), encoding="utf-8")


DIRECTION_SAMPLES = {20: 200_000, 50: 200_000, 100: 100_000, 200: 100_000, 500: 60_000,
                     1000: 60_000, 2000: 40_000, 5000: 40_000, 20_000: 20_000, 100_000: 6000}  # fmt: skip
DIRECTION_LEVELS = (0.05, 0.01, 0.001)
HEADING = "## One direction"


def direction_rates(n, count):
    """Return rejection rates of every test of a direction at one size: ours and the textbook's."""
    rng = np.random.default_rng([20_261_130, n])
    hits = {}
    batch = max(1, 1_500_000 // n)
    for start in range(0, count, batch):
        x = rng.standard_normal((min(batch, count - start), n))
        found = profile(x, effects=False, overwrite=True, threads=1)
        for spec in DIRECTION_TESTS:
            outcome = found.outcomes[spec.name]
            laws = {"ours": outcome.pvalue}
            if spec.textbook is not None and outcome.pvalue is not None:
                laws["textbook"] = spec.textbook(outcome.statistic, n, 1).pvalue
            for kind, p in laws.items():
                if p is not None:
                    known = hits.setdefault((spec.name, kind), np.zeros(len(DIRECTION_LEVELS)))
                    known += [(p <= level).sum() for level in DIRECTION_LEVELS]
    return {key: value / count for key, value in hits.items()}


def directions():
    """Write the part of the page on directions; a rate outside five standard errors is in bold."""
    rates = {n: direction_rates(n, count) for n, count in DIRECTION_SAMPLES.items()}

    def words(name, kind, n):
        found = rates[n].get((name, kind))
        if found is None:
            return ""
        told = []
        for level, rate in zip(DIRECTION_LEVELS, found, strict=True):
            wide = 5 * np.sqrt(level * (1 - level) / DIRECTION_SAMPLES[n])
            text = f"{100 * rate:.2g}" if level < 0.01 else f"{100 * rate:.2f}"
            told.append(text if abs(rate - level) <= wide else f"**{text}**")
        return " / ".join(told)

    lines = [
        HEADING,
        "",
        "Written by `python benchmarks/levels.py directions`: how often a test of a direction rejects",
        "normal samples of n at 5, 1 and 0.1 %, in percent. **Bold**: outside 5 standard errors.",
        f"Samples: {', '.join(f'{count:,} of {n:,}' for n, count in DIRECTION_SAMPLES.items())}.",
        '`textbook` rows are what `calibration="textbook"` gives, where that differs.',
        "",
        "| test | " + " | ".join(f"{n:,}" for n in rates) + " |",
        "|---" * (len(rates) + 1) + "|",
    ]
    for spec in DIRECTION_TESTS:
        for kind in ("ours", "textbook"):
            if any((spec.name, kind) in found for found in rates.values()):
                label = spec.name if kind == "ours" else f"{spec.name}, textbook"
                cells = " | ".join(words(spec.name, kind, n) for n in rates)
                lines.append(f"| {label} | {cells} |")
    before = PAGE.read_text(encoding="utf-8").split(HEADING)[0].rstrip()
    PAGE.write_text("\n".join([before, "", *lines, ""]), encoding="utf-8")


def main():
    if sys.argv[1] == "directions":
        directions()
        return
    command, path = sys.argv[1], Path(sys.argv[2])
    if command == "run":
        run(path)
    else:
        page(json.loads(path.read_text()))


if __name__ == "__main__":
    main()
