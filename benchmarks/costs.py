"""What an audit costs against rows, dimensions and directions: processor time and peak memory.

Each size is one run of ``gausscheck.analyze`` on float16 rows of an .h5 file, in a process of its own,
the others held fixed. Processor time is user and system together, so a busy machine counts less.
Numbers are relative to the base size; the exponent is that of what the last two doublings add, so
that costs that do not grow (the battery on the sample, the imports) are left out of it.

    python benchmarks/costs.py    # writes docs/performance.md
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BASE = {"n": 50_000, "d": 128, "k": 256}
SIZES = {
    "n": (25_000, 50_000, 100_000, 200_000, 400_000),
    "d": (32, 64, 128, 256, 512),
    "k": (64, 128, 256, 512, 1024),
}
SAMPLE = 20_000
"""Rows sampled, so that n measures the streamed passes."""


def one(path: str, k: str) -> None:
    import pingouin  # noqa: F401 - left out of the time
    import sklearn.discriminant_analysis  # noqa: F401

    import gausscheck

    before = os.times()
    gausscheck.analyze(path, directions=f"axes,random:{k}", rows=SAMPLE, levels="none", threads=1)
    after = os.times()
    busy = after.user - before.user + after.system - before.system
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"busy": busy, "peak": peak}))


def measure(n: int, d: int, k: int) -> dict:
    import h5py

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"
        with h5py.File(path, "w") as file:
            data = file.create_dataset("embeddings", (n, d), "f2", chunks=(4096, d))
            for low in range(0, n, 4096):
                high = min(low + 4096, n)
                data[low:high] = rng.standard_normal((high - low, d), dtype=np.float32)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, __file__, str(path), str(k)],
            capture_output=True, text=True, env=environment,
        )  # fmt: skip
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    if len(sys.argv) == 3:
        one(*sys.argv[1:])
        return
    base = measure(**BASE)
    lines = [
        "# What an audit costs",
        "",
        "Written by `python benchmarks/costs.py`: processor time and peak memory of an audit of axes",
        f"and random directions ({SAMPLE:,} rows sampled, one thread, float16 rows in an .h5 file),",
        f"relative to n = {BASE['n']:,}, d = {BASE['d']}, k = {BASE['k']}. The exponent is that of what the",
        "last two doublings add: what does not grow is left out of it.",
        "",
    ]
    names = {"n": "rows n", "d": "dimensions d", "k": "random directions k"}
    for axis, sizes in SIZES.items():
        told = [measure(**{**BASE, axis: size}) for size in sizes]
        heads = " | ".join(f"{size:,}" for size in sizes)
        lines += [f"| {names[axis]} | {heads} | exponent |", "|---" * (len(sizes) + 2) + "|"]
        for word, key in (("processor time", "busy"), ("peak memory", "peak")):
            ratio = np.array([t[key] / base[key] for t in told])
            first, second = np.diff(ratio[-3:])
            growing = first > 0.02 and second > 0.02
            slope = f"{np.log2(second / first):.2f}" if growing else "0"
            cells = " | ".join(f"{r:.2f}" for r in ratio)
            lines.append(f"| {word} | {cells} | {slope} |")
        lines.append("")
        print(*lines[-4:], sep="\n", flush=True)
    lines += [
        "The passes over all rows are linear in n; the covariance is quadratic in d, and products with",
        "directions are linear in k, as is the battery on the sample. Memory holds blocks of rows, the",
        "sample and one slab of projections, whatever n is: nothing is held of every row, but for a",
        "key and a number of each of the first 1,048,576.",
        "",
        "`benchmarks/streaming.py` compares a million rows of 768 dimensions, the whole battery at all",
        "levels within `--memory 1GB`, with reading the file once and one float32 product with the",
        "matrix of the directions, in one run: 3.1 times that for an .h5 file and 3.6 times for .npy",
        "shards, on two cores, with a peak of 1.0 GB. `benchmarks/henze_zirkler.py` does the same",
        "against pingouin, `benchmarks/battery.py` against SciPy's own two tests.",
        "",
    ]
    PAGE.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
