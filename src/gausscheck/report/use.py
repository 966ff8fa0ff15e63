"""The section ``use`` of a report: its values, each with its unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass

Interval = tuple[float, float]

KEYS = ("0.05", "0.01", "0.001")
"""Levels of the thresholds, as keys."""

ONE = "0.01"
"""The level that ``safe_components``, ``too_few`` and the sentences speak of."""

MOST, LEAST = 0.02, 0.005
"""Rates at the 1 % threshold above which it flags too many, below which too few."""


MASKED = 0.5
"""Components a row above which the fit itself pulls all lengths together, and rates to nominal:
free of n up to here, a third lower at .8 (MiniLM, E5-small, WordLlama), nominal whatever the rows
at 1."""


def percent_digits(share: float) -> str:
    """Write a share in percent without the sign, small ones with two digits.

    Examples
    --------
    >>> percent_digits(0.1862), percent_digits(0.00082), percent_digits(0.0)
    ('18.6', '0.082', '0')
    """
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A false-alarm rate: a share of rows beyond a Gaussian threshold.

    Attributes
    ----------
    value : float
    ci : (float, float)
        Jeffreys' interval at the jackknife's effective number of rows.
    gaussian : float
        What Gaussian rows give: the nominal level; for unit rows, what normalised ones give
        (simulated).
    """

    value: float
    ci: Interval
    gaussian: float


@dataclass(frozen=True, slots=True)
class UseCurvePoint:
    """Rates of the thresholds among the k leading components, by level ("0.05", "0.01", "0.001").

    Components are found, whitened and measured on the same rows; the law allows for it.
    """

    k: int
    false_alarm: dict[str, Rate]


@dataclass(frozen=True, slots=True)
class RadialLoss:
    """Log-likelihood that a Gaussian model loses in the radius, nats a row: a lower bound.

    ``value`` may come out slightly below 0 on Gaussian rows. ``ci`` is a jackknife interval that
    reaches from the value to the jackknife's bias-corrected one, and a t quantile beyond each.
    """

    value: float
    ci: Interval


@dataclass(frozen=True, slots=True)
class SafeComponents:
    """How many leading components a 1 % threshold can be used on.

    Attributes
    ----------
    value : int
        The largest k of the curve such that the rate is at most 2 % there and at every smaller
        k; 0 where none is.
    ci : (int, int)
        The same rule on the upper and on the lower ends of the rates' intervals.
    of : int
        The most components that can be measured, min(rank, n - 2).
    """

    value: int
    ci: tuple[int, int]
    of: int


@dataclass(frozen=True, slots=True)
class Weighted:
    """Rates when every occurrence of a repeated row counts; the fit is on distinct rows.

    Attributes
    ----------
    false_alarm : dict of str to float
        Shares of all occurrences, by level.
    rows : int
        Occurrences.
    most_repeated, times : int or None, int
        The most repeated row beyond the 1 % threshold, and how often it occurs.
    """

    false_alarm: dict[str, float]
    rows: int
    most_repeated: int | None
    times: int


@dataclass(frozen=True, slots=True)
class PlugIn:
    """False alarms of chi-square thresholds on rows that a covariance was not fitted on.

    What somebody gets who estimates a covariance, takes chi-square quantiles as thresholds and
    scores new rows. Each row is measured by the mean and covariance of the others.

    Attributes
    ----------
    shrinkage : float
        Ledoit & Wolf's intensity, 0 to 1.
    dimension : int
        Degrees of freedom of the chi-square thresholds.
    shrunk : dict of str to float
        Share of rows beyond the 5, 1 and 0.1 % thresholds, by level ("0.05", "0.01", "0.001"),
        with the covariance shrunk towards a multiple of the identity.
    plain : dict of str to float or None
        The same with the covariance as estimated; None where there are too few rows for it.
        Under normality it lies far above nominal unless n is many times the dimension.
    """

    shrinkage: float
    dimension: int
    shrunk: dict[str, float]
    plain: dict[str, float] | None


@dataclass(frozen=True, slots=True)
class Use:
    """The section ``use`` of a report.

    Attributes
    ----------
    n : int
        Distinct rows measured.
    masked : bool
        More components than n/2 were fitted: ``false_alarm`` lies nearer to nominal than with
        more rows, and says little near n components. The curve up to n/2 stands.
    false_alarm : dict of str to Rate
        With all components, by level: "0.05", "0.01", "0.001".
    radial_kl : RadialLoss
    curve : tuple of UseCurvePoint
        By k, ascending; the last has all components.
    safe_components : SafeComponents
    too_few : tuple of int
        Every k whose upper end at 1 % lies below .5 %: the threshold flags too few rows.
    weighted : Weighted or None
        Where repeats move a rate out of its interval.
    shrunk : PlugIn or None
        Chi-square thresholds on held-out rows, with the covariance as estimated and shrunk.
    beyond : int
        Rows beyond the 0.1 % threshold.
    rows_beyond : tuple of int
        Ids of the longest of them, longest first, 20 at most.
    sentence : str
        What was measured, in words. No claim that a Gaussian model fits.
    """

    n: int
    masked: bool
    false_alarm: dict[str, Rate]
    radial_kl: RadialLoss
    curve: tuple[UseCurvePoint, ...]
    safe_components: SafeComponents
    too_few: tuple[int, ...]
    weighted: Weighted | None
    shrunk: PlugIn | None
    beyond: int
    rows_beyond: tuple[int, ...]
    sentence: str
