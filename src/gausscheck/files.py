"""What touches the disk for everybody: first looks at a file, results that appear whole, digests.

A result is staged in a hidden folder and takes its place in one step, so that a process that is
killed leaves the old result or the new one. What killed processes left is removed by later ones.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.core import printable as printable
from gausscheck.swap import PartlySwapped, digest_of, in_the_way, listed, swap, sweep, work_folder

MOST_ARRAYS = 1 << 30
"""Bytes that the arrays of a saved result may take in memory: those of an audit take far less."""


MOST_TOML = 1 << 20
"""Bytes of a file of options at most."""


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


def check_file(path: Path) -> None:
    """Refuse what is plainly not a data file, by its kind and its first bytes.

    Raises
    ------
    GausscheckError
        For a missing or empty file, a folder, a device, pipe or socket, a Git LFS pointer, an HTML
        page.
    """
    try:
        check_regular(path)
        with path.open("rb") as handle:
            head = handle.read(512)
    except FileNotFoundError as err:
        raise GausscheckError(f"{path}: no such file; check the path") from err
    except IsADirectoryError as err:
        raise GausscheckError(f"{path}: expected a file, got a folder") from err
    except (OSError, ValueError) as err:  # ValueError: a NUL in the name
        raise GausscheckError(f"{path}: cannot be read: {reason_of(err)}") from err
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


def read_whole(path: Path, most: int) -> str:
    """Read a text that is short if it is what it should be.

    Parameters
    ----------
    path : Path
    most : int
        Bytes.

    Raises
    ------
    GausscheckError
        If it is no regular file, longer, or not UTF-8.
    """
    check_file(path)
    try:
        with path.open("rb") as handle:
            held = handle.read(most + 1)
        if len(held) > most:
            raise GausscheckError(f"{path}: expected at most {most:,} bytes, got more")
        return held.decode("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise GausscheckError(f"{path}: cannot be read: {reason_of(err)}") from err


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    path : path
    what : str
        What messages say was expected.

    Raises
    ------
    GausscheckError
        If it cannot be read, is too long, or is not TOML.
    """
    import tomllib

    text = read_whole(Path(path), MOST_TOML)
    try:
        return tomllib.loads(text)
    except RecursionError as err:
        raise GausscheckError(f"{path}: expected {what}, got one nested too deep") from err
    except ValueError as err:
        raise GausscheckError(f"{path}: expected {what}: {err}") from err


def check_regular(path: Path) -> None:
    """Refuse devices, pipes and sockets before they are opened: reading one may never end.

    Raises
    ------
    GausscheckError
    OSError
        If there is no such file, or it is a folder.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(mode), "a device")
        raise GausscheckError(f"{path}: not a regular file but {kind}; save the data to a file")


def reason_of(err: BaseException) -> str:
    """Return why the system refused, in its words."""
    return (err.strerror if isinstance(err, OSError) else None) or str(err) or type(err).__name__


def fingerprint_of(paths: Iterable[Path]) -> str:
    """Name the files at some paths, folders with all that is inside: a change changes the name.

    Place, size, times of change and inode of each file are hashed; no content is read.
    """
    told = hashlib.sha256()
    for path in paths:
        for name in _at_and_below(str(path)):
            found = os.stat(name)
            size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
            times = (found.st_mtime_ns, found.st_ctime_ns)
            told.update(repr((name, size, times, found.st_ino)).encode())
    return told.hexdigest()


def _at_and_below(place: str) -> Iterator[str]:
    """Yield a path and all that is inside, in an order of their names."""
    yield place
    for folder, inside, files in os.walk(place):
        inside.sort()
        yield from (os.path.join(folder, name) for name in sorted([*inside, *files]))


def scratch(size: int) -> IO[bytes]:
    """Open an unnamed temporary file whose space on the disk is set aside.

    A memory map of a file without it dies of a bus error when the disk is full.

    Raises
    ------
    GausscheckError
        If the disk has no room for it.
    """
    try:
        file = tempfile.TemporaryFile(prefix="gausscheck-")  # noqa: SIM115 - the caller closes it
        try:
            set_aside(file.fileno(), size)
        except OSError:
            file.close()
            raise
    except OSError as err:
        raise GausscheckError(
            f"{tempfile.gettempdir()}: expected room for {size:,} bytes ({reason_of(err)}); free "
            "some, set TMPDIR to another disk, or raise the memory budget"
        ) from err
    return file


def set_aside(handle: int, size: int) -> None:
    """Make a file that long, its space on the disk taken. Raises OSError where there is none."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    zeros = bytes(1 << 20)
    for start in range(0, size, len(zeros)):
        os.write(handle, zeros[: size - start])
    os.lseek(handle, 0, os.SEEK_SET)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes ``path`` when all went well, and is gone otherwise.

    The folder is made where missing. A reader sees the old file or the new one, never a part. It
    is written in a folder of its own that no other user can enter, so through no link of theirs.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    folder = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        folder = work_folder(path.parent)
        yield folder / "file"
        os.replace(folder / "file", path)
    except OSError as err:
        raise GausscheckError(
            f"{path}: cannot be written ({reason_of(err)}); choose another place"
        ) from err
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def check_folder(directory: str | Path) -> None:
    """Refuse a folder that results could not be written to, before they are worked out.

    Raises
    ------
    GausscheckError
    """
    place = Path(directory).absolute()
    try:
        while not place.exists():
            place = place.parent
        sound = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        reason = "" if sound else f": {place} is no folder, or not yours to write to"
    except (OSError, ValueError) as err:
        sound, reason = False, f": {reason_of(err)}"
    if not sound:
        raise GausscheckError(
            f"{directory}: expected a folder that can be written{reason}; choose another"
        )


@contextmanager
def atomic_folder(directory: str | Path, stem: str, *replaced: str) -> Iterator[Path]:
    """Give a folder for all files of a result: they appear in ``directory`` together or not at all.

    The files of the result that was there before go as the new ones come, in one step that the
    system does not divide; a process that is killed leaves the old ones whole or the new ones. A
    hidden list ``.STEM.sha256`` names them with their digests: one that was changed since goes only
    if the new result writes one of its name. Files of others stay. Where the folder cannot be
    swapped (it holds folders, is the working folder or a place where a disk is mounted) files are
    replaced one after another, the JSON last: the digest in it tells files of two results apart.

    Parameters
    ----------
    directory : path
        Made where missing.
    stem : str
        What the result is called: ``report``.
    *replaced : str
        Other results whose files go too: ``figures`` drawn from an older report.

    Raises
    ------
    GausscheckError
        If it cannot be written, or holds a folder where a file of the result goes.
    """
    try:
        target = Path(directory).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        place = target.parent if os.access(target.parent, os.W_OK) else target
        for folder in (target.parent, target):
            sweep(folder)
        work = work_folder(place)
    except (OSError, ValueError, RuntimeError) as err:
        raise GausscheckError(
            f"{directory}: expected a folder that can be written ({reason_of(err)}); choose another"
        ) from err
    try:
        yield work
        names = sorted(name for name in os.listdir(work) if not name.startswith("."))
        lines = [f"{digest_of(work / name)}  {name}\n" for name in names]
        (work / f".{stem}.sha256").write_text("".join(lines), encoding="utf-8")
        taken = in_the_way(work, target)
        if taken is not None:
            raise GausscheckError(
                f"{directory}: expected no folder {taken} in it, where a file of the {stem} goes; "
                "move it away, or choose another place; nothing is changed"
            )
        swap(work, target, listed(target, (stem, *replaced)))
    except PartlySwapped as err:
        raise GausscheckError(
            f"{directory}: could not write all of the {stem} ({reason_of(err)}): files of two "
            "results lie there; write it again"
        ) from err
    except OSError as err:
        raise GausscheckError(
            f"{directory}: could not write the {stem} ({reason_of(err)}); nothing is changed"
        ) from err
    finally:
        shutil.rmtree(work, ignore_errors=True)


def save_result(
    directory: str | Path, stem: str, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> Path:
    """Write ``stem.json`` and ``stem.npz``: both or neither appear.

    Raises
    ------
    GausscheckError
        If the directory cannot be written.
    """
    with atomic_folder(directory, stem) as work:
        write_result(work, stem, data, arrays)
    return Path(directory)


def write_result(
    folder: Path, stem: str, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write both files of a result into a folder; the JSON names the digest of the arrays."""
    with (folder / f"{stem}.npz").open("wb") as handle:
        np.savez_compressed(handle, **dict(arrays))  # type: ignore[arg-type]
    told = {**data, "arrays_sha256": digest_of(folder / f"{stem}.npz")}
    text = json.dumps(told, indent=1, allow_nan=False) + "\n"
    (folder / f"{stem}.json").write_text(text, encoding="utf-8")


def read_arrays(path: Path, digest: str | None = None) -> dict[str, NDArray[Any]]:
    """Read the arrays of a saved result.

    Parameters
    ----------
    path : Path
        The .npz.
    digest : str, optional
        What its JSON says under ``arrays_sha256``.

    Raises
    ------
    GausscheckError
        If it is missing, damaged, of another result than the JSON, or unpacks to more than
        :data:`MOST_ARRAYS`.
    """
    check_file(path)
    if digest is not None and digest_of(path) != digest:
        raise GausscheckError(
            f"{path}: not the arrays that its JSON was written with: damaged, or of another run; "
            "run that command again"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MOST_ARRAYS:
            raise ValueError(f"it unpacks to {size:,} bytes, over {MOST_ARRAYS:,}")
        with np.load(path, allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as err:  # zipfile, zlib and NumPy's header parser raise of every kind
        raise GausscheckError(
            f"{path}: expected the arrays of a result, got a damaged file ({reason_of(err)})"
        ) from err
