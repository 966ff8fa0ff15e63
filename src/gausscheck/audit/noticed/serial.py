"""Rows that resemble their neighbours in the file: how much, over how many rows, what then holds.

Intervals that treat rows as independent draws are too narrow for such rows, and every estimate is
that of fewer rows than there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.autocorrelation import CLIP, autocorrelation_time
from gausscheck.audit.noticed.drift import NONE, Likeness, along_a_direction, of_lengths
from gausscheck.audit.noticed.finding import digits
from gausscheck.core import F64
from gausscheck.report import Noticed

FIRM, SMALL = 4.0, 0.02
"""Dependence is noticed where z exceeds the first and the correlation the second."""

COMPONENTS, COLUMNS = 512, 64
"""Whitened components behind the correlation, and columns behind its time, at most."""

WINDOWS, WINDOW_ROWS = 8, 8192
"""Stretches of consecutive rows that stand for a long file, and their length."""

VALUES = 1 << 20
"""Whitened values of a stretch whose rows are compared with their neighbours: of 8 stretches, z is
58 at a correlation of .02."""

BLOCKS = 20
"""Blocks of the jackknife."""


@dataclass(frozen=True, slots=True)
class SerialDependence:
    """How alike neighbouring rows are.

    Attributes
    ----------
    n : int
        Rows in the file.
    correlation : float
        c = Σ z_i·z_{i+1} / (pairs · r) of whitened rows in file order, 0 for independent rows.
    z : float
        (c + 1/n) sqrt(pairs · r): about standard normal or narrower for independent rows.
    tau : float
        Integrated autocorrelation time of columns in rows, on average, at least 1.
    effective_rows : float
        n / :attr:`longest`: independent rows that would say as much about a mean.
    along : Likeness
        Along the direction in which it is largest; looked for where rows as a whole are not alike.
    lengths : Likeness
        Of the lengths of whitened rows.
    """

    n: int
    correlation: float
    z: float
    tau: float
    effective_rows: float
    along: Likeness = NONE
    lengths: Likeness = NONE

    @property
    def alike(self) -> bool:
        """Whether neighbours are alike as a whole, and it is worth noticing."""
        return self.z > FIRM and self.correlation > SMALL

    @property
    def present(self) -> bool:
        """Whether any of it is worth noticing; in under 1 of 1,000 samples of independent rows."""
        return self.alike or self.along.noticed or self.lengths.noticed

    @property
    def longest(self) -> float:
        """Rows that count as one: tau, or that of the lengths if it is longer.

        That of one direction is in tau as far as columns have a part in it: levels average over
        them, and blocks see the rest.
        """
        return max(self.tau, self.lengths.tau) if self.lengths.noticed else self.tau

    @property
    def words(self) -> str:
        """What is alike, by how much, and how many independent rows say as much.

        Examples
        --------
        >>> SerialDependence(5000, 0.16, 200.0, 25.0, 200.0).words
        'neighbouring rows are alike (correlation .16): about 200 independent rows'
        """
        if self.alike:
            return (
                f"neighbouring rows are alike (correlation {digits(self.correlation)}): "
                f"{_about(self.effective_rows)}"
            )
        told = []
        if self.along.noticed:
            size, rows = digits(self.along.correlation), self.n / self.along.tau
            told.append(f"rows drift along one direction (autocorrelation {size}, {_about(rows)})")
        if self.lengths.noticed:
            size, rows = digits(self.lengths.correlation), self.n / self.lengths.tau
            told.append(f"row lengths wander (correlation {size}, {_about(rows)})")
        return "; ".join(told)


def _about(rows: float) -> str:
    return f"about {rows:,.0f} independent rows"


@dataclass(frozen=True, slots=True)
class Products:
    """State of the fold: products of neighbouring rows seen, their number, the rows at the ends."""

    total: float
    pairs: int
    first: F64 | None
    last: F64 | None


@dataclass(frozen=True, slots=True)
class NeighbourProducts:
    """Reduction of whitened rows in file order to Σ z_i·z_{i+1}, mergeable in file order.

    Blocks are ``(rows, r)``, whitened with the mean and covariance of all rows (distinct rows only
    where the file repeats some: leave repeats out of a block, an empty block is fine).
    """

    def of(self, block: NDArray[Any], row0: int = 0) -> Products:
        """Return the state of consecutive whitened rows."""
        if block.shape[0] == 0:
            return Products(0.0, 0, None, None)
        z = np.clip(block, -CLIP, CLIP, dtype=np.float64)
        total = float(np.einsum("ij,ij->", z[:-1], z[1:]))
        return Products(total, z.shape[0] - 1, z[0].copy(), z[-1].copy())

    def merge(self, a: Products, b: Products) -> Products:
        """Return the state of a's rows followed by b's."""
        if a.last is None or b.first is None:
            return b if a.last is None else a
        across = float(a.last @ b.first)
        return Products(a.total + b.total + across, a.pairs + b.pairs + 1, a.first, b.last)

    def finish(self, state: Products) -> Products:
        """Return the state itself: it is the result."""
        return state


def components(rank: int, n: int) -> int:
    """Return how many leading whitened components to read: fewer than rows by far.

    In n − 1 dimensions n whitened rows are equally far apart, whatever they are.

    Examples
    --------
    >>> components(384, 5000), components(384, 100), components(2, 300)
    (384, 25, 2)
    """
    return max(1, min(rank, COMPONENTS, n // 4))


def windows(n: int) -> list[tuple[int, int]]:
    """Return the row ranges to read: all rows, or evenly spaced stretches of a long file.

    Examples
    --------
    >>> windows(5000)
    [(0, 5000)]
    >>> len(windows(10**7)), windows(10**7)[-1]
    (8, (9991808, 10000000))
    """
    if n <= WINDOWS * WINDOW_ROWS:
        return [(0, n)]
    starts = np.linspace(0, n - WINDOW_ROWS, WINDOWS).astype(int)
    return [(int(low), int(low) + WINDOW_ROWS) for low in starts]


def correlation(state: Products, n: int, rank: int) -> tuple[float, float]:
    """Return c and z of the products of neighbouring whitened rows.

    Parameters
    ----------
    state : Products
    n : int
        Rows behind mean and covariance: independent rows have E c = −1/n.
    rank : int
        Components of a whitened row.
    """
    values = state.pairs * rank
    if values == 0:
        return 0.0, 0.0
    c = state.total / values
    return c, (c + 1 / n) * sqrt(values)


def serial_dependence(whitened: list[NDArray[Any]], columns: list[F64], n: int) -> SerialDependence:
    """Measure how alike neighbouring rows are.

    Parameters
    ----------
    whitened : list of (rows, r) arrays
        Stretches of consecutive rows (:func:`windows`), repeats left out, whitened by mean and
        covariance of all rows: the leading :func:`components` of them.
    columns : list of (rows, c) arrays
        The same rows, some columns, standardised by mean and sd of all rows.
    n : int
        Rows in the file, repeats left out.

    Returns
    -------
    SerialDependence
        Cost O(n r) and O(n c log n); where rows as a whole are not alike, that of
        :func:`gausscheck.audit.noticed.drift.along_a_direction` too.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 4))
    >>> serial_dependence([x], [x], 500).present
    False
    >>> y = np.cumsum(x, axis=0)
    >>> y = (y - y.mean(axis=0)) / y.std(axis=0)
    >>> serial_dependence([y], [y], 500).present
    True
    """
    products = NeighbourProducts()
    return dependence_of([products.of(z) for z in whitened], columns, whitened, n)


def dependence_of(
    states: Sequence[Products],
    columns: Sequence[NDArray[Any]],
    whitened: Sequence[NDArray[Any]],
    n: int,
) -> SerialDependence:
    """Return what :func:`serial_dependence` does, from products of neighbours taken already."""
    state = Products(sum(s.total for s in states), sum(s.pairs for s in states), None, None)
    rank = max((s.first.size for s in states if s.first is not None), default=1)
    c, z = correlation(state, n, rank)
    tau = autocorrelation_time(columns)
    found = SerialDependence(n, c, z, tau, n / tau, lengths=of_lengths(whitened))
    if not found.alike:
        found = replace(found, along=along_a_direction(whitened, n))
    return replace(found, effective_rows=n / found.longest)


def too_short(rows: int, tau: float) -> bool:
    """Return whether 20 blocks of so many rows are shorter than 3 tau."""
    return rows / BLOCKS < 3 * tau


def too_few_for_directions(found: SerialDependence) -> bool:
    """Return whether blocks are too short for directional levels: dependent and n/20 < 3 tau."""
    return found.present and too_short(found.n, found.longest)


def too_few_for_whitening(
    found: SerialDependence, rank: int, rates: dict[float, float] | None = None
) -> bool:
    """Return whether norms and sphere cannot be decided: dependent, and n/tau < 3 rank.

    Where only lengths are alike they count as the means that they are: n/20 < 3 tau. One direction
    that drifts is one of many in which rows are whitened, and leaves the others as they are.

    Parameters
    ----------
    found : SerialDependence
    rank : int
        Dimensions of a whitened row.
    rates : dict of float to float, optional
        Nominal false-alarm rate -> lower end of the measured one, from blocks. Dependence only
        lowers rates, so one beyond twice its nominal value stands.

    Examples
    --------
    >>> found = SerialDependence(5000, 0.16, 200.0, 26.0, 192.0)
    >>> too_few_for_whitening(found, 381), too_few_for_whitening(found, 381, {0.01: 0.17})
    (True, False)
    """
    exceeded = any(low > 2 * nominal for nominal, low in (rates or {}).items())
    few = found.alike and found.n / found.tau < 3 * rank
    short = found.lengths.noticed and too_short(found.n, found.lengths.tau)
    return (few or short) and not exceeded


def notice_serial(
    found: SerialDependence, rank: int, rates: dict[float, float] | None = None
) -> Noticed | None:
    """Say that neighbouring rows are alike, and what cannot be decided for it.

    Parameters
    ----------
    found : SerialDependence
    rank, rates
        As in :func:`too_few_for_whitening`.
    """
    if not found.present:
        return None
    if too_few_for_directions(found):
        effect = "too few independent rows: levels are inconclusive unless a rate stands out"
    elif too_few_for_whitening(found, rank, rates):
        effect = "intervals are by blocks of rows; norms and sphere are inconclusive by rule"
    else:
        effect = f"intervals and values are by {BLOCKS} blocks of neighbouring rows"
    longest = max(found.longest, found.along.tau if found.along.noticed else 1.0)
    step = max(2, round(longest))
    remedy = "name the groups that rows come from (groups_by)"
    if found.n // step >= 3 * rank:  # what is left can be audited
        remedy += f", or keep one row in {step:,}"
    return Noticed(
        kind="serial_dependence",
        text=found.words,
        rows=None,
        columns=None,
        effect=effect,
        remedy=remedy,
    )
