"""What the variables of a MATLAB file of version 5 are, by the class in each one's header.

SciPy calls whatever is marked as logical so, a cell of cells too, and looks into what it loads one
level in another: some megabytes of them end the process.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Literal

_HEAD = 128
"""Bytes before the first variable."""

_MATRIX, _PACKED = 14, 15
"""Types of an element: a variable as it is, and one packed by zlib."""

_CLASSES = {1: "cell", 2: "struct", 3: "object", 16: "function", 17: "opaque"}
"""Classes of variables that hold others."""


def mat_kinds(path: Path) -> list[str | None] | None:
    """Return the kind of each variable that holds others, None for one of numbers or characters.

    Returns
    -------
    list or None
        None for a file of version 4, which has no variables that hold others.

    Raises
    ------
    ValueError
        If an element is no variable.
    """
    found: list[str | None] = []
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
        if 0 in head[:4] or len(head) < _HEAD:
            return None
        order: Literal["little", "big"] = "little" if head[126:128] == b"IM" else "big"
        place, size = _HEAD, path.stat().st_size
        while place < size:
            handle.seek(place)
            tag = handle.read(8)
            kind, length = (int.from_bytes(tag[i : i + 4], order) for i in (0, 4))
            body = handle.read(min(length, 4096))
            if kind == _PACKED:
                body = zlib.decompressobj().decompress(body, 24)[8:]
            elif kind != _MATRIX:
                raise ValueError(f"an element of type {kind}")
            if len(body) < 12:
                raise ValueError("a variable without a class")
            flags = int.from_bytes(body[8:12], order)
            found.append(_CLASSES.get(flags & 0xFF))
            place += 8 + length
    return found
