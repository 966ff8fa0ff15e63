"""BHEP and Henze-Zirkler at a cost linear in n, for more rows than pairs can be summed over.

T = n ∫ |φ_n(t) − exp(−|t|²/2)|² dN(0, β² I) is n times a mean over frequencies t drawn from
N(0, β² I). Frequencies come from several independently scrambled Sobol nets (Owen 1997); the spread
of the nets' means gives the standard error of the estimate. Frequencies depend on d alone, so the
estimate is a statistic of its own, with a null law that can be simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.threads import worker_pool

NETS, POINTS = 16, 64
"""Scrambled nets, and frequencies in each: a power of two keeps a net balanced."""

ROWS = 4096
"""Rows whose phases are alive in one thread: 16 MB of float32."""


@lru_cache(maxsize=4)
def _unit_frequencies(d: int) -> NDArray[np.float32]:
    """Return standard normal frequencies ``(d, NETS * POINTS)``, the same each time."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    nets = [
        qmc.Sobol(d, rng=np.random.default_rng([20_260_308, d, net])).random(POINTS)
        for net in range(NETS)
    ]
    t = ndtri(np.clip(np.vstack(nets), 1e-10, 1 - 1e-10)).T
    t = np.ascontiguousarray(t, dtype=np.float32)
    t.flags.writeable = False
    return t


def sampled_bhep(
    read: Callable[[int, int], NDArray[Any]],
    n: int,
    d: int,
    beta: float,
    threads: int = 1,
) -> tuple[float, float]:
    """Estimate the BHEP statistic from the characteristic function at sampled frequencies.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` gives whitened rows ``(stop - start, d)``; called from threads.
    n, d : int
    beta : float
        Smoothing: frequencies are N(0, beta² I).
    threads : int

    Returns
    -------
    statistic, standard_error : float
        The error is that of sampling frequencies. Cost O(1,024 n d): one matrix product, a sine and
        a cosine in float32 for each row and frequency, whose rounding is far below 1/sqrt(n); sums
        are float64. Memory a few blocks a thread. Summed in a fixed order: the same bits for any
        number of threads.
    """
    unit = _unit_frequencies(d)
    t = unit * np.float32(beta)

    def sums(start: int) -> F64:
        phase = read(start, min(start + ROWS, n)).astype(np.float32, copy=False) @ t
        real = np.cos(phase).sum(axis=0, dtype=np.float64)
        return np.stack([real, np.sin(phase, out=phase).sum(axis=0, dtype=np.float64)])

    starts = range(0, n, ROWS)
    if threads <= 1 or len(starts) == 1:
        total = sum((sums(start) for start in starts), np.zeros((2, t.shape[1])))
    else:
        with worker_pool(threads) as pool:
            total = sum(pool.map(sums, starts), np.zeros((2, t.shape[1])))
    real, imaginary = total / n
    normal = np.exp(-0.5 * np.einsum("ij,ij->j", t, t, dtype=np.float64))
    gap = n * ((real - normal) ** 2 + imaginary**2)
    nets = gap.reshape(NETS, POINTS).mean(axis=1)
    return float(nets.mean()), float(nets.std(ddof=1) / np.sqrt(NETS))
