"""Small sound files of every format, and what is done with a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import gausscheck
from gausscheck.passes.first_pass import sketch_rows
from gausscheck.passes.sketch import load_pass, save_pass
from gausscheck.sources import open_source, read_labels

X = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
LABELS = np.arange(60) % 3


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("g/emb", data=X, chunks=(16, 4), compression="gzip", shuffle=True)
        file["labels"] = LABELS
        file["names"] = [f"n{i}" for i in range(60)]


def _h5ad(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["obsm/X_pca"] = X
        file["obs/labels/codes"] = LABELS.astype("i1")
        file["obs/labels/categories"] = ["a", "b", "c"]


def _parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"emb": list(X), "labels": LABELS})
    pq.write_table(table, path, row_group_size=20, write_page_checksum=True)


def _safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"emb": X, "labels": LABELS}, path)


def _faiss(path: Path) -> None:
    head = (
        b"IxF2" + np.array([4], "<i4").tobytes() + np.array([60, 1 << 20, 1 << 20], "<i8").tobytes()
    )
    body = np.array([1], "u1").tobytes() + np.array([1], "<i4").tobytes()
    path.write_bytes(head + body + np.array([240], "<i8").tobytes() + X.astype("<f4").tobytes())


def _torch(path: Path) -> None:
    import torch

    torch.save({"emb": torch.tensor(X), "labels": torch.tensor(LABELS)}, path)


def _csv(path: Path) -> None:
    rows = [",".join(map(str, [*row, label])) for row, label in zip(X, LABELS, strict=True)]
    path.write_text("\n".join(["a,b,c,d,labels", *rows]) + "\n")


def _jsonl(path: Path) -> None:
    lines = [
        json.dumps({"emb": row.tolist(), "labels": int(label)})
        for row, label in zip(X, LABELS, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def _sketch(path: Path) -> None:
    save_pass(sketch_rows(open_source(X), 0, 1, memory=1 << 28, seed=0, rows=100, unit=False), path)


NEEDS = {"torch": "torch"}
"""Packages that not every installation has."""

FILES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "npy": ("x.npy", lambda p: np.save(p, X)),
    "npy fortran": ("x.npy", lambda p: np.save(p, np.asfortranarray(X))),
    "npz": ("x.npz", lambda p: np.savez(p, emb=X, labels=LABELS)),
    "npz packed": ("x.npz", lambda p: np.savez_compressed(p, emb=X, labels=LABELS)),
    "safetensors": ("x.safetensors", _safetensors),
    "faiss": ("x.faiss", _faiss),
    "csv": ("x.csv", _csv),
    "jsonl": ("x.jsonl", _jsonl),
    "sketch": ("x.sketch", _sketch),
    "torch": ("x.pt", _torch),
    "parquet": ("x.parquet", _parquet),
    "hdf5": ("x.h5", _hdf5),
    "h5ad": ("x.h5ad", _h5ad),
}
FILES = {kind: file for kind, file in FILES.items() if find_spec(NEEDS.get(kind, "numpy"))}


def store(path: Path, version: int) -> None:
    """Write a zarr store."""
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("emb", data=X, chunks=(20, 4))
    group.create_array("labels", data=LABELS)


def read(path: Path, **options: Any) -> str:
    """Open a file, read all rows in two pieces, and labels: what every command does first."""
    if path.suffix == ".sketch":
        load_pass(path)
        return "read"
    source = open_source(path, **options)
    half = source.n // 2
    if source.n * source.d > 10_000:
        half = min(half, 1000)
    first = source.read(0, half)
    last = source.read(half, min(source.n, half + 2000))
    if first.shape[1] != source.d or last.shape[1] != source.d or first.dtype != source.dtype:
        raise AssertionError("rows are not what was promised")
    read_labels(source, None, untrusted=options.get("untrusted", False))
    source.close()
    return "read"


def report(folder: Path) -> None:
    """Write a small report."""
    found = gausscheck.analyze(
        X, directions="axes", levels="none", subsets="2x20", normalize="center"
    )
    found.save(folder)
