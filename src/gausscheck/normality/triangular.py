"""Lower triangular matrices: inverses and products, by NumPy's products of blocks.

SciPy's triangular routines hold the interpreter while they work, so that threads wait for one
another; products of arrays do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64

F32 = NDArray[np.float32]

STEP = 64
"""Rows of a block: what lies above the diagonal within one is all that is made in vain."""

VALUES = 1 << 20
"""Values of the other factor that are multiplied at once: few enough to stay in cache."""


def inverse(lower: F64) -> F64:
    """Return the inverse of a lower triangular matrix ``(k, k)``, by halves.

    Cost k³/3 operations.

    Examples
    --------
    >>> inverse(np.array([[2.0, 0.0], [1.0, 4.0]]))
    array([[ 0.5  ,  0.   ],
           [-0.125,  0.25 ]])
    """
    from scipy.linalg.lapack import dtrtri

    k = len(lower)
    if k <= STEP:
        return np.asarray(dtrtri(lower, lower=1)[0])
    half = k // 2
    out = np.zeros_like(lower)
    out[:half, :half] = inverse(lower[:half, :half])
    out[half:, half:] = inverse(lower[half:, half:])
    beside = out[half:, half:] @ (lower[half:, :half] @ out[:half, :half])
    np.negative(beside, out=out[half:, :half])
    return out


def squared_lengths(lower: F32, columns: F32, shift: F32, ends: Sequence[int] | None = None) -> F32:
    """Return squared lengths of the leading entries of ``lower @ columns - shift``.

    Parameters
    ----------
    lower : (k, k) array
        Lower triangular.
    columns : (k, n) array
    shift : (k,) array
    ends : sequence of int, optional
        Numbers of leading entries, ascending; those at which blocks of :data:`STEP` end by default.

    Returns
    -------
    (len(ends), n) array
        The last row is of all k where the last end is k. Cost n k² operations where blocks are
        short, half of a full product's; memory of a block.
    """
    k, n = columns.shape
    cuts = (0, *(ends or (*range(STEP, k, STEP), k)))
    found = np.empty((len(cuts) - 1, n), dtype=np.float32)
    for tile in _tiles(n, k):
        for i, (low, high) in enumerate(pairwise(cuts)):
            z = lower[low:high, :high] @ columns[:high, tile]
            z -= shift[low:high, None]
            np.einsum("ij,ij->j", z, z, out=found[i, tile])
    return found if len(found) == 1 else np.cumsum(found, axis=0, out=found)


def map_rows(lower: F64, rows: F64) -> F64:
    """Put ``rows @ lower.T`` in the place of rows ``(n, k)``, and return it.

    Cost n k² operations, half of a full product's; memory of a tile of rows.
    """
    n, k = rows.shape
    for tile in _tiles(n, k):
        x = rows[tile].copy()
        for low in range(0, k, STEP):
            high = min(low + STEP, k)
            np.matmul(x[:, :high], lower[low:high, :high].T, out=rows[tile, low:high])
    return rows


def _tiles(n: int, k: int) -> list[slice]:
    size = max(1, VALUES // max(k, 1))
    return [slice(low, min(low + size, n)) for low in range(0, n, size)]
