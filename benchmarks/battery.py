"""Whole audit against SciPy's own two tests: one ratio, in one run.

100,000 x 768 float32 rows in an .h5 file. Ours: ``gausscheck.analyze`` on the axes and 1,024 random
directions, whole default battery, effect sizes, jackknife, the field's table. Theirs:
``scipy.stats.anderson`` in a loop and ``scipy.stats.normaltest`` on the 768 coordinates alone, from
rows already in memory. Each runs in a process of its own, so that peak memory is its own; imports
are left out of both times.

    python benchmarks/battery.py [--rows 100000] [--dims 768] [--memory 1GB]
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


def make(path: Path, n: int, d: int) -> None:
    import h5py

    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("embeddings", (n, d), "f4", chunks=(min(n, 4096), d))
        for start in range(0, n, 4096):
            stop = min(start + 4096, n)
            data[start:stop] = rng.standard_t(12, size=(stop - start, d))


def ours(path: str, memory: str) -> None:
    import pingouin  # noqa: F401

    import gausscheck

    start = time.perf_counter()
    gausscheck.analyze(path, directions="axes,random:1024", memory=memory)
    finish(start)


def scipy_stats(path: str, memory: str) -> None:
    import h5py
    from scipy import stats

    with h5py.File(path) as file:
        x = file["embeddings"][:]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for j in range(x.shape[1]):
            stats.anderson(x[:, j], dist="norm")
    stats.normaltest(x, axis=0)
    finish(start)


def idle(path: str, memory: str) -> None:
    """Import what an audit imports, to know what the interpreter itself takes."""
    import h5py
    import pingouin
    import scipy.stats  # noqa: F401

    del h5py, pingouin
    finish(time.perf_counter())


def finish(start: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": time.perf_counter() - start, "peak": peak}))


def run(role: str, path: Path, memory: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--role", role, "--file", str(path), "--memory", memory]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=768)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--role", choices=["ours", "scipy_stats", "idle"])
    parser.add_argument("--file")
    args = parser.parse_args()
    if args.role:
        globals()[args.role](args.file, args.memory)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "emb.h5"
        make(path, args.rows, args.dims)
        ratios, peaks = [], []
        for _ in range(args.repeats):
            a, b = run("ours", path, args.memory), run("scipy_stats", path, args.memory)
            ratios.append(a["seconds"] / b["seconds"])
            peaks.append(a["peak"])
        base = run("idle", path, args.memory)["peak"]
    print(f"{args.rows:,} x {args.dims}: axes + 1,024 random directions, whole battery")
    print(
        f"time over SciPy's two tests on the axes alone: {np.median(ratios):.2f} "
        f"(runs: {', '.join(f'{r:.2f}' for r in ratios)}); bound 0.35"
    )
    print(
        f"peak memory: {max(peaks) / 1e6:,.0f} MB at a budget of {args.memory}; "
        f"an idle interpreter with the same imports: {base / 1e6:,.0f} MB"
    )


if __name__ == "__main__":
    main()
