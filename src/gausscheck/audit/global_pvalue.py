"""One p-value for a level: its directions against those of a Gaussian twin.

Directions of an embedding are correlated, so their p-values are not independent and no count of
them has a textbook law. The twin has the same correlations and normal rows.
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64
from gausscheck.normality import profile
from gausscheck.report import GlobalTest

ROWS, DRAWS, DIRECTIONS = 200, 199, 256
"""Rows of a twin, twins, and directions compared at most."""


def global_pvalue(
    covariance: F64, ad_star: F64, log_pvalue: F64, n: int, rng: np.random.Generator, threads: int
) -> GlobalTest:
    """Test whether all of a level's directions are normal at once.

    Parameters
    ----------
    covariance : (k, k) array
        Of the projections.
    ad_star, log_pvalue : (k,) array
        A*² of each direction and the logarithm of its p-value.
    n : int
        Rows behind them.
    rng : Generator
    threads : int

    Returns
    -------
    GlobalTest
        ``pvalue``: that of mean A*² among the twins, rows drawn from N(0, correlation), by
        (b + 1)/(m + 1); no twin says less than 1/200. The law of A*² hardly depends on n, so twins
        have few rows. ``cauchy``: the Cauchy combination (Liu & Xie 2020) of the directions' own
        p-values, valid in its tail under any correlation. Cost O(k m log m) for each twin.
    """
    fine = np.flatnonzero(np.isfinite(ad_star))
    chosen = fine[np.unique(np.linspace(0, fine.size - 1, DIRECTIONS).astype(int))]
    observed = float(ad_star[chosen].mean())
    part = covariance[np.ix_(chosen, chosen)]
    sd = np.sqrt(np.diag(part))
    values, vectors = np.linalg.eigh(part / np.outer(sd, sd))
    root = vectors * np.sqrt(values.clip(min=0))
    rows = min(n, ROWS)
    means = np.empty(DRAWS)
    batch = max(1, (1 << 20) // (chosen.size * rows))
    for low in range(0, DRAWS, batch):
        count = min(batch, DRAWS - low)
        block = root @ rng.standard_normal((chosen.size, count * rows))
        found = profile(
            block.reshape(-1, rows),
            tests=("anderson_darling",),
            effects=False,
            threads=threads,
            overwrite=True,
        )
        means[low : low + count] = found.ad_star.reshape(chosen.size, count).mean(axis=0)
    return GlobalTest(
        pvalue=float((1 + (means >= observed).sum()) / (DRAWS + 1)),
        twins=DRAWS,
        directions=int(chosen.size),
        cauchy=cauchy(log_pvalue[fine]),
    )


def cauchy(log_pvalue: F64) -> float:
    """Combine p-values that may depend on each other (Liu & Xie 2020).

    Examples
    --------
    >>> round(cauchy(np.log([0.03, 0.03])), 6)
    0.03
    """
    p = np.exp(log_pvalue.clip(min=-690)).clip(max=1 - 1e-9)
    score = np.where(p < 1e-8, 1 / (np.pi * p), np.tan((0.5 - p) * np.pi)).mean()
    return float(1 / (np.pi * score) if score > 1e8 else 0.5 - np.arctan(score) / np.pi)
