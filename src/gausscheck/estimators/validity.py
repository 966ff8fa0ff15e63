"""Whether Gaussian p-values hold on the rows at hand: a rate with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.use import use_of_rows
from gausscheck.audit.use.jackknife import jeffreys
from gausscheck.core import F64, I64
from gausscheck.estimators.gaussian import GaussianFit
from gausscheck.report.use import LEAST, MASKED, MOST, ONE, Rate

LEAST_ROWS = 40
"""Rows that a rate is told from."""

_GROUPS = 20


def false_alarm(
    fit: GaussianFit,
    fitted: NDArray[Any],
    fitted_groups: I64 | None,
    held_out: F64,
    held_out_groups: I64 | None,
) -> Rate | None:
    """Measure what share of rows lies beyond the Gaussian 1 % threshold.

    Parameters
    ----------
    fit : GaussianFit
    fitted : (n, d) array
        The rows behind its mean and covariance: where their law is exact the rate is theirs, by
        :func:`gausscheck.audit.use.use_of_rows`.
    fitted_groups : (n,) int array or None
    held_out : (m,) array
        P-values of rows that the fit has not seen: their rate, where it is not.
    held_out_groups : (m,) int array or None

    Returns
    -------
    Rate or None
        With a 95 % interval; None with fewer than 40 rows.
    """
    if not fit.exact:
        return held_out_rate(held_out <= float(ONE), float(ONE), held_out_groups)
    if fit.n < LEAST_ROWS:
        return None
    use = use_of_rows(
        fit.preparation.apply(fitted),
        groups=_GROUPS if not _several(fitted_groups) else np.asarray(fitted_groups),
        rng=np.random.default_rng(0),
        components=fit.k,
    )
    return use.false_alarm[ONE]


def _several(groups: I64 | None) -> bool:
    """Whether groups are two or more, none of which holds nearly all rows."""
    if groups is None:
        return False
    sizes = np.unique(groups, return_counts=True)[1]
    return sizes.size > 1 and int(sizes.max()) < groups.size - 3


def held_out_rate(flags: NDArray[np.bool_], level: float, groups: I64 | None) -> Rate | None:
    """Return the share of rows flagged, with Jeffreys' interval; None with fewer than 40 rows.

    Where rows come in groups the interval is that of the effective number of rows, by the variance
    of shares between groups.
    """
    m = flags.size
    if m < LEAST_ROWS:
        return None
    share, design = float(flags.mean()), 1.0
    if groups is not None and 0 < share < 1:
        residual = np.bincount(groups, flags - share)
        count = np.unique(groups).size
        variance = count / max(count - 1, 1) * float(residual @ residual) / m**2
        design = variance * m / (share * (1 - share))
    return Rate(share, jeffreys(share, m, design), level)


def holds(rate: Rate | None, components: int, n: int) -> bool:
    """Return whether a 1 % threshold was seen to flag about 1 %: at most 2 %, not below .5 %.

    By the upper end of the interval; with more components than half the rows the fit itself pulls
    the rate to 1 %, and nothing was seen.
    """
    return rate is not None and components <= MASKED * n and LEAST <= rate.ci[1] <= MOST
