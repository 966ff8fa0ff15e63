"""Members of ``.npz`` archives, unpacked into temporary files and mapped."""

from __future__ import annotations

import math
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gausscheck.sources.npy import header_of

_PIECE = 4 << 20


def is_archive(path: Path) -> bool:
    """Whether a file ends as a zip archive does, a damaged one too."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True


def unpacked(path: Path, name: str) -> NDArray[Any]:
    """Return a member of numbers, mapped from an unnamed temporary file that goes with it.

    Raises
    ------
    Exception
        Of whatever kind damage brings; ValueError where the header and the size don't agree.
    """
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        handle = cast(BinaryIO, member)
        shape, fortran, dtype = header_of(handle, np.lib.format.read_magic(handle))
        room = archive.getinfo(f"{name}.npy").file_size - member.tell()
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != room:
            raise ValueError(f"{name} of shape {shape} and {dtype} in {room:,} bytes")
        if room == 0:
            return np.empty(shape, dtype)
        with tempfile.TemporaryFile(prefix="gausscheck-") as file:  # the mapping keeps it
            shutil.copyfileobj(member, file, _PIECE)
            file.flush()
            order: Literal["F", "C"] = "F" if fortran else "C"
            place: Any = file
            return np.memmap(place, dtype=dtype, mode="r", shape=tuple(shape), order=order)
