"""One p-value for a level: its directions all at once.

Directions of an embedding are correlated, so their p-values are not independent and no count of
them has a textbook law; the mean of A*² over them has one that their correlations give.
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64, Directions
from gausscheck.normality.nulls.mean_ad import mean_ad_law
from gausscheck.passes.scatter import ScatterMatrix
from gausscheck.report import GlobalTest

DIRECTIONS = 256
"""Directions compared at most: evenly spread over those of the level."""


def global_pvalue(
    covariance: ScatterMatrix, directions: Directions, ad_star: F64, log_pvalue: F64
) -> GlobalTest:
    """Test whether all of a level's directions are normal at once.

    Parameters
    ----------
    covariance : ScatterMatrix
        Of the rows.
    directions : Directions
        k of them.
    ad_star, log_pvalue : (k,) array
        A*² of each direction and the logarithm of its p-value.

    Returns
    -------
    GlobalTest
        ``pvalue``: that of mean A*² over directions whose projections are normal with these
        correlations (:func:`~gausscheck.normality.nulls.mean_ad.mean_ad_law`). ``cauchy``: the
        Cauchy combination (Liu & Xie 2020) of the directions' own p-values, valid in its tail under
        any correlation. Cost O(k³) for k up to 256.
    """
    fine = np.flatnonzero(np.isfinite(ad_star))
    chosen = fine[np.unique(np.linspace(0, fine.size - 1, DIRECTIONS).astype(int))]
    part = covariance.within(directions.take(chosen).columns())
    sd = np.sqrt(np.diag(part))
    law = mean_ad_law(ad_star[chosen].mean(keepdims=True), part / np.outer(sd, sd))
    if law.pvalue is None:
        raise LookupError("the law of the mean gave no p-value")
    return GlobalTest(
        pvalue=float(law.pvalue[0]),
        twins=0,
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
