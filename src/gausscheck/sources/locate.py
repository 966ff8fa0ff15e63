"""From an address to the file, the key inside it, and the format that opens it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from gausscheck.core import GausscheckError
from gausscheck.sources.formats import SOURCES, Format
from gausscheck.sources.refused import known_by_content, refusal
from gausscheck.sources.shards import is_shards


def address_of(source: str | PathLike[str]) -> str:
    """Return a path as text. An empty one would be the current folder, which nobody named."""
    if not str(source):
        raise GausscheckError("expected a path or an address, got an empty text")
    return str(source)


def split_key(source: str | PathLike[str]) -> tuple[Path, str | None]:
    """Part ``FILE:KEY``; a path that exists as it stands is taken as it stands."""
    path = Path(source)
    try:
        there = path.exists()
    except OSError as err:
        told = f"{source}" if len(f"{source}") < 80 else f"{str(source)[:60]}..."
        raise GausscheckError(f"{told}: cannot be a path: {err.strerror}") from err
    if there:
        return path, None
    name, _, key = str(source).rpartition(":")
    if name and key and Path(name).exists():
        return Path(name), key.strip("/")
    return path, None


def format_at(path: Path) -> Format:
    """Return the format of a file, by its ending, or else by what it begins with."""
    if path.is_dir() or not path.exists():
        return _format_of_folder(path)
    if path.name == _CHROMA:
        return SOURCES["chroma"]
    packed = path.suffix.lower() == ".gz"
    suffix = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    form = next((form for form in SOURCES.values() if suffix in form.suffixes), None)
    if packed and suffix == ".bin":
        return SOURCES["words"]
    if packed and (form is None or form.name not in _PACKED):
        raise GausscheckError(
            f"{path}: expected a format of text inside .gz, got {suffix or 'no ending'}; unpack it"
            " first"
        )
    if form is not None and form.name not in _FOLDERS:
        return form
    name = known_by_content(path)
    if name is not None:
        return SOURCES[name]
    raise refusal(path)


def _format_of_folder(path: Path) -> Format:
    """Return the format of a folder that is a store, or one or a pattern of files."""
    if path.is_dir():
        if path.suffix.lower() == ".zarr" or any((path / name).exists() for name in _ZARR_FILES):
            return SOURCES["zarr"]
        if path.suffix.lower() == ".lance":
            return SOURCES["lance"]
        if (path / _CHROMA).is_file():
            return SOURCES["chroma"]
        if tables := sorted(path.glob("*.lance")):
            raise GausscheckError(
                f"{path}: a folder of LanceDB: name one of its tables, such as "
                f"{', '.join(map(str, tables[:5]))}"
            )
    if is_shards(path):
        return SOURCES["shards"]
    raise GausscheckError(f"{path}: no such file; check the path")


_ZARR_FILES = ("zarr.json", ".zarray", ".zgroup")
_CHROMA = "chroma.sqlite3"
_FOLDERS = ("zarr", "lance")
"""Formats that are folders."""

_PACKED = ("text", "jsonlines", "jsonfile", "words")
"""Formats that are read from inside .gz."""
