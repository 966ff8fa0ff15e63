"""Chunks packed by blosc, looked at before they are unpacked.

The library believes a chunk's header on how long the chunk is, and reads beyond its end where that
is more than there is.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from gausscheck.core import GausscheckError
from gausscheck.files import reason_of
from gausscheck.sources.base import LARGEST_PIECE

_HEADER = 16
_NOWHERE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Packed:
    """How the chunks of an array that blosc packed lie in their files.

    Attributes
    ----------
    after : int
        Bytes of a checksum behind a chunk.
    inside : int or None
        Chunks in a file, for a shard; None where a file is a chunk.
    index_first : bool
        Whether a shard begins with its index; it ends with it otherwise.
    index_after : int
        Bytes of a checksum behind the index.
    index_type : str
        Of the numbers of the index.
    """

    after: int = 0
    inside: int | None = None
    index_first: bool = False
    index_after: int = 0
    index_type: str = "<u8"


def packed_of(held: dict[str, Any]) -> Packed | None:
    """Say how chunks are packed from an array's metadata; None where blosc has no part in it."""
    if held["version"] == 2:
        packer = held.get("compressor")
        return Packed() if packer is not None and packer["id"] == "blosc" else None
    codecs = held["codecs"]
    if len(codecs) != 1 or codecs[0]["name"] != "sharding_indexed":
        after = _after(codecs)
        return None if after is None else Packed(after)
    inner = codecs[0]["configuration"]
    after = _after(inner["codecs"])
    if after is None:
        return None
    shard = held["chunk_grid"]["configuration"]["chunk_shape"]
    inside = math.prod(a // b for a, b in zip(shard, inner["chunk_shape"], strict=True))
    index = {codec["name"]: codec.get("configuration") or {} for codec in inner["index_codecs"]}
    order = ">" if index.get("bytes", {}).get("endian") == "big" else "<"
    first = inner.get("index_location", "end") == "start"
    return Packed(after, inside, first, 4 * ("crc32c" in index), f"{order}u8")


def _after(codecs: Sequence[dict[str, Any]]) -> int | None:
    """Return the bytes behind what blosc wrote; None where it is not among the codecs.

    Raises
    ------
    ValueError
        If something else than a checksum is made of what blosc wrote.
    """
    names = [codec["name"].removeprefix("numcodecs.") for codec in codecs]
    if "blosc" not in names:
        return None
    rest = [codec["name"] for codec in codecs[names.index("blosc") + 1 :]]
    if set(rest) - {"crc32c"}:
        raise ValueError(f"codec {rest[0]} behind blosc, which is not read")
    return 4 * len(rest)


def check_packed(path: Path, packed: Packed) -> None:
    """Refuse a file whose chunks are not as long as they say.

    Raises
    ------
    GausscheckError
    """
    try:
        with path.open("rb") as handle:
            size = path.stat().st_size
            if packed.inside is None:
                fine = _fine(handle, 0, size - packed.after)
            else:
                fine = _fine_shard(handle, size, packed)
    except OSError as err:
        raise GausscheckError(f"{path}: cannot be read: {reason_of(err)}") from err
    if not fine:
        raise GausscheckError(
            f"{path}: a chunk packed by blosc is not as long as it says; it is damaged: copy or "
            "download it again"
        )


def _fine(handle: IO[bytes], place: int, size: int) -> bool:
    handle.seek(place)
    head = handle.read(_HEADER)
    if size < _HEADER or len(head) < _HEADER:
        return False
    unpacked, _, length = struct.unpack("<4xIII", head)
    return bool(length == size and unpacked <= LARGEST_PIECE)


def _fine_shard(handle: IO[bytes], size: int, packed: Packed) -> bool:
    assert packed.inside is not None
    length = 16 * packed.inside
    start = 0 if packed.index_first else size - length - packed.index_after
    if start < 0 or length > size:
        return False
    handle.seek(start)
    index = np.frombuffer(handle.read(length), packed.index_type)
    return all(
        place == _NOWHERE or (place + count <= size and _fine(handle, place, count - packed.after))
        for place, count in index.reshape(-1, 2).tolist()
    )
