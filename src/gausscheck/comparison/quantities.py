"""What models are compared by: the use of a threshold, and the rungs of the ladder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gausscheck.audit.verdict import LADDER, LEVEL_WORDS
from gausscheck.report import LearnedLevel, Report, Status
from gausscheck.report.use import ONE

Interval = tuple[float, float]
Unit = Literal["share", "count", "nats", "limits"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that every model has.

    Attributes
    ----------
    name, title : str
        Short name, and what tables call it.
    unit : {"share", "count", "nats", "limits"}
        ``limits``: times the limit, 0 under normality.
    margin : float
        A difference below it is a trifle, however well it is resolved; in the same unit.
    """

    name: str
    title: str
    unit: Unit
    margin: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A model's value of a quantity.

    Attributes
    ----------
    value : float
    ci : (float, float)
    status : str or None
        Of a rung.
    of : int or None
        Of ``safe_components``: the most that can be measured.
    n : int or None
        Of a rung that moves with the number of rows: how many it is of.
    """

    value: float
    ci: Interval
    status: Status | None = None
    of: int | None = None
    n: int | None = None


USE = {
    q.name: q
    for q in (
        Quantity("false_alarm_1", "1 % flags, %", "share", 0.005),
        Quantity("safe_components", "safe components", "count", 0.0),
        Quantity("radial_loss", "radial loss, nats", "nats", 0.02),
    )
}
"""Use: what happens if rows are treated as Gaussian."""

RUNGS = {
    name: Quantity(name, LEVEL_WORDS[name], "limits", 0.25) for name in LADDER if name != "learned"
}
"""Rungs with a limit; learned directions are lower bounds that rise with n: none is compared."""

QUANTITIES = {**USE, **RUNGS}

MOVING = ("pca",)
"""Rungs that move with n: the more rows, the better single components are found."""

ALIKE = 1.25
"""How many times as many rows as the other a model may have where such rungs are compared."""

NOMINAL = 0.01
"""The rate that a 1 % threshold should have."""


def cell_of(report: Report, name: str) -> Cell | None:
    """Return a report's value of a quantity; None where it has none."""
    if name in RUNGS:
        level = report.levels.get(name)
        if level is None or level.times_limit is None or level.times_limit_ci is None:
            return None
        n = level.n if name in MOVING else None
        return Cell(level.times_limit, level.times_limit_ci, level.status, n=n)
    use = report.use
    if use is None:
        return None
    if name == "safe_components":
        safe = use.safe_components
        return Cell(float(safe.value), (float(min(safe.ci)), float(max(safe.ci))), of=safe.of)
    found = use.radial_kl if name == "radial_loss" else use.false_alarm[ONE]
    return Cell(found.value, found.ci)


def as_many_rows(cells: Iterable[Cell]) -> bool:
    """Say whether a rung that moves with n is of about as many rows in each.

    Examples
    --------
    >>> one, other = (Cell(3.0, (2.0, 4.0), n=n) for n in (500, 5000))
    >>> as_many_rows([one, other]), as_many_rows([one, one])
    (False, True)
    """
    rows = [cell.n for cell in cells if cell.n is not None]
    return not rows or max(rows) <= ALIKE * min(rows)


def rate_at(report: Report, k: int) -> Cell | None:
    """Return the 1 % rate among the k leading components; None where k is not on the curve."""
    curve = () if report.use is None else report.use.curve
    rate = next((point.false_alarm[ONE] for point in curve if point.k == k), None)
    return None if rate is None else Cell(rate.value, rate.ci)


def learned_of(report: Report) -> str:
    """Say how many learned directions deviate on held-out rows; empty where none were learned."""
    level = report.levels.get("learned")
    if not isinstance(level, LearnedLevel):
        return ""
    return f"{level.directions_rejected} of {level.directions}"


def order_of(name: str, cells: dict[str, Cell]) -> tuple[tuple[str, ...], ...]:
    """Put models in order, nearest to Gaussian first; those whose intervals overlap are tied.

    Parameters
    ----------
    name : str
        Of the quantity. A rate counts by its distance from 1 %, safe components by their number.
    cells : dict of str to Cell
        By model.

    Returns
    -------
    tuple of tuple of str
        Groups of tied models: two models are in one group if a chain of overlapping intervals
        leads from one to the other.

    Examples
    --------
    >>> a, b, c = Cell(0.2, (0.1, 0.3)), Cell(0.25, (0.2, 0.4)), Cell(2.0, (1.8, 2.2))
    >>> order_of("axes", {"c": c, "b": b, "a": a})
    (('b', 'a'), ('c',))
    >>> order_of("safe_components", {"a": Cell(4, (4, 6)), "b": Cell(64, (48, 64))})
    (('b',), ('a',))
    """
    found = {model: _distance(name, cell) for model, cell in cells.items()}
    groups: list[list[str]] = []
    reach = float("-inf")
    for model in sorted(found, key=lambda one: found[one]):
        _, low, high = found[model]
        if groups and low <= reach:
            groups[-1].append(model)
        else:
            groups.append([model])
        reach = max(reach, high)
    return tuple(
        tuple(model for model in cells if model in group) for group in groups
    )  # as they were given within a tie


def _distance(name: str, cell: Cell) -> tuple[float, float, float]:
    """Return how far a value is from Gaussian, and the ends of its interval."""
    low, high = cell.ci
    if name == "safe_components":
        return -cell.value, -high, -low
    if name == "false_alarm_1":
        ends = sorted((abs(low - NOMINAL), abs(high - NOMINAL)))
        return abs(cell.value - NOMINAL), 0.0 if low <= NOMINAL <= high else ends[0], ends[1]
    return cell.value, low, high
