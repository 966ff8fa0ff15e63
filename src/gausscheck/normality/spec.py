"""What a test is (:class:`Spec`), what it looks at and what it says (:class:`Outcome`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the command line starts without NumPy
    import numpy as np
    from numpy.typing import NDArray
from gausscheck.core import FloatArray, Moments

Scope = Literal["direction", "joint", "sphere", "norms"]


Null = Literal["simple", "composite"]


Calibration = Literal["asymptotic", "table", "monte_carlo", "none"]


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a test may look at. A field is None unless some test asked for it.

    ``n`` counts the rows behind ``ordered`` and ``joint``; ``moments`` carries its own count.
    """

    n: int
    moments: Moments | None = None
    ordered: Ordered | None = None
    joint: NDArray[np.float64] | None = None  # (n, d), as they come
    residuals: NDArray[np.float64] | None = None  # (n, r), whitened within the range
    unit: NDArray[np.float64] | None = None  # (n, d), each row of length one


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
    effect : (k,) array or None
        An n-free size of the deviation, where the test has one.
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
    effect: FloatArray | None = None
    standard_error: FloatArray | None = None
    calibration: Calibration = "none"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """A test: a constant that names two pure functions and what they need.

    Attributes
    ----------
    name, scope, null : str
    needs : str
        The field of :class:`Evidence` that ``statistic`` reads.
    statistic : callable
        Evidence -> (k,) statistics; NaN where not defined.
    law : callable
        (statistics, n, d) -> :class:`Law`.
    sizes : (int, int or None)
        Smallest and largest n at which the test is defined.
    null_says, cost, reference : str
        The null hypothesis in words, the price in n, d and k, the publication.
    textbook : callable or None
        The published approximation, where ``law`` had to replace it to keep its level.
    freedom : callable or None
        Evidence -> what stands for d in the law, where that is not the dimension.
    two_sided : bool
        Whether both ends of a simulated null count.
    pairwise : bool
        Whether the statistic is a sum over pairs of rows, so that its cost is quadratic in n.
    smoothing : callable or None
        (n, d) -> beta, for tests whose weight on frequencies is N(0, beta² I).
    settles : bool
        Whether the null law hardly changes from 100 rows a dimension on (and 2,000 in all).
    holds : callable or None
        (n, d) -> whether the textbook p-value keeps its level there (``docs/levels.md``).
    """

    name: str
    scope: Scope
    null: Null
    needs: Literal["moments", "ordered", "joint", "residuals", "unit"]
    statistic: Callable[[Evidence], FloatArray]
    law: Callable[[FloatArray, int, int], Law]
    sizes: tuple[int, int | None]
    null_says: str
    cost: str
    reference: str
    textbook: Callable[[FloatArray, int, float], Law] | None = None
    freedom: Callable[[Evidence], float] | None = None
    two_sided: bool = False
    pairwise: bool = False
    smoothing: Callable[[int, int], float] | None = None
    settles: bool = False
    holds: Callable[[int, float], bool] | None = None
