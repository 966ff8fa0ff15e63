"""What practitioners read beside Gaussianity: how many dimensions are in use, and how evenly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.reading import ReadRows
from gausscheck.core import F64, I64
from gausscheck.normality.groups import jackknife_interval
from gausscheck.passes.reductions import Spread
from gausscheck.report import Spectrum

ALPHA_RANGE = (11, 50)
"""Places of the eigenvalues between which alpha is fitted, as Stringer et al. (2019) do."""


def spectrum_section(
    spread: Spread,
    eigenvalues: F64,
    rank: int,
    unit_sum: F64,
    n: int,
    rankme_ci: tuple[float, float] | None = None,
) -> Spectrum:
    """Put the companions of the covariance spectrum and of the unit rows into one section.

    Parameters
    ----------
    spread : Spread
    eigenvalues : (d,) array
        Of the covariance, ascending.
    rank : int
    unit_sum : (d,) array
        Sum of n rows divided by their lengths.
    n : int
    rankme_ci : (float, float) or None
        From :func:`rankme_interval`.
    """
    return Spectrum(
        rankme_ci=rankme_ci,
        **companions(spread, eigenvalues, rank),
        **concentration(unit_sum, n),
        eigenvalues=eigenvalues[::-1][:rank],
    )


def companions(spread: Spread, eigenvalues: F64, rank: int) -> dict[str, float | None]:
    """Sum up the covariance spectrum.

    Parameters
    ----------
    spread : Spread
        Mean and covariance of all rows.
    eigenvalues : (d,) array
        Of the covariance, ascending.
    rank : int
        Numerical rank; smaller eigenvalues are left out.

    Returns
    -------
    dict
        ``effective_rank``: exp of the entropy of λ/Σλ, λ the eigenvalues of the covariance (Roy &
        Vetterli 2007). ``rankme``: the same of the singular values of the rows, not centred
        (Garrido et al. 2023). ``participation_ratio``: (Σλ)²/Σλ². ``alpha_req``: a in λᵢ ~ i^(−a),
        by least squares of log λ on log i with weights 1/i over places 11 to 50, None below 12
        dimensions (Agrawal et al. 2022). ``first_share``: λ₁/Σλ. Cost O(d³).
    """
    values = eigenvalues[::-1][:rank]
    uncentred, _ = spread.covariance.plus(spread.mean).eigh()
    return {
        "effective_rank": _entropy_rank(values),
        "rankme": _entropy_rank(np.sqrt(uncentred.clip(min=0))),
        "participation_ratio": float(values.sum() ** 2 / (values**2).sum()),
        "alpha_req": _decay(values),
        "first_share": float(values[0] / values.sum()),
    }


ROWS = 10_000
"""Sampled rows behind the interval of RankMe, at most, where rows do not depend on each other."""


def rankme_interval(read: ReadRows, groups: int, confidence: float) -> tuple[float, float] | None:
    """Return the interval of RankMe over the sampled rows, by the groups that levels leave out.

    Parameters
    ----------
    read : ReadRows
        Rows as levels read them.
    groups : int
        Of the jackknife, where rows do not depend on each other.
    confidence : float
    """
    grouping = read.grouping
    member = None if grouping is None else grouping.members(read.sample.index)
    if member is not None:
        return interval_of_rows(read.sampled_rows(), read.spread, member, confidence)
    rows = min(read.sample.m, ROWS)
    blocks, member = read.sampled_rows(rows), np.arange(rows) % groups
    return interval_of_rows(blocks, read.spread, member, confidence, rows / read.spread.n)


def interval_of_rows(
    blocks: Iterable[F64],
    spread: Spread,
    member: I64,
    confidence: float,
    share: float = 1.0,
) -> tuple[float, float] | None:
    """Return a delete-a-group jackknife interval of RankMe.

    With S = Σ xxᵀ/n = V diag(λ) Vᵀ, the eigenvalues without group g are taken to first order, the
    mean of (vᵢᵀx)² over the rows that are left: one eigendecomposition instead of one a group. The
    standard error comes out within a tenth of exact deletion where n is many times d, and above it
    (up to one and a half times) where lengths vary much and n is near d.

    Parameters
    ----------
    blocks : iterable of (b, d) arrays
        The m rows, not centred.
    spread : Spread
        Mean and covariance of the rows that the value was computed on.
    member : (m,) int array
        Group of each row.
    confidence : float
    share : float
        Of the n rows that the m are, where they are independent: the error falls with its root.

    Returns
    -------
    (float, float) or None
        Around the RankMe of ``spread``, for what as many rows average: RankMe rises with n, and
        the interval says nothing of that. None where there is a single group. Cost O(m d²) and one
        O(d³).
    """
    groups = np.unique(member)
    if groups.size < 2:
        return None
    values, vectors = spread.covariance.plus(spread.mean).eigh()
    sums, counts, start = np.zeros((groups.size, values.size)), np.zeros(groups.size), 0
    for x in blocks:
        inside = np.equal.outer(groups, member[start : start + len(x)]).astype(np.float64)
        sums += inside @ (x @ vectors) ** 2
        counts += inside.sum(axis=1)
        start += len(x)
    left = (sums.sum(axis=0) - sums).clip(min=0) / (counts.sum() - counts)[:, None]
    without = np.array([_entropy_rank(np.sqrt(row)) for row in left])
    whole = _entropy_rank(np.sqrt(values.clip(min=0)))
    low, high = jackknife_interval(whole, without, confidence)[1]
    half = (high - low) / 2 * np.sqrt(share)
    return float(whole - half), float(whole + half)


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
        total += (x / np.linalg.norm(x, axis=1, keepdims=True)).sum(axis=0)
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
