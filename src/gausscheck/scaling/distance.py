"""Kolmogorov distance of the law that many directions share, free of its noise floor.

The largest of many noisy gaps is never 0: of Gaussian rows it falls as 1/sqrt(n), and looks like a
law. So one half of the rows says where the gap is largest, and the other half how large it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.normality.groups import jackknife_interval

GRID: F64 = np.linspace(-6, 6, 4801)
"""Where gaps are looked at, in standard deviations."""

Groups = list[NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class _Half:
    """Shares at or below the grid less the Gaussian law: of all rows, and without each group."""

    gap: F64
    without: F64

    @classmethod
    def of(cls, x: F64, groups: Groups) -> _Half:
        """Pool the standardised columns of some rows."""
        rows = np.concatenate(groups)
        mean, sd = x[rows].mean(axis=0), x[rows].std(axis=0)
        sd = np.where(sd > 0, sd, 1.0)
        parts = [_counted((x[g] - mean) / sd) for g in groups]
        below, one, two = (np.array(part) for part in zip(*parts, strict=True))
        sizes = np.array([g.size for g in groups])
        left = (rows.size - sizes)[:, None]
        law = standardised_law(GRID, rows.size)
        without = (below.sum(axis=0) - below) / left
        # to first order, the others standardised by their own mean and sd
        shift, stretch = (one.sum() - one)[:, None], (two.sum() - two)[:, None]
        density = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi)
        without += density * (shift / left + GRID * (stretch / left - 1) / 2)
        return cls(below.sum(axis=0) / rows.size - law, without - law)

    def where_largest(self, other: _Half) -> tuple[float, float]:
        """Return the gap where that of the other half is largest, by its sign, and its error."""
        i = int(np.abs(other.gap).argmax())
        error = jackknife_interval(float(self.gap[i]), self.without[:, i], 0.95)[0]
        return float(np.sign(other.gap[i]) * self.gap[i]), error


def _counted(z: F64) -> tuple[F64, float, float]:
    """Return values at or below the grid, their sum and that of their squares, a column each."""
    counts = np.searchsorted(np.sort(z, axis=None), GRID, side="right")
    k = z.shape[1]
    return counts / k, float(z.sum()) / k, float((z**2).sum()) / k


def standardised_law(t: F64, n: int) -> F64:
    """Return the law of a normal value less the mean of its sample, over the sample's sd.

    Its square over n − 1 is Beta(1/2, (n − 2)/2), where the sd divides by n.

    Examples
    --------
    >>> standardised_law(np.array([-1.0, 0.0, 1.0]), 3).round(4).tolist()
    [0.25, 0.5, 0.75]
    """
    from scipy.special import betainc

    inside = betainc(0.5, (n - 2) / 2, np.minimum(t**2 / (n - 1), 1.0))
    return np.asarray(0.5 + np.sign(t) * inside / 2)


def cross_distance(x: F64, groups: Groups, confidence: float) -> tuple[float, float, float]:
    """Estimate the Kolmogorov distance of the standardised columns of x, taken as one law.

    Parameters
    ----------
    x : (n, k) array
        Columns that vary.
    groups : list of int arrays
        Rows of each group, 4 groups at least; rows in random order.
    confidence : float

    Returns
    -------
    value, low, high : float
        The gap of either half of the rows where that of the other is largest, on average. Of mean 0
        under normality at any n, so it may come out negative; else at most the distance on average,
        and near it where the distance is well above 1/sqrt(n k). The interval is by the jackknife
        over the groups of a half, at places that stay; errors of both halves are added as if they
        were one error, for both are small or large together where nothing but noise is seen.
    """
    from scipy.special import stdtrit

    one, other = _Half.of(x, groups[0::2]), _Half.of(x, groups[1::2])
    found = [a.where_largest(b) for a, b in ((one, other), (other, one))]
    value, error = (float(np.mean(part)) for part in zip(*found, strict=True))
    half = float(stdtrit(len(groups) // 2 - 1, 0.5 + confidence / 2)) * error
    return value, value - half, value + half
