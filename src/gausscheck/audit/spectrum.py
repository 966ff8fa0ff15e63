"""What practitioners read beside Gaussianity: how many dimensions are in use, and how evenly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.reading import ReadRows
from gausscheck.core import F64, I64
from gausscheck.normality.groups import jackknife_interval
from gausscheck.passes.leaf import squared_norms
from gausscheck.passes.spread import Spread
from gausscheck.report import Spectrum

ALPHA_RANGE = (11, 50)
"""Places of the eigenvalues between which alpha is fitted, as Stringer et al. (2019) do."""


def spectrum_section(
    ranked: RankMe, eigenvalues: F64, rank: int, unit_sum: F64, n: int
) -> Spectrum:
    """Put the companions of the covariance spectrum and of the unit rows into one section.

    Parameters
    ----------
    ranked : RankMe
    eigenvalues : (d,) array
        Of the covariance, ascending.
    rank : int
    unit_sum : (d,) array
        Sum of n rows divided by their lengths.
    n : int
    """
    return Spectrum(
        rankme=ranked.value,
        rankme_ci=ranked.interval,
        **companions(eigenvalues, rank),
        **concentration(unit_sum, n),
        eigenvalues=eigenvalues[::-1][:rank],
    )


def companions(eigenvalues: F64, rank: int) -> dict[str, float | None]:
    """Sum up the covariance spectrum.

    Parameters
    ----------
    eigenvalues : (d,) array
        Of the covariance, ascending.
    rank : int
        Numerical rank; smaller eigenvalues are left out.

    Returns
    -------
    dict
        ``effective_rank``: exp of the entropy of λ/Σλ, λ the eigenvalues of the covariance (Roy &
        Vetterli 2007). ``participation_ratio``: (Σλ)²/Σλ². ``alpha_req``: a in λᵢ ~ i^(−a), by
        least squares of log λ on log i with weights 1/i over places 11 to 50, None below 12
        dimensions (Agrawal et al. 2022). ``first_share``: λ₁/Σλ.
    """
    values = eigenvalues[::-1][:rank]
    return {
        "effective_rank": _entropy_rank(values),
        "participation_ratio": float(values.sum() ** 2 / (values**2).sum()),
        "alpha_req": _decay(values),
        "first_share": float(values[0] / values.sum()),
    }


@dataclass(frozen=True, slots=True)
class RankMe:
    """The entropy rank of the singular values of rows that are not centred (Garrido et al. 2023).

    Attributes
    ----------
    value : float
    values, vectors : arrays
        Eigenvalues and eigenvectors of Σ xxᵀ/n, ascending.
    interval : (float, float) or None
    """

    value: float
    values: F64
    vectors: F64
    interval: tuple[float, float] | None = None

    @classmethod
    def of(cls, spread: Spread) -> RankMe:
        """Return it of the rows behind a spread, without an interval. Cost O(d³)."""
        values, vectors = spread.covariance.plus(spread.mean).eigh()
        return cls(_entropy_rank(np.sqrt(values.clip(min=0))), values, vectors)


ROWS = 10_000
"""Sampled rows behind the interval of RankMe, at most, where rows do not depend on each other."""


def rankme(read: ReadRows, groups: int, confidence: float) -> RankMe:
    """Return RankMe with its interval over the sampled rows, by the groups that levels leave out.

    Parameters
    ----------
    read : ReadRows
        Rows as levels read them.
    groups : int
        Of the jackknife, where rows do not depend on each other.
    confidence : float
    """
    grouping, found = read.grouping, RankMe.of(read.spread)
    member = None if grouping is None else grouping.members(read.sample.index)
    if member is not None:
        return with_interval(found, read.sampled_rows(), member, confidence)
    rows = min(read.sample.m, ROWS)
    blocks, member = read.sampled_rows(rows), np.arange(rows) % groups
    return with_interval(found, blocks, member, confidence, rows / read.spread.n)


def with_interval(
    found: RankMe,
    blocks: Iterable[F64],
    member: I64,
    confidence: float,
    share: float = 1.0,
) -> RankMe:
    """Return RankMe with a delete-a-group jackknife interval.

    With S = Σ xxᵀ/n = V diag(λ) Vᵀ, the eigenvalues without group g are taken to first order, the
    mean of (vᵢᵀx)² over the rows that are left: one eigendecomposition instead of one a group. The
    standard error comes out within a tenth of exact deletion where n is many times d, and above it
    (up to one and a half times) where lengths vary much and n is near d.

    Parameters
    ----------
    found : RankMe
        Of the rows that the value was computed on.
    blocks : iterable of (b, d) arrays
        The m rows, not centred.
    member : (m,) int array
        Group of each row.
    confidence : float
    share : float
        Of the n rows that the m are, where they are independent: the error falls with its root.

    Returns
    -------
    RankMe
        Its interval is around the value, for what as many rows average: RankMe rises with n, and
        the interval says nothing of that. None where there is a single group. Cost O(m d²) in
        float32, whose rounding moves no eigenvalue by more than 1e-14 of the largest.
    """
    groups = np.unique(member)
    if groups.size < 2:
        return found
    vectors = found.vectors.astype(np.float32)
    sums, counts, start = np.zeros((groups.size, found.values.size)), np.zeros(groups.size), 0
    for x in blocks:
        inside = np.equal.outer(groups, member[start : start + len(x)]).astype(np.float64)
        along = x.astype(np.float32) @ vectors
        sums += inside @ np.multiply(along, along, dtype=np.float64)
        counts += inside.sum(axis=1)
        start += len(x)
    left = (sums.sum(axis=0) - sums).clip(min=0) / (counts.sum() - counts)[:, None]
    without = np.array([_entropy_rank(np.sqrt(row)) for row in left])
    low, high = jackknife_interval(found.value, without, confidence)[1]
    half = (high - low) / 2 * np.sqrt(share)
    return replace(found, interval=(float(found.value - half), float(found.value + half)))


def _entropy_rank(values: F64) -> float:
    share = values[values > 0] / values.sum()
    return float(np.exp(-(share @ np.log(share))))


def _decay(values: F64) -> float | None:
    low, high = ALPHA_RANGE
    part = values[low - 1 : high]
    if part.size < 2:
        return None
    place = np.arange(low, low + part.size)
    slope, _ = np.polyfit(np.log(place), np.log(part), 1, w=np.sqrt(1 / place))
    return float(-slope)


def concentration(unit_sum: F64, n: int) -> dict[str, float]:
    """Say how far unit rows lean towards one direction.

    Parameters
    ----------
    unit_sum : (d,) array
        Sum of n unit rows: :func:`sum_of_unit_rows`.
    n : int

    Returns
    -------
    dict
        ``mean_resultant``: R = ‖Σu‖/n. ``mean_cosine``: over all pairs of different rows, exactly
        (‖Σu‖² − n)/(n (n − 1)). ``vmf_concentration``: κ of the von Mises-Fisher law with that R,
        by the approximation of Banerjee et al. (2005) and two Newton steps (Sra 2012).
    """
    square = float(unit_sum @ unit_sum)
    resultant = min(np.sqrt(square) / n, 1.0)
    return {
        "mean_resultant": float(resultant),
        "mean_cosine": (square - n) / (n * (n - 1)),
        "vmf_concentration": vmf_concentration(float(resultant), unit_sum.size),
    }


def sum_of_unit_rows(
    read: Callable[[int, int], NDArray[Any]], n: int, d: int, block: int = 4096
) -> F64:
    """Sum rows divided by their lengths; ``read(start, stop)`` gives rows, none of them zero."""
    total = np.zeros(d)
    for start in range(0, n, block):
        x = read(start, min(start + block, n)).astype(np.float64)
        total += (1 / np.sqrt(squared_norms(x))) @ x
    return total


def vmf_concentration(resultant: float, p: int) -> float:
    """Return κ with I_{p/2}(κ)/I_{p/2−1}(κ) = R; infinite at R = 1.

    Examples
    --------
    >>> vmf_concentration(0.0, 8)
    0.0
    """
    from scipy.special import ive

    if resultant >= 1:
        return float("inf")
    kappa = resultant * (p - resultant**2) / (1 - resultant**2)
    for _ in range(2):
        below = ive(p / 2 - 1, kappa)
        if kappa == 0 or below < 1e-290:  # the approximation is all that can be had
            break
        ratio = ive(p / 2, kappa) / below
        kappa -= (ratio - resultant) / (1 - ratio**2 - (p - 1) / kappa * ratio)
    return float(kappa)
