"""The jackknife for rows that are not independent: blocks or whole groups are left out, not rows.

Dependence biases a distance from normality as fewer rows would. Leaving out blocks shows how the
value moves with the number of independent rows, so the jackknife's own correction removes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64


@dataclass(frozen=True, slots=True)
class Corrected:
    """A value without its bias from dependent rows.

    Attributes
    ----------
    value : float
        In the unit of what was given.
    standard_error : float
        Delete-a-group jackknife, the same unit.
    groups : int
        Groups left out in turn; Student's t has one degree of freedom less.
    """

    value: float
    standard_error: float
    groups: int

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the two-sided interval by Student's t on groups − 1 degrees of freedom."""
        from scipy.special import stdtrit

        half = float(stdtrit(self.groups - 1, 0.5 + confidence / 2)) * self.standard_error
        return self.value - half, self.value + half


def corrected(value: float, without: F64, sizes: NDArray[Any], n: int) -> Corrected:
    """Correct a value for the bias of dependent rows, from its values without each group.

    With equal groups G·value − (G − 1)·mean(without); with groups of m_j rows and h_j = n/m_j,
    G·value − Σ (1 − 1/h_j) without_j, and variance Σ (p_j − corrected)² / (h_j − 1) / G over
    pseudo-values p_j = h_j value − (h_j − 1) without_j (Busing, Meijer & van der Leeden 1999).

    Parameters
    ----------
    value : float
        An n-free quantity, such as delta = (A*² − a0)/n, on all rows.
    without : (G,) array
        The same without each group, delta with its own number of rows.
    sizes : (G,) array
        Rows of each group.
    n : int
        Rows in all, their sum.

    Examples
    --------
    >>> round(corrected(1.0, np.array([1.1, 1.1, 0.9, 1.3]), np.full(4, 5), 20).value, 12)
    0.7
    """
    groups = len(without)
    ratio = n / np.asarray(sizes, dtype=np.float64)
    best = float(without_bias(value, without, sizes, n))
    pseudo = ratio * value - (ratio - 1) * without
    error = sqrt(float(((pseudo - best) ** 2 / (ratio - 1)).mean()))
    return Corrected(best, error, groups)


def without_bias(
    value: float | F64, without: NDArray[Any], sizes: NDArray[Any], n: int
) -> np.float64 | F64:
    """Return G·value − Σ (1 − m_j/n) without_j over the last axis, groups of m_j of n rows."""
    kept = 1 - np.asarray(sizes) / n
    return np.asarray(without.shape[-1] * value - (kept * without).sum(axis=-1))


def wider(blocks: Corrected, random: Corrected) -> Corrected:
    """Return the corrected value of blocks with the larger of two standard errors.

    Random groups also see what blocks do not: heavy tails spread evenly over the file.
    """
    error = max(blocks.standard_error, random.standard_error)
    return Corrected(blocks.value, error, blocks.groups)


def group_order(
    index: NDArray[Any], groups: int, labels: NDArray[Any] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Order sampled rows such that contiguous groups of them are blocks, or whole clusters.

    Parameters
    ----------
    index : (m,) int array
        Row ids of the sample, in the order in which it is held.
    groups : int
    labels : (m,) array, optional
        What each sampled row belongs to. Clusters are kept whole: the largest first, each goes to
        the group with the fewest rows.

    Returns
    -------
    permutation : (m,) int array
        ``block[:, permutation]`` has its groups side by side.
    sizes : (G,) int array
        Rows of each. Without labels those of ``np.array_split``; with labels as near to it as whole
        clusters can come, and G is at most the number of clusters.

    Examples
    --------
    >>> permutation, sizes = group_order(np.array([40, 7, 23, 11]), 2)
    >>> permutation.tolist(), sizes.tolist()
    ([1, 3, 2, 0], [2, 2])
    >>> group_order(np.arange(5), 2, np.array(["a", "b", "a", "b", "a"]))[1].tolist()
    [3, 2]
    """
    m = len(index)
    in_file = np.argsort(index, kind="stable")
    if labels is None:
        sizes = np.array([part.size for part in np.array_split(np.arange(m), groups)])
        return in_file, sizes
    _, cluster, count = np.unique(labels, return_inverse=True, return_counts=True)
    groups = min(groups, count.size)
    load = np.zeros(groups, dtype=np.intp)
    home = np.empty(count.size, dtype=np.intp)
    for c in np.argsort(-count, kind="stable"):
        home[c] = load.argmin()
        load[home[c]] += count[c]
    largest_first = np.argsort(-load, kind="stable")  # as np.array_split, longer groups first
    place = np.empty(groups, dtype=np.intp)
    place[largest_first] = np.arange(groups)
    member = place[home][cluster]
    order = in_file[np.argsort(member[in_file], kind="stable")]
    return order, load[largest_first]
