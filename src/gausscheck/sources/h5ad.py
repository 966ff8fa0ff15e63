"""AnnData files: an embedding of the cells under ``obsm``, labels under ``obs``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import Contents, Entry, choose, contents_of
from gausscheck.sources.hdf5 import Hdf5Source, entries_of


class H5adSource(Hdf5Source):
    """Rows of one array of ``obsm``."""

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return a column of ``obs``; categories come by name."""
        import h5py

        self._dataset()
        item = self._file.get(f"obs/{key}")
        if isinstance(item, h5py.Group) and {"codes", "categories"} <= set(item):
            names = item["categories"]
            text = h5py.check_string_dtype(names.dtype) is not None
            held = np.asarray(names.asstr()[()], dtype=np.str_) if text else np.asarray(names[()])
            return np.asarray(held[item["codes"][()]])
        return super().beside(f"obs/{key}")


def _entries(path: Path) -> list[Entry]:
    inside = [entry for entry in entries_of(path) if entry.key.startswith("obsm/")]
    return [replace(entry, key=entry.key.removeprefix("obsm/")) for entry in inside]


def open_h5ad(path: Path, dataset: str | None) -> H5adSource:
    """Open one embedding: ``X_pca``, or ``obsm/X_pca``."""
    wanted = None if dataset is None else dataset.strip("/").removeprefix("obsm/")
    found = _entries(path)
    if not found:
        raise GausscheckError(
            f"{path}: expected an embedding under obsm, found none; compute one first, or name "
            "another file"
        )
    entry, _ = choose(found, wanted, str(path))
    return H5adSource(path, f"obsm/{entry.key}")


def inspect_h5ad(path: Path) -> Contents:
    """Say which embeddings the file holds."""
    return contents_of(path, "AnnData", _entries(path))
