"""How far rows lie from the centre, once whitened: the thin shell, free of n.

With mean and covariance estimated from n normal rows in k dimensions, a row's squared length
satisfies n s/(n − 1)² ~ Beta(k/2, (n − k − 1)/2) exactly (Gnanadesikan & Kettenring 1972), s taken
with the n − 1 covariance. Its probability transform u is uniform; the Anderson-Darling distance of
the u from uniformity is A² = n ∫ (F − u)² / (u (1 − u)) du.

The mean length is fixed by the fit, as if the scale of a gamma law were estimated, so under
normality E A² = a0(k) = 1 − (2/k) ∫ (t f_k(t))² / (u (1 − u)) du, with f_k the chi-square density,
and its 5 % critical value depends on k alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.normality.groups import Partition
from gausscheck.normality.nodes import gauss_legendre
from gausscheck.normality.triangular import inverse, squared_lengths

NEAREST = 1e-16
"""Transforms closer to 0 or 1 count as that close: beyond it their place is rounding."""

LEAST_SPREAD = 1e-3
"""Standard deviations below which rows whitened with a group do not vary without it."""


@dataclass(frozen=True, slots=True)
class RefittedLengths:
    """Squared lengths of rows, whitened anew without each group of them in turn.

    Attributes
    ----------
    member : (n,) int array
        Group of each row, 0 to G - 1.
    squares : (G, n) float32 array
        (x - mean)ᵀ S⁻¹ (x - mean), with mean and scatter matrix S of the rows outside the group.
    spread : (G,) array
        Least standard deviation of these along a combination of dimensions in which all rows
        vary by one.
    k : int
        Dimensions.
    """

    member: NDArray[np.integer]
    squares: NDArray[np.float32]
    spread: F64
    k: int

    def fits(self, member: NDArray[Any], k: int) -> bool:
        """Whether it is of the groups of a partition, in so many dimensions."""
        return self.k == k and np.array_equal(self.member, member)

    def without(self, group: int) -> NDArray[np.float32] | None:
        """Return squared lengths of the rows outside a group by their own 1/n covariance.

        None where these span fewer dimensions.
        """
        if self.spread[group] < LEAST_SPREAD:
            return None
        left = self.member != group
        return np.asarray(self.squares[group, left] * np.float32(np.count_nonzero(left)))


def shell_without(y: F64, groups: int) -> tuple[float, F64]:
    """Return the shell A² of whitened rows ``(n, k)``, of all and without each of G groups."""
    whole, (left,) = shell_left_out(y, [Partition.equal(len(y), groups)], refitted=False)
    return whole, left


def shell_refitted(y: F64, groups: int) -> tuple[float, F64]:
    """Return the shell A² of whitened rows ``(n, k)``, and without each group, whitened anew."""
    whole, (left,) = shell_left_out(y, [Partition.equal(len(y), groups)], refitted=True)
    return whole, left


def shell_left_out(
    y: F64,
    partitions: Sequence[Partition],
    *,
    refitted: bool,
    pool: Executor | None = None,
    known: RefittedLengths | None = None,
) -> tuple[float, list[F64]]:
    """Return the shell A² of whitened rows, and without each group of several partitions of them.

    Parameters
    ----------
    y : (n, k) array
        (1/n) yᵀy = I, column means 0.
    partitions : sequence of Partition
    refitted : bool
        Whether the other rows are whitened anew: what a long row does to the covariance that it is
        measured by is then in the spread of the values, and what the fit on n rows takes off a
        deviation is in their mean. A group that leaves fewer than 2 k rows, or a dimension in
        which the others hardly vary, is only left out as it is otherwise: the lengths of the
        others are scaled to the mean that a fit gives them, which is all of a fit that a0(k) knows.
    pool : Executor, optional
        Threads that leave out groups side by side.
    known : RefittedLengths, optional
        Of the same rows in any coordinates: what its groups are is not computed again.

    Returns
    -------
    whole : float
    without : list of (G,) array
        One a partition. Cost O(n log n), or O(G n k²) where refitted; these are in float32.
        Transforms are interpolated in log s, to some 1e-7 of log u; A² by the scale of the others,
        by a parabola.
    """
    members = [part.members() for part in partitions]
    n, k = y.shape
    square = np.einsum("ij,ij->i", y, y)
    order = np.argsort(square)
    square = square[order]
    whole = _squared(*_log_transforms(square, n, k))

    def scaled(member: NDArray[Any]) -> F64:
        return _scaled_without(square, member[order], k)

    if not refitted:
        return whole, [scaled(one) for one in members]
    same = [known if known is not None and known.fits(one, k) else None for one in members]
    rows = y if any(one is None for one in same) else y[:0]
    columns = np.ascontiguousarray(rows.T, dtype=np.float32)

    def anew(g: int, member: NDArray[Any]) -> NDArray[np.float32] | None:
        return _squares_without(y, columns, member == g)

    def without(lengths: Callable[[int], NDArray[np.float32] | None], g: int, m: int) -> float:
        others = lengths(g) if m >= 2 * k else None
        if others is None:
            return np.nan
        return _squared(*_log_transforms(np.sort(others).astype(np.float64), m, k))

    each = map if pool is None else pool.map
    left = []
    for part, member, one in zip(partitions, members, same, strict=True):
        lengths = partial(anew, member=member) if one is None else one.without
        rest = (n - part.sizes).tolist()
        values = np.array(list(each(partial(without, lengths), range(len(rest)), rest)))
        missing = np.isnan(values)
        left.append(np.where(missing, scaled(member), values) if missing.any() else values)
    return whole, left


def _squares_without(
    y: F64, columns: NDArray[np.float32], gone: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """Squared lengths of rows that are not gone, whitened by themselves; None if they span less."""
    n, k = y.shape
    group = y[gone]
    m = n - len(group)
    mean = -group.sum(axis=0) / m
    scatter = n * np.eye(k) - group.T @ group - m * np.outer(mean, mean)
    try:
        lower = np.linalg.cholesky(scatter / m)
    except np.linalg.LinAlgError:
        return None
    if np.diag(lower).min() < LEAST_SPREAD:
        return None
    root = inverse(lower)
    shift = (root @ mean).astype(np.float32)
    lengths = squared_lengths(root.astype(np.float32), columns, shift)[-1]
    return np.asarray(lengths[~gone])


NODES = 16_384
"""Places at which log u and log (1 − u) are tabled."""


def _log_transforms(square: F64, n: int, k: int) -> tuple[F64, F64]:
    """Return log u and log (1 − u) of squared lengths of n whitened rows, by interpolation."""
    nodes, logs = _transform_table(n, k)
    place = np.log(np.clip(square / (n - 1), np.exp(nodes[0]), 1))
    found = np.interp(place, nodes, logs)
    return found.real, found.imag


@lru_cache(maxsize=32)
def _transform_table(n: int, k: int) -> tuple[F64, NDArray[np.complex128]]:
    """Table log u + i log (1 − u) over the logarithm of Beta(k/2, (n − k − 1)/2).

    One complex number holds both, so that one search finds both. A chord lies off its curve on one
    side, by h² f″/12 on average over nodes h apart, and A² sums over n rows: nodes are moved by as
    much, so that each chord has the mean of its curve.
    """
    from scipy.special import betainc, betaincinv

    a, b = k / 2, (n - k - 1) / 2
    low = max(float(betaincinv(a, b, NEAREST)), 1e-300)
    high = 1 - float(betaincinv(b, a, NEAREST))
    nodes = np.linspace(np.log(low), np.log(high), NODES)
    below, above = _logs(np.asarray(betainc(a, b, np.exp(nodes)), dtype=np.float64))
    logs = below + 1j * above
    logs[1:-1] -= np.diff(logs, 2) / 12
    return nodes, logs


REACH = 0.05
"""Logarithms of a scale up to which A² of lengths is a parabola in it."""


def _scaled_without(square: F64, member: NDArray[Any], k: int) -> F64:
    """A² of ascending squared lengths without each group, the others' mean made k again."""
    n, sizes = square.size, np.bincount(member)
    left = n - sizes
    rest = square.sum() - np.bincount(member, square)
    shift = np.log(left * k / np.maximum(rest, np.finfo(float).tiny))
    near = np.abs(shift) <= REACH
    reach = max(float(np.abs(shift[near]).max(initial=0)), REACH / 50)
    scaled = [_log_transforms(square * np.exp(scale), n, k) for scale in (-reach, 0.0, reach)]
    less, plain, more = _squared_without(scaled, member)
    place = np.where(near, shift / reach, 0)
    found = plain + place * (more - less) / 2 + place**2 * ((more + less) / 2 - plain)
    for group in np.flatnonzero(~near).tolist():
        others = square[member != group] * np.exp(shift[group])
        found[group] = _squared(*_log_transforms(others, n, k))
    return np.asarray(found)


def _squared_without(samples: Sequence[tuple[F64, F64]], member: NDArray[Any]) -> list[F64]:
    """A² of samples without each group, from log u and log (1 − u), u ascending.

    All have the same groups. A² weighs log u by the odd numbers 1, 3, ... and log (1 − u) by the
    same backwards. Without a group the weight of another's log u is 2 less for each of the group
    before it, that of its log (1 − u) for each behind it: summed from the group's side, cost O(n)
    for all groups.
    """
    n, sizes = member.size, np.bincount(member)
    place, left = np.arange(1, n + 1), n - sizes
    rank = np.empty(n)  # within the group
    rank[np.argsort(member, kind="stable")] = place - np.repeat(np.cumsum(sizes) - sizes, sizes)
    others = sizes[member] - rank
    found = []
    for low, high in samples:
        weighed = (2 * place - 1) * low + (2 * (n - place) + 1) * high
        behind = np.cumsum(low[::-1])[::-1] - rank * low
        before = np.cumsum(high) - high - others * high
        gone = np.bincount(member, weighed + 2 * (behind + before))
        found.append(-left - (weighed.sum() - gone) / left)
    return found


def _logs(u: F64) -> tuple[F64, F64]:
    x = np.clip(u, NEAREST, 1 - NEAREST)
    return np.log(x), np.log1p(-x)


def _squared(low: F64, high: F64) -> float:
    """A² from log u and log (1 − u), u ascending."""
    n = low.size
    return float(-n - (np.arange(1, 2 * n, 2) @ (low + high[::-1])) / n)


@lru_cache(maxsize=64)
def shell_mean(k: int) -> float:
    """Return a0(k), the mean of A² under normality.

    Examples
    --------
    >>> 0.5 < shell_mean(400) < shell_mean(2) < 0.7
    True
    """
    from scipy.special import chdtr, chdtri, gammaln

    low, high = chdtri(k, 1 - 1e-13), chdtri(k, 1e-13)
    node, weight = gauss_legendre(400)
    log_t = (np.log(high) + np.log(low)) / 2 + (np.log(high) - np.log(low)) / 2 * node
    t = np.exp(log_t)
    density = np.exp((k / 2 - 1) * log_t - t / 2 - k / 2 * np.log(2) - gammaln(k / 2))
    u = chdtr(k, t)
    fine = (u > 1e-12) & (u < 1 - 1e-12)
    spread = np.where(fine, (t * density) ** 2 / np.where(fine, u * (1 - u), 1), 0)
    du = density * t * weight * (np.log(high) - np.log(low)) / 2
    return float(1 - 2 / k * (spread @ du))


def shell_limit(k: int) -> float:
    """Return the 5 % critical value of A² in k dimensions, from the shipped table."""
    sizes, limits = _limits()
    return float(np.interp(1 / np.sqrt(k), 1 / np.sqrt(sizes[::-1]), limits[::-1]))


@lru_cache(maxsize=1)
def _limits() -> tuple[F64, F64]:
    path = files("gausscheck.normality.nulls") / "shell_limits.npz"
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
        return archive["dimensions"], archive["limits"]
