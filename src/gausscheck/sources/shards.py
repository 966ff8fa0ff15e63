"""Folders and globs: .npy shards in numeric order (clip-retrieval's layout too), parquet parts."""

from __future__ import annotations

from glob import glob
from pathlib import Path

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import Contents, Entry
from gausscheck.sources.npy import NpySource
from gausscheck.sources.parts import PartsSource, natural

_FOLDERS = ("img_emb", "text_emb")
"""Where clip-retrieval puts embeddings, the one that is taken first."""


def is_shards(path: Path) -> bool:
    """Whether a path is a folder of files, or a glob."""
    return path.is_dir() or any(c in str(path) for c in "*?[")


def _files(path: Path, dataset: str | None) -> list[Path]:
    if not path.is_dir():
        files = sorted(map(Path, glob(str(path))), key=natural)
        if not files:
            raise GausscheckError(f"{path}: expected files of that pattern, found none")
    else:
        inside = path / dataset if dataset and (path / dataset).is_dir() else path
        if inside == path and not any(path.glob("*.npy")):
            inside = next((path / name for name in _FOLDERS if (path / name).is_dir()), path)
        files = sorted((p for p in inside.iterdir() if p.is_file()), key=natural)
    for suffix in (".npy", ".parquet"):
        mine = [p for p in files if p.suffix == suffix]
        if mine:
            return mine
    raise GausscheckError(
        f"{path}: expected a folder or pattern of .npy or .parquet files, found "
        f"{', '.join(p.name for p in files[:5]) or 'nothing'}"
    )


def open_shards(path: Path, dataset: str | None) -> Source:
    """Open all files as one source; headers are read now, rows as they are asked for.

    ``dataset`` names a subfolder, or the column of parquet parts.
    """
    files = _files(path, dataset)
    if files[0].suffix == ".npy":
        return PartsSource([NpySource(file) for file in files], str(path))
    from gausscheck.sources.parquet import open_parquet

    column = None if dataset and (path / dataset).is_dir() else dataset
    return PartsSource([open_parquet(file, column) for file in files], str(path))


def inspect_shards(path: Path) -> Contents:
    """Say which files there are and what they hold together."""
    files = _files(path, None)
    source = open_shards(path, None)
    entry = Entry(files[0].parent.name or ".", (source.n, source.d), str(source.dtype))
    size = sum(file.stat().st_size for file in files)
    kind = f"{len(files)} {files[0].suffix} files"
    return Contents(str(path), kind, size, (entry,), entry.key, "all of them, in numeric order")
