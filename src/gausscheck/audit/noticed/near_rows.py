"""Rows that equal another but for their last digits: the same text embedded twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, few, listed
from gausscheck.core import F64, I64
from gausscheck.report import Noticed

NEAR, FEW_NEAR = 1e-2, 1e-3
"""Rows are near where they are less than such a share of their lengths apart; in few dimensions."""

COMPONENTS, MANY, LEAST = 16, 8, 4
"""Leading whitened components that are compared; many; with fewer than the least, any are near."""

TELLING = 1e-3
"""A value tells where it is larger than such a share of its row's largest."""

WINDOW = 64
"""Rows before each that it is compared with, in their order along the first component."""

SHARE = 0.01
"""From this share of rows on the jackknife leaves out such rows together."""


def near_rows(whitened: F64, rows: NDArray[Any]) -> I64:
    """Return for each row the place of the first row that it is near to; its own where none is.

    Near are rows that differ by less than a hundredth (in few dimensions a thousandth) of their
    lengths, as they are stored and once whitened.

    Parameters
    ----------
    whitened : (m, r) array
        Rows in coordinates of unit variance, largest component first.
    rows : (m, d) array
        The same as they are stored.

    Returns
    -------
    (m,) int array
        Two of 10,000 Gaussian rows are near in one sample of 10,000 with 4 components, and in fewer
        with more. Cost O(m log m): near rows follow one another along any direction.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 6))
    >>> x = np.r_[x, x[:2] + 1e-6]
    >>> near_rows(x, x)[-3:].tolist()
    [499, 0, 1]
    """
    first = np.arange(len(whitened), dtype=np.int64)
    if whitened.shape[1] < LEAST:
        return first
    for one, other in _candidates(whitened):
        if _equal_but_for_digits(rows[one], rows[other]):
            low, high = sorted((_first(first, one), _first(first, other)))
            first[high] = low
    return np.array([_first(first, row) for row in range(len(first))], dtype=np.int64)


def _candidates(whitened: F64) -> list[tuple[int, int]]:
    """Return pairs of rows that are near once whitened, among those that follow one another."""
    m = len(whitened)
    order = np.argsort(whitened[:, 0], kind="stable")
    y = whitened[order, :COMPONENTS]
    reach = _reach(y.shape[1]) * np.sqrt(np.einsum("ij,ij->i", y, y))
    found: list[tuple[int, int]] = []
    for lag in range(1, min(WINDOW, m - 1) + 1):
        close = y[lag:, 0] - y[:-lag, 0] < reach[lag:]
        if not close.any():
            break
        close &= np.abs(y[lag:, 1] - y[:-lag, 1]) < reach[lag:]
        place = np.flatnonzero(close)
        apart = y[place + lag] - y[place]
        most = np.minimum(reach[place], reach[place + lag])
        place = place[np.einsum("ij,ij->i", apart, apart) < most**2]
        found += zip(order[place].tolist(), order[place + lag].tolist(), strict=True)
    return found


def _reach(dimensions: int) -> float:
    if dimensions < LEAST:
        return 0.0
    return NEAR if dimensions >= MANY else FEW_NEAR


def _equal_but_for_digits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    x, y = one.astype(np.float64), other.astype(np.float64)
    size = np.abs(x)
    telling = int((size > TELLING * size.max(initial=0)).sum())  # most are zero in sparse rows
    apart = x - y
    return bool(apart @ apart < _reach(telling) ** 2 * min(x @ x, y @ y))


def _first(first: I64, row: int) -> int:
    while first[row] != row:
        row = int(first[row])
    return int(row)


@dataclass(frozen=True, slots=True)
class NearRows:
    """Which rows equal another but for their last digits.

    Attributes
    ----------
    first : (m,) int array
        From :func:`near_rows`.
    index : (m,) int array
        Numbers of the rows in the file.
    whole : bool
        Whether these are all rows of the file.
    """

    first: I64
    index: I64
    whole: bool

    @property
    def count(self) -> int:
        """Rows that are near to an earlier one."""
        return int((self.first != np.arange(self.first.size)).sum())

    @property
    def together(self) -> bool:
        """Whether they are so many that the jackknife leaves them out together."""
        return self.whole and self.count > 0 and self.count >= SHARE * self.first.size

    def labels(self, n: int) -> I64:
        """Return what each of the n rows of the file belongs to: the number of the first."""
        found = np.arange(n, dtype=np.int64)
        found[self.index] = self.index[self.first]
        return found

    def notice(self) -> Noticed | None:
        """Say how many there are, and what becomes of them."""
        if not self.count:
            return None
        in_file = np.argsort(self.index, kind="stable")
        earliest = in_file[np.unique(self.first[in_file], return_index=True)[1]]
        ids = np.sort(np.delete(self.index, earliest))
        among = counted(self.first.size, "row" if self.whole else "sampled row")
        effect = "they count as rows of their own"
        if self.together:
            effect = "the jackknife leaves such rows out together, and there are no p-values"
        elif self.count >= SHARE * self.first.size:
            effect += ": intervals are narrower than they should be"
        equal = "equals" if self.count == 1 else "equal"
        return Noticed(
            kind="near_duplicates",
            text=f"{self.count:,} of {among} {equal} an earlier one but for the last digits: "
            f"{listed(ids)}",
            rows=few(ids),
            columns=None,
            effect=effect,
            remedy="keep one of each, or name what belongs together (groups_by)",
        )
