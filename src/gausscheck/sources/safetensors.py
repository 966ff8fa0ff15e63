"""``.safetensors``: a JSON header and raw tensors, read by position; bfloat16 is widened."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import (
    Contents,
    Entry,
    FileSource,
    choose,
    contents_of,
    line_of,
    problem_of,
    read_stored,
)
from gausscheck.sources.stack import Getter, StackSource, stacked, summed_up

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip

BFLOAT16_EPS = 2.0**-7

_MOST = 8 << 20
"""Bytes of a header at most, of 80,000 tensors: JSON takes 30 times its size in memory."""

_DIMENSIONS = 64
"""Of a tensor, at most."""


class SafetensorsSource(FileSource):
    """Rows of one tensor."""

    def __init__(self, path: Path, key: str, where: int, held: dict[str, Any]) -> None:
        self.path, self._key = path, key
        self._bfloat16 = held["dtype"] == "BF16"
        self._stored = np.dtype("<u2" if self._bfloat16 else _DTYPES[held["dtype"]])
        self._offset = where + held["data_offsets"][0]
        self.uri = f"{path}:{key}"
        self.n, self.d = held["shape"]
        self.dtype = np.dtype(np.float32) if self._bfloat16 else self._stored.newbyteorder("=")
        self.notes: tuple[str, ...] = ("bfloat16 widened to float32",) if self._bfloat16 else ()
        floats = self.dtype.kind == "f"
        eps = float(np.finfo(self.dtype if floats else np.float64).eps)
        self.eps = BFLOAT16_EPS if self._bfloat16 else eps

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        count = (stop - start) * self.d
        flat = read_stored(self.path, self._stored, self._offset, start * self.d, count, self.uri)
        if self._bfloat16:
            flat = (flat.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return flat.astype(self.dtype, copy=False).reshape(stop - start, self.d)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another tensor of the file; None where there is none."""
        return None if key == self._key else column_safetensors(self.path, key)


def column_safetensors(path: Path, key: str) -> NDArray[Any] | None:
    """Return one tensor of a dimension; None where there is none."""
    header, where = _header(path)
    held = header.get(key)
    if held is None or held["dtype"] not in _DTYPES or len(held["shape"]) != 1:
        return None
    stored = np.dtype(_DTYPES[held["dtype"]])
    return np.fromfile(path, stored, held["shape"][0], offset=where + held["data_offsets"][0])


def _header(path: Path) -> tuple[dict[str, Any], int]:
    check_file(path)
    size = path.stat().st_size
    try:
        with path.open("rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            if not 2 <= length <= min(size - 8, _MOST):
                raise ValueError(
                    f"header of {length:,} bytes in a file of {size:,}; at most {_MOST:,} are read"
                )
            header = json.loads(handle.read(length).decode("utf-8"))
            header.pop("__metadata__", None)
            _check(header, size - 8 - length)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise GausscheckError(
            f"{path}: expected a safetensors file, its header is damaged ({line_of(err)}); copy or "
            "download it again"
        ) from err
    return header, 8 + length


def _check(header: dict[str, Any], room: int) -> None:
    """Refuse tensors that do not fill the file one after another, as the format demands."""
    end = 0
    for key, held in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        low, high = held["data_offsets"]
        if len(held["shape"]) > _DIMENSIONS:
            raise ValueError(f"tensor {key}: {len(held['shape']):,} dimensions")
        if not all(isinstance(size, int) and size >= 0 for size in (*held["shape"], low, high)):
            raise ValueError(f"tensor {key}: shape {held['shape']} at {low} to {high}")
        wide = 2 if held["dtype"] == "BF16" else _itemsize(held["dtype"])
        if low != end or high < low or (wide and high - low != math.prod(held["shape"]) * wide):
            raise ValueError(f"tensor {key} does not fit its place")
        end = high
    if end != room:
        raise ValueError(f"{end:,} bytes of tensors promised, {room:,} found: truncated")


def _itemsize(name: str) -> int:
    return np.dtype(_DTYPES[name]).itemsize if name in _DTYPES else 0


def _entries(header: dict[str, Any]) -> list[Entry]:
    found = []
    for key, held in header.items():
        shape, name = tuple(held["shape"]), held["dtype"]
        if name == "BF16":
            problem = problem_of(shape, np.dtype(np.float32))
        elif name in _DTYPES:
            problem = problem_of(shape, np.dtype(_DTYPES[name]))
        else:
            problem = f"{name}: not a type that holds embeddings"
        said = "bfloat16" if name == "BF16" else str(np.dtype(_DTYPES.get(name, "O")))
        found.append(Entry(key, shape, said, problem))
    return found


def getter_safetensors(path: Path) -> Getter:
    """Return what maps a tensor."""
    return documents_safetensors(path)[1]


def documents_safetensors(path: Path) -> tuple[list[Entry], Getter]:
    """Return the file's tensors, and what maps one; bfloat16 is not mapped."""
    header, where = _header(path)
    entries = [entry for entry in _entries(header) if entry.dtype != "bfloat16"]

    def mapped(key: str) -> Any:
        if header[key]["dtype"] not in _DTYPES:
            raise ValueError(f"{header[key]['dtype']} is not mapped")
        low = where + header[key]["data_offsets"][0]
        stored = np.dtype(_DTYPES[header[key]["dtype"]])
        return np.memmap(path, stored, "r", low, tuple(header[key]["shape"]))

    return entries, mapped


def open_safetensors(path: Path, dataset: str | None) -> SafetensorsSource | StackSource:
    """Open one tensor of the file."""
    header, where = _header(path)
    many = stacked(path, _entries(header), dataset, getter_safetensors, "tensor")
    if many is not None:
        return many
    entry, _ = choose(_entries(header), dataset, str(path))
    return SafetensorsSource(path, entry.key, where, header[entry.key])


def inspect_safetensors(path: Path) -> Contents:
    """Say what the file holds."""
    found, said = summed_up(_entries(_header(path)[0]), "tensor")
    return contents_of(path, f"safetensors{said}", found)
