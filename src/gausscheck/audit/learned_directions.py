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
"""Starting points of projection pursuit for each direction wanted."""


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
    """Find the K most kurtotic directions (projection pursuit, Friedman & Tukey 1974).

    Fixed-point steps on the fourth moment from many starts, no start pushed away by another; the
    best are kept that are not nearly the same.

    Returns
    -------
    (d, K) array, labels
        Unit columns, at most K. Cost O(n d²) to whiten, O(8 n d K) a step in float32.
    """
    y, back = fitting.single, fitting.whitened[1]
    r = y.shape[1]
    k = min(count_of("pursuit", argument or "10", None), r)
    ends = _ends(fitting.kurtosis, k)
    random = stream(fitting.seed, "pursuit").standard_normal((r, STARTS * k - ends.shape[1]))
    w = _unit(np.hstack([ends, random])).astype(np.float32)
    for _ in range(ROUNDS):
        s = y @ w
        fresh = _unit(y.T @ (s * s * s) / len(y) - 3 * w)
        moved = 1 - np.abs(np.einsum("ij,ij->j", fresh, w)).min()
        w = fresh
        if moved < 1e-6:
            break
    s = (y @ w).astype(np.float64)
    square = s * s
    excess = np.abs((square * square).mean(axis=0) / square.mean(axis=0) ** 2 - 3)
    kept: list[int] = []
    for j in np.argsort(-excess, kind="stable"):
        if len(kept) < k and (not kept or np.abs(w[:, kept].T @ w[:, j]).max() < 0.9):
            kept.append(int(j))
    return _unit(back @ w[:, kept]), tuple(f"pursuit {i + 1}" for i in range(len(kept)))


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
