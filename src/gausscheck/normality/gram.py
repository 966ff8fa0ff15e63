"""Sums over all pairs of rows, from blocks of the Gram matrix: never n x n in memory.

Only blocks on and above the diagonal are made; those above it count twice. Blocks run side by side
in threads: the products and the ufuncs on them release the interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from gausscheck.core import F64
from gausscheck.threads import worker_pool

BLOCK = 512
"""Rows of a block: 2 MB of float64 a block."""

Kernel = Callable[[F64, F64, F64], F64]
"""(Gram block, squared norms of its rows (b, 1), of its columns (1, b)) -> sums (s,)."""


def pair_sums(y: F64, kernel: Kernel, *, threads: int | None = None) -> F64:
    """Sum a symmetric kernel over all n² ordered pairs of rows.

    Parameters
    ----------
    y : (n, d) array
    kernel : callable
        Sums over one block; it may overwrite the Gram block.
    threads : int, optional
        All processors by default.

    Returns
    -------
    (s,) array
        Cost O(n² d / 2); memory a few blocks a thread. Summed in a fixed order: the same bits for
        any number of threads.
    """
    n = y.shape[0]
    square = np.einsum("ij,ij->i", y, y)
    starts = range(0, n, BLOCK)

    def stripe(low: int) -> F64:
        rows = slice(low, low + BLOCK)
        total: F64 | None = None
        for left in range(low, n, BLOCK):
            columns = slice(left, left + BLOCK)
            found = kernel(y[rows] @ y[columns].T, square[rows, None], square[None, columns])
            found = found if left == low else 2 * found
            total = found if total is None else total + found
        if total is None:
            raise LookupError("no block was made")
        return total

    workers = min(threads or os.cpu_count() or 1, len(starts))
    if workers <= 1:
        parts = [stripe(low) for low in starts]
    else:
        with worker_pool(workers) as pool:
            parts = list(pool.map(stripe, starts))
    return np.asarray(np.sum(parts, axis=0))


def squared_distances(gram: F64, rows: F64, columns: F64) -> F64:
    """Turn a Gram block into squared distances, in place; what is rounding becomes zero."""
    gram *= -2
    gram += rows
    gram += columns
    gram[gram < 16 * np.finfo(float).eps * (rows + columns)] = 0
    return gram
