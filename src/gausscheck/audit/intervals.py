"""Delete-a-group jackknife: one standard error, one quantile."""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64


def jackknife_error(without: F64) -> F64:
    """Return the standard error from estimates without each of G groups, over the last axis.

    sqrt((G − 1)/G Σ (θ₋g − mean)²) (Shao & Tu 1995). Of an average over pairs of rows it is about
    sqrt(2) times too large where that average is degenerate, as under most null hypotheses.

    Examples
    --------
    >>> float(jackknife_error(np.array([1.0, 2.0, 3.0]))) ** 2
    1.3333333333333333
    """
    groups = without.shape[-1]
    centred = without - without.mean(axis=-1, keepdims=True)
    return np.asarray(np.sqrt((groups - 1) / groups * (centred**2).sum(axis=-1)))


def student_quantile(groups: int, level: float) -> float:
    """Return the quantile of Student's t on G − 1 degrees of freedom.

    Examples
    --------
    >>> round(student_quantile(20, 0.975), 3)
    2.093
    """
    from scipy.special import stdtrit

    return float(stdtrit(groups - 1, level))
