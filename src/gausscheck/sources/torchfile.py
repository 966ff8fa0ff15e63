"""``.pt``, ``.pth``, ``.bin``: tensors, loaded by torch with ``weights_only``: nothing is run."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
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
    need,
    problem_of,
)
from gausscheck.sources.memory import open_memory

ROOT = "tensor"
"""What the tensor is called where the file is one tensor."""

_SMALL = 64 << 20
"""Records of an archive up to this size are held against their checksum."""


class TorchSource(FileSource):
    """Rows of one tensor of the file.

    Memory-mapped where the file is an archive (torch 1.6 and later); bfloat16 is widened to
    float32 as it is read, not as a whole.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self._key = path, key
        self._held: Any = None
        self.uri = str(path) if key == ROOT else f"{path}:{key}"
        tensor = self._opened()
        sample = open_memory(tensor[:1])
        self.n, self.d = (int(size) for size in tensor.shape)
        self.dtype, self.eps, self.notes = sample.dtype, sample.eps, sample.notes

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_held": None}

    def _opened(self) -> Any:
        if self._held is None:
            self._held = _tensors(self.path)[self._key]
        return self._held

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        rows = self._opened()[start:stop].detach()
        wide = rows.float() if "bfloat16" in str(rows.dtype) else rows
        return np.ascontiguousarray(wide.numpy())

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another tensor of the file; None where there is none."""
        return column_torchfile(self.path, key)


def column_torchfile(path: Path, key: str) -> NDArray[Any] | None:
    """Return one tensor whole; None where there is none."""
    held = _tensors(path).get(key)
    return None if held is None or _problem(held) in _UNREADABLE else np.asarray(held.detach())


_UNREADABLE = ("a sparse tensor; save it dense (to_dense)", "a quantised tensor; save dequantised")


def _tensors(path: Path) -> dict[str, Any]:
    need("torch", "train", str(path))
    import torch

    check_file(path)
    try:
        archive = zipfile.is_zipfile(path)
        if archive:
            _check_records(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch thinks of a damaged pickle
            held = torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected tensors that load with weights_only, got {line_of(err)}; save the "
            "tensor alone with torch.save"
        ) from err
    if isinstance(held, torch.Tensor):
        return {ROOT: held}
    if isinstance(held, dict):
        return dict(_within(held, "", torch.Tensor))
    raise GausscheckError(f"{path}: expected a tensor or a dict of them, got {type(held).__name__}")


def _within(held: dict[Any, Any], prefix: str, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield tensors of nested dicts, keys joined by slashes."""
    for key, value in held.items():
        if isinstance(value, kind):
            yield f"{prefix}{key}", value
        elif isinstance(value, dict):
            yield from _within(value, f"{prefix}{key}/", kind)


def _check_records(path: Path) -> None:
    """Hold the shapes against their checksum, which torch does not."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith(".pkl") and info.file_size <= _SMALL:
                archive.read(info)


def _problem(tensor: Any) -> str | None:
    if str(tensor.layout) != "torch.strided":
        return _UNREADABLE[0]
    if tensor.is_quantized:
        return _UNREADABLE[1]
    name = str(tensor.dtype).removeprefix("torch.")
    try:
        dtype = np.dtype(np.float32 if name == "bfloat16" else name)
    except TypeError:
        return f"{name}: NumPy has no such type; save it as float16 or float32"
    return problem_of(tuple(tensor.shape), dtype)


def _entries(path: Path) -> list[Entry]:
    return [
        Entry(key, tuple(held.shape), str(held.dtype).removeprefix("torch."), _problem(held))
        for key, held in _tensors(path).items()
    ]


def open_torchfile(path: Path, dataset: str | None) -> TorchSource:
    """Open one tensor of the file."""
    entry, _ = choose(_entries(path), dataset, str(path))
    return TorchSource(path, entry.key)


def inspect_torchfile(path: Path) -> Contents:
    """Say what the file holds."""
    return contents_of(path, "torch", _entries(path))
