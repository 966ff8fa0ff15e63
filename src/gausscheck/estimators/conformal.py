"""Conformal p-values: where a row ranks among rows that were held out from the fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, GausscheckError

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ConformalRanks:
    """Calibration rows in the order of their scores, each with its weight.

    p = (1 + Σ wᵢ [sᵢ >= s])/(G + 1), where s is larger for stranger rows. Without groups wᵢ = 1 and
    G is the number of calibration rows: if a new row and they are exchangeable given the fit,
    P(p <= a) <= a for every a, whatever the law of the rows and however bad the fit (Vovk,
    Gammerman & Shafer 2005). With groups wᵢ is one over the rows of its group and G the number of
    groups: the same holds for a row of a new group, if groups are exchangeable and rows within
    each (Lee, Barber & Willett 2023).

    Attributes
    ----------
    scores : (m,) array
        Ascending.
    beyond : (m + 1,) array
        Weight of ``scores[i:]``; 0 at the end.
    count : int
        G.
    """

    scores: F64
    beyond: F64
    count: int

    @classmethod
    def of(cls, scores: F64, groups: NDArray[np.integer] | None = None) -> ConformalRanks:
        """Rank calibration rows.

        Parameters
        ----------
        scores : (m,) array
        groups : (m,) int array, optional

        Raises
        ------
        GausscheckError
            Without rows.
        """
        if not len(scores):
            raise GausscheckError("expected calibration rows, got none")
        order = np.argsort(scores, kind="stable")
        weight, count = np.ones(len(scores)), len(scores)
        if groups is not None:
            named, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
            weight, count = 1 / sizes[place], named.size
        beyond = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
        return cls(np.asarray(scores, dtype=np.float64)[order], beyond, int(count))

    def pvalues(self, scores: F64) -> F64:
        """Return the p-value of each new row, from 1/(G + 1) to 1. Cost O(log m) a row.

        Examples
        --------
        >>> ConformalRanks.of(np.array([3.0, 1.0, 2.0])).pvalues(np.array([0.0, 2.0, 9.0]))
        array([1.  , 0.75, 0.25])
        """
        place = np.searchsorted(self.scores, scores, side="left")
        return np.asarray((1 + self.beyond[place]) / (self.count + 1))

    def threshold(self, level: float) -> float:
        """Return the score beyond which p <= level; infinite where level < 1/(G + 1).

        Examples
        --------
        >>> ranks = ConformalRanks.of(np.array([3.0, 1.0, 2.0]))
        >>> ranks.threshold(0.25), ranks.threshold(0.5), ranks.threshold(0.2)
        (3.0, 2.0, inf)
        """
        allowed = level * (self.count + 1) - 1 + _ROUNDING
        few = np.flatnonzero(self.beyond <= allowed)
        if not few.size:
            return float("inf")
        return float(self.scores[few[0] - 1]) if few[0] else float("-inf")
