"""Folders that take each other's place in one step, and what killed processes leave behind."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

_CARRIED = 256
"""Files of others in a result's folder that are carried over when it is swapped; with more of them,
or with folders among them, files are replaced one by one."""

_NAME = os.uname().nodename if hasattr(os, "uname") else ""
_HOST = re.sub(r"[^A-Za-z0-9]", "", _NAME)[:32] or "host"
_WORK = re.compile(rf"\.?gausscheck-{_HOST}-(\d+)-.*")
_number = count()


def work_name() -> str:
    """Name of a file or folder of this process that is not finished."""
    return f".gausscheck-{_HOST}-{os.getpid()}-{next(_number)}.partial"


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
    """Return the names of files that earlier results of those names put into a folder."""
    names: set[str] = set()
    for stem in stems:
        held = folder / f".{stem}.sha256"
        names.add(held.name)
        try:
            lines = [] if not held.is_file() else held.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            continue
        names |= {name for line in lines if os.sep not in (name := line[66:]) and name}
    return names - {".", ".."}


def swap(work: Path, target: Path, old: set[str]) -> None:
    """Let the files in ``work`` take the place of the ``old`` ones in ``target``."""
    if not target.exists():
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
    for name in new:
        os.replace(work / name, target / name)
    for name in old - set(new):
        (target / name).unlink(missing_ok=True)


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
