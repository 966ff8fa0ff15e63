"""What an experiment found: values of several seeds, their mean and its interval, in a table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.intervals import student_quantile
from gausscheck.files import plain

Interval = tuple[float, float]

MEASURED, PUBLISHED, THEORY, NULL, DIFFERENCE = (
    "measured", "published", "theory", "Gaussian", "difference",
)  # fmt: skip
"""Kinds of rows; ``Gaussian`` is what true Gaussian rows give."""

SHARES = ("pass", "flags")
"""Columns with one of these words are shares, written in percent."""

CLAIMS = ("hold", "holds")
"""Columns with one of these words are claims, 1 where a seed's rows bear it out: counted."""


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Return Student's t interval of the mean over seeds; None for fewer than two values.

    Examples
    --------
    >>> low, high = mean_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size < 2 or not np.isfinite(x).all():
        return None
    half = student_quantile(x.size, (1 + level) / 2) * float(x.std(ddof=1)) / sqrt(x.size)
    return float(x.mean()) - half, float(x.mean()) + half


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured, published or follows from theory.

    Attributes
    ----------
    label : str
    kind : str
        ``measured``, ``published``, ``theory``, ``Gaussian`` or ``difference``.
    values : mapping of str to tuple of float
        By column, a value a seed; one alone where nothing varies over seeds.
    series, at : str, float
        The line of a figure that the row is a point of, and where on it.
    """

    label: str
    kind: str
    values: Mapping[str, tuple[float, ...]]
    series: str = ""
    at: float = nan

    def mean(self, column: str) -> float:
        """Return the mean over seeds; NaN where the row has no such column."""
        held = self.values.get(column, ())
        return float(np.mean(held)) if held else nan

    def interval(self, column: str) -> Interval | None:
        """Return the interval of the mean, where seeds vary."""
        return mean_interval(self.values.get(column, ()))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: the mean, the ends of its interval, the value of each seed."""
        told = {}
        for column, held in self.values.items():
            entry: dict[str, Any] = {"mean": self.mean(column)}
            if (ends := self.interval(column)) is not None:
                entry |= {"low": ends[0], "high": ends[1]}
            told[column] = entry | ({"seeds": list(held)} if len(held) > 1 else {})
        at = {"series": self.series, "at": self.at} if self.series else {}
        return {"label": self.label, "kind": self.kind, **at, "values": plain(told, "values", [])}


def row(
    label: str, kind: str, values: Mapping[str, float], series: str = "", at: float = nan
) -> Row:
    """Make a row of one seed's values, or of values that do not vary."""
    return Row(label, kind, {c: (float(v),) for c, v in values.items()}, series, float(at))


def joined(seeds: Sequence[Sequence[Row]]) -> tuple[Row, ...]:
    """Join what each seed measured, row by row; what does not vary is taken once."""
    rows = []
    for same in zip(*seeds, strict=True):
        first = same[0]
        if any((r.label, r.kind, r.at) != (first.label, first.kind, first.at) for r in same):
            raise LookupError(f"seeds differ in what they measured: {first.label}")
        values = {c: sum((r.values[c] for r in same), ()) for c in first.values}
        varies = first.kind == MEASURED
        rows.append(Row(first.label, first.kind, values if varies else first.values, first.series,
                        first.at))  # fmt: skip
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Table:
    """What an experiment found.

    Attributes
    ----------
    name, title : str
    columns : tuple of str
        Of the quantities; each row has some of them.
    rows : tuple of Row
    seeds : int
    notes : tuple of str
    curves : tuple of Row
        Points of figures that would be too many for a table.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    seeds: int = 1
    notes: tuple[str, ...] = ()
    curves: tuple[Row, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; what is not finite becomes None."""
        return {
            "schema": "gausscheck.experiment",
            "schema_version": [2, 0],
            "name": self.name,
            "title": self.title,
            "seeds": self.seeds,
            "columns": list(self.columns),
            "rows": [r.to_dict() for r in self.rows],
            "curves": [r.to_dict() for r in self.curves],
            "notes": list(self.notes),
        }

    def find(self, label: str, kind: str = MEASURED) -> Row:
        """Look a row up. Raises KeyError where there is none."""
        for mine in self.rows:
            if (mine.label, mine.kind) == (label, kind):
                return mine
        raise KeyError(f"{label} ({kind})")

    def labels(self, kind: str = MEASURED) -> list[str]:
        """Return the labels of a kind, in order."""
        return [r.label for r in self.rows if r.kind == kind]

    def series(self, name: str, column: str) -> tuple[NDArray[np.float64], list[Row]]:
        """Return the places of a line's points and their rows."""
        points = [r for r in (*self.rows, *self.curves)
                  if r.series == name and r.kind == MEASURED and column in r.values]  # fmt: skip
        return np.array([r.at for r in points]), points

    def with_differences(self, pairs: Sequence[tuple[str, str]]) -> Table:
        """Add, for each pair of labels, the differences of seeds that share data and weights."""
        rows = list(self.rows)
        for one, other in pairs:
            a, b = self.find(one), self.find(other)
            values = {
                c: tuple(np.subtract(a.values[c], b.values[c]).tolist())
                for c in self.columns if c in a.values and c in b.values and not _says(c, CLAIMS)
            }  # fmt: skip
            rows.append(Row(f"{one} − {other}", DIFFERENCE, values))
        return Table(self.name, self.title, self.columns, tuple(rows), self.seeds, self.notes,
                     self.curves)  # fmt: skip

    def about(self) -> list[str]:
        """Say what a number and its ± are, and the notes."""
        many = (
            [f"mean over {self.seeds} seeds ± half its 95 % interval (Student's t); differences "
             "are taken seed by seed"] if self.seeds > 1 else ["one seed: no intervals"]
        )  # fmt: skip
        return many + list(self.notes)

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [f"# {self.title}", "", "| | | " + " | ".join(self.columns) + " |"]
        lines.append("|---" * (len(self.columns) + 2) + "|")
        for mine in self.rows:
            cells = [cell(mine, c) for c in self.columns]
            lines.append(f"| {mine.label} | {mine.kind} | " + " | ".join(cells) + " |")
        return "\n".join([*lines, "", *(f"- {note}" for note in self.about()), ""])

    def text(self, width: int = 80) -> str:
        """Return the table for a terminal: a paragraph a row, no line wider than ``width``."""
        lines, label = [self.title, "=" * min(len(self.title), width)], ""
        for mine in self.rows:
            if mine.label != label:
                label = mine.label
                lines += textwrap.wrap(label, width)
            told = [f"{c}: {cell(mine, c)}" for c in self.columns if cell(mine, c)]
            lines += _wrapped(mine.kind, told, width)
        for note in self.about():
            lines += textwrap.wrap(note, width, initial_indent="- ", subsequent_indent="  ")
        return "\n".join([*lines, ""])


def _wrapped(head: str, items: Sequence[str], width: int) -> list[str]:
    """Set items side by side after a head, none of them broken."""
    lines = [f"  {head:<11}"]
    for i, item in enumerate(items):
        item += ";" if i < len(items) - 1 else ""
        if len(lines[-1]) + len(item) > width and lines[-1].strip():
            lines.append(" " * 13)
        lines[-1] += item + " "
    return [line.rstrip() for line in lines]


def _says(column: str, words: Sequence[str]) -> bool:
    return any(word in column.split() for word in words)


def cell(mine: Row, column: str) -> str:
    """Write a value with the half-width of its interval; nothing where there is none.

    Examples
    --------
    >>> cell(Row("a", MEASURED, {"AD": (0.40, 0.42), "AD pass": (0.93,)}), "AD")
    '0.41 ± 0.13'
    >>> cell(Row("a", MEASURED, {"AD pass": (0.93,)}), "AD pass")
    '93.0 %'
    >>> cell(Row("a", MEASURED, {"norms hold": (1.0, 0.0, 1.0)}), "norms hold")
    '2 of 3'
    """
    value, ends = mine.mean(column), mine.interval(column)
    if not isfinite(value):
        return ""
    if _says(column, CLAIMS):
        held = mine.values[column]
        return f"{sum(held):.0f} of {len(held)}" if len(held) > 1 else "yes" if value else "no"
    half = None if ends is None else (ends[1] - ends[0]) / 2
    if half is not None and half < 1e-9 * abs(value):
        half = 0.0
    if _says(column, SHARES):
        share = round(100 * value, 1) + 0.0  # no minus before a zero
        return f"{share:.1f} %" if half is None else f"{share:.1f} ± {100 * half:.2g} %"
    return f"{value:.3g}" if half is None else f"{value:.3g} ± {half:.2g}"
