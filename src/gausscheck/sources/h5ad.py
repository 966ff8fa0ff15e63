"""AnnData files: an embedding of the cells under ``obsm``, labels under ``obs``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import Contents, Entry, choose, contents_of
from gausscheck.sources.hdf5 import Hdf5Source, entries_of, values_of
from gausscheck.sources.hdf5_inside import member
from gausscheck.sources.labels import as_text, check_beside

_DRAWN = ("umap", "tsne", "draw_graph", "spatial", "mde", "phate")
"""What is computed to be looked at: taken only where it is asked for."""

MISSING = "(missing)"
"""The name of cells without a category or a text."""


class H5adSource(Hdf5Source):
    """Rows of one array of ``obsm``."""

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return a column of ``obs``; categories come by name."""
        return column_h5ad(self.path, key)


def column_h5ad(path: Path, key: str) -> NDArray[Any] | None:
    """Return a column of ``obs``, categories by name, cells without one as ``(missing)``."""
    import h5py

    check_file(path)
    with h5py.File(path, "r") as file:
        obs = member(file, "obs", path)
        key = key.removeprefix("obs/")
        if isinstance(obs, h5py.Dataset):  # files of AnnData before 0.7: one record a cell
            held = values_of(obs, path)[key] if key in (obs.dtype.names or ()) else None
            words = held is not None and held.dtype.kind in "OS"
            return as_text(held, str(path), key) if held is not None and words else held

        def values(name: str) -> NDArray[Any]:
            return values_of(member(file, f"obs/{name}", path), path)

        item = None if obs is None else member(file, f"obs/{key}", path)
        if isinstance(item, h5py.Group) and {"codes", "categories"} <= set(item):
            return _by_name(values(f"{key}/codes"), values(f"{key}/categories"), path)
        if isinstance(item, h5py.Group) and {"values", "mask"} <= set(item):
            return _with_gaps(values(f"{key}/values"), values(f"{key}/mask"), path)
        if not isinstance(item, h5py.Dataset):
            return None
        if member(file, f"obs/__categories/{key}", path) is not None:  # AnnData 0.7
            return _by_name(values(key), values(f"__categories/{key}"), path)
        return values(key)


def _by_name(codes: NDArray[Any], names: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return the category of each cell; a code of -1 means that it has none."""
    if codes.size and not -1 <= codes.min() <= codes.max() < len(names):
        raise ValueError(f"category codes reach beyond the {len(names)} names")
    check_beside(names.dtype.itemsize * codes.size, str(path), "a category", codes.size)
    if codes.size == 0 or codes.min() >= 0:
        return np.asarray(names[codes])
    return np.asarray(np.append(as_text(names, str(path), "categories"), MISSING)[codes])


def _with_gaps(values: NDArray[Any], gaps: NDArray[Any], path: Path) -> NDArray[Any]:
    if not gaps.any():
        return values
    return np.asarray(np.where(gaps, MISSING, as_text(values, str(path), "labels")))


def _entries(found: list[Entry]) -> list[Entry]:
    """Return what lies under obsm: arrays, and one entry for each frame or sparse matrix."""
    inside: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.key.startswith("obsm/"):
            inside.setdefault(entry.key.split("/")[1], []).append(entry)
    return [_joined(name, members) for name, members in inside.items()]


def _joined(name: str, members: list[Entry]) -> Entry:
    place = f"adata.obsm[{name!r}]"
    if any(entry.key == f"obsm/{name}" for entry in members):
        return replace(members[0], key=name)
    if any(entry.key == f"obsm/{name}/indptr" for entry in members):
        way = f"a sparse matrix; save it: scipy.sparse.save_npz('x.npz', {place})"
        return Entry(name, (), "sparse", way)
    return Entry(name, (), "frame", f"a data frame; save it: np.save('x.npy', {place}.to_numpy())")


def candidates(found: list[Entry]) -> list[Entry]:
    """Pass over drawings where there is anything else."""
    others = [e for e in found if not any(word in e.key.lower() for word in _DRAWN)]
    return others if any(entry.usable for entry in others) else found


def open_h5ad(path: Path, dataset: str | None) -> H5adSource:
    """Open one embedding: ``X_pca``, or ``obsm/X_pca``; ``X`` and layers where asked for."""
    wanted = None if dataset is None else dataset.strip("/").removeprefix("obsm/")
    held = entries_of(path)
    found = _entries(held)
    if wanted is not None and wanted not in {entry.key for entry in found}:
        if any(entry.key == f"{wanted}/indptr" for entry in held):
            raise GausscheckError(
                f"{path}:{wanted}: a sparse matrix; save it with scipy.sparse.save_npz('x.npz', X)"
            )
        if wanted == "X" or wanted.startswith("layers/"):
            return H5adSource(path, choose(held, wanted, str(path))[0].key)
    if not found:
        raise GausscheckError(
            f"{path}: expected an embedding under obsm, found none; compute one first, name "
            "another file, or take what was measured with dataset X"
        )
    entry, _ = choose(candidates(found) if wanted is None else found, wanted, str(path))
    return H5adSource(path, f"obsm/{entry.key}")


def inspect_h5ad(path: Path) -> Contents:
    """Say which embeddings the file holds."""
    found = _entries(entries_of(path))
    told = contents_of(path, "AnnData", candidates(found))
    aside = len(candidates(found)) < len(found) and told.chosen is not None
    reason = f"{told.reason}, drawings aside" if aside else told.reason
    return replace(told, entries=tuple(found), reason=reason)
