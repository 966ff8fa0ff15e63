"""Scaled residuals of a joint sample: the affine-invariant part of the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.leaf import centred, rounded_center, unit_rows, widen
from gausscheck.passes.scatter import ScatterMatrix, inverse_root
from gausscheck.passes.spread import merge_spread, spread_of

_BLOCK = 8192

_REFINE = 1e-8
"""Eigenvalue ratio below which rounding wants a second step of whitening."""


def residuals(x: F64) -> tuple[F64, int]:
    """Centre and whiten with the 1/n covariance, within its range.

    Parameters
    ----------
    x : (n, d) array

    Returns
    -------
    y : (n, r) array
        Mean 0, (1/n) yᵀy = I.
    r : int
        Numerical rank: singular values above max(n, d) eps times the largest. Cost O(n d²).
    """
    centred = x - x.mean(axis=0)
    centred -= centred.mean(axis=0)
    scale = np.abs(centred).max(axis=0)  # columns of very different scale must not lose rank
    centred = centred[:, scale > 0] / scale[scale > 0]
    if centred.shape[1] == 0:
        return np.empty((x.shape[0], 0)), 0
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int((values > max(centred.shape) * np.finfo(float).eps * values[0]).sum())
    return left[:, :rank] * np.sqrt(x.shape[0]), rank


def whiten_tall(x: F64, *, most: int | None = None) -> tuple[F64, F64]:
    """Whiten centred rows by their covariance.

    Parameters
    ----------
    x : (n, d) array
        Centred.
    most : int, optional
        Keep at most so many dimensions, the strongest.

    Returns
    -------
    y : (n, r) array
        (1/n) yᵀy = I up to rounding.
    back : (d, r) array
        ``y = x @ back``; takes a direction of y back to the space of x. Eigenvalues below
        max(d, 100) eps times the largest count as none. Cost O(n d² + d³), or O(n² d) where
        rows are far fewer than dimensions.
    """
    values, vectors = ScatterMatrix.of(x).over(x.shape[0]).eigh()
    keep = values > values[-1] * max(x.shape[1], 100) * np.finfo(float).eps
    if most is not None:
        keep[: -max(most, 1)] = False
    back = canonical(vectors[:, keep]) / np.sqrt(values[keep])
    y = x @ back
    # the smallest eigenvalues carry the rounding of the largest: a second step takes it out; its
    # symmetric root, for the eigenvectors of what is nearly the identity are rounding alone
    root = inverse_root(y.T @ y / x.shape[0])
    return y @ root, back @ root


REACH = 1e4
"""A component is taken in float32 while it has this share of a row's length, one in so many: what
it loses there is 6e-4 of its standard deviation."""


PART = 256
"""Rows that are made float64 at once."""

SEEN = 1e-6
"""What rounding of the mean may leave in a component, in its standard deviations."""


def whiten(
    rows: NDArray[Any],
    mean: F64,
    matrix: F64,
    *,
    unit: bool = False,
    narrow: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return whitened rows ``(rows - mean) @ matrix``, in float32 where that loses nothing.

    Parameters
    ----------
    rows : (n, d) array
        As they are stored.
    mean : (d,) array
    matrix : (d, k) array
        Eigenvectors over the roots λ of their eigenvalues, largest first.
    unit : bool
        Whether each row is divided by its length first.
    narrow : (n, d) float32 array, optional
        The rows :func:`centred`, where they are at hand.

    Returns
    -------
    (n, k) float32 array
        Components with √(Σλ / λ) of at most :data:`REACH` are products in float32, those that are
        weaker in float64. Cost O(n d k).
    """
    reach = np.linalg.norm(matrix, axis=0)
    strong = int(np.searchsorted(reach, REACH / np.sqrt((reach**-2.0).sum()), side="right"))
    if narrow is None:
        narrow = _in_parts(rows, lambda part: centred(part, mean, np.float32), unit=unit)
    out = np.empty((len(rows), matrix.shape[1]), dtype=np.float32)
    np.matmul(narrow, matrix[:, :strong].astype(np.float32), out=out[:, :strong])
    stored = np.dtype(np.float64) if unit else rows.dtype
    left = (mean - rounded_center(stored, mean, np.float32)) @ matrix[:, :strong]
    told = int(np.argmax(np.append(np.abs(left), 1) > SEEN))  # of the stronger ones it is nothing
    if told < strong:
        out[:, told:strong] -= left[told:].astype(np.float32)
    if strong < matrix.shape[1]:
        weak = matrix[:, strong:]
        middle = mean @ weak
        out[:, strong:] = _in_parts(rows, lambda part: _doubled(part) @ weak - middle, unit=unit)
    return out


def _doubled(rows: NDArray[Any]) -> F64:
    """Return rows in float64: of float16 by way of float32, which is shorter."""
    if rows.dtype != np.float16:
        return rows.astype(np.float64)
    single = np.empty(rows.shape, dtype=np.float32)
    widen(rows, single)
    return single.astype(np.float64)


def _in_parts(
    rows: NDArray[Any], work: Callable[[NDArray[Any]], NDArray[Any]], *, unit: bool
) -> NDArray[Any]:
    """Work on a few rows after another, so that float64 ones stay in cache."""
    cuts = range(0, max(len(rows), 1), PART)
    parts = (rows[low : low + PART] for low in cuts)
    return np.concatenate([work(unit_rows(part) if unit else part) for part in parts])


def canonical(vectors: F64) -> F64:
    """Return columns whose largest entry is positive: an eigenvector's sign is the library's whim.

    What starts from them is then the same on every processor, up to rounding.

    Examples
    --------
    >>> canonical(np.array([[-3.0, 1.0], [1.0, 2.0]]))
    array([[ 3.,  1.],
           [-1.,  2.]])
    """
    largest = np.abs(vectors).argmax(axis=0)
    return np.asarray(vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])]))


def fit_whitening(x: NDArray[Any]) -> tuple[F64, F64]:
    """Find the map that whitens rows too many to hold in float64.

    Parameters
    ----------
    x : (n, d) array
        Any real dtype; read in blocks.

    Returns
    -------
    mean : (d,) array
    back : (d, r) array
        ``(x - mean) @ back`` has mean 0 and 1/n covariance I. Eigenvalues of the correlation matrix
        below max(d, 100) eps times the largest count as none. Cost O(n d² + d³), memory O(d²).
    """
    n = x.shape[0]
    spread = tree_fold(
        merge_spread,
        (spread_of(x[low : low + _BLOCK].astype(np.float64)) for low in range(0, n, _BLOCK)),
    )
    sd = np.sqrt(spread.scatter.diagonal() / n)
    live = np.flatnonzero(sd > 0)
    if live.size == 0:
        return spread.mean, np.empty((x.shape[1], 0))
    scatter = spread.scatter.of_columns(live).dense()
    correlation = scatter / n / np.outer(sd[live], sd[live])
    values, vectors = np.linalg.eigh(correlation)
    keep = values > values[-1] * max(live.size, 100) * np.finfo(float).eps
    back = np.zeros((x.shape[1], int(keep.sum())))
    back[live] = vectors[:, keep] / np.sqrt(values[keep]) / sd[live, None]
    if values[keep][0] < _REFINE * values[-1]:
        y = whitened_blocks(x, spread.mean, back)
        inner = sum(
            (_square(y(low, low + _BLOCK)) for low in range(0, n, _BLOCK)), 0 * back.T @ back
        )
        values, turn = np.linalg.eigh(inner / n)
        back = back @ (turn / np.sqrt(values))
    return spread.mean, back


def _square(y: F64) -> F64:
    return np.asarray(y.T @ y)


def whitened_blocks(x: NDArray[Any], mean: F64, back: F64) -> Callable[[int, int], F64]:
    """Return a reader of whitened rows: ``read(start, stop)``, made as they are asked for."""

    def read(start: int, stop: int) -> F64:
        return np.asarray((x[start:stop] - mean) @ back)

    return read
