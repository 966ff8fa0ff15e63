"""What data are to the loop: rows, and two views of a row; and named random streams."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from zlib import crc32

import torch
from torch import Tensor

Views = Callable[[Tensor, "Tensor | None", torch.Generator], tuple[Tensor, Tensor]]
"""(clean rows, their labels, generator) -> two views, each of the rows' shape."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows to learn from and rows held out, and how a row is seen twice.

    Attributes
    ----------
    train, test : (N, ...), (n, ...) tensor
        float32 rows, or uint8 images.
    labels_train, labels_test : int64 tensor or None
    views : callable
    classes : int
    eta2 : float or None
        Squared maximal correlation of a view and its row, where it is known.
    """

    train: Tensor
    test: Tensor
    labels_train: Tensor | None
    labels_test: Tensor | None
    views: Views
    classes: int = 0
    eta2: float | None = None

    def fingerprint(self) -> str:
        """Name rows and labels, wherever they were read from: O(bytes)."""
        told = hashlib.sha256()
        for part in (self.train, self.test, self.labels_train, self.labels_test):
            if part is not None:
                told.update(f"{tuple(part.shape)} {part.dtype}".encode())
                told.update(part.cpu().contiguous().numpy().data)
        return told.hexdigest()

    def to(self, device: torch.device) -> Dataset:
        """Put rows and labels on a device, once for all epochs."""
        labels = [
            None if y is None else y.to(device) for y in (self.labels_train, self.labels_test)
        ]
        return replace(
            self, train=self.train.to(device), test=self.test.to(device), labels_train=labels[0],
            labels_test=labels[1],
        )  # fmt: skip


def generator(seed: int, name: str, device: str = "cpu") -> torch.Generator:
    """Return the random stream of that name: adding one never moves another's numbers.

    Seed and name are hashed into 32 bits: torch's generator on a CPU looks at no more.
    """
    return torch.Generator(device).manual_seed(crc32(f"{seed}/{name}".encode()))
