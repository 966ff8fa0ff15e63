"""What a zarr store says of its arrays, read before zarr sees it: codecs that run code are refused.

Metadata names the codecs that chunks are decoded by, and some codecs (pickle) do what the bytes
say. So only codecs of the lists below are read, whatever else is installed.
"""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gausscheck.core import GausscheckError
from gausscheck.files import check_regular, reason_of
from gausscheck.sources.base import LARGEST_PIECE, dtype_problem, line_of
from gausscheck.sources.blosc import Packed, check_packed, packed_of

PACKERS = frozenset({"zlib", "gzip", "bz2", "lzma", "blosc", "zstd", "lz4"})
"""Codecs that compress; one an array."""

FILTERS = frozenset({"shuffle", "delta", "fixedscaleoffset", "quantize", "bitround"})
"""Codecs that turn numbers into numbers."""

CHECKSUMS = frozenset({"crc32", "crc32c", "adler32", "fletcher32"})

TEXT = "vlen-utf8"
"""The codec of strings of any length."""

_ORDER = frozenset({"bytes", "transpose"})

_TYPES = frozenset({
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128", "string", "fixed_length_utf32",
    "null_terminated_bytes",
})  # fmt: skip
"""Data types of version 3 that are read, most of them only to say what they are."""

_CHUNK = re.compile(r"c|(c[./])?\d+([./]\d+)*")
"""What files of chunks are called."""

_MOST = 4 << 20
"""Bytes of one metadata file at most."""


@dataclass(frozen=True, slots=True)
class ArrayMetadata:
    """An array as its metadata describes it.

    Attributes
    ----------
    key : str
        Its place in the store.
    version : int
        Of the format: 2 or 3.
    shape : tuple of int
    dtype : numpy.dtype
    unsafe : str or None
        Why its chunks are not to be decoded; None where they may be.
    packed : Packed or None
        How its chunks lie in their files, where blosc packed them.
    """

    key: str
    version: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    unsafe: str | None
    packed: Packed | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the array in memory; of strings of any length, those of their headers."""
        return math.prod(self.shape) * self.dtype.itemsize


def arrays_in(path: Path, root: str) -> list[ArrayMetadata]:
    """List the arrays of a store; one that is an array itself goes by the name ``root``.

    Raises
    ------
    GausscheckError
        If the store or its metadata cannot be read.
    """
    if not path.is_dir():
        raise GausscheckError(f"{path}: expected a zarr store, which is a folder, got none")
    found = []
    for folder, inside, files in os.walk(path):
        held = _metadata(Path(folder), set(files))
        if held is None:
            continue
        inside.clear()  # below an array are its chunks
        relative = Path(folder).relative_to(path).as_posix()
        found.append(_array(root if relative == "." else relative, held, Path(folder)))
    return sorted(found, key=lambda array: array.key)


def check_chunk_files(folder: Path, packed: Packed | None) -> set[str]:
    """Refuse an array whose chunks are pipes, devices, folders elsewhere, or not whole.

    Returns
    -------
    set of str
        The files that are called as chunks are, each by its way from the folder.

    Raises
    ------
    GausscheckError
    """
    found: set[str] = set()
    for place, inside, files in os.walk(folder):
        linked = [name for name in inside if os.path.islink(os.path.join(place, name))]
        if linked:
            raise GausscheckError(f"{place}/{linked[0]}: a link to a folder in a zarr array")
        below = Path(place).relative_to(folder).as_posix()
        for name in files:
            path = Path(place, name)
            inner = name if below == "." else f"{below}/{name}"
            try:
                check_regular(path)
            except OSError as err:
                raise GausscheckError(f"{place}/{name}: cannot be read: {reason_of(err)}") from err
            if not _CHUNK.fullmatch(inner):
                continue
            found.add(inner)
            if packed is not None:
                check_packed(path, packed)
    return found


def _metadata(folder: Path, files: set[str]) -> dict[str, Any] | None:
    """Return the metadata of an array; None for a folder that is none."""
    name = next((name for name in ("zarr.json", ".zarray") if name in files), None)
    if name is None:
        return None
    path = folder / name
    try:
        check_regular(path)
        if path.stat().st_size > _MOST:
            raise ValueError(f"{path.stat().st_size:,} bytes of it")
        held = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(held, dict):
            raise ValueError("not an object")
    except (OSError, ValueError, RecursionError) as err:
        raise GausscheckError(f"{path}: its metadata cannot be read ({line_of(err)})") from err
    held["version"] = 3 if name == "zarr.json" else 2
    return held if name == ".zarray" or held.get("node_type") == "array" else None


def _array(key: str, held: dict[str, Any], folder: Path) -> ArrayMetadata:
    try:
        shape = tuple(held["shape"])
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"shape {shape}")
        if held["version"] == 2:
            dtype, unsafe = _version_2(held)
        else:
            dtype, unsafe = _version_3(held)
        packed = packed_of(held) if unsafe is None else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise GausscheckError(f"{folder}: its metadata cannot be read ({line_of(err)})") from err
    return ArrayMetadata(key, held["version"], shape, dtype, unsafe, packed)


def _version_2(held: dict[str, Any]) -> tuple[np.dtype[Any], str | None]:
    if not isinstance(held["dtype"], str):
        return np.dtype("V1"), "a record type is not a matrix; save one numeric array"
    dtype = np.dtype(held["dtype"])
    packer, filters = held.get("compressor"), held.get("filters") or []
    names = [codec["id"] for codec in filters]
    if dtype.kind == "O" and names != [TEXT]:
        return dtype, dtype_problem(dtype)
    for name in names:
        if name not in FILTERS | CHECKSUMS | {TEXT}:
            return dtype, _refusal(name)
    if packer is not None and packer["id"] not in PACKERS:
        return dtype, _refusal(packer["id"])
    return dtype, _within(held["chunks"], dtype) or _inner_types(filters)


def _version_3(held: dict[str, Any]) -> tuple[np.dtype[Any], str | None]:
    kind = held["data_type"]
    name = kind["name"] if isinstance(kind, dict) else kind
    if name not in _TYPES:
        return np.dtype("V1"), f"{name}: not a type that holds embeddings"
    dtype = np.dtype(name) if name in np.sctypeDict else np.dtype("U1")
    if isinstance(kind, dict):
        dtype = np.dtype(f"S{int(kind['configuration']['length_bytes'])}")
    if held.get("storage_transformers"):
        return dtype, "storage transformers, which are not read"
    codecs = held["codecs"]
    grid = held["chunk_grid"]
    if grid["name"] != "regular":
        return dtype, f"a {grid['name']} grid of chunks, which is not read"
    chunk = grid["configuration"]["chunk_shape"]
    if len(codecs) == 1 and codecs[0]["name"] == "sharding_indexed":
        inner = codecs[0]["configuration"]
        index = inner.get("index_codecs") or []
        if any(codec["name"] not in {"bytes", "crc32c"} for codec in index):
            return dtype, _refusal(index[-1]["name"])
        codecs, chunk = inner["codecs"], inner["chunk_shape"]
    return dtype, _chain(codecs) or _within(chunk, dtype)


def _chain(codecs: list[dict[str, Any]]) -> str | None:
    """Say which of the codecs of version 3 is not read; at most one compresses."""
    packed = 0
    for codec in codecs:
        name = codec["name"].removeprefix("numcodecs.")
        if name not in PACKERS | FILTERS | CHECKSUMS | _ORDER | {TEXT}:
            return _refusal(codec["name"])
        packed += name in PACKERS
    if packed > 1:
        return "compressed more than once, which is not read"
    return _inner_types([codec.get("configuration") or {} for codec in codecs])


def _inner_types(codecs: list[dict[str, Any]]) -> str | None:
    """Say which codec turns numbers into something that is no number."""
    for codec in codecs:
        for name in ("dtype", "astype"):
            if name in codec and np.dtype(codec[name]).kind not in "fiub":
                return f"a codec with type {codec[name]}, which is not read"
    return None


def _within(chunk: list[int], dtype: np.dtype[Any]) -> str | None:
    """Say that a chunk is too large to be held."""
    size = math.prod(chunk) * dtype.itemsize
    if size <= LARGEST_PIECE:
        return None
    return f"chunks of {size:,} bytes, of which at most {LARGEST_PIECE:,} are held; save smaller"


def _refusal(name: str) -> str:
    reason = "runs what the file says" if "pickle" in name else "is not on the list of those read"
    return f"packed with the codec {name!r}, which {reason}; save it with zstd, blosc or gzip"
