"""Henze-Zirkler against pingouin, and at a million rows: ratios of time and of peak memory.

Ours and ``pingouin.multivariate_normality`` on the same 20,000 x 32 rows, each in a process of its
own; both give the statistic and the textbook p-value. Then ours alone on 1,000,000 x 32 float32 rows
of a memory-mapped file, in the linear-cost mode. Imports are left out of the times, not of the
memory. pingouin needs some 16 GB here.

    python benchmarks/henze_zirkler.py [--rows 20000] [--dims 32] [--many 1000000]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np


def ours(path: str) -> None:
    import gausscheck

    gausscheck.evaluate("henze_zirkler", np.eye(20)[:, :3])  # what is imported on first use
    start = time.perf_counter()
    outcome = gausscheck.evaluate("henze_zirkler", np.load(path, mmap_mode="r"))
    finish(start, outcome.statistic[0], outcome.notes)


def pingouin(path: str) -> None:
    import pingouin

    x = np.load(path).astype(np.float64)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statistic = pingouin.multivariate_normality(x).hz
    finish(start, statistic, ())


def finish(start: float, statistic: float, notes: tuple[str, ...]) -> None:
    told = {
        "seconds": time.perf_counter() - start,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "statistic": float(statistic),
        "notes": list(notes),
    }
    print(json.dumps(told))


def measure(who: str, path: Path) -> dict:
    done = subprocess.run(
        [sys.executable, __file__, "--who", who, "--path", str(path)],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(done.stderr or f"{who}: ended by signal {-done.returncode}")
    return json.loads(done.stdout)


def make(path: Path, n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, d))
    for low in range(0, n, 8192):
        high = min(low + 8192, n)
        out[low:high] = rng.standard_normal((high - low, d))
    out.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dims", type=int, default=32)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--who")
    parser.add_argument("--path")
    args = parser.parse_args()
    if args.who:
        {"ours": ours, "pingouin": pingouin}[args.who](args.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few.npy", Path(folder) / "many.npy"
        make(few, args.rows, args.dims)
        a, b = measure("ours", few), measure("pingouin", few)
        print(
            f"{args.rows:,} x {args.dims}: statistic {a['statistic']:.12g} and {b['statistic']:.12g}"
        )
        print(f"  pingouin / ours: time {b['seconds'] / a['seconds']:.0f}, "
              f"peak memory {b['bytes'] / a['bytes']:.0f}")  # fmt: skip
        make(many, args.many, args.dims)
        c = measure("ours", many)
        print(
            f"{args.many:,} x {args.dims}: statistic {c['statistic']:.6g}; {'; '.join(c['notes'])}"
        )
        print(f"  {c['seconds'] / a['seconds']:.1f} times the time of {args.rows:,} rows in full, "
              f"peak memory {c['bytes'] / 1e9:.2f} GB")  # fmt: skip


if __name__ == "__main__":
    main()
