"""N-free effect sizes: what a statistic would be at the reference, whatever n is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import corrected, wider
from gausscheck.config import AD_THRESHOLD
from gausscheck.core import F64, FloatArray
from gausscheck.normality import A0
from gausscheck.normality.engine.effects import rows_to_detect
from gausscheck.normality.groups import group_sizes, jackknife_interval

CARRIED = 0.5
"""An interval is carried by one group when that group makes more than this share of its square."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A statistic of each direction without each of G groups of other sizes than equal random ones.

    Attributes
    ----------
    without : (k, G) array
    sizes : (G,) array
        Rows of each group.
    """

    without: FloatArray
    sizes: NDArray[np.intp]


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
    carried : bool
        Whether one group of rows makes most of the interval.
    """

    n: int
    discrepancy: float
    discrepancy_ci: tuple[float, float]
    standard_error: float
    reference: int
    null_mean: float = A0
    limit: float = AD_THRESHOLD
    carried: bool = False

    def seen_from(self, null_mean: float) -> Effect:
        """Return the same statistic as a deviation from another mean under normality."""
        shift = (null_mean - self.null_mean) / self.reference
        low, high = self.discrepancy_ci
        return replace(
            self,
            null_mean=null_mean,
            discrepancy=self.discrepancy - shift,
            discrepancy_ci=(low - shift, high - shift),
        )

    def measured_as(
        self, discrepancy: float, standard_error: float, groups: int, confidence: float
    ) -> Effect:
        """Return the effect with a discrepancy that was measured in another way on the same rows.

        The interval is by Student's t on groups − 1 degrees of freedom.
        """
        from scipy.special import stdtrit

        half = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * standard_error
        return replace(
            self,
            discrepancy=discrepancy,
            discrepancy_ci=(discrepancy - half, discrepancy + half),
            standard_error=standard_error,
        )

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
        """Rows at which one test of a direction notices half the time.

        None where there is nothing to notice, and for statistics of whole rows.
        """
        return rows_to_detect(self.discrepancy) if self.null_mean == A0 else None


def estimate_effect(
    statistic: FloatArray,
    without: FloatArray,
    n: int,
    *,
    reference: int,
    confidence: float,
    null_mean: float = A0,
    limit: float = AD_THRESHOLD,
    blocks: LeftOut | None = None,
    shrinkage: float = 1.0,
    refitted: bool = False,
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
    blocks : LeftOut, optional
        The same without blocks of neighbouring rows or whole clusters: the value is then corrected
        for what their dependence adds, and has the wider of both errors. Rows that are alike only
        add to it: a correction upwards is noise, and is not made.
    shrinkage : float
        What the fit on the same rows leaves of the discrepancy; it is divided by it.
    refitted : bool
        Whether ``without`` comes of a fit anew on the other rows. What the fit takes off a
        deviation then shows in how the value moves with the number of rows, and is put back.

    Returns
    -------
    Effect
        The jackknife acts on the mean over directions, so that correlated directions are paid
        for; the quantile is Student's t on G − 1 degrees of freedom (Shao & Tu 1995).
    """
    fine = np.isfinite(statistic)
    delta = float((statistic[fine].mean() - null_mean) / n) / shrinkage

    def left_out(values: FloatArray, sizes: NDArray[np.intp]) -> F64:
        return np.asarray((values[fine].mean(axis=0) - null_mean) / (n - sizes) / shrinkage)

    sizes = group_sizes(n, without.shape[1])
    deltas = left_out(without, sizes)
    plain, random = delta, corrected(delta, deltas, sizes, n)
    if refitted:
        delta = random.value
    error, interval = jackknife_interval(delta, deltas, confidence)
    if blocks is not None:
        mine = corrected(plain, left_out(blocks.without, blocks.sizes), blocks.sizes, n)
        best = wider(mine, random)
        best = replace(best, value=min(best.value, delta))
        delta, error, interval = best.value, best.standard_error, best.interval(confidence)
    return Effect(n, delta, interval, error, reference, null_mean, limit, _carried(deltas))


def _carried(deltas: F64) -> bool:
    parts = (deltas - deltas.mean()) ** 2
    return bool(parts.max() > CARRIED * parts.sum())
