"""Directions learned from rows: the least Gaussian ones, and those that part labelled groups.

Tested on the rows it was learned on, such a direction rejects true Gaussians: it was chosen to. So
every function here sees one random half of the sample, and the pipeline tests on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import count_of
from gausscheck.audit.projector import Projector
from gausscheck.core import F64, Directions, GausscheckError
from gausscheck.normality import whiten_tall
from gausscheck.normality.whiten import canonical
from gausscheck.rng import stream

F32 = NDArray[np.float32]
Floating = TypeVar("Floating", np.float32, np.float64)

ROUNDS = 40
"""Fixed-point steps at most."""

WIDE = 64
"""Components that FastICA fits side by side, at most."""

LOGCOSH_NORMAL = 0.374567
"""E log cosh Z for a standard normal Z."""

FITTING_BYTES = 128 << 20
"""Bytes of float64 rows that directions may be learned from."""

STARTS = 8
"""Starting points of projection pursuit on kurtosis for each direction wanted; half as many on
skewness."""


@dataclass(frozen=True)
class FittingRows:
    """The rows that directions are learned from.

    Attributes
    ----------
    rows : (n, d) array
        Prepared, centred rows of the fitting half.
    labels : (n,) array or None
        One a row.
    seed : int
    """

    rows: F64
    labels: NDArray[Any] | None
    seed: int

    @cached_property
    def whitened(self) -> tuple[F64, F64]:
        """The rows whitened within half as many dimensions at most, and the way back."""
        return whiten_tall(self.rows, most=len(self.rows) // 2)

    @cached_property
    def single(self) -> F32:
        """The whitened rows in float32, for steps that are taken until they change by less."""
        return self.whitened[0].astype(np.float32)

    @cached_property
    def kurtosis(self) -> F64:
        """Eigenvectors of (1/n) Σ ‖y‖² y yᵀ of the whitened rows y: where searches start."""
        y, _ = self.whitened
        square = np.einsum("ij,ij->i", y, y)
        return canonical(np.linalg.eigh(y.T @ (square[:, None] * y) / len(y))[1])


def ica(fitting: FittingRows, argument: str) -> tuple[F64, tuple[str, ...]]:
    """Find K directions by symmetric FastICA with the logcosh contrast (Hyvärinen 1999).

    More components than K are fitted side by side, :data:`WIDE` where there are as many: half of
    them start from the ends of the kurtosis matrix's spectrum (FOBI, Cardoso 1989), the others at
    random, and the K of the largest negentropy on the fitting rows are kept. One that settles on a
    real direction leaves the others less to settle on.

    Returns
    -------
    (d, K) array, labels
        Unit columns. Cost O(n d²) to whiten, O(64 n d) a step in float32.
    """
    y, back = fitting.single, fitting.whitened[1]
    r = y.shape[1]
    k = min(count_of("ica", argument or "10", None), r)
    wide = min(max(k, WIDE), r)
    ends = _ends(fitting.kurtosis, wide // 2)
    more = stream(fitting.seed, "ica").standard_normal((r, wide - ends.shape[1]))
    w = _orthogonal(np.hstack([ends, more])).astype(np.float32)
    for _ in range(ROUNDS):
        activity = y @ w
        np.tanh(activity, out=activity)
        slope = 1 - np.einsum("ij,ij->j", activity, activity) / len(y)
        fresh = _orthogonal(y.T @ activity / len(y) - w * slope)
        moved = 1 - np.abs(np.einsum("ij,ij->j", fresh, w)).min()
        w = fresh
        if moved < 1e-6:
            break
    contrast = np.log(np.cosh((y @ w).clip(-80, 80))).mean(axis=0, dtype=np.float64)
    best = np.argsort(-np.abs(contrast - LOGCOSH_NORMAL), kind="stable")[:k]
    return _unit(back @ w[:, best]), tuple(f"ica {i + 1}" for i in range(k))


def pursuit(fitting: FittingRows, argument: str) -> tuple[F64, tuple[str, ...]]:
    """Find K kurtotic or skewed directions (projection pursuit, Friedman & Tukey 1974).

    Fixed-point steps on the fourth cumulant and on the third, from many starts, no start pushed
    away by another. Of those kept every third, from the second on, is the most skewed one that is
    left, the others the most kurtotic; none is nearly another. One index of both, κ₃²/12 + κ₄²/48
    (Jones & Sibson 1987), would not do: among few rows of many dimensions a single long row has
    an excess kurtosis that leaves no room for anything skewed.

    Returns
    -------
    (d, K) array, labels
        Unit columns, at most K. Cost O(n d²) to whiten, O(12 n d K) for the first step in float32,
        less for each next one: a start that has settled takes no more steps.
    """
    y, back = fitting.single, fitting.whitened[1]
    r = y.shape[1]
    k = min(count_of("pursuit", argument or "10", None), r)
    ends = _ends(fitting.kurtosis, k)
    random = stream(fitting.seed, "pursuit").standard_normal((r, STARTS * k - ends.shape[1]))
    found = [
        _distinct(w, np.abs(_cumulant(y @ w, order)), k)
        for w, order in (
            (_climb(y, np.hstack([ends, random]), 4), 4),
            (_climb(y, _skewed(fitting, STARTS // 2 * k), 3), 3),
        )
    ]
    kurtotic, skewed = (np.arange(w.shape[1]) for w in found)
    places = np.concatenate([(3 * kurtotic + 1) // 2, 3 * skewed + 1])
    w = _distinct(np.hstack(found), -places, k)
    return _unit(back @ w), tuple(f"pursuit {i + 1}" for i in range(w.shape[1]))


def lda(fitting: FittingRows, argument: str) -> tuple[F64, tuple[str, ...]]:
    """Directions that part labelled groups best (Fisher 1936), by scikit-learn.

    Raises
    ------
    GausscheckError
        If there are no labels, or fewer than two groups.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    if fitting.labels is None:
        raise GausscheckError(
            "directions lda: expected labels, got none; name them with labels=, a file or FILE:KEY"
        )
    groups = np.unique(fitting.labels).size
    if groups < 2 or groups > len(fitting.labels) // 2:
        raise GausscheckError(
            f"directions lda: expected from 2 groups to one for every two rows, got {groups}"
        )
    most = min(groups - 1, fitting.rows.shape[1])
    k = count_of("lda", argument or str(most), most)
    y, back = fitting.whitened
    fitted = LinearDiscriminantAnalysis(solver="svd").fit(y, fitting.labels)
    found = fitted.scalings_[:, :k]
    return _unit(back @ found), tuple(f"lda {i + 1}" for i in range(found.shape[1]))


LEARNED: dict[str, Callable[[FittingRows, str], tuple[F64, tuple[str, ...]]]] = {
    "ica": ica,
    "pursuit": pursuit,
    "lda": lda,
}
"""Families of ``--directions`` that look at rows."""


def _ends(vectors: F64, k: int) -> F64:
    """Return k columns from both ends, half of them from the first on."""
    low, high = vectors[:, : (k + 1) // 2], vectors[:, ::-1][:, : k // 2]
    return np.hstack([low, high])[:, :k]


def _skewed(fitting: FittingRows, k: int) -> F64:
    """Return k starts of a search for skewness, the third-moment tensor T of whitened rows y.

    The first is a = (1/n) Σ ‖y‖² y, a partial trace of T: of one skewed direction among Gaussian
    ones it says more than any random start. Half of the others are T contracted with a and random
    vectors, which part several directions that a is a sum of; the rest are random.
    """
    y = fitting.single
    trace = np.einsum("ij,ij->i", y, y) @ y / len(y)
    starts = stream(fitting.seed, "skewness").standard_normal((y.shape[1], k))
    half = slice(1, k // 2)
    starts[:, half] = y.T @ ((y @ trace)[:, None] * (y @ starts[:, half].astype(np.float32)))
    starts[:, 0] = trace
    return starts[:, starts.any(axis=0)]


def _climb(y: F32, starts: F64, order: int) -> F32:
    """Take fixed-point steps on the cumulant of some order, 3 or 4, each start by itself.

    w ← E[y (wᵀy)²], or E[y (wᵀy)³] − 3 w, to unit length, until a start turns by less than 1e-6.
    """
    w = _unit(starts).astype(np.float32)
    going = np.arange(w.shape[1])
    for _ in range(ROUNDS):
        old = w[:, going]
        s = y @ old
        step = y.T @ (s * s if order == 3 else s * s * s) / len(y)
        if order == 4:
            step -= 3 * old
        step[:, ~step.any(axis=0)] = 1  # two points alike have no third moment anywhere
        fresh = _unit(step)
        w[:, going] = fresh
        going = going[1 - np.abs(np.einsum("ij,ij->j", fresh, old)) >= 1e-6]
        if not going.size:
            break
    return w


def _cumulant(scores: F32, order: int) -> F64:
    """Skewness or excess kurtosis of each column, whose mean is 0."""
    s = scores.astype(np.float64)
    square = s * s
    if order == 3:
        return np.asarray((square * s).mean(axis=0) / square.mean(axis=0) ** 1.5)
    return np.asarray((square * square).mean(axis=0) / square.mean(axis=0) ** 2 - 3)


def _distinct(w: F32, scores: NDArray[Any], k: int) -> F32:
    """Return at most k columns of the highest scores, no two with a cosine of .9 or more."""
    kept: list[int] = []
    for j in np.argsort(-scores, kind="stable"):
        if len(kept) < k and (not kept or np.abs(w[:, kept].T @ w[:, j]).max() < 0.9):
            kept.append(int(j))
    return w[:, kept]


def _orthogonal(w: NDArray[Floating]) -> NDArray[Floating]:
    """Nearest matrix with orthonormal columns."""
    left, _, right = np.linalg.svd(w, full_matrices=False)
    return np.asarray(left @ right)


def _unit(w: NDArray[Floating]) -> NDArray[Floating]:
    return np.asarray(w / np.linalg.norm(w, axis=0))


def learn(
    projector: Projector,
    wanted: Sequence[tuple[str, str]],
    labels: NDArray[Any] | None,
    seed: int,
) -> Directions:
    """Learn directions from the first half of the sample, all families as one level.

    At most :data:`FITTING_BYTES` of rows are learned from. Directions along which all held-out rows
    are equal (that of a column with one cell, say) are left out if others are left.
    """
    sample, dim = projector.sample.apart, projector.preparation.dim
    learning = replace(projector, sample=sample)
    half = min(sample.m // 2, max(FITTING_BYTES // (8 * dim), 64))
    mine = None if labels is None else labels[sample.index[:half]]
    fitting = FittingRows(learning.first_rows(half), mine, seed)
    _ = fitting.kurtosis  # once, before families ask for it side by side
    learners = [projector.pool.submit(LEARNED[name], fitting, arg) for name, arg in wanted]
    found = [learner.result() for learner in learners]
    names = tuple(label for _, several in found for label in several)
    matrix = np.hstack([columns for columns, _ in found])
    learned = Directions(matrix, "learned", names, seed=seed, fit_rows="half")
    held_out = projector.project(learned, slice(0, learned.k))
    varies = np.flatnonzero(np.ptp(held_out, axis=1) > 0)
    if varies.size in (0, learned.k):
        return learned
    return replace(
        learned, matrix=matrix[:, varies], labels=tuple(names[j] for j in varies.tolist())
    )
