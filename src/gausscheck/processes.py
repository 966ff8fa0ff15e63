"""Python processes of our own: none runs code that lies in the current folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SAFE = "PYTHONSAFEPATH"


def python(*words: str) -> list[str]:
    """Return the command line of another Python, which does not look into the current folder.

    Parameters
    ----------
    *words : str
        ``-c PROGRAM`` or ``-m MODULE``, and what it is told.
    """
    own = ["-P", "-s"] if sys.flags.no_user_site else ["-P"]
    return [sys.executable, *own, *words]


def import_paths() -> str:
    """Return a PYTHONPATH: where modules are looked for here, but for the current folder.

    Where this package itself lies comes last, whatever the current folder is.
    """
    here = None
    with suppress(OSError):  # a folder that is gone
        here = os.path.realpath(os.getcwd())
    found = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) != here]
    home = str(Path(__file__).resolve().parents[1])
    if all(os.path.realpath(path) != home for path in found):
        found.append(home)
    return os.pathsep.join(found)


def may_start_safely() -> bool:
    """Whether processes that the standard library starts see what :func:`safe_path` sets."""
    return bool(sys.flags.safe_path or not sys.flags.ignore_environment)


@contextmanager
def safe_path() -> Iterator[None]:
    """Let processes that the standard library starts meanwhile look for no module here."""
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = before
