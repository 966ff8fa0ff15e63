"""Whitened lengths of all rows against their exact law, in one mergeable pass.

With mean and n - 1 covariance estimated from the same n normal rows, whatever the covariance, let
U (n x r) hold the left singular vectors of the centred rows and h_k the sum of the first k squared
entries of a row of U. Then n h_k / (n - 1) ~ Beta(k/2, (n - k - 1)/2) exactly for every k up to
n - 2 (U is Haar-distributed, orthogonal to the vector of ones). At k = r it is the law of the
squared Mahalanobis distance s = (n - 1) h_r (Gnanadesikan & Kettenring 1972). A row's length under
the fit to the *other* rows is an increasing function of h_r, and its F law the image of this Beta
law: shares of rows beyond a quantile are the same in sample and left out one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import Distinct
from gausscheck.core import F64, I64, GausscheckError
from gausscheck.normality.whiten import whiten
from gausscheck.passes.leaf import EVERY_ROW, Leaf, Selection

LEVELS = (0.05, 0.01, 0.001)
"""Nominal false-alarm rates of the thresholds."""

FOLDS = 20
"""Folds of the histogram that the radial divergence is cross-fitted on."""

BINS = 64
"""Bins of a fold's histogram, of equal probability under normality."""

KEPT = 20
"""How many of the longest rows are named."""


def component_grid(of: int) -> tuple[int, ...]:
    """Return 1, 2, 3, 4, 6, 8, 12, 16, 24, ... below ``of``, and ``of`` itself.

    Examples
    --------
    >>> component_grid(10)
    (1, 2, 3, 4, 6, 8, 10)
    """
    grid = {of}
    power = 1
    while power < of:
        grid.update(k for k in (power, 3 * power // 2) if k < of)
        power *= 2
    return tuple(sorted(grid))


@dataclass(frozen=True, slots=True)
class LengthLaw:
    """Quantiles of h_k for n normal rows, for every k of a grid.

    Attributes
    ----------
    n : int
        Rows behind the mean and the covariance.
    ks : tuple of int
        Numbers of leading components, ascending; the last is min(rank, n - 2).
    limits : (K, 3) array
        h_k beyond which a normal row lies with probability 5, 1 and 0.1 %.
    edges : (BINS - 1,) array
        Inner edges of the histogram of h at the last k: equal probabilities under normality.
    """

    n: int
    ks: tuple[int, ...]
    limits: F64
    edges: F64

    @classmethod
    def of(cls, n: int, ks: tuple[int, ...], bins: int = BINS) -> LengthLaw:
        """Return the law of n rows. Cost: some (3 K + bins) inverse incomplete beta functions.

        Raises
        ------
        GausscheckError
            If some k does not lie between 1 and n - 2.

        Examples
        --------
        >>> law = LengthLaw.of(1000, (1, 384))
        >>> (law.limits[-1] * 999).round(1)  # squared lengths; chi-square: 430.7, 451.0, 474.5
        array([419.6, 434.7, 451.8])
        """
        from scipy.special import betainccinv, betaincinv

        if min(ks) < 1 or max(ks) > n - 2:
            raise GausscheckError(
                f"expected between 1 and n - 2 = {n - 2} components, got {min(ks)} to {max(ks)}"
            )
        k = np.array(ks, dtype=np.float64)
        scale = (n - 1) / n
        limits = scale * betainccinv(k[:, None] / 2, (n - k[:, None] - 1) / 2, np.array(LEVELS))
        share = np.arange(1, bins) / bins
        edges = scale * betaincinv(k[-1] / 2, (n - k[-1] - 1) / 2, share)
        return cls(n, ks, np.asarray(limits), np.asarray(edges))


@dataclass(frozen=True, slots=True)
class LengthState:
    """Counts of whitened lengths, as they are merged and at the end.

    Attributes
    ----------
    n : int
        Distinct rows counted.
    beyond : (K, 3) int array
        Rows whose h_k exceeds each limit.
    histogram : (FOLDS, BINS) int array
        Rows by fold and by transform of h at the last k.
    occurrences : int
        Rows counted with their multiplicities.
    weighted : (3,) int array
        ``beyond`` at the last k with each row counted as often as it occurs.
    extreme, extreme_h : (<= KEPT,) arrays
        Ids of the longest rows beyond the 0.1 % limit at the last k, longest first; their h.
    repeated, times : int
        The most repeated row beyond the 1 % limit at the last k and how often it occurs; -1, 0
        where there is none.
    """

    n: int
    beyond: I64
    histogram: I64
    occurrences: int
    weighted: I64
    extreme: I64
    extreme_h: F64
    repeated: int
    times: int


@dataclass(frozen=True, slots=True)
class LengthCounts:
    """Reduction of rows to counts of their whitened lengths.

    Attributes
    ----------
    mean : (d,) array
    matrix : (d, r) array
        Eigenvectors of the n - 1 covariance over the roots of their eigenvalues, largest first.
    law : LengthLaw
    unit : bool
        Whether each row is divided by its length first (mean and matrix are then of unit rows).
    distinct : Distinct or None
        How often rows of the source occur: rows that repeat an earlier one are left out. None:
        each once. ``law.n`` is the number of rows that count, and mean and matrix are fitted on
        them.
    folds : (rows,) int array or None
        Fold of each row, 0 to FOLDS - 1 (blocks or clusters); None: by a hash of the row number.
    selection : Selection
        Which rows are looked at.

    Notes
    -----
    One product, in float32 but for components too weak for it: O(n d r). No state per row. All
    counts are integers: merging is exact and associative.
    """

    mean: F64
    matrix: F64
    law: LengthLaw
    unit: bool = False
    distinct: Distinct | None = None
    folds: I64 | None = None
    selection: Selection = EVERY_ROW

    def of_leaf(self, leaf: Leaf) -> LengthState:
        """Return the state of one leaf."""
        rows, ids = leaf.chosen(self.selection)
        narrow = leaf.centred(self.selection, self.mean, np.dtype(np.float32), unit=self.unit)
        return count_lengths(
            self.lengths(rows, narrow),
            self.law,
            ids,
            fold_of(ids) if self.folds is None else self.folds[ids],
            None if self.distinct is None else self.distinct.times(ids),
        )

    def lengths(self, rows: NDArray[Any], narrow: NDArray[np.float32] | None = None) -> F64:
        """Return h of stored rows at each k, ``(n, K)``; ``narrow`` as in :func:`whiten`."""
        y = whiten(rows, self.mean, self.matrix, unit=self.unit, narrow=narrow)
        squares = cumulative_squares(y, self.law.ks)
        return np.asarray(squares / (self.law.n - 1), dtype=np.float64)

    def merge(self, a: LengthState, b: LengthState) -> LengthState:
        """Return the state of the rows of both."""
        ids = np.concatenate([a.extreme, b.extreme])
        h = np.concatenate([a.extreme_h, b.extreme_h])
        first = np.lexsort((ids, -h))[:KEPT]
        most = min((a, b), key=lambda s: (-s.times, s.repeated))
        return LengthState(
            a.n + b.n,
            a.beyond + b.beyond,
            a.histogram + b.histogram,
            a.occurrences + b.occurrences,
            a.weighted + b.weighted,
            ids[first],
            h[first],
            most.repeated,
            most.times,
        )

    @property
    def key(self) -> str:
        """Name what is looked at, for a kept pass."""
        seen = hashlib.sha256(repr((self.law.n, self.law.ks, self.unit)).encode())
        for values in (self.mean, self.matrix, self.folds):
            seen.update(b"-" if values is None else values.tobytes())
        if self.distinct is not None:
            seen.update(self.distinct.first.tobytes() + self.distinct.count.tobytes())
        seen.update(self.selection.key)
        return f"lengths-{seen.hexdigest()[:20]}"

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> LengthState:
        """Build a state from its arrays by field; raises ValueError where they do not fit."""
        shapes = {"beyond": (len(self.law.ks), len(LEVELS)), "weighted": (len(LEVELS),)}
        if any(arrays[name].shape != shape for name, shape in shapes.items()):
            raise ValueError("of another law")
        return LengthState(
            n=int(arrays["n"]),
            beyond=arrays["beyond"],
            histogram=arrays["histogram"],
            occurrences=int(arrays["occurrences"]),
            weighted=arrays["weighted"],
            extreme=arrays["extreme"],
            extreme_h=arrays["extreme_h"],
            repeated=int(arrays["repeated"]),
            times=int(arrays["times"]),
        )


def count_lengths(
    h: F64, law: LengthLaw, ids: I64, folds: I64, multiplicity: I64 | None = None
) -> LengthState:
    """Count rows beyond each limit.

    Parameters
    ----------
    h : (n, K) array
        h_k of each row for each k of the law.
    law : LengthLaw
    ids, folds : (n,) int arrays
    multiplicity : (n,) int array, optional
        Rows at 0 are left out.
    """
    if multiplicity is None:
        multiplicity = np.ones(len(h), dtype=np.int64)
    elif not multiplicity.all():
        keep = multiplicity > 0
        h, ids, folds, multiplicity = h[keep], ids[keep], folds[keep], multiplicity[keep]
    beyond = h[:, :, None] > law.limits
    last = h[:, -1]
    place = np.searchsorted(law.edges, last, side="left")
    bins = law.edges.size + 1
    histogram = np.bincount(folds * bins + place, minlength=FOLDS * bins).reshape(FOLDS, bins)
    far = np.flatnonzero(beyond[:, -1, 2])
    far = far[np.lexsort((ids[far], -last[far]))][:KEPT]
    flagged = np.flatnonzero(beyond[:, -1, 1])
    most = flagged[np.lexsort((ids[flagged], -multiplicity[flagged]))][:1]
    return LengthState(
        len(h),
        beyond.sum(axis=0, dtype=np.int64),
        histogram.astype(np.int64),
        int(multiplicity.sum()),
        multiplicity @ beyond[:, -1],
        ids[far],
        last[far],
        int(ids[most[0]]) if most.size else -1,
        int(multiplicity[most[0]]) if most.size else 0,
    )


def cumulative_squares(y: NDArray[Any], ks: tuple[int, ...]) -> NDArray[Any]:
    """Return Σ_{j <= k} y_j² for each k, ``(n, K)``; ``y`` (n, r >= last k) is overwritten."""
    np.multiply(y, y, out=y)
    starts = np.array((0, *ks[:-1]))
    return np.asarray(np.cumsum(np.add.reduceat(y[:, : ks[-1]], starts, axis=1), axis=1))


def fold_of(rows: I64) -> I64:
    """Return the fold of each row number, by multiplicative hashing: balanced, free of blocks."""
    mixed = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(40)) % np.uint64(FOLDS)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class FittedRows:
    """Rows whitened by their own fit, largest component first: all of them, or some.

    Attributes
    ----------
    y : (m, r) array
        Whitened rows; all n of them have mean 0 and n - 1 covariance I, and y / sqrt(n - 1) are
        left singular vectors.
    values : (r,) array
        Eigenvalues of the n - 1 covariance within the numerical rank r <= n - 1, descending.
    mean_along : (r,) array
        The mean's coordinates along the eigenvectors.
    mean_beside : float
        Length of the part of the mean outside their span.
    n : int
        Rows of the fit.
    """

    y: F64
    values: F64
    mean_along: F64
    mean_beside: float
    n: int

    @property
    def of(self) -> int:
        """The most components for which the law is defined."""
        return int(min(self.y.shape[1], self.n - 2))


def fit_rows(x: F64) -> FittedRows:
    """Whiten rows by their own mean and covariance.

    Parameters
    ----------
    x : (n, d) array
        Finite.

    Returns
    -------
    FittedRows
        From the d x d covariance where d < n, else from the n x n Gram matrix: O(n d min(n, d)).
        The rank counts eigenvalues above max(min(n, d), 100) * 2.2e-16 times the largest.

    Raises
    ------
    GausscheckError
        With fewer than 4 rows, or where all are the same.
    """
    n, d = x.shape
    if n < 4:
        raise GausscheckError(f"expected 4 rows or more for whitened lengths, got {n}")
    mean = x.mean(axis=0)
    centred = x - mean
    residual = centred.mean(axis=0)
    centred -= residual
    mean = mean + residual
    wide = n <= d
    scatter = centred @ centred.T if wide else centred.T @ centred
    values, vectors = np.linalg.eigh(scatter)
    tolerance = max(min(n, d), 100) * np.finfo(np.float64).eps
    rank = min(int((values > tolerance * values[-1]).sum()), n - 1)
    # identical rows leave a scatter of rounding alone
    if rank < 1 or values[-1] <= n * (np.finfo(np.float64).eps ** 2) * float(x.ravel() @ x.ravel()):
        raise GausscheckError("expected rows that vary, got equal ones: nothing to whiten")
    values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
    root = np.sqrt(values)
    if wide:
        y = vectors * np.sqrt(n - 1)
        along = (vectors.T @ (centred @ mean)) / root
    else:
        y = (centred @ (vectors / root)) * np.sqrt(n - 1)
        along = vectors.T @ mean
    beside = np.sqrt(max(float(mean @ mean) - float(along @ along), 0.0))
    if beside < 1e-7 * np.sqrt(float(mean @ mean)):  # what rounding leaves
        beside = 0.0
    return FittedRows(_orthonormal(y), values / (n - 1), along, float(beside), n)


def _orthonormal(y: F64) -> F64:
    """Make the columns orthogonal to the last digit where small eigenvalues left them askew."""
    from scipy.linalg import solve_triangular

    n, r = y.shape
    y = y - y.mean(axis=0)
    gram = y.T @ y / (n - 1)
    if np.abs(gram - np.eye(r)).max() < 1e-9:
        return y
    lower = np.linalg.cholesky(gram)
    return np.ascontiguousarray(solve_triangular(lower, y.T, lower=True, check_finite=False).T)
