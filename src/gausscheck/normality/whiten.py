"""Scaled residuals of a joint sample: the affine-invariant part of the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


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
    """Whiten centred rows by their covariance: many rows, no singular value decomposition of them.

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
        max(d, 100) eps times the largest count as none. Cost O(n d² + d³).
    """
    values, vectors = np.linalg.eigh(x.T @ x / x.shape[0])
    keep = values > values[-1] * max(x.shape[1], 100) * np.finfo(float).eps
    if most is not None:
        keep[: -max(most, 1)] = False
    back = vectors[:, keep] / np.sqrt(values[keep])
    y = x @ back
    # the smallest eigenvalues carry the rounding of the largest: a second step takes it out
    inner, turn = np.linalg.eigh(y.T @ y / x.shape[0])
    turn /= np.sqrt(inner)
    return y @ turn, back @ turn
