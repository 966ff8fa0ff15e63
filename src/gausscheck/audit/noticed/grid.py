"""Values that lie on a grid: quantised, rounded, or stored with few bits, whatever the type now.

Rounding to a step of h sd turns the distribution function into a staircase, which adds n h²/12
∫ φ³/(Φ(1 − Φ)) dz to A*². A uniform draw within the step, added to each value, takes it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.finding import counted, digits, few
from gausscheck.core import F64
from gausscheck.report import Noticed

COARSE = 0.015
"""A grid is noticed from this step on, in sd: it adds .04 to A*² at 5,000 rows."""

ONCE = 0.5
"""Up to this step, in sd, one uniform draw is enough: .1 of A*² is left at 5,000 rows. Beyond it a
second is added, which leaves .1 at a step of 1 sd where one leaves 1.8."""

DISCRETE = 1.0
"""From this step on, in sd, values are counts or switches, not rounded ones: no grid is seen."""

STAIRCASE = 0.0396
"""∫ φ³/(Φ(1 − Φ)) dz / 12: A*² of a Gaussian on a grid exceeds its mean by this · n (h/sd)²."""

ROWS = 4096
"""Rows that a grid is looked for in."""

BITS = 12
"""Mantissas of at most so many bits are storage in few bits: float16 has 11, bfloat16 8."""

FEW = 5
"""Fewer different values than that and one more are no grid: any few are near multiples of some."""

NEAR = 0.05
"""How far from a whole number of steps a difference may be, in steps."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid that values lie on.

    Attributes
    ----------
    bits : int or None
        Bits of the mantissa that all values get by with, where they are few or the values so far
        from zero that it tells: the grid is as coarse as a value is large. None otherwise.
    step : (d,) array
        Distance of a column's evenly spaced values, 0 where they are not evenly spaced.
    ratio : (d,) array
        Root mean square of the local spacing over the column's sd; 0 where there is no grid.
    """

    bits: int | None
    step: F64
    ratio: F64

    def spacing(self, x: NDArray[Any]) -> F64:
        """Return how far apart stored values are around each value ``(m, d)``."""
        return np.maximum(self.step, spacing_of_bits(x, self.bits))

    @property
    def dtype(self) -> np.dtype[Any]:
        """What rows are held in once their grid is taken off: finer than what made it."""
        return np.dtype(np.float64 if self.bits is not None and self.bits > BITS else np.float32)

    @property
    def columns(self) -> NDArray[np.intp]:
        """Columns whose grid is worth noticing, ascending."""
        return np.flatnonzero((self.ratio >= COARSE) & (self.ratio < DISCRETE))

    def dithered(self, x: NDArray[Any], rng: np.random.Generator) -> F64:
        """Return rows ``(m, d)`` with the grid taken away, columns that :attr:`columns` names.

        Other columns come back as they are, in float64.
        """
        spacing = np.zeros((len(x), len(self.ratio)))
        chosen = self.columns
        spacing[:, chosen] = self.spacing(x)[:, chosen]
        return dithered(x, spacing, rng, twice=self.ratio > ONCE)


def find_grid(rows: NDArray[Any], columns: NDArray[Any] | None = None) -> Grid:
    """Find the grid of each column from a random sample of stored rows.

    Parameters
    ----------
    rows : (m, d) array
        Stored values of any type; the first 4,096 rows are used.
    columns : int array, optional
        Columns to look at: those that live and are not sparse. All by default.

    Returns
    -------
    Grid
        Cost O(m d log m).

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2000, 1))
    >>> grid = find_grid(np.round(x, 1).astype(np.float32))
    >>> round(float(grid.step[0]), 6), round(float(grid.ratio[0]), 2)
    (0.1, 0.1)
    >>> find_grid(x).columns.size
    0
    """
    step, ratio = np.zeros((2, rows.shape[1]))
    chosen = np.arange(rows.shape[1]) if columns is None else np.asarray(columns, dtype=np.intp)
    x = np.asarray(rows[:ROWS, chosen], dtype=np.float64)
    sd = x.std(axis=0)
    bits = mantissa_bits(x)
    if bits is not None and bits > BITS and not _coarse(x, bits, sd):
        bits = None
    steps = even_steps(x)
    if bits is None and not steps.any():
        return Grid(bits, step, ratio)
    local = Grid(bits, steps, steps).spacing(x)
    size = np.sqrt(np.einsum("ij,ij->j", local, local) / len(x))
    step[chosen] = steps
    ratio[chosen] = np.where(sd > 0, size / np.where(sd > 0, sd, 1), 0.0)
    return Grid(bits, step, ratio)


def _coarse(x: F64, bits: int, sd: F64) -> bool:
    """Whether numbers of so many bits are far apart beside a column's spread, as far from zero."""
    spacing = np.abs(x).max(axis=0, initial=0) * 2.0 ** (1 - bits)
    return bool((spacing >= COARSE * sd)[sd > 0].any())


def mantissa_bits(x: F64) -> int | None:
    """Return how many bits the mantissas of all values get by with; None where it is all 53.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 4))
    >>> mantissa_bits(x.astype(np.float16).astype(float)), mantissa_bits(x)
    (11, None)
    """
    stored = int(np.bitwise_or.reduce(x.view(np.uint64), axis=None))
    fraction = stored & (1 << 52) - 1
    if fraction == 0:  # powers of two, and zeros
        return 1
    last = (fraction & -fraction).bit_length()  # place of the last bit that any mantissa has
    bits = 54 - last
    return bits if bits < 53 else None


def spacing_of_bits(x: NDArray[Any], bits: int | None) -> F64:
    """Return the distance between neighbouring numbers of so many bits around each value."""
    values = np.asarray(x, dtype=np.float64)
    if bits is None:
        return np.zeros_like(values)
    power = (values.view(np.uint64) & np.uint64(0x7FF << 52)).view(np.float64)
    return np.asarray(power * 2.0 ** (1 - bits))


def even_steps(x: F64) -> F64:
    """Return the step of each column whose values are whole multiples of one apart, else 0.

    The step is the mean of the smallest differences between neighbouring distinct values; all
    others must be whole multiples of it, whatever the offset.
    """
    noise = 4 * np.finfo(np.float32).eps * np.abs(x).max(axis=0)
    steps = np.zeros(x.shape[1])
    for j in range(x.shape[1]):
        gap = np.diff(np.sort(x[:, j]))
        gap = gap[gap > 0]
        if gap.size < FEW:
            continue
        one = float(gap[gap < 1.5 * gap.min()].mean())
        if noise[j] > NEAR * one:  # steps of the size of float32's rounding: not ones that matter
            continue
        multiple = gap / one
        if (np.abs(multiple - np.rint(multiple)) <= 2 * NEAR).all():
            steps[j] = one
    return steps


def dithered(
    x: NDArray[Any],
    spacing: F64,
    rng: np.random.Generator,
    *,
    twice: NDArray[np.bool_] | None = None,
) -> F64:
    """Add to each value a uniform draw within the cell that rounding took it from.

    Parameters
    ----------
    x : (m, d) array
    spacing : (m, d) array
        From :meth:`Grid.spacing`; 0 leaves a value as it is.
    rng : numpy.random.Generator
    twice : (d,) bool array, optional
        Columns that get the sum of two such draws: their steps are coarse.

    Returns
    -------
    (m, d) array
        x + uniform(−spacing/2, spacing/2), float64. The draws depend on the shape of x alone.
    """
    draw = rng.random(x.shape)
    draw -= 0.5
    if twice is not None and twice.any():
        draw[:, twice] += rng.random((len(x), int(twice.sum()))) - 0.5
    draw *= spacing
    draw += x
    return np.asarray(draw)


def notice_grid(grid: Grid, rows: int) -> Noticed | None:
    """Say that values lie on a grid and how much of A*² along axes is the grid's.

    Parameters
    ----------
    grid : Grid
    rows : int
        Rows that A*² is told for, such as the reference.
    """
    columns = grid.columns
    if columns.size == 0:
        return None
    ratio = grid.ratio[columns]
    coarsest = float(ratio.max())
    typical = float(np.median(ratio))
    excess = STAIRCASE * rows * float((ratio**2).mean())
    kind = f", like {_NAMES[grid.bits]}" if grid.bits in _NAMES and typical > COARSE else ""
    return Noticed(
        kind="grid",
        text=f"values of {counted(columns.size, 'column')} lie on a grid of {digits(typical)} sd "
        f"(coarsest {digits(coarsest)}){kind}: rounded or quantised",
        rows=None,
        columns=few(columns[np.argsort(-ratio, kind="stable")]),
        effect=f"they add {digits(excess)} to A*² along axes at {rows:,} rows: levels are on rows "
        "dithered by one step",
        remedy="save the embeddings before rounding, in more bits, or after subtracting the mean",
    )


_NAMES: dict[int | None, str] = {24: "float32", 11: "float16", 8: "bfloat16"}
