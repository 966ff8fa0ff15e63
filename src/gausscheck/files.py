"""What every result shares: plain values for JSON, and two files that appear together."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError


def plain(value: Any, where: str, replaced: list[str]) -> Any:
    """Turn NumPy scalars, tuples and non-finite floats into what JSON can say.

    Non-finite numbers become None; ``replaced`` receives where.
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{where}.{k}", replaced) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, where, replaced) for v in value]
    if isinstance(value, np.ndarray):
        return [plain(v, where, replaced) for v in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        replaced.append(where)
        return None
    return value


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes ``path`` when all went well, and is gone otherwise.

    The folder is made where missing. A reader sees the old file or the new one, never a part.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    work = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield work
        os.replace(work, path)
    except OSError as err:
        raise GausscheckError(
            f"{path}: cannot be written ({err.strerror or err}); choose another place"
        ) from err
    finally:
        with suppress(OSError):  # where nothing could be written, nothing is there
            work.unlink()


def save_result(
    directory: str | Path, stem: str, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> Path:
    """Write ``stem.json`` and ``stem.npz``: both or neither appear.

    Raises
    ------
    GausscheckError
        If the directory cannot be written.
    """
    directory = Path(directory)
    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{stem}-", dir=directory))
    except OSError as err:
        raise GausscheckError(
            f"{directory}: expected a folder that can be written: {err.strerror}; choose "
            "another with out="
        ) from err
    try:
        with (work / f"{stem}.npz").open("wb") as handle:
            np.savez_compressed(handle, **dict(arrays))  # type: ignore[arg-type]
        (work / f"{stem}.json").write_text(text, encoding="utf-8")
        for name in (f"{stem}.npz", f"{stem}.json"):  # the JSON last: it says all is there
            os.replace(work / name, directory / name)
    except OSError as err:
        raise GausscheckError(f"{directory}: could not write the {stem}: {err}") from err
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return directory


def check_file(path: Path) -> None:
    """Refuse what is plainly not a data file, by its first bytes.

    Raises
    ------
    GausscheckError
        For a missing or empty file, a folder, a Git LFS pointer, an HTML page.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(512)
    except FileNotFoundError as err:
        raise GausscheckError(f"{path}: no such file; check the path") from err
    except IsADirectoryError as err:
        raise GausscheckError(f"{path}: expected a file, got a folder") from err
    except OSError as err:
        raise GausscheckError(f"{path}: cannot be read: {err.strerror}") from err
    if not head:
        raise GausscheckError(f"{path}: the file is empty; download or save it again")
    if head.startswith(b"version https://git-lfs"):
        raise GausscheckError(
            f"{path}: a Git LFS pointer, not the data itself; run git lfs pull in its repository"
        )
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise GausscheckError(
            f"{path}: an HTML page, not data: a download saved the web page; fetch the raw file"
        )


def fingerprint_of(paths: Iterable[Path]) -> str:
    """Name the files at some paths, folders with all that is inside: a change changes the name.

    Place, size, time of change and inode of each file are hashed; no content is read.
    """
    told = hashlib.sha256()
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else []
        for file in [path, *inside]:
            stat = file.stat()
            size = 0 if file.is_dir() else stat.st_size
            told.update(repr((str(file), size, stat.st_mtime_ns, stat.st_ino)).encode())
    return told.hexdigest()


def printable(value: str) -> str:
    r"""Return text with control characters written out, so that printing it does nothing else.

    Examples
    --------
    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
