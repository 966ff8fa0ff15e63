"""Folders that take each other's place in one step, and what killed processes leave behind."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CARRIED = 256
"""Files of others in a result's folder that are carried over when it is swapped; with more of them,
or with folders among them, files are replaced one by one."""

_NAME = os.uname().nodename if hasattr(os, "uname") else ""
_HOST = re.sub(r"[^A-Za-z0-9]", "", _NAME)[:32] or "host"
_WORK = re.compile(rf"\.gausscheck-{_HOST}-(\d{{1,10}})-[0-9a-f]{{16}}\.partial")
_LINE = re.compile(r"([0-9a-f]{64})  ([^./\\\0][^/\\\0]*)")

_LONGEST_LIST = 1 << 16
"""Bytes of a list of a result's files at most: that of an audit takes 2,000."""

_LARGEST_LISTED = 1 << 30
"""Bytes of a file that is compared with such a list, at most: a larger one is no file of ours."""


class PartlySwapped(OSError):
    """Some files of a result took their places, and then the system refused."""


def work_name() -> str:
    """Name of a folder of this process for what is not finished; no two are alike."""
    return f".gausscheck-{_HOST}-{os.getpid()}-{secrets.token_hex(8)}.partial"


def work_folder(place: Path) -> Path:
    """Make a folder for what is not finished, into which no other user can put a thing.

    Raises
    ------
    OSError
    """
    work = place / work_name()
    work.mkdir(0o700)
    return work


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that are no more left unfinished in a folder."""
    if os.name != "posix":  # elsewhere nobody can be asked whether a process lives
        return
    try:
        found = [(Path(entry.path), _WORK.fullmatch(entry.name)) for entry in os.scandir(folder)]
    except OSError:
        return
    for path, match in found:
        if match is None or _lives(int(match[1])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def listed(folder: Path, stems: Iterable[str]) -> set[str]:
    """Return the names of files that earlier results of those names put into a folder.

    The lists there may be anybody's: what is named counts where it is a regular file with the
    digest of the list, so that none goes that was changed since. So does the list itself.
    """
    names: set[str] = set()
    for stem in stems:
        held = folder / f".{stem}.sha256"
        try:
            told = [_LINE.fullmatch(line) for line in _text(held).splitlines()]
        except (OSError, ValueError):
            continue
        lines = [line for line in told if line is not None]
        if len(lines) == len(told):
            names |= {held.name, *(line[2] for line in lines if _is(folder / line[2], line[1]))}
    return names


def _text(path: Path) -> str:
    """Read a list. Raises OSError or ValueError where it is none."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError
    with path.open("rb") as handle:
        held = handle.read(_LONGEST_LIST + 1)
    if len(held) > _LONGEST_LIST:
        raise ValueError
    return held.decode()


def _is(path: Path, digest: str) -> bool:
    """Whether a path is a regular file of that digest."""
    try:
        found = path.lstat()
        small = found.st_size <= _LARGEST_LISTED
        return stat.S_ISREG(found.st_mode) and small and digest_of(path) == digest
    except OSError:
        return False


def in_the_way(work: Path, target: Path) -> str | None:
    """Name a folder in ``target`` where a file of ``work`` is to go; None where there is none."""
    places = (target / name for name in sorted(os.listdir(work)))
    return next((p.name for p in places if p.is_dir() and not p.is_symlink()), None)


def swap(work: Path, target: Path, old: set[str]) -> None:
    """Let the files in ``work`` take the place of the ``old`` ones in ``target``.

    Raises
    ------
    PartlySwapped
        If the system refuses when some have.
    OSError
        If nothing is changed.
    """
    if not target.exists():
        os.chmod(work, _usual_mode(work))
        os.rename(work, target)
        return
    new = sorted(os.listdir(work), key=lambda name: (name.endswith(".json"), name))
    with os.scandir(target) as found:
        others = [entry for entry in found if entry.name not in old and entry.name not in new]
    simple = len(others) <= _CARRIED and all(e.is_file(follow_symlinks=False) for e in others)
    if simple and work.parent == target.parent and Path.cwd() != target:
        try:
            for entry in others:
                os.link(entry.path, work / entry.name)
            os.chmod(work, stat.S_IMODE(target.stat().st_mode))
            _exchange(work, target)
        except OSError:
            pass  # no such step on this disk: one by one
        else:
            return
    _one_by_one(work, target, new, old)


def _one_by_one(work: Path, target: Path, new: list[str], old: set[str]) -> None:
    begun = False
    try:
        for name in new:
            os.replace(work / name, target / name)
            begun = True
        for name in old - set(new):
            (target / name).unlink(missing_ok=True)
    except OSError as err:
        if begun:
            raise PartlySwapped(err.errno, err.strerror) from err
        raise


def _usual_mode(folder: Path) -> int:
    """Return what a folder made there may be used for, after umask and rules of the disk."""
    probe = folder / ".mode"
    probe.mkdir()
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.rmdir()
    return mode


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders in one step. Raises OSError where the system has none."""
    library = ctypes.CDLL(None, use_errno=True)
    a, b = os.fsencode(one), os.fsencode(other)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        here, flag = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        failed = library.renameat2(here, a, here, b, flag)
    elif sys.platform == "darwin":
        failed = library.renamex_np(a, b, 2)  # RENAME_SWAP
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
