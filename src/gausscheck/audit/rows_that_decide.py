"""Rows that decide: a few without which the rest of the rows would look Gaussian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import PreparedSpace
from gausscheck.audit.noticed.deciding import LEAST, SHARE, STEPS, deciding_rows
from gausscheck.audit.projector import Projector
from gausscheck.config import AD_THRESHOLD, Config
from gausscheck.core import F64, I64, Directions
from gausscheck.normality import A0, profile
from gausscheck.report import Noticed
from gausscheck.rng import haar, stream

DIRECTIONS = 64
"""Axes and random directions whose mean A*² is followed, of each as many."""


def notice_deciding(
    projector: Projector,
    space: PreparedSpace,
    config: Config,
    whitened: F64,
    spared: NDArray[np.bool_],
    sparse: NDArray[np.intp],
) -> Noticed | None:
    """Look whether a few of the longest rows decide what axes, projections or lengths say.

    Parameters
    ----------
    projector : Projector
        Of all rows.
    space : PreparedSpace
    config : Config
    whitened : (m, r) array
        The sampled rows, whitened.
    spared : (m,) bool array
        Rows behind sparse columns, which are noticed by themselves.
    sparse : array of int
        Those columns.

    Returns
    -------
    Noticed or None
        Of the level that needs the most rows left out. Cost: A*² of 128 directions twice where
        the longest rows decide nothing.
    """
    m = len(whitened)
    if m // LEAST < 1:
        return None
    lengths = np.sqrt(np.einsum("ij,ij->i", whitened, whitened))
    found = []
    for name, block in _followed(projector, space, sparse):
        level = _DirectionalValue(block, config.reference, config.workers)
        if _may_decide(level, lengths, spared):
            found.append(
                deciding_rows(
                    name, level.value, A0, AD_THRESHOLD, lengths, level.without,
                    index=projector.sample.index, spared=spared,
                )
            )  # fmt: skip
    known = [one for one in found if one is not None]
    return max(known, key=lambda one: len(one.rows or ()), default=None)


def _followed(
    projector: Projector, space: PreparedSpace, sparse: NDArray[np.intp]
) -> list[tuple[str, F64]]:
    """Return projections on some axes and some random directions, ``(k, m)`` each."""
    axes = np.setdiff1d(space.axes, sparse)
    some = axes[:: max(1, axes.size // DIRECTIONS)][:DIRECTIONS]
    matrix = np.zeros((space.dim, some.size))
    matrix[some, np.arange(some.size)] = 1
    k = min(DIRECTIONS, space.dim)
    random = haar(stream(space.seed, "deciding"), space.dim, k)
    families = (("axes", matrix), ("random", random))
    return [
        (
            name,
            np.array(
                projector.project(
                    Directions(columns, name, ("",) * columns.shape[1]),
                    slice(0, columns.shape[1]),
                )
            ),
        )
        for name, columns in families
        if columns.shape[1]
    ]


class _DirectionalValue:
    """Mean A*² at the reference of some directions, with and without rows."""

    def __init__(self, block: F64, reference: int, threads: int) -> None:
        self._block, self._reference, self._threads = block, reference, threads
        self.value = self._of(block)

    def _of(self, block: F64) -> float:
        found = profile(
            block, tests=("anderson_darling",), effects=False, threads=self._threads
        ).ad_star
        n = block.shape[1]
        return float(A0 + self._reference * (np.nanmean(found) - A0) / n)

    def without(self, rows: NDArray[np.intp]) -> float:
        return self._of(np.delete(self._block, rows, axis=1))


def _may_decide(level: _DirectionalValue, lengths: F64, spared: NDArray[np.bool_]) -> bool:
    """Whether the most rows that may be left out take most of the deviation with them."""
    order = np.argsort(-lengths, kind="stable")
    order = order[~spared[order]]
    most = max(k for k in STEPS if k <= max(len(lengths) // LEAST, 1))
    left = level.without(order[:most])
    return left - A0 < (1 - SHARE + 0.2) * (level.value - A0)


def rows_of(noticed: Noticed | None) -> I64:
    """Return the rows that a finding names."""
    return np.array(() if noticed is None else noticed.rows or (), dtype=np.int64)
