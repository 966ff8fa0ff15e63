"""``.pt``, ``.pth``, ``.bin``: tensors, loaded by torch with ``weights_only``: nothing is run."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.archive import is_archive
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
from gausscheck.sources.refused import refused_by_content
from gausscheck.sources.stack import Getter, StackSource, stacked, summed_up

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
        tensors = _tensors(path)
        self._names = frozenset(tensors)
        tensor = self._held = tensors[key]
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
        return column_torchfile(self.path, key) if key in self._names else None


def column_torchfile(path: Path, key: str) -> NDArray[Any] | None:
    """Return one tensor whole; None where there is none."""
    held = _tensors(path).get(key)
    return None if held is None or _problem(held) in _UNREADABLE else np.asarray(held.detach())


_UNREADABLE = (
    "a sparse tensor; save it dense (to_dense)",
    "a quantised tensor; save dequantised",
    "a tensor without values (meta)",
    "more values than are stored (expanded, or rows that overlap); save x.contiguous()",
)

_DEEPEST = 64
"""Dicts and lists in one another that are looked into."""


def _tensors(path: Path) -> dict[str, Any]:
    need("torch", "train", str(path))
    import torch

    check_file(path)
    archive = is_archive(path)
    try:
        if archive:
            _check_records(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch thinks of a damaged pickle
            held = torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except Exception as err:
        known = refused_by_content(path) if not archive else None
        objects = isinstance(err, pickle.UnpicklingError) and "weights_only" in str(err)
        said = "objects of other kinds, which are never loaded" if objects else line_of(err)
        raise known or GausscheckError(
            f"{path}: expected tensors that load with weights_only, got {said}; save the tensor "
            "alone: torch.save(x, 'x.pt')"
        ) from err
    if isinstance(held, torch.Tensor):
        return {ROOT: held}
    if isinstance(held, dict | list | tuple):
        return dict(_within(held, "", torch.Tensor, set()))
    raise GausscheckError(
        f"{path}: expected a tensor, or a dict or list of them, got {type(held).__name__}; save "
        "the tensor alone: torch.save(x, 'x.pt')"
    )


def _within(held: Any, prefix: str, kind: type, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield tensors of nested dicts and lists, keys and places joined by slashes.

    What lies in several places is looked into once: it may hold itself.
    """
    if id(held) in seen or prefix.count("/") > _DEEPEST:
        return
    seen.add(id(held))
    for key, value in held.items() if isinstance(held, dict) else enumerate(held):
        if isinstance(value, kind):
            yield f"{prefix}{key}", value
        elif isinstance(value, dict | list | tuple):
            yield from _within(value, f"{prefix}{key}/", kind, seen)


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
    if tensor.is_meta:
        return _UNREADABLE[2]
    if _is_expanded(tensor):
        return _UNREADABLE[3]
    name = str(tensor.dtype).removeprefix("torch.")
    try:
        dtype = np.dtype(np.float32 if name == "bfloat16" else name)
    except TypeError:
        return f"{name}: NumPy has no such type; save it as float16 or float32"
    return problem_of(tuple(tensor.shape), dtype)


def _is_expanded(tensor: Any) -> bool:
    """Whether a shape promises more than lies in the file: a few bytes may say 2^40 rows."""
    return bool(tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes())


def _entry(key: str, tensor: Any) -> Entry:
    problem, name = _problem(tensor), str(tensor.dtype).removeprefix("torch.")
    if problem in _UNREADABLE:
        name = f"{name} (not read)"  # no type that stacks
    return Entry(key, tuple(tensor.shape), name, problem)


def _entries(path: Path) -> list[Entry]:
    return [_entry(key, held) for key, held in _tensors(path).items()]


def getter_torchfile(path: Path) -> Getter:
    """Load the file and return what reads a tensor."""
    held = _tensors(path)

    def get(key: str) -> Any:
        tensor = held[key].detach()
        return (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()

    return get


def documents_torchfile(path: Path) -> tuple[list[Entry], Getter]:
    """Return the file's tensors, and what reads one."""
    return _entries(path), getter_torchfile(path)


def open_torchfile(path: Path, dataset: str | None) -> TorchSource | StackSource:
    """Open one tensor of the file, or all of its list or dict where each is a vector."""
    found = _entries(path)
    many = stacked(path, found, dataset, getter_torchfile, "tensor")
    if many is not None:
        return many
    entry, _ = choose(found, dataset, str(path))
    return TorchSource(path, entry.key)


def inspect_torchfile(path: Path) -> Contents:
    """Say what the file holds."""
    found, said = summed_up(_entries(path), "tensor")
    return contents_of(path, f"torch{said}", found)
