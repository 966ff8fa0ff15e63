"""Where rows come from: one file a format, one table of formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import Contents, Entry

__all__ = ["SOURCES", "Contents", "Entry", "Format", "inspect_source", "open_source"]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: the module that reads it and the endings it goes by.

    The module is imported when a file of the format is opened; it has ``open_NAME(path, dataset)``
    and ``inspect_NAME(path)``.
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


SOURCES: dict[str, Format] = {
    form.name: form
    for form in (
        Format("npy", (".npy",), "one array"),
        Format("npz", (".npz",), "several arrays by name"),
        Format("hdf5", (".h5", ".hdf5", ".hdf"), "datasets in groups"),
    )
}
"""Every file format, by name."""


def open_source(source: Any, *, dataset: str | None = None) -> Source:
    """Open a file, or wrap an array, as rows of embeddings.

    Parameters
    ----------
    source : path or array
        A file whose ending is in :data:`SOURCES`; ``FILE:KEY`` names an array inside it. Or
        anything with ``__array__`` or DLPack, of shape ``(n, d)``.
    dataset : str, optional
        The array inside a container that holds several.

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
    if not isinstance(source, str | PathLike):
        if dataset is not None:
            raise GausscheckError("dataset: an array in memory holds no datasets; leave it out")
        from gausscheck.sources.memory import open_memory

        return open_memory(source)
    path, key = _split(source)
    if key is not None and dataset is not None and key != dataset:
        raise GausscheckError(
            f"{source}: the path names {key}, --dataset names {dataset}; give one"
        )
    form = _format(path)
    return form.open()(path, key if dataset is None else dataset)


def inspect_source(source: str | PathLike[str]) -> Contents:
    """Say what a file holds and which array ``analyze`` would take, reading headers alone.

    Raises
    ------
    GausscheckError
        If the file cannot be read at all.
    """
    path, _ = _split(source)
    return _format(path).inspect()(path)


def _split(source: str | PathLike[str]) -> tuple[Path, str | None]:
    """Part ``FILE:KEY``; a path that exists as it stands is taken as it stands."""
    path = Path(source)
    if path.exists():
        return path, None
    name, colon, key = str(source).rpartition(":")
    if colon and key and Path(name).is_file():
        return Path(name), key.strip("/")
    return path, None


def _format(path: Path) -> Format:
    for form in SOURCES.values():
        if path.suffix.lower() in form.suffixes:
            return form
    known = ", ".join(s for form in SOURCES.values() for s in form.suffixes)
    if not path.exists():
        raise GausscheckError(f"{path}: no such file; check the path")
    if path.is_dir():
        raise GausscheckError(f"{path}: expected a file, got a folder; name a file ({known})")
    raise GausscheckError(f"{path}: expected a file ending in {known}, got {path.suffix or 'none'}")
