"""When directions of whitened rows are far enough from uniform to matter.

The energy statistic of n rows is N = a0 + n·delta, delta = E k(t) over pairs of rows. Its 5 % point
approaches a0 as the dimension r grows (0.5288 beside 0.52877 at r = 381), so that one duplicate row
crosses it: it measures what can be noticed, not what matters. Here delta is read in standard
deviations of k(t) over two independent uniform directions, as the claim "uniform on the sphere"
reads its parts, and the limit is a margin in that unit.
"""

from __future__ import annotations

from gausscheck.core import GausscheckError
from gausscheck.normality.sphere.energy import energy_null

SPHERE_MARGIN = 0.01
"""Margin of relevance: delta in standard deviations of k(t) over uniform pairs.

Leading terms of k(t) are of third order in t, so it is reached where the cosine of two rows is
skewed by .025 and no share of its distribution moves by more than a tenth of a percent. For scale:
MiniLM, E5-small and WordLlama give .3 to .75; 40 clusters that add a quarter of the within-cluster
variance .03 in 192 dimensions; factors with exponential laws on every axis of 48, 192, 384
dimensions .18, .11, .08; Laplace factors .004 or less; Gaussians 0.
"""


def sphere_limit(r: int, reference_rows: int) -> float:
    """Return the energy statistic at so many rows where directions sit at the margin.

    Parameters
    ----------
    r : int
        Dimensions that the rows span, at least 3.
    reference_rows : int
        Rows at which the statistic is read.

    Returns
    -------
    float
        a0(r) + reference_rows · :data:`SPHERE_MARGIN` · sd of k(t). Unlike a 5 % point it grows
        with the rows read, as what it is compared with does.

    Examples
    --------
    >>> 0.5289 < sphere_limit(381, 1000) < 0.5292
    True
    """
    if reference_rows < 1:
        raise GausscheckError(f"sphere limit: expected at least 1 row, got {reference_rows}")
    null = energy_null(r)
    return null.mean + reference_rows * SPHERE_MARGIN * null.pair_sd


def whitening_shrinkage(n: int, r: int) -> float:
    """Return the factor (1 − r/n)³ by which whitening on the same rows shrinks delta.

    A departure of third order enters delta through the third power of the inner product of two
    rows' signals; whitening n rows by their own covariance in r dimensions takes r of n degrees of
    freedom from each signal. Divide delta and its interval by it: on MiniLM at 1,200, 2,500 and
    5,000 rows in 381 dimensions .28, .48 and .59 become .87, .79 and .75, on exponential factors in
    384 dimensions .026 at 1,200 rows becomes .083, the value without whitening.

    Examples
    --------
    >>> round(whitening_shrinkage(1200, 400), 3)
    0.296
    """
    if not 0 < r < n:
        raise GausscheckError(f"whitening: expected more rows than dimensions, got {n} and {r}")
    return float((1 - r / n) ** 3)
