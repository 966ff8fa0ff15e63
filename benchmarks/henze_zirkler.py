"""Henze-Zirkler against pingouin, and at a million rows: ratios of time and of peak memory.

Ours and ``pingouin.multivariate_normality`` on the same 20,000 x 32 rows, each in a process of its
own; both give the statistic and the textbook p-value. Then ours alone on 1,000,000 x 32 float32 rows
of a memory-mapped file, in the linear-cost mode. Imports are left out of the times, not of the
memory. pingouin needs some 16 GB here.

    python benchmarks/henze_zirkler.py [--rows 20000] [--dims 32] [--many 1000000]
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

from timing import call, digits


def ours(path: str) -> Callable[[], dict[str, Any]]:
    import numpy as np

    import gausscheck

    gausscheck.evaluate("henze_zirkler", np.eye(20)[:, :3])  # what is imported on first use

    def work() -> dict[str, Any]:
        outcome = gausscheck.evaluate("henze_zirkler", np.load(path, mmap_mode="r"))
        return {"statistic": float(outcome.statistic[0]), "notes": list(outcome.notes)}

    return work


def pingouin(path: str) -> Callable[[], dict[str, Any]]:
    import numpy as np
    import pingouin

    x = np.load(path).astype(np.float64)

    def work() -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            statistic = pingouin.multivariate_normality(x).hz
        return {"statistic": float(statistic), "notes": []}

    return work


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dims", type=int, default=32)
    parser.add_argument("--many", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few = call("made_rows:npy", folder, args.rows, args.dims, name="few.npy").told
        a, b = call("henze_zirkler:ours", few), call("henze_zirkler:pingouin", few)
        told = (a.told["statistic"], b.told["statistic"])
        print(f"{args.rows:,} x {args.dims}: statistic {told[0]:.12g} and {told[1]:.12g}")
        print(
            f"  pingouin / ours: time {digits(b.wall / a.wall)}, peak memory {digits(b.peak / a.peak)}"
        )
        many = call("made_rows:npy", folder, args.many, args.dims, name="many.npy").told
        c = call("henze_zirkler:ours", many)
    print(
        f"{args.many:,} x {args.dims}: statistic {c.told['statistic']:.6g}; {'; '.join(c.told['notes'])}"
    )
    print(f"  {digits(c.wall / a.wall)} times the time of {args.rows:,} rows in full, "
          f"peak memory {digits(c.peak / a.peak)} times")  # fmt: skip


if __name__ == "__main__":
    main()
