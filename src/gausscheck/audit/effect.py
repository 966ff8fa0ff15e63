"""Across directions: n-free effect sizes with intervals, corrections, the table, the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from gausscheck.config import AD_THRESHOLD
from gausscheck.core import FloatArray
from gausscheck.normality import A0


@dataclass(frozen=True, slots=True)
class Effect:
    """The n-free size of a level's deviation from the normal law, with its interval.

    Attributes
    ----------
    ad_discrepancy : float
        delta = (mean A*² − a0) / n: the mean squared distance of the CDF from its best-fit
        normal, weighted by 1/(Φ(1 − Φ)); a property of the law, not of n.
    ad_discrepancy_ci : (float, float)
    ad_at_reference : float
        What the mean A*² would be at ``reference`` rows: a0 + reference · delta.
    ad_at_reference_ci : (float, float)
    rms_cdf_error : float
        sqrt(max(delta, 0)): root-mean-square CDF error in binomial standard deviations.
    n_detect : float or None
        Rows at which a single test of a typical direction has about 50 % power; None if delta is
        not positive.
    standard_error : float
        Jackknife standard error of ``ad_discrepancy``.
    null_mean, limit : float
        Mean and 5 % critical value of the statistic under normality: 0.385 and 0.752 for the A*²
        of directions; joint levels have their own.
    """

    n: int
    ad_discrepancy: float
    ad_discrepancy_ci: tuple[float, float]
    reference: int
    ad_at_reference: float
    ad_at_reference_ci: tuple[float, float]
    rms_cdf_error: float
    n_detect: float | None
    standard_error: float
    null_mean: float = A0
    limit: float = AD_THRESHOLD

    def to_dict(self) -> dict[str, Any]:
        """Return the effect as plain values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def estimate_effect(
    ad_star: FloatArray,
    ad_star_without: FloatArray,
    n: int,
    *,
    reference: int,
    confidence: float,
    null_mean: float = A0,
    limit: float = AD_THRESHOLD,
    least: int = 1,
) -> Effect:
    """Estimate delta averaged over directions, with a delete-a-group jackknife interval.

    Parameters
    ----------
    ad_star : (k,) array
        A*² of each direction on all n rows.
    ad_star_without : (k, G) array
        A*² without each of G equal groups of rows.
    n : int
    reference : int
        Rows at which ``ad_at_reference`` is read.
    confidence : float
    null_mean, limit : float
        Of the statistic, where it is not the A*² of a direction.
    least : int
        Rows below which the statistic says nothing: ``n_detect`` is at least that.

    Returns
    -------
    Effect
        The jackknife acts on the mean over directions, so that correlated directions are paid
        for; the quantile is Student's t on G − 1 degrees of freedom (Shao & Tu 1995).
    """
    from scipy.special import stdtrit

    fine = np.isfinite(ad_star)
    delta = float((ad_star[fine].mean() - null_mean) / n)
    groups = ad_star_without.shape[1]
    sizes = n - np.array([part.size for part in np.array_split(np.arange(n), groups)])
    without = (ad_star_without[fine].mean(axis=0) - null_mean) / sizes
    error = sqrt((groups - 1) / groups * float(((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * error
    low, high = delta - half, delta + half
    return Effect(
        n=n,
        ad_discrepancy=delta,
        ad_discrepancy_ci=(low, high),
        reference=reference,
        ad_at_reference=null_mean + reference * delta,
        ad_at_reference_ci=(null_mean + reference * low, null_mean + reference * high),
        rms_cdf_error=sqrt(max(delta, 0.0)),
        n_detect=max((limit - null_mean) / delta, least) if delta > 0 else None,
        standard_error=error,
        null_mean=null_mean,
        limit=limit,
    )
