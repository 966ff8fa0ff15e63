"""``.pt`` and ``.pth``: tensors, loaded by torch with ``weights_only``: nothing is executed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    Contents,
    Entry,
    check_file,
    choose,
    contents_of,
    need,
    problem_of,
)
from gausscheck.sources.memory import open_memory

ROOT = "tensor"
"""What the tensor is called where the file is one tensor."""


class TorchSource:
    """Rows of one tensor of the file, memory-mapped by torch where the file allows it."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key
        self._held: Any = None
        held = self._opened()
        self.uri = str(path) if key == ROOT else f"{path}:{key}"
        self.n, self.d, self.dtype, self.eps = held.n, held.d, held.dtype, held.eps
        self.notes: tuple[str, ...] = held.notes

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_held": None}

    def _opened(self) -> Any:
        if self._held is None:
            self._held = open_memory(_tensors(self._path)[self._key])
        return self._held

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        rows: NDArray[Any] = self._opened().read(start, stop)
        return rows

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another tensor of the file; None where there is none."""
        held = _tensors(self._path).get(key)
        return None if held is None else np.asarray(held.detach().cpu())


def _tensors(path: Path) -> dict[str, Any]:
    need("torch", "train", str(path))
    import torch

    check_file(path)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError,
            AttributeError, IndexError, TypeError) as err:  # fmt: skip
        said = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise GausscheckError(
            f"{path}: expected tensors that load with weights_only, got {said}; save the tensor "
            "alone with torch.save"
        ) from err
    if isinstance(held, torch.Tensor):
        return {ROOT: held}
    if isinstance(held, dict):
        return {str(k): v for k, v in held.items() if isinstance(v, torch.Tensor)}
    raise GausscheckError(f"{path}: expected a tensor or a dict of them, got {type(held).__name__}")


def _entries(path: Path) -> list[Entry]:
    found = []
    for key, tensor in _tensors(path).items():
        name = str(tensor.dtype).removeprefix("torch.")
        try:
            dtype = np.dtype(np.float32 if name == "bfloat16" else name)
        except TypeError:
            dtype = np.dtype(object)
        shape = tuple(tensor.shape)
        found.append(Entry(key, shape, name, problem_of(shape, dtype)))
    return found


def open_torchfile(path: Path, dataset: str | None) -> TorchSource:
    """Open one tensor of the file."""
    entry, _ = choose(_entries(path), dataset, str(path))
    return TorchSource(path, entry.key)


def inspect_torchfile(path: Path) -> Contents:
    """Say what the file holds."""
    return contents_of(path, "torch", _entries(path))
