"""The same embeddings at several n: what the field prints moves, ad_at(reference) does not.

Random subsamples of a file of embeddings; the mean A*² of the axes (the field's number), the n-free
ad_at(reference) with the share of intervals that cover the value from all rows, and the verdicts.

    python benchmarks/n_invariance.py FILE [--rows 1000,2000,5000,10000] [--repeats 20]
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

import gausscheck


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--rows", default="1000,2000,5000,10000")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--reference", type=int, default=1000)
    args = parser.parse_args()
    source = gausscheck.open_source(args.file)
    rows = source.read(0, source.n)
    rng = np.random.default_rng(0)
    whole = gausscheck.analyze(rows, directions="axes", reference=args.reference).levels["axes"]
    truth = whole.value
    print(f"{source.uri}: {source.n:,} x {source.d}; ad_at({args.reference}) of the axes")
    print(f"{'rows':>8} {'mean A*²':>9} {'ad_at':>7} {'lowest':>7} {'highest':>8} {'covers':>7}")
    for n in map(int, args.rows.split(",")):
        plain, found, covers, verdicts = [], [], [], Counter()
        for _ in range(args.repeats):
            part = rows[rng.choice(source.n, n, replace=False)]
            report = gausscheck.analyze(part, directions="axes", reference=args.reference)
            level = report.levels["axes"]
            low, high = level.value_ci
            plain.append(level.statistic_mean)
            found.append(level.value)
            covers.append(low <= truth <= high)
            verdicts[gausscheck.analyze(part, directions="axes").verdict.status] += 1
        print(
            f"{n:>8,} {np.mean(plain):>9.3f} {np.mean(found):>7.3f} {min(found):>7.3f} "
            f"{max(found):>8.3f} {np.mean(covers):>7.0%}  at 5,000: {dict(verdicts)}"
        )
    print(f"{source.n:>8,} {whole.statistic_mean:>9.3f} {truth:>7.3f}")


if __name__ == "__main__":
    main()
