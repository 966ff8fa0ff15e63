"""A comparison as tables of text: what the terminal, Markdown, LaTeX and the page all show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import floor, isfinite, log10

from gausscheck.comparison.differences import Difference
from gausscheck.comparison.paired import KINDS
from gausscheck.comparison.quantities import (
    QUANTITIES,
    RUNGS,
    USE,
    Cell,
    Interval,
    Unit,
)
from gausscheck.comparison.result import Comparison
from gausscheck.report import Claim, PaperColumn, Status

ABSENT = "–"

MARKS: dict[Status, str] = {
    "gaussian": "yes",
    "gaussian_except": "on average",
    "inconclusive": "open",
    "not_gaussian": "no",
}
"""Whether a rung holds."""

CLAIMS: dict[Claim, str] = {
    "holds": "yes", "fails": "no", "inconclusive": "open", "not_defined": ABSENT,
}  # fmt: skip

KS = (4, 16, 64, 256)
"""Numbers of leading components that the table of differences shows."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes
    ----------
    name, title : str
        A short name, and what stands above it.
    head : tuple of str
    rows : tuple of tuple of str
        As long as the head; the first column is a name that a person gave.
    note : str
        What stands below it.
    """

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tables(found: Comparison) -> list[Table]:
    """Return every table of a comparison that has rows."""
    made = [
        use_table(found), ladder_table(found), differences_table(found), paper_table(found),
        moments_table(found),
    ]  # fmt: skip
    return [table for table in made if table.rows and len(table.head) > 1]


def lines_of(table: Table, most: int) -> list[tuple[str, ...]]:
    """Return the lines of a table, head first; turned where that takes fewer columns, and it has
    more than ``most``.

    Examples
    --------
    >>> lines_of(Table("t", "T", ("model", "x", "y"), (("a", "1", "2"),)), 2)
    [('model', 'a'), ('x', '1'), ('y', '2')]
    """  # noqa: D205 - one sentence
    lines = [table.head, *table.rows]
    turned = len(lines) < len(table.head) > most
    return list(zip(*lines, strict=True)) if turned else lines


def use_table(found: Comparison) -> Table:
    """Return what a threshold does on the rows of each model."""
    names = [name for name in found.quantities if name in USE]
    rows = tuple(
        (m.name, *(cell_text(name, m.values.get(name)) for name in names)) for m in found.models
    )
    return Table("use", "Use", ("model", *(USE[name].title for name in names)), rows)


def ladder_table(found: Comparison) -> Table:
    """Return the rungs of each model, in times the limit."""
    names = [name for name in found.quantities if name in RUNGS]
    learned = any(m.learned_directions for m in found.models)
    rows = tuple(
        (
            m.name,
            *(cell_text(name, m.values.get(name)) for name in names),
            *((m.learned_directions or ABSENT,) if learned else ()),
        )
        for m in found.models
    )
    head = ("model", *(RUNGS[name].title for name in names))
    head = (*head, "learned directions that deviate") if learned else head
    return Table(
        "ladder", "How deep", head, rows,
        f"Times the limit: 0 is Gaussian, 1 the limit; {found.confidence:.0%} intervals.",
    )  # fmt: skip


def differences_table(found: Comparison) -> Table:
    """Return differences between models: rates and radial loss, then rungs."""
    had = {d.quantity for d in found.differences} - {"safe_components"}
    columns: list[tuple[str, int | None]] = [(q, None) for q in found.quantities if q in had]
    ks = [k for k in KS if any(d.k == k for d in found.differences)]
    columns[1:1] = [("false_alarm_1", k) for k in ks]
    by = {(d.model, d.baseline, d.quantity, d.k): d for d in found.differences}
    pairs = list(dict.fromkeys((d.model, d.baseline) for d in found.differences))
    text = partial(difference_text, marked=found.pairing is not None)
    rows = tuple(
        (f"{a} − {b}", *(text(by.get((a, b, name, k))) for name, k in columns)) for a, b in pairs
    )
    titles = (QUANTITIES[n].title if k is None else f"among {k}, %" for n, k in columns)
    return Table("differences", "Differences", ("models", *titles), rows, pairing_text(found))


def paper_table(found: Comparison) -> Table:
    """Return the paper's Table 2: raw and unit rows, beside what Gaussian rows give."""
    head = (
        "model", "norm CV", "AD Avg", "AD Norm. Feat., %", "DP Avg", "DP Norm. Feat., %",
    )  # fmt: skip
    rows = [(m.name, *_both(m.paper_table.raw, m.paper_table.unit)) for m in found.models]
    gaussian = found.models[0].paper_table.gaussian
    rows.append(("Gaussian rows", *(text.split(" / ")[0] for text in _both(gaussian, gaussian))))
    subsets = {(p.b, p.m) for p in (m.paper_table.subsets for m in found.models)}
    plans = "; ".join(f"{b} x {m:,}" for b, m in sorted(subsets))
    return Table(
        "paper", "The paper's table", head, tuple(rows),
        f"Raw / unit rows. AD: A*², below 0.752 counts as normal; DP: p-values, above 0.05. "
        f"Subsets x rows: {plans}.",
    )  # fmt: skip


def moments_table(found: Comparison) -> Table:
    """Return tests of two samples of one space."""
    rows = tuple(
        (
            f"{t.model} − {t.baseline}", f"{t.k}", f"{t.n[0]:,}, {t.n[1]:,}", f"{t.t2:,.1f}",
            pvalue_text(t.mean_pvalue), f"{t.box_m:,.1f}", pvalue_text(t.covariance_pvalue),
        )
        for t in found.two_samples
    )  # fmt: skip
    head = ("models", "components", "rows", "Hotelling's T²", "p", "Box's M (χ²)", "p")
    note = "On joint leading components. Box's M takes rows for Gaussian and independent."
    return Table("moments", "Two samples of one space", head, rows, note)


def order_lines(found: Comparison) -> list[tuple[str, str]]:
    """Return for each quantity the models, nearest to Gaussian first, as text.

    Those whose intervals overlap share a place: ``a, b tied``.
    """
    lines = []
    for name, groups in found.order.items():
        if len(found.cells(name)) < 2:
            continue
        parts = [", ".join(group) + (" tied" if len(group) > 1 else "") for group in groups]
        lines.append((QUANTITIES[name].title.partition(",")[0], "; ".join(parts)))
    return lines


def pairing_text(found: Comparison) -> str:
    """Say what the intervals of differences rest on."""
    pairing = found.pairing
    if pairing is None:
        return "Models taken as independent: rows do not correspond, or are not at hand."
    return (
        f"Rates, axes and random projections are paired: {pairing.rows:,} rows that all models "
        f"have, {pairing.groups} {KINDS[pairing.kind]} left out in turn. The others (~) take the "
        "models for independent. Among k: the 1 % rate among k leading components."
    )


def _both(raw: PaperColumn, unit: PaperColumn) -> tuple[str, ...]:
    def pair(a: float | None, b: float | None, digits: int) -> str:
        return " / ".join(ABSENT if v is None else f"{v:.{digits}f}" for v in (a, b))

    return (
        ABSENT if raw.cv is None else f"{raw.cv:.3f}",
        pair(raw.ad_avg, unit.ad_avg, 2),
        pair(100 * raw.ad_pass, 100 * unit.ad_pass, 1),
        pair(raw.dp_avg, unit.dp_avg, 2),
        pair(100 * raw.dp_pass, 100 * unit.dp_pass, 1),
    )


# --- cells


def cell_text(name: str, cell: Cell | None) -> str:
    """Write a value with its interval and, for a rung, whether it holds.

    Examples
    --------
    >>> cell_text("axes", Cell(9.31, (8.1, 10.53), "not_gaussian"))
    '9.3 [8.1, 10.5] no'
    >>> cell_text("false_alarm_1", Cell(0.202, (0.19, 0.214)))
    '20.2 [19.0, 21.4]'
    >>> cell_text("safe_components", Cell(64, (48, 64), of=384))
    '64 [48, 64] of 384'
    """
    if cell is None:
        return ABSENT
    words = with_interval(cell.value, cell.ci, QUANTITIES[name].unit)
    if cell.of is not None:
        words += f" of {cell.of:,}"
    return words if cell.status is None else f"{words} {MARKS[cell.status]}"


def difference_text(difference: Difference | None, *, marked: bool) -> str:
    """Write a difference with its interval; ``~`` marks models that are taken as independent."""
    if difference is None:
        return ABSENT
    words = with_interval(difference.value, difference.ci, QUANTITIES[difference.quantity].unit)
    mark = "~" if marked and not difference.paired else ""
    sign = "+" if difference.value > 0 else ""
    return f"{mark}{sign}{words}" + (" tied" if difference.answer == "tied" else "")


def with_interval(value: float, ends: Interval, unit: Unit) -> str:
    """Write a value and its interval with two digits of the interval's half-width.

    Examples
    --------
    >>> with_interval(1.956, (1.87, 2.1), "nats"), with_interval(658.4, (605.2, 711.3), "limits")
    ('1.96 [1.87, 2.10]', '658 [605, 711]')
    """
    scale = 100 if unit == "share" else 1
    half = scale * (ends[1] - ends[0]) / 2
    digits = 1 - floor(log10(half)) if isfinite(half) and half > 0 else 1
    digits = 0 if unit == "count" else min(max(digits, 0), 3)

    def number(part: float) -> str:
        text = f"{scale * part:,.{digits}f}" if isfinite(part) else "?"
        return text.replace("-", "−")

    return f"{number(value)} [{number(ends[0])}, {number(ends[1])}]"


def pvalue_text(value: float | None) -> str:
    """Write a p-value.

    Examples
    --------
    >>> pvalue_text(0.0312), pvalue_text(0.0), pvalue_text(None)
    ('0.031', '< 1e-300', '–')
    """
    if value is None:
        return ABSENT
    return "< 1e-300" if value < 1e-300 else f"{value:.2g}"


def joined(notes: Sequence[str]) -> list[str]:
    """Return notes as sentences."""
    return [note[:1].upper() + note[1:] + ("" if note.endswith(".") else ".") for note in notes]
