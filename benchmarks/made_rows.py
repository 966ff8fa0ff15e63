"""Rows that benchmarks read: written once in blocks, in a process of their own.

Each function takes a folder, numbers of rows and dimensions, and writes a file there; in a process
of its own (``timing.call``) the values that it held weigh on nobody's peak.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

BLOCK = 8192
CHUNKS = 16_000
"""Chunks of the Zarr store."""

Work = Callable[[], str]


def blocks(n: int, d: int, dtype: str) -> Iterator[np.ndarray]:
    """Yield correlated rows of lengths that vary a little; independent ones beyond 2,048 columns."""
    rng = np.random.default_rng(0)
    mix = None
    if d <= 2048:
        mix = (rng.standard_normal((d, d)) / np.sqrt(d)).astype(np.float32)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        z = rng.standard_normal((size, d), dtype=np.float32)
        z *= 1 + 0.1 * rng.random((size, 1), dtype=np.float32)
        yield (z if mix is None else z @ mix).astype(dtype)


def npy(folder: str, n: int, d: int, dtype: str = "f4", name: str = "x.npy") -> Work:
    def work() -> str:
        path = Path(folder) / name
        out = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=(n, d))
        start = 0
        for block in blocks(n, d, dtype):
            out[start : start + len(block)] = block
            start += len(block)
        out.flush()
        return str(path)

    return work


def h5(folder: str, n: int, d: int, dtype: str = "f2") -> Work:
    import h5py

    def work() -> str:
        path = Path(folder) / "x.h5"
        with h5py.File(path, "w") as file:
            data = file.create_dataset("embeddings", (n, d), dtype, chunks=(min(n, 4096), d))
            start = 0
            for block in blocks(n, d, dtype):
                data[start : start + len(block)] = block
                start += len(block)
        return str(path)

    return work


def shards(folder: str, n: int, d: int, dtype: str = "f2") -> Work:
    def work() -> str:
        place = Path(folder) / "shards"
        place.mkdir()
        held: list[np.ndarray] = []
        number, left = 0, n
        for block in blocks(n, d, dtype):
            held.append(block)
            left -= len(block)
            if len(held) == 12 or not left:
                np.save(place / f"emb_{number:03d}.npy", np.concatenate(held))
                held, number = [], number + 1
        return str(place)

    return work


def parquet(folder: str, n: int, d: int, dtype: str = "f2") -> Work:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def work() -> str:
        path = Path(folder) / "x.parquet"
        kind = pa.list_(pa.from_numpy_dtype(np.dtype(dtype)), d)
        schema = pa.schema([("emb", kind)])
        with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
            for block in blocks(n, d, dtype):
                column = pa.FixedSizeListArray.from_arrays(pa.array(block.reshape(-1)), d)
                writer.write_table(pa.table({"emb": column}))
        return str(path)

    return work


def _whole(n: int, d: int) -> np.ndarray:
    return np.concatenate(list(blocks(n, d, "f4")))


def one_chunk(folder: str, n: int, d: int) -> Work:
    import h5py

    def work() -> str:
        path = Path(folder) / "x.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("embeddings", data=_whole(n, d), chunks=(n, d), compression="gzip")
        return str(path)

    return work


def many_chunks(folder: str, n: int, d: int, chunks: int = CHUNKS) -> Work:
    import zarr

    def work() -> str:
        path = Path(folder) / "x.zarr"
        rows = -(-n // chunks)
        array = zarr.create_array(str(path), shape=(n, d), chunks=(rows, d), dtype="float32")
        array[:] = _whole(n, d)
        return str(path)

    return work


def fortran(folder: str, n: int, d: int) -> Work:
    def work() -> str:
        path = Path(folder) / "x.npy"
        np.save(path, np.asfortranarray(_whole(n, d)))
        return str(path)

    return work


def text(folder: str, n: int, d: int) -> Work:
    def work() -> str:
        path = Path(folder) / "x.csv.gz"
        with gzip.open(path, "wt", compresslevel=1) as file:
            for block in blocks(n, d, "f4"):
                np.savetxt(file, block, fmt="%.9g", delimiter=",")
        return str(path)

    return work
