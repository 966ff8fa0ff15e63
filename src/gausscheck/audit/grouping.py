"""The groups of rows that the jackknife leaves out: random, neighbouring, or whole clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import group_order, too_short
from gausscheck.core import I64


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rows are grouped for the jackknife.

    Attributes
    ----------
    kind : str
        ``random``, ``blocks`` of neighbouring rows, or ``labels``: whole clusters.
    groups : int
    labels : array or None
        One a row of the file.
    tau : float
        Rows that count as one: the integrated autocorrelation time of neighbours that are alike.
    """

    kind: str
    groups: int
    labels: NDArray[Any] | None = None
    tau: float = 1.0

    def too_few(self, rows: int) -> bool:
        """Whether blocks of so many rows are too short to tell what dependence does."""
        return self.kind == "blocks" and too_short(rows, self.tau)

    def order(self, index: I64) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """Return the order that puts groups side by side, and their sizes; None where random.

        Parameters
        ----------
        index : (m,) array
            Row ids, in the order in which the sample holds them.
        """
        if self.kind == "random":
            return None
        mine = None if self.labels is None else self.labels[index]
        return group_order(index, self.groups, mine)

    def halves(self, index: I64) -> NDArray[np.intp] | None:
        """Return the order that puts one half of the rows first, such that halves do not depend.

        Whole clusters in turn, or the first and the third quarter of the file; in random order
        within. None where groups are random, and any half does.
        """
        found = self.order(index)
        if found is None:
            return None
        permutation, sizes = found
        groups = np.arange(sizes.size)
        stretch = groups * 4 // sizes.size if self.labels is None else groups
        second = np.empty(index.size, dtype=np.intp)
        second[permutation] = np.repeat(stretch % 2, sizes)
        return np.argsort(second, kind="stable")

    def members(self, index: I64) -> I64 | None:
        """Return the group of each row; None where groups are random."""
        found = self.order(index)
        if found is None:
            return None
        permutation, sizes = found
        member = np.empty(index.size, dtype=np.int64)
        member[permutation] = np.repeat(np.arange(sizes.size), sizes)
        return member
