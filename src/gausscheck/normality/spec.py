"""What a test is (:class:`Spec`), what it looks at and what it says (:class:`Outcome`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from gausscheck.core import F64, FloatArray

Scope = Literal["direction", "joint", "sphere"]

Null = Literal["simple", "composite"]

Calibration = Literal["asymptotic", "table", "monte_carlo", "none"]

Needs = Literal["moments", "ordered", "rows", "residuals", "unit"]

ONE_DIRECTION_NULL = "the direction is normal with unknown mean and variance"
WHOLE_ROWS_NULL = "rows are jointly normal with unknown mean and covariance"


@dataclass(frozen=True, slots=True)
class Ordered:
    """Sorted, standardised samples and the normal law at them; every array has shape (k, n).

    ``z`` is ``(x - mean) / sd`` with the n - 1 standard deviation, ascending along axis 1.
    ``log_cdf`` and ``log_sf`` are log Φ(z) and log(1 − Φ(z)), accurate in both tails.
    """

    z: FloatArray
    cdf: FloatArray
    log_cdf: FloatArray
    log_sf: FloatArray

    @property
    def n(self) -> int:
        """The size of each sample."""
        return int(self.z.shape[1])


@dataclass(frozen=True, slots=True)
class Law:
    """P-values of statistics under the null, and where they come from.

    ``pvalue`` None means that no calibrated null is at hand for this (n, d).
    """

    pvalue: FloatArray | None
    log_pvalue: FloatArray | None = None
    calibration: Calibration = "none"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test said of k directions (or, for a joint test, of one matrix: k = 1).

    Attributes
    ----------
    test, scope, null : str
        The test's name, what it looks at, and whether its null estimates parameters.
    n, d : int
        Rows behind the statistic; dimension of what was tested (1 for directions).
    statistic : (k,) array
    pvalue : (k,) array or None
        None means: no calibrated null at this (n, d). Never a made-up number.
    log_pvalue : (k,) array or None
        Natural logarithm of the p-value, finite where ``pvalue`` underflows to 0.
    standard_error : (k,) array or None
        Of a statistic that was estimated rather than summed in full.
    calibration : str
        ``asymptotic`` (a published approximation), ``table`` (simulated once, shipped),
        ``monte_carlo`` (simulated for this n and d) or ``none``.
    notes : tuple of str
    """

    test: str
    scope: Scope
    null: Null
    n: int
    d: int
    statistic: FloatArray
    pvalue: FloatArray | None
    log_pvalue: FloatArray | None = None
    standard_error: FloatArray | None = None
    calibration: Calibration = "none"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Smoothing:
    """A statistic of residuals whose weight on frequencies is N(0, beta² I).

    Attributes
    ----------
    beta : callable
        (n, d) -> beta.
    in_full : callable
        (residuals, beta) -> statistic, summed over all pairs of rows.
    sampled : callable
        (read, n, d, beta, threads) -> statistic and its standard error, estimated at sampled
        frequencies; ``read(start, stop)`` gives rows of the residuals.
    """

    beta: Callable[[int, int], float]
    in_full: Callable[[F64, float], float]
    sampled: Callable[[Callable[[int, int], F64], int, int, float, int], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Spec:
    """A test: a constant that names two pure functions and what they need.

    Attributes
    ----------
    name, scope, null : str
    needs : str
        What ``statistic`` reads: ``moments`` (:class:`~gausscheck.core.Moments` of k directions),
        ``ordered`` (:class:`Ordered` samples of k directions), or an array of ``rows`` (n, d) as
        they come, ``residuals`` (n, r) whitened within their range, or ``unit`` rows (n, d).
    statistic : callable
        What the test needs -> (k,) statistics; NaN where not defined.
    law : callable
        (statistics, n, d) -> :class:`Law`.
    sizes : (int, int or None)
        Smallest and largest n at which the test is defined.
    null_says, cost, reference : str
        The null hypothesis in words, the price in n, d and k, the publication.
    textbook : callable or None
        The published approximation, where ``law`` had to replace it to keep its level.
    freedom : callable or None
        What the test needs -> what stands for d in the law, where that is not the dimension.
    two_sided : bool
        Whether both ends of a simulated null count.
    pairwise : bool
        Whether the statistic is a sum over pairs of rows, so that its cost is quadratic in n.
    smoothing : Smoothing or None
        Of tests whose weight on frequencies is normal.
    settles : bool
        Whether the null law hardly changes from 100 rows a dimension on (and 2,000 in all).
    holds : callable or None
        (n, d) -> whether the textbook p-value keeps its level there (``docs/levels.md``).
    """

    name: str
    scope: Scope
    null: Null
    needs: Needs
    statistic: Callable[[Any], FloatArray]
    law: Callable[[FloatArray, int, int], Law]
    sizes: tuple[int, int | None]
    null_says: str
    cost: str
    reference: str
    textbook: Callable[[FloatArray, int, float], Law] | None = None
    freedom: Callable[[Any], float] | None = None
    two_sided: bool = False
    pairwise: bool = False
    smoothing: Smoothing | None = None
    settles: bool = False
    holds: Callable[[int, float], bool] | None = None
