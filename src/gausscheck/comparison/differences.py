"""Differences between two models, with intervals: of the same rows, or of separate ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from gausscheck.comparison.quantities import NOMINAL, QUANTITIES, Cell, Interval

Answer = Literal["higher", "lower", "tied"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A model's value less that of another.

    Attributes
    ----------
    quantity : str
        A key of ``QUANTITIES``.
    k : int or None
        Leading components that a rate is among; None for all of them.
    model, baseline : str
    value : float
        model − baseline, in the quantity's unit.
    ci : (float, float)
    paired : bool
        Whether the jackknife left the same rows out of both models. Otherwise the interval takes
        the two models for independent: for models of the same rows it is wider than need be.
    answer : {"higher", "lower", "tied"}
        ``tied`` where the interval holds 0.
    worse : bool
        The model lies further from Gaussian than the baseline, by more than the quantity's margin,
        as a whole interval.
    """

    quantity: str
    k: int | None
    model: str
    baseline: str
    value: float
    ci: Interval
    paired: bool
    answer: Answer
    worse: bool


def difference(
    quantity: str,
    k: int | None,
    names: tuple[str, str],
    cells: tuple[Cell, Cell],
    found: tuple[float, Interval] | None = None,
) -> Difference:
    """Subtract the second model from the first.

    Parameters
    ----------
    quantity : str
    k : int or None
    names : (str, str)
    cells : (Cell, Cell)
        Their values, from separate reports.
    found : (float, (float, float)), optional
        Paired difference and interval; without it those of independent samples.
    """
    mine, other = cells
    value, (low, high) = found or (mine.value - other.value, unpaired_interval(mine, other))
    answer: Answer = "higher" if low > 0 else "lower" if high < 0 else "tied"
    margin = QUANTITIES[quantity].margin
    if quantity == "safe_components":
        worse = mine.ci[1] < other.ci[0]
    elif quantity == "false_alarm_1" and mine.value < NOMINAL:  # it flags too few
        further = NOMINAL - mine.value > abs(other.value - NOMINAL)
        worse = further and high < -margin
    else:
        worse = low > margin
    return Difference(
        quantity, k, *names, value, (low, high), found is not None, answer, worse
    )  # fmt: skip


def unpaired_interval(a: Cell, b: Cell) -> Interval:
    """Return an interval of a − b from the interval of each, independent of one another.

    Squares of the distances to the ends add up (Zou & Donner 2008): exact for symmetric normal
    intervals, and for a rate it stays where rates can be.

    Examples
    --------
    >>> unpaired_interval(Cell(3.0, (0.0, 6.0)), Cell(1.0, (-3.0, 5.0)))
    (-3.0, 7.0)
    """
    value = a.value - b.value
    low = sqrt((a.value - a.ci[0]) ** 2 + (b.ci[1] - b.value) ** 2)
    high = sqrt((a.ci[1] - a.value) ** 2 + (b.value - b.ci[0]) ** 2)
    return value - low, value + high
