"""Where rows come from: one file a format, one table of formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.files import check_file
from gausscheck.sources.base import (
    LABEL_NAMES,
    Contents,
    Entry,
    check_bytes,
    line_of,
    one_a_row,
)
from gausscheck.sources.remote import RemoteSource, fetch, is_remote, split_address
from gausscheck.sources.shards import is_shards

__all__ = ["SOURCES", "Contents", "Entry", "Format", "inspect_source", "open_source", "read_labels"]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: the module that reads it and the endings it goes by.

    The module is imported when a file of the format is opened; it has ``open_NAME(path, dataset)``
    and ``inspect_NAME(path)``, and ``column_NAME(path, key)`` where labels can lie in such a file.
    """

    name: str
    suffixes: tuple[str, ...]
    holds: str

    def open(self) -> Callable[[Path, str | None], Source]:
        """Return the function that opens a file."""
        module = import_module(f"gausscheck.sources.{self.name}")
        opener: Callable[[Path, str | None], Source] = getattr(module, f"open_{self.name}")
        return opener

    def inspect(self) -> Callable[[Path], Contents]:
        """Return the function that says what a file holds."""
        module = import_module(f"gausscheck.sources.{self.name}")
        looker: Callable[[Path], Contents] = getattr(module, f"inspect_{self.name}")
        return looker

    def column(self) -> Callable[[Path, str], NDArray[Any] | None] | None:
        """Return the function that reads one column or array of a file; None where none can."""
        module = import_module(f"gausscheck.sources.{self.name}")
        return getattr(module, f"column_{self.name}", None)


SOURCES: dict[str, Format] = {
    form.name: form
    for form in (
        Format("npy", (".npy",), "one array"),
        Format("npz", (".npz",), "several arrays by name"),
        Format("hdf5", (".h5", ".hdf5", ".hdf"), "datasets in groups"),
        Format("shards", (), "a folder or pattern of .npy or .parquet files"),
        Format("parquet", (".parquet", ".pq"), "a column of lists, or columns of numbers"),
        Format("safetensors", (".safetensors",), "tensors by name"),
        Format("zarr", (".zarr",), "an array, or arrays in groups"),
        Format("h5ad", (".h5ad",), "embeddings of cells under obsm"),
        Format("faiss", (".faiss", ".index"), "a flat index"),
        Format("torchfile", (".pt", ".pth", ".bin"), "a tensor, or a dict of them"),
        Format("sketch", (".sketch",), "what was taken from rows elsewhere"),
        Format("text", (".csv", ".tsv", ".jsonl", ".ndjson", ".gz"), "numbers or lists as text"),
    )
}
"""Every file format, by name."""


def open_source(source: Any, *, dataset: str | None = None, untrusted: bool = False) -> Source:
    """Open a file, or wrap an array, as rows of embeddings.

    Parameters
    ----------
    source : path or array
        A file whose ending is in :data:`SOURCES`, a folder or pattern of shards, an address that
        fsspec knows; ``FILE:KEY`` names an array inside it. Or anything with ``__array__`` or
        DLPack, of shape ``(n, d)``.
    dataset : str, optional
        The array inside a container that holds several.
    untrusted : bool
        Whether a child process with limits on memory and time reads the file.

    Returns
    -------
    Source

    Raises
    ------
    GausscheckError
        One line: what was expected, what came, what to do.

    Examples
    --------
    >>> import numpy as np
    >>> open_source(np.zeros((5, 3))).d
    3
    """
    if isinstance(source, Source):
        return source
    if not isinstance(source, str | PathLike):
        if dataset is not None:
            raise GausscheckError("dataset: an array in memory holds no datasets; leave it out")
        from gausscheck.sources.memory import open_memory

        return open_memory(source)
    address = str(source)
    opener: Any = _open_local
    if untrusted:
        from gausscheck.sources.untrusted import UntrustedSource

        opener = UntrustedSource
    if is_remote(address) and not address.startswith("file://"):
        url, key = split_address(address)
        return RemoteSource(url, partial(opener, dataset=dataset if key is None else key))
    opened: Source = opener(address.removeprefix("file://"), dataset)
    return opened


def _open_local(source: str | PathLike[str], dataset: str | None) -> Source:
    path, key = _split(source)
    if key is not None and dataset is not None and key != dataset:
        raise GausscheckError(
            f"{source}: the path names {key}, --dataset names {dataset}; give one"
        )
    opened = _format(path).open()(path, key if dataset is None else dataset)
    note = None if path.suffix == ".sketch" else check_bytes(opened)
    if note is not None:
        setattr(opened, "notes", (*opened.notes, note))  # noqa: B010 - read-only for others
    return opened


class _Keeper:
    """What a fetched file lives as long as."""


def inspect_source(source: str | PathLike[str]) -> Contents:
    """Say what a file holds and which array ``analyze`` would take, reading headers alone.

    Raises
    ------
    GausscheckError
        If the file cannot be read at all.
    """
    address = str(source)
    if is_remote(address) and not address.startswith("file://"):
        keeper = _Keeper()
        path = fetch(split_address(address)[0], keeper)
        return replace(_format(path).inspect()(path), uri=address)
    path, _ = _split(address.removeprefix("file://"))
    return _format(path).inspect()(path)


class HasLabels(Protocol):
    """Rows that labels may lie beside."""

    @property
    def uri(self) -> str:
        """What messages call it."""
        ...

    @property
    def n(self) -> int:
        """Rows."""
        ...

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies beside the rows under a key; None where nothing does."""
        ...


def read_labels(source: HasLabels, wanted: str | None) -> NDArray[Any] | None:
    """Read one label a row.

    Parameters
    ----------
    source : Source
    wanted : str or None
        A .npy file, ``FILE:KEY``, or a key of the source's own container; None looks there for
        :data:`LABEL_NAMES`.

    Returns
    -------
    (n,) array or None
        None where nothing was asked for and nothing is there.

    Raises
    ------
    GausscheckError
        If what was asked for is missing or does not fit.
    """
    beside = _guarded(source)
    if wanted is None:
        for name in LABEL_NAMES:
            values = beside(name)
            if values is not None and one_a_row(values, source.n):
                return np.asarray(values)
        return None
    values = _labels_from(wanted, beside)
    if values is None:
        raise GausscheckError(
            f"--labels {wanted}: expected a .npy file, FILE:KEY or a key; no such"
        )
    if not one_a_row(values, source.n):
        raise GausscheckError(
            f"--labels {wanted}: expected {source.n:,} labels, one a row, got {values.dtype} of "
            f"shape {values.shape}"
        )
    return values


def _guarded(source: HasLabels) -> Callable[[str], NDArray[Any] | None]:
    """Return a source's way to what lies beside its rows, damage said in one line."""

    def beside(name: str) -> NDArray[Any] | None:
        try:
            return source.beside(name)
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{source.uri}: {name} beside the rows cannot be read ({line_of(err)}); the file "
                "is damaged: copy or download it again"
            ) from err

    return beside


def _labels_from(wanted: str, beside: Callable[[str], NDArray[Any] | None]) -> NDArray[Any] | None:
    path, key = _split(wanted)
    if key is None and not path.is_file():
        return beside(wanted.strip("/"))
    if path.is_file():
        check_file(path)
    try:
        if key is None:
            return np.asarray(np.load(path, allow_pickle=False))
        column = _format(path).column()
        return None if column is None else column(path, key)
    except GausscheckError:
        raise
    except Exception as err:
        raise GausscheckError(f"--labels {wanted}: cannot be read: {line_of(err)}") from err


def _split(source: str | PathLike[str]) -> tuple[Path, str | None]:
    """Part ``FILE:KEY``; a path that exists as it stands is taken as it stands."""
    path = Path(source)
    if path.exists():
        return path, None
    name, colon, key = str(source).rpartition(":")
    if colon and key and Path(name).exists():
        return Path(name), key.strip("/")
    return path, None


def _format(path: Path) -> Format:
    if not path.exists() and is_shards(path):
        return SOURCES["shards"]
    for form in SOURCES.values():
        if path.suffix.lower() in form.suffixes and not (path.is_dir() and form.name != "zarr"):
            return form
    if path.is_dir() and any((path / name).exists() for name in _ZARR_FILES):
        return SOURCES["zarr"]
    if is_shards(path):
        return SOURCES["shards"]
    known = ", ".join(s for form in SOURCES.values() for s in form.suffixes)
    if not path.exists():
        raise GausscheckError(f"{path}: no such file; check the path")
    raise GausscheckError(f"{path}: expected a file ending in {known}, got {path.suffix or 'none'}")


_ZARR_FILES = ("zarr.json", ".zarray", ".zgroup")
