"""N-free effect sizes: what a statistic would be at the reference, whatever n is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gausscheck.config import AD_THRESHOLD
from gausscheck.core import FloatArray
from gausscheck.normality import A0
from gausscheck.normality.engine.jackknife import group_sizes, jackknife_interval


@dataclass(frozen=True, slots=True)
class Effect:
    """The n-free size of a level's deviation from the normal law, with its interval.

    A statistic such as A*² has mean null_mean + n · discrepancy: the first is its mean under
    normality, the second a property of the law of the rows (for A*² the mean squared distance of
    the CDF from its best-fit normal, weighted by 1/(Φ(1 − Φ))).

    Attributes
    ----------
    n : int
        Rows behind it.
    discrepancy : float
    discrepancy_ci : (float, float)
    standard_error : float
        Of the discrepancy.
    reference : int
        Rows at which the statistic is read.
    null_mean, limit : float
        Mean and limit of the statistic under normality.
    least : int
        Rows below which the statistic says nothing.
    """

    n: int
    discrepancy: float
    discrepancy_ci: tuple[float, float]
    standard_error: float
    reference: int
    null_mean: float = A0
    limit: float = AD_THRESHOLD
    least: int = 1

    def at_reference(self, discrepancy: float) -> float:
        """Return the statistic at the reference."""
        return self.null_mean + self.reference * discrepancy

    @property
    def value(self) -> float:
        """The statistic at the reference."""
        return self.at_reference(self.discrepancy)

    @property
    def value_ci(self) -> tuple[float, float]:
        """The interval of :attr:`value`."""
        low, high = self.discrepancy_ci
        return self.at_reference(low), self.at_reference(high)

    def times_limit(self, value: float) -> float:
        """Put a value where Gaussian rows average 0 and the limit is 1."""
        return (value - self.null_mean) / (self.limit - self.null_mean)

    @property
    def n_detect(self) -> float | None:
        """Rows at which a single test notices half the time; None where there is nothing to."""
        if self.discrepancy <= 0:
            return None
        return max((self.limit - self.null_mean) / self.discrepancy, self.least)


def estimate_effect(
    statistic: FloatArray,
    without: FloatArray,
    n: int,
    *,
    reference: int,
    confidence: float,
    null_mean: float = A0,
    limit: float = AD_THRESHOLD,
    least: int = 1,
) -> Effect:
    """Estimate the discrepancy averaged over directions, with a delete-a-group jackknife interval.

    Parameters
    ----------
    statistic : (k,) array
        Of each direction on all n rows, such as A*²; NaN is left out.
    without : (k, G) array
        Without each of G equal groups of rows.
    n : int
    reference : int
        Rows at which the statistic is read.
    confidence : float
    null_mean, limit : float
        Of the statistic, where it is not the A*² of a direction.
    least : int
        Rows below which the statistic says nothing.

    Returns
    -------
    Effect
        The jackknife acts on the mean over directions, so that correlated directions are paid
        for; the quantile is Student's t on G − 1 degrees of freedom (Shao & Tu 1995).
    """
    fine = np.isfinite(statistic)
    delta = float((statistic[fine].mean() - null_mean) / n)
    left = n - group_sizes(n, without.shape[1])
    deltas = (without[fine].mean(axis=0) - null_mean) / left
    error, interval = jackknife_interval(delta, deltas, confidence)
    return Effect(n, delta, interval, error, reference, null_mean, limit, least)
