"""Random numbers: named streams, random frames, the hashed order of rows."""

from __future__ import annotations

from math import isqrt
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64

_CHUNK = 1 << 20
"""Rows that are hashed at once."""


def row_hash(rows: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return a hash of (seed, row) for each row number: a permutation of all 64-bit numbers.

    Splitmix64 (Steele, Lea & Flood 2014) of the row number, shifted by the seed. Different rows
    have different hashes.

    Examples
    --------
    >>> len(set(row_hash(np.arange(1000, dtype=np.uint64), seed=0).tolist()))
    1000
    """
    x = rows + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x1234567) % (1 << 64))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    x ^= x >> np.uint64(31)
    return x


def hashed_order(n: int, seed: int) -> I64:
    """Return the rows 0..n-1 in a random order given by a hash of (seed, row).

    The first m of them are a simple random sample of m rows that is the same for every block size
    and worker (bottom-m sampling).

    Examples
    --------
    >>> sorted(hashed_order(5, seed=0).tolist())
    [0, 1, 2, 3, 4]
    """
    keys = row_hash(np.arange(n, dtype=np.uint64), seed)
    return np.argsort(keys, kind="stable").astype(np.int64)


def hashed_sample(n: int, most: int, seed: int) -> I64:
    """Return the first rows of :func:`hashed_order`, at most so many, in memory that they take.

    Examples
    --------
    >>> bool((hashed_sample(50, 7, seed=3) == hashed_order(50, seed=3)[:7]).all())
    True
    """
    wanted = most + 8 * isqrt(most) + 64  # nearly always enough of them lie below such a hash
    while wanted < n:
        below = np.uint64(min(wanted * 2**64 // n, 2**64 - 1))
        rows = np.concatenate([_below(below, start, n, seed) for start in range(0, n, _CHUNK)])
        if rows.size >= most:
            order = np.argsort(row_hash(rows, seed), kind="stable")[:most]
            return rows[order].astype(np.int64)
        wanted *= 2
    return hashed_order(n, seed)[:most]


def _below(limit: np.uint64, start: int, n: int, seed: int) -> NDArray[np.uint64]:
    """Return the rows of one chunk whose hash is not above a limit."""
    rows = np.arange(start, min(start + _CHUNK, n), dtype=np.uint64)
    return rows[row_hash(rows, seed) <= limit]


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream of that name: adding one never moves another's numbers."""
    return np.random.default_rng([seed, crc32(name.encode())])


def haar(rng: np.random.Generator, dim: int, k: int) -> F64:
    """Draw k orthonormal columns (dim, k), uniform over all such frames."""
    q, r = np.linalg.qr(rng.standard_normal((dim, k)))
    return np.asarray(q * np.sign(np.diag(r)))
