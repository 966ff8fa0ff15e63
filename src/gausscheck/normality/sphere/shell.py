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

from concurrent.futures import Executor
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.normality.groups import group_sizes


def shell_transform(residuals: F64) -> F64:
    """Return the probability transforms of the rows' squared lengths, ``(n,)``.

    Parameters
    ----------
    residuals : (n, k) array
        Mean 0, 1/n covariance I, k < n − 1.
    """
    from scipy.special import betainc

    n, k = residuals.shape
    square = np.einsum("ij,ij->i", residuals, residuals)
    return np.asarray(betainc(k / 2, (n - k - 1) / 2, np.clip(square / (n - 1), 0, 1)))


NEAREST = 1e-16
"""Transforms closer to 0 or 1 count as that close: beyond it their place is rounding."""

LEAST_SPREAD = 1e-3
"""Standard deviations below which rows whitened with a group do not vary without it."""


def shell_without(y: F64, groups: int, sizes: NDArray[np.intp] | None = None) -> tuple[float, F64]:
    """Return the shell A² of whitened rows ``(n, k)``, of all and without each of G groups."""
    return without_groups(shell_transform(y), groups, sizes)


def shell_refitted(
    y: F64,
    groups: int,
    sizes: NDArray[np.intp] | None = None,
    *,
    pool: Executor | None = None,
) -> tuple[float, F64]:
    """Return the shell A² of whitened rows ``(n, k)``, and without each group, whitened anew.

    What a long row does to the covariance that it is measured by is in the spread of these values,
    and what the fit on n rows takes off a deviation is in their mean. A group that leaves fewer
    than 2 k rows, or a dimension in which the others hardly vary, is left out of the transforms
    only. Cost O(G n k²), in float32; transforms without a group are interpolated in log s, to
    some 1e-7 of log u.

    Parameters
    ----------
    y : (n, k) array
        (1/n) yᵀy = I, column means 0.
    groups : int
    sizes : (G,) int array, optional
        Of contiguous groups other than equal ones.
    pool : Executor, optional
        Threads that leave out groups side by side.
    """
    n, k = y.shape
    whole, left = shell_without(y, groups, sizes)
    sizes = group_sizes(n, groups) if sizes is None else sizes
    single = y.astype(np.float32)
    ends = np.cumsum(sizes)

    def without(g: int) -> float:
        m = n - int(sizes[g])
        square = None
        if m >= 2 * k:
            square = _squares_without(y, single, slice(ends[g] - sizes[g], ends[g]))
        if square is None:
            return float(left[g])
        return _squared(*_log_transforms(np.sort(square), m, k))

    each = map if pool is None else pool.map
    return whole, np.array(list(each(without, range(sizes.size))))


def _squares_without(y: F64, single: NDArray[np.float32], part: slice) -> F64 | None:
    """Squared lengths of rows outside ``part``, whitened by themselves; None if they span less."""
    from scipy.linalg.blas import strmm
    from scipy.linalg.lapack import dtrtri

    n, k = y.shape
    group = y[part]
    m = n - len(group)
    mean = -group.sum(axis=0) / m
    scatter = n * np.eye(k) - group.T @ group - m * np.outer(mean, mean)
    try:
        lower = np.linalg.cholesky(scatter / m)
    except np.linalg.LinAlgError:
        return None
    if np.diag(lower).min() < LEAST_SPREAD:
        return None
    inverse = np.asfortranarray(dtrtri(lower, lower=1)[0], dtype=np.float32)
    rows = np.delete(single, part, axis=0)
    rows -= mean.astype(np.float32)
    z = strmm(1.0, inverse, rows.T, lower=1, overwrite_b=1)  # half of what a full product costs
    return np.asarray(np.einsum("ij,ij->j", z, z), dtype=np.float64)


NODES = 16_384
"""Places at which log u and log (1 − u) are tabled."""


def _log_transforms(square: F64, n: int, k: int) -> tuple[F64, F64]:
    """Return log u and log (1 − u) of squared lengths of n whitened rows, by interpolation."""
    nodes, below, above = _transform_table(n, k)
    place = np.log(np.clip(square / (n - 1), np.exp(nodes[0]), 1))
    return np.interp(place, nodes, below), np.interp(place, nodes, above)


@lru_cache(maxsize=32)
def _transform_table(n: int, k: int) -> tuple[F64, F64, F64]:
    """Table log u and log (1 − u) over the logarithm of Beta(k/2, (n − k − 1)/2)."""
    from scipy.special import betainc, betaincinv

    a, b = k / 2, (n - k - 1) / 2
    low = max(float(betaincinv(a, b, NEAREST)), 1e-300)
    high = 1 - float(betaincinv(b, a, NEAREST))
    nodes = np.linspace(np.log(low), np.log(high), NODES)
    below, above = _logs(np.asarray(betainc(a, b, np.exp(nodes)), dtype=np.float64))
    return nodes, below, above


def without_groups(u: F64, groups: int, sizes: NDArray[np.intp] | None = None) -> tuple[float, F64]:
    """Return A² against the uniform law, of the sample and without each of G contiguous groups.

    Groups are equal, or of the sizes given.
    Sorted once; leaving a group out keeps the order of the others.
    """
    order = np.argsort(u)
    sizes = group_sizes(u.size, groups) if sizes is None else sizes
    member = np.repeat(np.arange(sizes.size), sizes)[order]
    below, above = _logs(u[order])

    left = [_squared(below[keep], above[keep]) for keep in (member != g for g in range(sizes.size))]
    return _squared(below, above), np.array(left)


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
    node, weight = np.polynomial.legendre.leggauss(400)
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
