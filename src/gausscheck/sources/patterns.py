"""Patterns of files: ``*``, ``?``, ``[...]``, and ``**`` for folders in one another."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import PurePath


def matches(pattern: str) -> set[str]:
    """Return the files and folders that a pattern means.

    ``**`` follows links to folders, each folder once: one that links to itself has an end.
    """
    parts = PurePath(pattern).parts
    if "**" not in parts:
        return set(glob.glob(pattern))
    place = parts.index("**")
    while place + 1 < len(parts) and parts[place + 1] == "**":
        parts = (*parts[:place], *parts[place + 1 :])
    rest = parts[place + 1 :] or ("*",)
    before = str(PurePath(*parts[:place])) if place else ""
    found: set[str] = set()
    for base in glob.glob(before) if before else [""]:
        for folder in _folders(base):
            found |= matches(os.path.join(glob.escape(folder), *rest))
    return found


def _folders(base: str) -> Iterator[str]:
    """Yield a folder and all below it that are not hidden, whatever leads to them."""
    seen = set()
    for folder, inside, _ in os.walk(base or ".", followlinks=True):
        told = os.stat(folder)
        if (told.st_dev, told.st_ino) in seen:
            inside.clear()
            continue
        seen.add((told.st_dev, told.st_ino))
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        yield os.path.relpath(folder) if not base else folder
