"""Dependence that an average over whitened components does not see: a direction, or lengths.

One component of 128 that drifts through the file adds 1/128 to the average correlation of
neighbours; rows whose lengths wander while their directions are independent add nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.autocorrelation import (
    CLIP,
    autocorrelations,
    time_of,
)
from gausscheck.core import F64

ALONG, LENGTHS = 0.1, 0.05
"""Autocorrelation along a direction, and sum of those of lengths, that is worth noticing."""

RATE = 0.0005
"""Share of files of independent rows in which some component may be called dependent."""

EDGE_WIDTHS = 5.0
"""Widths of the Tracy-Widom law beyond the edge that an eigenvalue needs: of independent rows 1 in
10,000 is beyond 4."""

LONG = 1.5
"""Row lengths are held within so many of their root mean square."""

LAGS = (1, 8, 64)
"""Lags that are summed, from 1 on: long ones tell a slow drift beneath much noise."""

CHANCE = 1e-4
"""Share of files of independent rows in which such a sum, of lengths, may be beyond its bound."""

MOST_VALUES = 1 << 23
"""Whitened values behind the direction: of more, evenly spaced stretches."""

STRETCHES = 8
"""Such stretches."""

DRAWS = 199
"""Orders drawn for comparison: what was found must show more than in any of them."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike neighbours are in one respect.

    Attributes
    ----------
    correlation : float
        At lag 1.
    tau : float
        Integrated autocorrelation time in rows, at least 1.
    noticed : bool
        Whether it is beyond what independent rows show, and worth a word.
    """

    correlation: float = 0.0
    tau: float = 1.0
    noticed: bool = False


NONE = Likeness()
"""Nothing that is alike."""


def spaced(rows: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return all stretches of rows, or evenly spaced parts of one that is long.

    Examples
    --------
    >>> [part.shape for part in spaced([np.zeros((500, 3))])]
    [(500, 3)]
    >>> len(spaced([np.zeros((60_000, 512), dtype=np.int8)]))
    8
    """
    parts: list[NDArray[Any]] = []
    for x in rows:
        size = MOST_VALUES // STRETCHES // max(x.shape[1], 1)
        if len(x) <= STRETCHES * size:
            parts.append(x)
            continue
        starts = np.linspace(0, len(x) - size, STRETCHES).astype(int)
        parts += [x[low : low + size] for low in starts]
    return [part for part in parts if len(part) > 1]


def edge(pairs: int, rank: int, n: int) -> float:
    """Return how large the eigenvalue of the strongest direction of independent rows gets.

    C = Σ z_i z_{i+1}' / pairs, made symmetric, is a shift seen in r of n dimensions. The shift's
    spectrum is arcsine on [−1, 1]; of its compression to a share c = r/n (Nica & Speicher 1996) the
    edge is sqrt(c (2 − c)), and that of rows whitened by more than these at most (1 + c) sqrt(2c).
    On top come five widths of the Tracy-Widom law, sd of an entry times r^(−1/6).

    Parameters
    ----------
    pairs : int
        Neighbours compared.
    rank : int
        Components of a whitened row.
    n : int
        Rows behind mean and covariance.

    Examples
    --------
    >>> round(edge(4999, 384, 5000), 2), round(edge(999, 2, 1000), 2)
    (0.4, 0.16)
    """
    c = min(rank / pairs, 1.0)
    bulk = sqrt(c * (2 - c)) if pairs >= 0.99 * n else (1 + c) * sqrt(2 * c)
    return float(bulk + EDGE_WIDTHS / sqrt(2 * pairs) / rank ** (1 / 6))


def along_a_direction(whitened: Sequence[NDArray[Any]], n: int) -> Likeness:
    """Look for a direction along which neighbours are alike.

    The direction is the leading eigenvector of the symmetric part of C = Σ z_i z_{i+1}' / pairs,
    whose eigenvalue must exceed :func:`edge`, or the component with the largest entry C_jj, which
    must exceed z_{1 − .0005/r} / sqrt(pairs) (Bonferroni); either must exceed .1. These bounds are
    of products that are nearly normal, which those of rare categories are not: so what one half of
    the rows finds must show in the other, whose order is drawn anew for comparison.

    Parameters
    ----------
    whitened : sequence of (rows, r) arrays
        Stretches of consecutive rows, whitened by mean and covariance of all.
    n : int
        Rows behind these.

    Returns
    -------
    Likeness
        Cost O(n r² + r³), and no more than 2²³ r products.
    """
    from scipy.special import ndtri

    parts = spaced(whitened)
    pairs = sum(len(z) - 1 for z in parts)
    if pairs < 2:
        return NONE
    cross = _cross(parts)
    rank = len(cross)
    own = cross.diagonal() + 1 / n
    largest = int(own.argmax())
    top, direction = _strongest(cross)
    if not (top > max(ALONG, edge(pairs, rank, n)) and _shows(parts, components=False)):
        direction = np.eye(rank)[largest]
        least = max(ALONG, -float(ndtri(RATE / rank)) / sqrt(pairs))
        if not (own[largest] > least and _shows(parts, components=True)):
            return Likeness(float(own[largest]))
    return _of_scores([(z @ direction)[:, None] for z in whitened])


def _cross(parts: Sequence[NDArray[Any]]) -> F64:
    """Return the mean of z_i z_{i+1}' over neighbours."""
    pairs = sum(len(z) - 1 for z in parts)
    return np.asarray(sum((_products(_held(z)) for z in parts), np.zeros(())) / pairs)


def _strongest(cross: F64) -> tuple[float, F64]:
    from scipy.linalg import eigh

    last = len(cross) - 1
    (top,), vector = eigh((cross + cross.T) / 2, subset_by_index=[last, last])
    return float(top), vector[:, 0]


def _shows(parts: Sequence[NDArray[Any]], *, components: bool) -> bool:
    """Whether what is strongest in the first halves shows in the second, against drawn orders.

    Among all directions, or among components alone.
    """
    halves = [np.array_split(z, 2) for z in parts if len(z) > 3]
    if not halves:
        return False
    cross = _cross([half[0] for half in halves])
    direction = np.eye(len(cross))[cross.diagonal().argmax()]
    if not components:
        direction = _strongest(cross)[1]
    scores = [_held(half[1]) @ direction for half in halves]
    whole = np.concatenate(scores)
    cuts = np.cumsum([len(s) for s in scores])[:-1]

    def along(values: F64) -> float:
        return float(sum(s[:-1] @ s[1:] for s in np.split(values - whole.mean(), cuts)))

    rng = np.random.default_rng(whole.size)
    drawn = [along(rng.permutation(whole)) for _ in range(DRAWS)]
    return along(whole) > max(drawn)


def _held(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return whitened rows without long ones, two of which side by side look like a direction."""
    z = np.clip(rows, -CLIP, CLIP, dtype=np.float32)
    longest = max(CLIP, LONG * sqrt(z.shape[1]))
    length = np.sqrt(np.einsum("ij,ij->i", z, z))
    held = np.minimum(1.0, longest / np.maximum(length, 1e-30)).astype(np.float32)
    return np.asarray(z * held[:, None])


def _products(z: NDArray[np.float32]) -> F64:
    return np.asarray(z[:-1].T @ z[1:], dtype=np.float64)


def _of_scores(scores: list[NDArray[Any]]) -> Likeness:
    whole = np.concatenate(scores)
    middle, sd = whole.mean(), whole.std()
    rho = autocorrelations([(s - middle) / sd for s in scores])
    return Likeness(float(rho[1]), time_of(rho), noticed=True)


def of_lengths(whitened: Sequence[NDArray[Any]]) -> Likeness:
    """Look whether neighbouring whitened rows are alike in length.

    Lengths are replaced by the normal scores of their ranks, so that heavy tails count for nothing.
    Of independent rows 1 + 2 Σ_{l ≤ L} rho(l), a spectrum at 0, is about χ²_ν / ν with ν =
    pairs / 2L. For an L of 1, 8 or 64 it must exceed what 1 in 10,000 does, and the sum .05, which
    makes tau 1.1.

    Parameters
    ----------
    whitened : sequence of (rows, r) arrays

    Returns
    -------
    Likeness
        Cost O(n r + n log n).
    """
    from scipy.special import ndtri

    squares = [np.einsum("ij,ij->i", z, z, dtype=np.float64) for z in whitened if len(z) > 1]
    if not squares:
        return NONE
    rows = sum(map(len, squares))
    _, place, count = np.unique(np.concatenate(squares), return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2  # ties share their middle rank
    scores = ndtri(middle[place] / rows)[:, None]
    if not scores.std() > 0:
        return NONE
    parts = np.split(scores / scores.std(), np.cumsum([len(s) for s in squares])[:-1])
    rho = autocorrelations(parts)
    sums = np.cumsum(rho[1:] + 1 / rows)
    pairs = rows - len(parts)
    lags = [lag for lag in LAGS if lag <= sums.size]
    firm = [sums[lag - 1] > max(_sum_by_chance(lag, pairs), LENGTHS) for lag in lags]
    return Likeness(float(rho[1]), time_of(rho), noticed=any(firm))


def _sum_by_chance(lags: int, pairs: int) -> float:
    """Return what the sum of so many lags of independent rows exceeds with 1e-4."""
    from scipy.special import gammainccinv

    nu = pairs / (2 * lags)
    return float(gammainccinv(nu / 2, CHANCE) * 2 / nu - 1) / 2
