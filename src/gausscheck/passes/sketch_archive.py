"""The archive of a sketch: .npy members that hold what they promise, under one checksum."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest(members: dict[str, NDArray[Any]], header: dict[str, Any]) -> str:
    """Return the checksum of members, and of the header but for the checksum itself."""
    total = hashlib.sha256()
    if header["version"] != [1, 0]:
        told = {key: value for key, value in header.items() if key != "sha256"}
        total.update(json.dumps(told, sort_keys=True).encode())
    for name, value in members.items():
        total.update(f"{name} {value.dtype.str} {value.shape}".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()


def member(archive: zipfile.ZipFile, name: str, most: int | None = None) -> bytes:
    """Return the bytes of a member: as many as the file holds, for nothing is packed."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError(f"{name} is packed")
    if most is not None and info.file_size > most:
        raise ValueError(f"{name} has {info.file_size:,} bytes")
    return archive.read(info)  # checks its CRC


def array_of(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return an array whose header promises what is there."""
    raw = io.BytesIO(member(archive, name))
    major, minor = np.lib.format.read_magic(raw)
    if (major, minor) != (1, 0):
        raise ValueError(f"{name} has version {major}.{minor}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(raw)
    rest = raw.getbuffer()[raw.tell() :]
    if fortran or dtype.hasobject or math.prod(shape) * dtype.itemsize != len(rest):
        raise ValueError(f"{name} does not hold {dtype} {shape}")
    return np.frombuffer(rest, dtype).reshape(shape).copy()
