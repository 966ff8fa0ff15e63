"""Many directions at once: Holm and Benjamini-Hochberg."""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64


def holm(log_pvalues: F64, alpha: float) -> np.ndarray:
    """Say which hypotheses Holm's step-down procedure rejects (Holm 1979).

    Parameters
    ----------
    log_pvalues : (k,) array
        Natural logarithms, so that p-values that underflow keep their order; NaN is not rejected.
    alpha : float
        Probability of one false rejection or more, whatever the dependence.

    Returns
    -------
    (k,) bool array

    Examples
    --------
    >>> holm(np.log([0.01, 0.04, 0.02]), 0.05).tolist()
    [True, True, True]
    """
    p = np.where(np.isnan(log_pvalues), np.inf, log_pvalues)
    order = np.argsort(p, kind="stable")
    m = int((p < np.inf).sum())  # a logarithm of −inf is a hypothesis too
    bound = np.log(alpha) - np.log(np.maximum(m - np.arange(p.size), 1))
    passed = np.logical_and.accumulate(p[order] <= bound)
    rejected = np.zeros(p.size, dtype=bool)
    rejected[order] = passed
    return rejected


def benjamini_hochberg(pvalues: F64, alpha: float) -> np.ndarray:
    """Say which hypotheses are discoveries at a false discovery rate (Benjamini & Hochberg 1995).

    All p-values up to the largest that lies at most at its rank's share of ``alpha``; NaN is no
    discovery. (SciPy has it too, in a module whose import costs more than most audits' tests.)
    """
    fine = np.sort(pvalues[np.isfinite(pvalues)])
    below = np.flatnonzero(fine <= alpha * np.arange(1, fine.size + 1) / max(fine.size, 1))
    if not below.size:
        return np.zeros(pvalues.size, dtype=bool)
    return np.asarray(pvalues <= fine[below[-1]])


def corrections(pvalues: F64, alpha: float) -> dict[str, int]:
    """Count directions that reject at ``alpha``: singly, by Holm, by Benjamini-Hochberg."""
    fine = pvalues[np.isfinite(pvalues)]
    with np.errstate(divide="ignore"):
        logs = np.log(fine)
    return {
        "tested": int(fine.size),
        "rejected": int((fine < alpha).sum()),
        "holm": int(holm(logs, alpha).sum()),
        "bh": int(benjamini_hochberg(fine, alpha).sum()),
    }
