"""The nouns of gausscheck: frozen types, two protocols and the error class.

Everything here is data. Nothing in this module reads a file, draws a number or keeps state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:  # the command line starts without NumPy
    import numpy as np
    from numpy.typing import NDArray

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
"""A floating-point array of any width."""

Scope = Literal["direction", "joint", "sphere", "norms"]
Null = Literal["simple", "composite"]
Calibration = Literal["asymptotic", "table", "monte_carlo", "none"]
Status = Literal["gaussian", "not_gaussian", "inconclusive"]


__version__ = "0.1.0"


class GausscheckError(ValueError):
    """Bad input, said in one line: what was expected, what came, where, and what to do."""


@runtime_checkable
class Source(Protocol):
    """Rows of an embedding matrix that can be read again, in any order.

    Attributes
    ----------
    uri : str
        What error messages and the report call it, e.g. ``emb.h5:/embeddings``.
    n, d : int
        Rows and dimensions.
    dtype : numpy.dtype
        The stored element type, in native byte order.
    notes : tuple of str
        What the reader had to say about the container (quantised vectors, skipped keys).
    """

    @property
    def uri(self) -> str:
        """What messages call it."""
        ...

    @property
    def n(self) -> int:
        """Rows."""
        ...

    @property
    def d(self) -> int:
        """Dimensions."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored element type."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of the reader."""
        ...

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop`` as a C-contiguous ``(stop - start, d)`` array in ``dtype``."""
        ...


@dataclass(frozen=True, slots=True)
class Directions:
    """Unit columns to project on, and where they came from.

    Attributes
    ----------
    matrix : (d, k) float64 array
        Unit columns in the prepared space.
    kind : str
        ``axes``, ``random``, ``pca``, ``file``, ``ica``, ``pursuit`` or ``lda``; the level's name.
    labels : tuple of str
        One name a direction, e.g. ``axis 17`` or ``random 3``.
    seed : int or None
        The seed of the stream that drew them, None where nothing was drawn.
    fit_rows : str
        ``none`` when no row was looked at, ``all`` when every row was (second moments only),
        ``half`` when one random half was: such directions are tested on the other half alone.
    """

    matrix: NDArray[np.float64]
    kind: str
    labels: tuple[str, ...]
    seed: int | None = None
    fit_rows: str = "none"

    @property
    def k(self) -> int:
        """The number of directions."""
        return int(self.matrix.shape[1])


@dataclass(frozen=True, slots=True)
class Moments:
    """Biased (1/n) central moments of k one-dimensional samples; every array has shape (k,)."""

    n: int
    mean: FloatArray
    m2: FloatArray
    m3: FloatArray
    m4: FloatArray

    def pick(self, part: slice) -> Moments:
        """Return the moments of some of the samples."""
        return Moments(self.n, self.mean[part], self.m2[part], self.m3[part], self.m4[part])


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: a status, the level it comes from, and words for a newcomer."""

    status: Status
    worst_level: str | None
    summary: str
    levels: Mapping[str, Status] = field(default_factory=dict)
