"""The second pass: moments of every direction over all rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64, GausscheckError, Moments
from gausscheck.files import atomic_path, read_arrays
from gausscheck.passes.first_pass import FirstPassJob
from gausscheck.passes.plan import TILE
from gausscheck.passes.reductions import PowerSums
from gausscheck.passes.run import Workers, fold_rows


class RowMap(Protocol):
    """What is done to stored rows before they are centred: unit length, or nothing."""

    def rows(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return a block of rows in float64, mapped."""
        ...


@dataclass(frozen=True, slots=True)
class DirectionMoments:
    """Reduction of rows to the moments of their projections.

    Attributes
    ----------
    row_map : RowMap
    center : (d,) array
    matrices : tuple of arrays
        One a family: a matrix ``(d, k)`` to multiply by, or the numbers of coordinates, which need
        no product.
    dtype : numpy.dtype
        Float32 or float64: what products are made in.
    bad : array of int
        Rows left out.
    """

    row_map: RowMap
    center: F64
    matrices: tuple[NDArray[Any], ...]
    dtype: np.dtype[Any]
    bad: I64

    def of(self, block: NDArray[Any], row0: int) -> Moments:
        """Return the moments of one leaf along every direction."""
        sums = PowerSums()
        skip = self.bad[(self.bad >= row0) & (self.bad < row0 + block.shape[0])] - row0
        rows = self.row_map.rows(np.delete(block, skip, axis=0) if skip.size else block)
        rows -= self.center
        tall = rows.astype(self.dtype).T
        parts = []
        for matrix in self.matrices:
            for low in range(0, matrix.shape[-1], TILE):
                mine = matrix[..., low : low + TILE]
                parts.append(sums.of(tall[mine] if matrix.ndim == 1 else mine.T @ tall))
        return Moments.concatenate(parts)

    def merge(self, a: Moments, b: Moments) -> Moments:
        """Return the moments of the rows of both."""
        return PowerSums().merge(a, b)

    @property
    def k(self) -> int:
        """The number of directions."""
        return sum(matrix.shape[-1] for matrix in self.matrices)

    @property
    def key(self) -> str:
        """Name what is looked at, for a kept pass."""
        seen = hashlib.sha256(self.center.tobytes() + self.bad.tobytes())
        for matrix in self.matrices:
            seen.update(matrix.tobytes())
        return seen.hexdigest()[:20]


def direction_moments(job: FirstPassJob, reduction: DirectionMoments, workers: Workers) -> Moments:
    """Take the moments of every direction over all rows, or those that were kept.

    Raises
    ------
    GausscheckError
        If the file is not what it was in the first pass.
    """
    stage = "moments over all rows"
    held = None if workers.keep is None else workers.keep / f"{job.key}-{reduction.key}.npz"
    known = None if held is None else _kept(held, reduction.k)
    if known is not None:
        return known
    job.check_unchanged()
    total = fold_rows(job.source, job.blocks, reduction, workers, stage)
    job.check_unchanged()
    if held is not None:
        with atomic_path(held) as work, work.open("wb") as handle:
            np.savez(handle, n=total.n, mean=total.mean, m2=total.m2, m3=total.m3, m4=total.m4)
    return total


def _kept(path: Path, k: int) -> Moments | None:
    """Return moments that were kept; None where they are missing or damaged."""
    if not path.exists():
        return None
    try:
        arrays = read_arrays(path)  # members carry checksums
        found = Moments(int(arrays["n"]), *(arrays[name] for name in ("mean", "m2", "m3", "m4")))
    except (GausscheckError, KeyError, TypeError, ValueError):
        return None
    shapes = {np.shape(values) for values in (found.mean, found.m2, found.m3, found.m4)}
    return found if shapes == {(k,)} else None
