"""Run everything and print counts: ``python tests/reliability [--short] [--minutes M]``.

Exits 1 if a case ended in a way that it must not.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reliability import corpus, faults, mutation, runner, surroundings


def main() -> int:
    """Run, print, and return how many cases were bad."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="Under a minute.")
    parser.add_argument("--minutes", type=float, default=15.0, help="Time for all of it.")
    parser.add_argument("--seed", type=int, default=0, help="Of the mutants.")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = everything(options.short, options.minutes, options.seed)
    bad = sum(counts.bad for counts in found)
    print(f"all: {sum(counts.cases for counts in found):,} cases, {bad} bad")
    return 1 if bad else 0


def everything(short: bool, minutes: float, seed: int = 0) -> list[runner.Counts]:
    """Run each part within the time; print its counts as they come."""
    until = time.monotonic() + 60 * minutes
    kills, interrupts, mutants = (5, 3, 2500) if short else (100, 20, 110_000)
    found = []
    for name, seconds, make in (
        ("corpus", 10.0, corpus.cases),
        ("mutation", 10.0, lambda: mutation.cases(mutants, seed)),
        ("faults", 90.0, lambda: faults.cases(kills, interrupts)),
        ("surroundings", 90.0, surroundings.cases),
    ):
        cases = make()
        if short and name != "mutation":
            cases = cases[:: {"corpus": 5, "faults": 6, "surroundings": 5}[name]]
        runner.SECONDS = seconds
        counts = runner.run(name, cases, until, mutation.apart)
        runner.clean()
        print(counts, flush=True)
        found.append(counts)
    return found


if __name__ == "__main__":
    sys.exit(main())
