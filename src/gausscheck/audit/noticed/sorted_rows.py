"""A file sorted by its labels: neighbours are alike because they share a label, and only so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import Noticed, digits
from gausscheck.audit.noticed.serial import SerialDependence

F64 = NDArray[np.float64]

EXPLAINED = 0.5
"""Labels explain the likeness of neighbours when at least this share of it goes with them."""

RUNS = 0.5
"""A file is sorted by its labels when neighbours share one in this share of the way from chance to
certainty."""


@dataclass(frozen=True, slots=True)
class LabelRuns:
    """How labels lie in the file.

    Attributes
    ----------
    labels : int
        Different labels.
    share : float
        Neighbouring rows with the same label.
    chance : float
        The same in random order: Σ p².
    """

    labels: int
    share: float
    chance: float

    @property
    def sorted(self) -> bool:
        """Whether rows of one label stand together."""
        return self.labels > 1 and self.share - self.chance > RUNS * (1 - self.chance)


def label_runs(labels: NDArray[Any]) -> LabelRuns:
    """Measure how labels lie in the file.

    Parameters
    ----------
    labels : (n,) array
        In file order, n at least 2.

    Examples
    --------
    >>> label_runs(np.repeat([0, 1], 50)).sorted, label_runs(np.tile([0, 1], 50)).sorted
    (True, False)
    """
    _, code, count = np.unique(labels, return_inverse=True, return_counts=True)
    p = count / count.sum()
    return LabelRuns(count.size, float((code[1:] == code[:-1]).mean()), float(p @ p))


def within_labels(rows: F64, labels: NDArray[Any]) -> F64:
    """Return rows ``(n, r)`` less the mean of their label: what labels do not explain."""
    _, code, count = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((count.size, rows.shape[1]))
    np.add.at(sums, code, rows)
    return np.asarray(rows - (sums / count[:, None])[code])


def notice_sorted(
    found: SerialDependence, within: SerialDependence, runs: LabelRuns
) -> Noticed | None:
    """Say that rows are sorted by labels which they depend on; nothing where labels mean nothing.

    Parameters
    ----------
    found : SerialDependence
        Of the rows as they are.
    within : SerialDependence
        Of the same rows after :func:`within_labels`.
    runs : LabelRuns

    Returns
    -------
    Noticed or None
        It stands for ``serial_dependence`` where labels explain the likeness of neighbours; None
        where rows are not alike, not sorted, or stay alike within labels.
    """
    explained = 1 - max(within.correlation, 0.0) / found.correlation if found.present else 0.0
    if not found.present or not runs.sorted or explained < EXPLAINED:
        return None
    return Noticed(
        kind="sorted_rows",
        text=f"rows are sorted by label and depend on it (neighbours correlate "
        f"{digits(found.correlation)}, within a label {digits(max(within.correlation, 0.0))})",
        rows=None,
        columns=None,
        effect="intervals by blocks take labels as a sample; the first n rows would be some labels",
        remedy="shuffle the file if these labels are all there are; else group by label",
    )
