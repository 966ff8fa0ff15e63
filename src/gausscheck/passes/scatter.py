"""Scatter matrices that are held by the rows they are of, as long as these are few.

Few rows of many dimensions have a (d, d) scatter matrix that no budget holds, and that says no more
than the rows: everything asked of it is a product with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64

WIDE = 3
"""Rows are held as they are while they are no more than one in so many of the dimensions."""


def is_wide(n: int, d: int) -> bool:
    """Whether n rows of d dimensions are held as they are."""
    return WIDE * n <= d


@dataclass(frozen=True, slots=True)
class ScatterMatrix:
    """The symmetric matrix Σ v vᵀ of rows v, or a multiple of it.

    Attributes
    ----------
    held : array
        The matrix itself, (d, d); where ``wide`` p rows v instead, (p, d).
    wide : bool
    """

    held: F64
    wide: bool = False

    @classmethod
    def of(cls, rows: F64) -> ScatterMatrix:
        """Return Σ v vᵀ of rows ``(n, d)``, which are kept where they are few. Cost O(n d²)."""
        return cls(rows, wide=True) if is_wide(*rows.shape) else cls(rows.T @ rows)

    @classmethod
    def zero(cls, dim: int) -> ScatterMatrix:
        """Return the scatter of no rows."""
        return cls(np.zeros((0, dim)), wide=True)

    @property
    def dim(self) -> int:
        """Dimensions d."""
        return int(self.held.shape[1])

    def dense(self) -> F64:
        """Return the matrix itself, (d, d)."""
        return np.asarray(self.held.T @ self.held) if self.wide else self.held

    def plus(
        self, vector: F64, weight: float = 1.0, others: Sequence[ScatterMatrix] = ()
    ) -> ScatterMatrix:
        """Return the scatter of its rows and of others', with ``weight`` times v vᵀ added.

        The weight is not negative.
        """
        scaled, parts = vector * sqrt(weight), (self, *others)
        if all(part.wide for part in parts):
            return ScatterMatrix.of(np.concatenate([*(part.held for part in parts), scaled[None]]))
        out = np.outer(scaled, scaled)
        for part in parts:
            out += part.dense()
        return ScatterMatrix(out)

    def over(self, count: float) -> ScatterMatrix:
        """Return it divided by a number."""
        return ScatterMatrix(self.held / (sqrt(count) if self.wide else count), self.wide)

    def diagonal(self) -> F64:
        """Return the diagonal, (d,)."""
        if self.wide:
            return np.asarray(np.einsum("ij,ij->j", self.held, self.held))
        return np.diag(self.held)

    def trace(self) -> float:
        """Return the sum of the eigenvalues."""
        return float(self.diagonal().sum())

    def square_sum(self) -> float:
        """Return the sum of the squares of the eigenvalues."""
        return float(((self.held @ self.held.T if self.wide else self.held) ** 2).sum())

    def times(self, matrix: F64) -> F64:
        """Return the product with ``(d,)`` or ``(d, k)``. Cost O(d² k), or O(n d k)."""
        return np.asarray(self.held.T @ (self.held @ matrix) if self.wide else self.held @ matrix)

    def within(self, matrix: F64) -> F64:
        """Return ``matrixᵀ S matrix``, (k, k)."""
        if self.wide:
            inside = self.held @ matrix
            return np.asarray(inside.T @ inside)
        return np.asarray(matrix.T @ self.held @ matrix)

    def of_columns(self, chosen: NDArray[np.intp]) -> ScatterMatrix:
        """Return the scatter of some coordinates."""
        part = self.held[:, chosen] if self.wide else self.held[np.ix_(chosen, chosen)]
        return ScatterMatrix(part, self.wide)

    def mapped(self, matrix: F64) -> ScatterMatrix:
        """Return the scatter of rows ``v @ matrix``."""
        if self.wide:
            return ScatterMatrix.of(self.held @ matrix)
        return ScatterMatrix(self.within(matrix))

    def eigh(self) -> tuple[F64, F64]:
        """Return eigenvalues, ascending, and eigenvectors (columns).

        All d of them. Where p rows are held, those above rounding, p at most: of the (p, p) Gram
        matrix of the rows, whose eigenvectors the rows take to those of S. Cost O(d³), or O(p² d).
        """
        if not self.wide:
            values, vectors = np.linalg.eigh(self.held)
            return values, vectors
        values, inner = np.linalg.eigh(self.held @ self.held.T)
        keep = values > values[-1:] * max(self.held.shape) * np.finfo(float).eps
        if not keep.any():  # rows of nothing but zeros
            return np.zeros(1), np.eye(self.dim, 1)
        vectors = self.held.T @ (inner[:, keep] / np.sqrt(values[keep]))
        # those of small eigenvalues carry the rounding of the largest, so they lean: the nearest
        # frame that is orthonormal
        return values[keep], vectors @ inverse_root(vectors.T @ vectors)


def inverse_root(matrix: F64) -> F64:
    """Return the symmetric inverse root of a matrix whose eigenvalues are above rounding."""
    values, turn = np.linalg.eigh(matrix)
    return np.asarray((turn / np.sqrt(values)) @ turn.T)


def packed(scatters: Sequence[ScatterMatrix], dim: int) -> dict[str, NDArray[Any]]:
    """Return what several are held by, one after another, and how many rows each has, wide or not.

    Parameters
    ----------
    scatters : sequence of ScatterMatrix
    dim : int
        Dimensions of each.
    """
    shapes = [(len(one.held), int(one.wide)) for one in scatters]
    return {
        "nodes/held": np.concatenate([one.held for one in scatters] or [np.empty((0, dim))]),
        "nodes/rows": np.array(shapes, dtype=np.int64).reshape(-1, 2),
    }


def unpacked(members: Mapping[str, NDArray[Any]]) -> list[ScatterMatrix]:
    """Return what :func:`packed` put together.

    Raises
    ------
    ValueError
        If the arrays do not fit one another.
    """
    held, shapes = members["nodes/held"], members["nodes/rows"]
    rows = shapes[:, 0]
    if held.ndim != 2 or rows.min(initial=0) < 0 or int(rows.sum()) != len(held):
        raise ValueError("scatter matrices of other sizes than it says")
    parts = np.split(held, np.cumsum(rows)[:-1]) if rows.size else []
    found = [
        ScatterMatrix(part, bool(wide)) for part, wide in zip(parts, shapes[:, 1], strict=True)
    ]
    if not all(one.wide or one.held.shape == (one.dim, one.dim) for one in found):
        raise ValueError("a scatter matrix that is not square")
    return found
