"""What directions learned from the rows say, as lower bounds; and what they may have missed.

How non-Gaussian a learned direction comes out depends on how well it was found, and so on n. So
nothing here is compared with a limit: each figure is a lower bound that rises with n. And where
nothing is found, :func:`could_miss_kurtosis` and :func:`could_miss_skewness` say how non-Gaussian a
single direction could be without being found.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, sqrt

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.multiplicity import holm
from gausscheck.core import F64, GausscheckError
from gausscheck.normality import profile
from gausscheck.passes.scatter import ScatterMatrix

MISS_FACTOR = 4.0
"""could_miss_kurtosis is this times r / sqrt(fitting rows)."""

MISS_SKEWNESS = 3.0
"""could_miss_skewness is this times r^(3/4) / sqrt(fitting rows)."""

LEAST_SKEWNESS = 20.0
"""Nor is it less than this / sqrt(held-out rows): what A*² rejects, one of 20 by Holm."""

LEAST_HELD_OUT = 50
"""Held-out rows that bounds need."""

_EDGES = np.concatenate([[-6.0, -5.0, -4.5], np.linspace(-4, 4, 33), [4.5, 5.0, 6.0]])
"""Edges of the histogram in normal scores: a quarter of a standard deviation, wider outside."""

_PRIOR = 40.0
"""Rows that the normal law counts for in each density estimate."""

_FOLDS = 10


@dataclass(frozen=True, slots=True)
class LearnedBounds:
    """What held-out rows say of learned directions: lower bounds, which rise with n.

    Attributes
    ----------
    labels : tuple of str
        One a direction.
    negentropy : (k,) array
        Nats a row that a normal law of the same mean and variance loses along each direction;
        below the truth on average, and below zero by chance where there is nothing.
    negentropy_error : (k,) array
        Standard errors.
    median, largest : float
        Of ``negentropy``.
    log_pvalues : (k,) array
        Of A*² on held-out rows.
    rejected : tuple of str
        Labels of the directions that Holm rejects at ``alpha``.
    variance_share : float
        Share of tr Σ that the scores along the rejected directions account for, 0 to 1.
    rows : int
        Held-out rows.
    """

    labels: tuple[str, ...]
    negentropy: F64
    negentropy_error: F64
    median: float
    largest: float
    log_pvalues: F64
    rejected: tuple[str, ...]
    variance_share: float
    rows: int

    @property
    def directions_rejected(self) -> int:
        """How many directions Holm rejects."""
        return len(self.rejected)


def learned_bounds(
    projections: F64,
    labels: tuple[str, ...],
    matrix: F64,
    covariance: ScatterMatrix,
    *,
    alpha: float = 0.05,
    threads: int = 1,
    among: NDArray[np.bool_] | None = None,
) -> LearnedBounds:
    """Bound from below how non-Gaussian learned directions are.

    Parameters
    ----------
    projections : (k, m) array
        Held-out rows along the directions, one a row; the rows in random order.
    labels : tuple of str
        k of them.
    matrix : (d, k) array
        The directions.
    covariance : ScatterMatrix
        Of the rows that the directions are applied to.
    alpha : float
        Of Holm's correction (Holm 1979), which holds however the directions depend on each other.
    threads : int
    among : (k,) bool array, optional
        Directions that may be rejected: p-values of rows that depend on each other are too small.

    Returns
    -------
    LearnedBounds
        Cost O(k m log m + d² k).

    Raises
    ------
    GausscheckError
        If shapes do not match, or there are fewer than 50 held-out rows.
    """
    k, m = projections.shape
    if len(labels) != k or matrix.shape[1] != k or covariance.dim != matrix.shape[0]:
        raise GausscheckError(
            f"learned directions: expected {k} labels, a matrix (d, {k}) and a covariance of "
            f"d dimensions, got {len(labels)}, {matrix.shape} and {covariance.dim}; "
            "pass those of one audit"
        )
    if m < LEAST_HELD_OUT:
        raise GausscheckError(
            f"learned directions: expected at least {LEAST_HELD_OUT} held-out rows, got {m}; take "
            "more rows"
        )
    found = profile(projections, tests=("anderson_darling",), effects=False, threads=threads)
    logs = found.outcomes["anderson_darling"].log_pvalue
    log_pvalues = np.zeros(k) if logs is None else np.asarray(logs, dtype=np.float64)
    beyond = holm(log_pvalues, alpha)
    if among is not None:
        beyond &= among
    bounds, errors = negentropy_bound(projections)
    return LearnedBounds(
        labels=labels,
        negentropy=bounds,
        negentropy_error=errors,
        median=float(np.nanmedian(bounds)),
        largest=float(np.nanmax(bounds)),
        log_pvalues=log_pvalues,
        rejected=tuple(label for label, one in zip(labels, beyond, strict=True) if one),
        variance_share=variance_share(matrix[:, beyond], covariance),
        rows=m,
    )


def in_turn(permutation: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return an order in which each fold of :func:`negentropy_bound` is one stretch of another.

    Examples
    --------
    >>> in_turn(np.arange(25))[::10].tolist(), in_turn(np.arange(25))[4::10].tolist()
    ([0, 1, 2], [12, 13, 14])
    """
    parts = np.array_split(permutation, _FOLDS)  # longer ones first
    place = np.concatenate([np.arange(part.size) * _FOLDS + i for i, part in enumerate(parts)])
    out = np.empty_like(permutation)
    out[place] = np.concatenate(parts)
    return out


def negentropy_bound(projections: F64) -> tuple[F64, F64]:
    """Return a lower bound of each direction's negentropy, in nats a row, and its standard error.

    Parameters
    ----------
    projections : (k, m) array
        A direction a row, in random order. Constant ones give NaN.

    Returns
    -------
    bounds, errors : (k,) arrays
        mean log q(x) + log sqrt(2 π e s²), q a density fitted to nine tenths of the rows and read
        on the last tenth, s² the 1/m variance. For any q that hasn't seen x, E log q(x) ≤ −h, h the
        entropy; and E log s² ≤ log σ². So on average it lies below the negentropy
        J = log sqrt(2 π e σ²) − h, the more so at small m. q is the normal law times a step
        function with steps of a quarter of a standard deviation, drawn towards 1 by 40 rows of
        prior: it misses what happens inside a step and beyond six standard deviations. On normal
        rows it costs .006 at m = 2,500. Never clipped: a mean over directions stays honest. Cost
        O(k m).

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((1, 4000))
    >>> bool(-0.02 < negentropy_bound(x)[0][0] < 0)
    True
    """
    k, m = projections.shape
    gains = np.full((k, m), np.nan)
    centred = projections - projections.mean(axis=1, keepdims=True)
    fine = centred.std(axis=1) > 0
    folds = np.arange(m) % _FOLDS
    for fold in range(_FOLDS):
        held = folds == fold
        for j in np.flatnonzero(fine):
            gains[j, held] = _log_density(centred[j, ~held], centred[j, held])
    spread = centred.var(axis=1)
    with np.errstate(divide="ignore"):
        bounds = gains.mean(axis=1) + 0.5 * np.log(2 * np.pi * e * spread)
    # to first order log s² varies like (x² / s² − 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        influence = gains + 0.5 * (centred**2 / spread[:, None])
    return np.where(fine, bounds, np.nan), np.asarray(influence.std(axis=1) / sqrt(m))


def _log_density(train: F64, held: F64) -> F64:
    """Log of the density fitted to ``train``, at ``held``."""
    mean, sd = float(train.mean()), float(train.std())
    if sd == 0:
        return np.full(held.size, np.nan)
    z = (held - mean) / sd
    counts = np.bincount(
        np.searchsorted(_EDGES, (train - mean) / sd, side="right"), minlength=_EDGES.size + 1
    )
    normal = _normal_mass()
    ratio = (counts + _PRIOR * normal) / ((train.size + _PRIOR) * normal)
    cell = np.searchsorted(_EDGES, z, side="right")
    return np.asarray(np.log(ratio[cell]) - z**2 / 2 - 0.5 * np.log(2 * np.pi) - np.log(sd))


def _normal_mass() -> F64:
    from scipy.special import ndtr

    inner = ndtr(_EDGES)
    # the upper half mirrors the lower: no cancellation in the tail
    low = np.diff(np.append(0.0, inner[: _EDGES.size // 2 + 1]))
    return np.asarray(np.append(low, low[::-1]))


def variance_share(matrix: F64, covariance: ScatterMatrix) -> float:
    """Share of tr Σ that the scores along some directions account for.

    Parameters
    ----------
    matrix : (d, s) array
        Directions W.
    covariance : ScatterMatrix
        Σ.

    Returns
    -------
    float
        tr (Σ W (Wᵀ Σ W)⁻¹ Wᵀ Σ) / tr Σ: the part of x that is linear in Wᵀx. It grows with every
        direction added and depends on their span alone. (The variance along the columns themselves
        would understate it: a column that unmixes a component is steepest where the rows vary
        least.)

    Examples
    --------
    >>> round(variance_share(np.eye(4)[:, :1], ScatterMatrix(np.diag([2.0, 1, 1, 0]))), 12)
    0.5
    """
    total = covariance.trace()
    if matrix.shape[1] == 0 or total <= 0:
        return 0.0
    linear = covariance.times(matrix)
    values, vectors = np.linalg.eigh(matrix.T @ linear)
    keep = values > values[-1] * max(matrix.shape) * np.finfo(float).eps
    components = linear @ (vectors[:, keep] / np.sqrt(values[keep]))
    return float((components**2).sum() / total)


def could_miss_kurtosis(n: int, d: int) -> float | None:
    """Return the excess kurtosis of a direction that would be found in at least 95 % of samples.

    Parameters
    ----------
    n : int
        Rows of the sample; the search fits on one half of them.
    d : int
        Dimensions that the rows span (their rank).

    Returns
    -------
    float or None
        κ* = 4 d / sqrt(n / 2): one direction of smaller excess kurtosis among d − 1 Gaussian ones
        could have been missed, whatever the search says. A light-tailed direction can't go below
        −2, so it may be missed at any n where κ* exceeds 2. None where n/4 < d: the search then
        looks at the leading components only, and whatever lies beyond them is missed.

    Notes
    -----
    Both searches start from the ends of the spectrum of (1/m) Σ ‖y‖² y yᵀ, m = n/2 whitened rows
    (FOBI). A direction of excess kurtosis κ has the eigenvalue d + 2 + κ; as ‖y‖² varies by
    sqrt(2 d), the noise is a symmetric matrix with entries of size sqrt(2 d / m), whose spectrum
    reaches 2 d sqrt(2 / m). The direction parts from it at half of that edge, κ of about
    1.4 d / sqrt(m): rows go like d² / κ². From a random start fixed-point steps on the fourth
    moment would need d⁴ / κ² rows. The factor is simulated, found meaning that one of ten
    directions of FastICA or of pursuit has a cosine above .7 with it: at 1, 2, 3, 4 times d /
    sqrt(m), (n, d) = (1,000, 16), (2,000, 32), (4,000, 32) and (2,000, 64), Laplace-like tails are
    found in 15 to 20, 70 to 85, 90 to 100, and 95 to 100 %; with 5 % of rows several times as wide
    in 88 and 95 % at 4; two humps (8,000, 16) in all cases at 3 and 4.

    Examples
    --------
    >>> could_miss_kurtosis(5000, 192)
    15.36
    >>> could_miss_kurtosis(500, 192) is None
    True
    """
    if n < 4 * d or d < 2:
        return None
    return MISS_FACTOR * d / sqrt(n / 2)


def could_miss_skewness(n: int, d: int) -> float | None:
    """Return the skewness of a direction that would be found in at least 95 % of samples.

    Parameters
    ----------
    n : int
        Rows of the sample; the search fits on one half of them.
    d : int
        Dimensions that the rows span (their rank).

    Returns
    -------
    float or None
        γ* = max(3 d^(3/4), 20) / sqrt(n / 2): one direction of smaller skewness, to either side,
        among d − 1 Gaussian ones could have been missed, unless its kurtosis gave it away. None
        where n/16 < d: any skewness could have been.

    Notes
    -----
    Projection pursuit starts from a = (1/m) Σ ‖y‖² y of m = n/2 whitened rows. A direction of
    skewness γ adds γ to a, the others noise of length sqrt(2/m) d: their ratio is the cosine c. A
    step on the third moment takes c to γ c² beside noise of length sqrt(3 d / m), a gain where γ c
    is more than that, so for γ above 1.6 d^(3/4) / sqrt(m): rows go like d^(3/2) / γ², the rate of
    principal components of tensors (Hopkins, Shi & Steurer 2015). The factor is simulated, found
    meaning that one of ten directions of pursuit has a cosine above .7 with it: at 1, 1.5, 2 and 3
    times d^(3/4) / sqrt(m), (n, d) = (1,000, 8), (1,000, 16), (2,000, 32), (10,000, 48) and
    (4,000, 64), two clusters without excess kurtosis and gamma laws are found in 15 to 55, 63 to
    100, 93 to 100, and 98 to 100 %; gamma laws and rare clusters (2,048, 128) and (4,096, 256) in
    95 to 100 % at 3, in 80 to 100 % at 2.5. At 4 fitting rows a dimension no skewness is found as
    often. The 20 is what A*² of held-out rows needs where d is below 13.

    Examples
    --------
    >>> round(could_miss_skewness(5000, 192), 2)
    3.09
    >>> could_miss_skewness(2000, 192) is None
    True
    """
    if n < 16 * d or d < 2:
        return None
    return float(max(MISS_SKEWNESS * d**0.75, LEAST_SKEWNESS) / sqrt(n / 2))
