"""Random numbers: named streams, random frames, the hashed order of rows."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64


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


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream of that name: adding one never moves another's numbers."""
    return np.random.default_rng([seed, crc32(name.encode())])


def haar(rng: np.random.Generator, dim: int, k: int) -> F64:
    """Draw k orthonormal columns (dim, k), uniform over all such frames."""
    q, r = np.linalg.qr(rng.standard_normal((dim, k)))
    return np.asarray(q * np.sign(np.diag(r)))
