"""Folders and globs: .npy shards in numeric order, clip-retrieval's, parquet, Arrow, vectors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import Contents, Entry, dtype_problem
from gausscheck.sources.formats import SOURCES, Format
from gausscheck.sources.npy import NpySource, check_size, read_header
from gausscheck.sources.parts import PartsSource, natural
from gausscheck.sources.patterns import matches
from gausscheck.sources.stack import Getter, StackSource

_FOLDERS = ("img_emb", "text_emb")
"""Where clip-retrieval puts embeddings, the one that is taken first."""

_METADATA = "metadata"
"""Where clip-retrieval puts what belongs to each row, as parquet."""

_MANY = 100
"""Parts that may all hold a file open."""

_SUFFIXES = {
    ".npy": ".npy",
    ".parquet": ".parquet",
    ".parq": ".parquet",
    ".pq": ".parquet",
    ".arrow": ".arrow",
    ".feather": ".arrow",
}


class ShardsSource(PartsSource):
    """Rows of several files, and columns of the metadata folder that lies next to theirs."""

    def __init__(self, parts: Sequence[Source], uri: str, folder: Path) -> None:
        super().__init__(parts, uri)
        self._metadata = folder.parent / _METADATA

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return a column of the parts themselves, or of clip-retrieval's metadata."""
        found = super().beside(key)
        if found is not None or not self._metadata.is_dir():
            return found
        from gausscheck.sources.parquet import column_parquet

        files = sorted(self._metadata.glob("*.parquet"), key=natural)
        known = [c for c in (column_parquet(file, key) for file in files) if c is not None]
        return np.concatenate(known) if known and len(known) == len(files) else None


def is_shards(path: Path) -> bool:
    """Whether a path is a folder of files, or a glob."""
    return path.is_dir() or any(c in str(path) for c in "*?[")


def _files(path: Path, dataset: str | None) -> list[Path]:
    if not path.is_dir():
        files = sorted(map(Path, matches(str(path))), key=natural)
        if not files:
            raise GausscheckError(f"{path}: expected files of that pattern, found none")
        return _of_one_kind(files, path)
    inside = path / dataset if dataset and (path / dataset).is_dir() else path
    if inside == path and not any(path.glob("*.npy")):
        inside = next((path / name for name in _FOLDERS if (path / name).is_dir()), path)
    files = _visible(inside.iterdir(), inside)
    if not files:  # a dataset in folders such as year=2024/
        files = _visible((p for s in _SUFFIXES for p in inside.rglob(f"*{s}")), inside)
    return _of_one_kind(files, path)


def _visible(files: Any, folder: Path) -> list[Path]:
    """Keep files that no name on the way to marks as hidden or as a writer's own."""
    return sorted(
        (
            p
            for p in files
            if p.is_file() and not any(s[0] in "._" for s in p.relative_to(folder).parts)
        ),
        key=natural,
    )


def _of_one_kind(files: list[Path], path: Path) -> list[Path]:
    for kind in (".npy", ".parquet", ".arrow"):
        mine = [p for p in files if _SUFFIXES.get(p.suffix) == kind and p.is_file()]
        if mine:
            return mine
    endings = {p.suffix.lower() for p in files}
    if len(endings) == 1 and _form(files[0]) is not None:
        return files
    raise GausscheckError(
        f"{path}: expected a folder or pattern of .npy, .parquet, .arrow or other files alike, "
        f"found {', '.join(p.name for p in files[:5]) or 'nothing'}"
    )


def open_shards(path: Path, dataset: str | None) -> Source:
    """Open all files as one source; headers are read now, rows as they are asked for.

    ``dataset`` names a subfolder, or the column of parquet or Arrow parts.
    """
    files = _files(path, dataset)
    folder = files[0].parent
    column = None if dataset and (path / dataset).is_dir() else dataset
    if files[0].suffix == ".npy":
        if column is not None:
            raise GausscheckError(
                f"{path}: expected a subfolder {dataset!r}, found none; leave dataset out"
            )
        if len(read_header(files[0])[0]) == 1:
            return _vectors(path, files)
        return ShardsSource([NpySource(file) for file in files], str(path), folder)
    opener = _part_opener(files[0])
    parts = []
    for file in files:
        parts.append(opener(file, column))
        if len(files) > _MANY:
            parts[-1].close()
    return ShardsSource(parts, str(path), folder)


def _form(file: Path) -> Format | None:
    """Return the format of a part that goes by its ending."""
    suffix = file.suffix.lower()
    return next((form for form in SOURCES.values() if suffix in form.suffixes), None)


def _part_opener(file: Path) -> Callable[[Path, str | None], Source]:
    form = _form(file)
    if form is None:
        raise GausscheckError(f"{file}: expected a part that a reader takes, got {file.suffix}")
    return form.open()


def _vectors(path: Path, files: Sequence[Path]) -> StackSource:
    """Open files of one vector each, as rows by the names of the files."""
    folder = path if path.is_dir() else files[0].parent
    entries = []
    first: tuple[int, ...] | None = None
    for file in files:
        shape, _, dtype, _ = read_header(file)
        problem = dtype_problem(dtype)
        first = shape if first is None else first
        if shape != first or problem is not None:
            raise GausscheckError(
                f"{file}: expected one vector of shape {first} like {files[0].name}, got "
                f"{problem or f'shape {shape}'}; move it out of the folder"
            )
        name = os.path.relpath(file, folder).removesuffix(".npy")
        entries.append(Entry(name, shape, dtype.newbyteorder("=").name))
    return StackSource(folder, entries, _vector_getter, "file")


def _vector_getter(folder: Path) -> Getter:
    def get(name: str) -> NDArray[Any]:
        source = folder / f"{name}.npy"
        shape, _, dtype, offset = read_header(source)
        check_size(source, shape, dtype, offset)
        return np.fromfile(source, dtype, shape[0], offset=offset)

    return get


def inspect_shards(path: Path) -> Contents:
    """Say which files there are and what they hold together."""
    files = _files(path, None)
    source = open_shards(path, None)
    entry = Entry(files[0].parent.name or ".", (source.n, source.d), str(source.dtype))
    size = sum(file.stat().st_size for file in files)
    kind = f"{len(files):,} {files[0].suffix} files"
    if isinstance(source, StackSource):
        kind += f" of shape ({source.d},)"
    return Contents(str(path), kind, size, (entry,), entry.key, "all of them, in numeric order")
