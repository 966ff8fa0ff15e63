"""A file sorted by labels that its rows depend on: neighbours are alike for they share a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.serial import SerialDependence
from gausscheck.core import F64
from gausscheck.report import Noticed

EXPLAINED = 0.5
"""Labels explain the likeness of neighbours when so much of it, or of its range, goes with them."""

RUNS = 0.5
"""A file is sorted by its labels when neighbours share one in this share of the way from chance to
certainty."""

BOUNDARIES = 1.3
"""Labels mean something when their means vary so much more than those of runs that straddle them:
a drift is cut by any boundaries alike."""


@dataclass(frozen=True, slots=True)
class LabelRuns:
    """How labels lie in the file, and whether rows change where they do.

    Attributes
    ----------
    labels : int
        Different labels.
    same : float
        Share of neighbouring rows with the same label.
    chance : float
        The same in random order, Σ p².
    between : float
        Share of the variance between labels, averaged over columns.
    straddling : float
        The same for runs shifted by half, each from the middle of one label to that of the next.
    """

    labels: int
    same: float
    chance: float
    between: float
    straddling: float

    @property
    def sorted(self) -> bool:
        """Whether rows of one label stand together."""
        return self.labels > 1 and self.same - self.chance > RUNS * (1 - self.chance)

    @property
    def meaningful(self) -> bool:
        """Whether rows change where labels do."""
        return self.between > BOUNDARIES * self.straddling


def label_runs(rows: F64, labels: NDArray[Any]) -> LabelRuns:
    """Measure how labels lie in the file and what they explain.

    Parameters
    ----------
    rows : (n, c) array
        Some standardised columns, in file order, n at least 2.
    labels : (n,) array

    Returns
    -------
    LabelRuns
        Cost O(n c).

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((1000, 4))
    >>> label_runs(x, np.repeat(np.arange(10), 100)).sorted
    True
    >>> label_runs(x, np.tile(np.arange(10), 100)).sorted
    False
    """
    _, code, count = np.unique(labels, return_inverse=True, return_counts=True)
    p = count / count.sum()
    change = np.flatnonzero(code[1:] != code[:-1]) + 1
    starts = np.concatenate([[0], change])
    middles = (starts + np.append(change, code.size)) // 2
    shifted = np.searchsorted(middles, np.arange(code.size), side="right")
    return LabelRuns(
        labels=count.size,
        same=float((code[1:] == code[:-1]).mean()),
        chance=float(p @ p),
        between=_between(rows, code),
        straddling=_between(rows, shifted),
    )


def within_labels(rows: NDArray[Any], labels: NDArray[Any]) -> F64:
    """Return rows ``(n, c)`` less the mean of their label: what labels do not explain."""
    _, code = np.unique(labels, return_inverse=True)
    return np.asarray(rows - _means(rows, code)[code])


def _means(rows: NDArray[Any], code: NDArray[np.intp]) -> F64:
    count = np.bincount(code)
    sums = np.zeros((count.size, rows.shape[1]))
    present = np.flatnonzero(count)
    starts = (np.cumsum(count) - count)[present]
    by_code = np.asarray(rows, dtype=np.float64)[np.argsort(code, kind="stable")]
    sums[present] = np.add.reduceat(by_code, starts, axis=0)
    return np.asarray(sums / np.maximum(count, 1)[:, None])


def _between(rows: F64, code: NDArray[np.intp]) -> float:
    """Share of the variance between groups beyond what as many groups of noise would show."""
    n, groups = len(rows), len(np.unique(code))
    total = float(rows.var(axis=0).sum())
    means = _means(rows, code) - rows.mean(axis=0)
    share = float((np.bincount(code) @ means**2).sum()) / n / total
    return share - (groups - 1) / (n - 1)


def _explained(found: SerialDependence, within: SerialDependence) -> float:
    """Return the share of likeness, or of its range, that is gone within labels.

    Of one direction, or of lengths, the likeness alone: means of a few labels shorten the range of
    any single drift.
    """
    if found.alike:
        near = _gone(found.correlation, within.correlation)
        return max(near, _gone(found.tau - 1, within.tau - 1))
    if within.alike:
        return 0.0
    if found.along.noticed:
        return _gone(found.along.correlation, within.along.correlation)
    return _gone(found.lengths.correlation, within.lengths.correlation)


def _gone(before: float, after: float) -> float:
    return 1 - max(after, 0.0) / before if before > 0 else 0.0


def notice_sorted(
    found: SerialDependence, within: SerialDependence, runs: LabelRuns
) -> Noticed | None:
    """Say that rows are sorted by labels which they depend on; nothing where labels mean nothing.

    Parameters
    ----------
    found : SerialDependence
        Of the rows as they are.
    within : SerialDependence
        Of the same rows after :func:`within_labels`, scaled to unit variance again.
    runs : LabelRuns

    Returns
    -------
    Noticed or None
        ``serial_dependence`` is said beside it only where rows stay alike within labels
        (``within.present``).
    """
    if not (found.present and runs.sorted and runs.meaningful):
        return None
    if _explained(found, within) < EXPLAINED:
        return None
    return Noticed(
        kind="sorted_rows",
        text=f"rows are sorted by {runs.labels:,} labels they depend on; within labels "
        f"{within.effective_rows:,.0f} independent",
        rows=None,
        columns=None,
        effect="blocks take these labels as a sample of more; its first rows are not typical",
        remedy="shuffle the file if these labels are all there are; else name them as groups",
    )
