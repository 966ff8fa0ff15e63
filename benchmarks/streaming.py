"""A million rows in bounded memory: time against reading once and one product, and peak memory.

1,000,000 x 768 float16 rows, as one .h5, as .npy shards and as parquet. Ours:
``gausscheck.analyze(directions="axes,random:256", memory="1GB")``, whole battery, all levels, in a
process of its own. Reference, in another: reading the file once in blocks and one float32 product
with the matrix of the 1,024 directions. Imports are left out of both times, not of the memory.

    python benchmarks/streaming.py [--rows 1000000] [--dims 768] [--folder FOLDER] [--only h5]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BLOCK = 8192


def rows(n: int, d: int):
    """Blocks of rows: correlated, a little heavy-tailed."""
    rng = np.random.default_rng(0)
    mix = (rng.standard_normal((d, d)) / np.sqrt(d)).astype(np.float32)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        z = rng.standard_normal((size, d), dtype=np.float32)
        yield (z * (1 + 0.1 * rng.random((size, 1), dtype=np.float32)) @ mix).astype(np.float16)


def make_h5(folder: Path, n: int, d: int) -> Path:
    import h5py

    with h5py.File(folder / "x.h5", "w") as file:
        data = file.create_dataset("embeddings", (n, d), "f2", chunks=(min(n, 4096), d))
        start = 0
        for block in rows(n, d):
            data[start : start + len(block)] = block
            start += len(block)
    return folder / "x.h5"


def make_shards(folder: Path, n: int, d: int) -> Path:
    (folder / "shards").mkdir()
    held, number = [], 0
    for block in rows(n, d):
        held.append(block)
        if len(held) == 12:
            np.save(folder / "shards" / f"emb_{number}.npy", np.concatenate(held))
            held, number = [], number + 1
    if held:
        np.save(folder / "shards" / f"emb_{number}.npy", np.concatenate(held))
    return folder / "shards"


def make_parquet(folder: Path, n: int, d: int) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.list_(pa.float16(), d)
    with pq.ParquetWriter(
        folder / "x.parquet", pa.schema([("emb", kind)]), compression="none", use_dictionary=False
    ) as writer:
        for block in rows(n, d):
            column = pa.FixedSizeListArray.from_arrays(pa.array(block.reshape(-1)), d)
            writer.write_table(pa.table({"emb": column}))
    return folder / "x.parquet"


def ours(path: str) -> None:
    import pingouin  # noqa: F401 - left out of the time
    import scipy.special  # noqa: F401
    import sklearn.discriminant_analysis  # noqa: F401

    import gausscheck

    stages: dict[str, float] = {}
    last = ["start", time.perf_counter()]

    def progress(stage: str, share: float) -> None:
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last[1]
        last[:] = [stage, now]

    start = time.perf_counter()
    gausscheck.analyze(path, directions="axes,random:256", memory="1GB", progress=progress)
    stages["rest"] = time.perf_counter() - last[1]
    finish(start, stages)


def reference(path: str) -> None:
    from gausscheck.sources import open_source

    source = open_source(path)
    ways = np.random.default_rng(0).standard_normal((source.d, 1024)).astype(np.float32)
    out = np.empty((1024, BLOCK), dtype=np.float32)
    start = time.perf_counter()
    for low in range(0, source.n, BLOCK):
        block = source.read(low, min(low + BLOCK, source.n)).astype(np.float32)
        np.matmul(ways.T, block.T, out=out[:, : len(block)])
    finish(start, {})


def finish(start: float, stages: dict[str, float]) -> None:
    told = {
        "seconds": time.perf_counter() - start,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "stages": stages,
    }
    print(json.dumps(told))


def measure(who: str, path: Path) -> dict:
    command = [sys.executable, __file__, "--who", who, "--path", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr or f"{who}: ended by signal {-done.returncode}")
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=768)
    parser.add_argument("--folder")
    parser.add_argument("--only", choices=["h5", "shards", "parquet"])
    parser.add_argument("--who")
    parser.add_argument("--path")
    args = parser.parse_args()
    if args.who:
        {"ours": ours, "reference": reference}[args.who](args.path)
        return
    makers = {"h5": make_h5, "shards": make_shards, "parquet": make_parquet}
    for name, make in makers.items():
        if args.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            path = make(Path(folder), args.rows, args.dims)
            a, b = measure("ours", path), measure("reference", path)
        total = a["seconds"]
        print(f"{name}: {args.rows:,} x {args.dims} float16: {total / b['seconds']:.2f} times reading "
              f"once and one product; peak memory {a['bytes'] / 1e9:.2f} GB")  # fmt: skip
        shares = sorted(a["stages"].items(), key=lambda kv: -kv[1])
        print("  " + ", ".join(f"{stage} {value / total:.0%}" for stage, value in shares[:8]))


if __name__ == "__main__":
    main()
