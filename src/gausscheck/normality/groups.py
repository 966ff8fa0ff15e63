"""Groups of rows that a jackknife leaves out: their sizes, and the interval that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64


@dataclass(frozen=True, slots=True)
class Partition:
    """Rows in groups, of which each is left out in turn.

    Attributes
    ----------
    sizes : (G,) int array
        Rows of each group.
    order : (n,) int array or None
        Rows with those of a group side by side; None where they stand so.
    """

    sizes: NDArray[np.intp]
    order: NDArray[np.intp] | None = None

    @classmethod
    def equal(cls, n: int, groups: int) -> Partition:
        """Return the groups of ``np.array_split``."""
        return cls(group_sizes(n, groups))

    def members(self) -> NDArray[Any]:
        """Return the number of each row's group, ``(n,)``, in the narrowest type.

        Examples
        --------
        >>> Partition(np.array([1, 2]), np.array([2, 0, 1])).members().tolist()
        [1, 1, 0]
        """
        groups = self.sizes.size
        found = np.repeat(np.arange(groups, dtype=np.min_scalar_type(groups)), self.sizes)
        if self.order is None:
            return found
        placed = np.empty_like(found)
        placed[self.order] = found
        return placed

    def groups(self) -> list[slice] | list[NDArray[np.intp]]:
        """Return the rows of each group; slices where they stand side by side.

        Examples
        --------
        >>> Partition(np.array([1, 2])).groups()
        [slice(0, 1, None), slice(1, 3, None)]
        """
        ends = np.cumsum(self.sizes).tolist()
        slices = [slice(low, high) for low, high in zip([0, *ends], ends, strict=False)]
        return slices if self.order is None else [self.order[part] for part in slices]


def group_sizes(n: int, groups: int) -> NDArray[np.intp]:
    """Sizes of the groups of ``np.array_split``."""
    size, longer = divmod(n, groups)
    return np.where(np.arange(groups) < longer, size + 1, size)


def delete_group(whole: F64 | float, without: F64, sizes: NDArray[np.integer]) -> tuple[F64, F64]:
    """Return a statistic without its bias of order 1/n, and its variance, by leaving out groups.

    Parameters
    ----------
    whole : float or array
        The statistic on all rows.
    without : (G, ...) array
        Without each group.
    sizes : (G,) int array
        Rows of each group, which need not be alike (Busing, Meijer & van der Leeden 1999).

    Examples
    --------
    >>> centre, variance = delete_group(1.0, np.array([0.9, 1.1, 1.0]), np.array([5, 5, 5]))
    >>> round(float(centre), 6), round(float(variance), 6)
    (1.0, 0.013333)
    """
    n, groups = sizes.sum(), len(sizes)
    shape = (-1,) + (1,) * (without.ndim - 1)
    ratio = (n / sizes).reshape(shape)
    pseudo = ratio * whole - (ratio - 1) * without
    centre = groups * whole - ((1 - 1 / ratio) * without).sum(axis=0)
    return np.asarray(centre), np.asarray(((pseudo - centre) ** 2 / (ratio - 1)).mean(axis=0))


def jackknife_interval(
    whole: float, without: F64, confidence: float
) -> tuple[float, tuple[float, float]]:
    """Return the delete-a-group standard error of a statistic, and its interval.

    Parameters
    ----------
    whole : float
        The statistic on all rows.
    without : (G,) array
        The statistic without each of G groups.
    confidence : float
        Two-sided, by Student's t on G − 1 degrees of freedom (Shao & Tu 1995).

    Examples
    --------
    >>> error, (low, high) = jackknife_interval(1.0, np.array([0.9, 1.1, 1.0]), 0.95)
    >>> bool(low < 1 < high)
    True
    """
    from scipy.special import stdtrit

    groups = without.size
    error = float(np.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * error
    return error, (whole - half, whole + half)
