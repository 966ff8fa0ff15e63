"""Models side by side at 80 columns: use, the ladder in parts, order, differences."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from gausscheck.comparison import Comparison, Table, tables
from gausscheck.comparison.tables import joined, order_lines
from gausscheck.files import printable
from gausscheck.terminal.console import STYLE, WIDTH, WORDS, console, table, text

NAME = 24
"""Columns that a name may take."""

SHORT = {
    "principal components": "principal comp.",
    "random projections": "random proj.",
    "whitened directions": "directions",
    "random subspaces": "subspaces",
    "learned directions that deviate": "learned",
    "whitened lengths": "lengths",
    "AD Norm. Feat., %": "AD pass, %",
    "DP Norm. Feat., %": "DP pass, %",
}


def show_comparison(found: Comparison) -> None:
    """Print every table of a comparison, then what orders the models and what to know."""
    out = console()
    for model in found.models:
        source, status = model.source, model.status
        out.print(
            Text.assemble(
                (_cut(model.name), "bold"), f"  {source.n:,} rows x {source.d:,}  ",
                (WORDS[status], STYLE[status]),
            ),
            no_wrap=True, overflow="ellipsis",
        )  # fmt: skip
    for made in tables(found):
        if made.name == "differences" and found.pairing is not None:
            made = _paired_alone(made)
        out.print()
        for part in _parts(made):
            out.print(_grid(part), no_wrap=True, overflow="ellipsis")
        if made.note:
            _paragraph(out, made.note)
    _order(out, found)
    notes = [*found.warnings, *(f"no {what}: {why}" for what, why in found.not_applicable.items())]
    if notes:
        out.print()
    for note in joined(notes):
        for line in textwrap.wrap(
            printable(note), WIDTH - 1, initial_indent="  - ", subsequent_indent="    "
        ):
            out.print(Text(line))


def _order(out: Console, found: Comparison) -> None:
    lines = order_lines(found)
    if lines:
        out.print()
        out.print(Text("Order, nearest to Gaussian first", style="bold"))
    for title, models in lines:
        for line in textwrap.wrap(
            printable(f"{title}: {models}"), WIDTH - 1, initial_indent="  ",
            subsequent_indent="    ",
        ):  # fmt: skip
            out.print(Text(line))


def _paragraph(out: Console, words: str) -> None:
    for line in textwrap.wrap(printable(words), WIDTH - 3):
        out.print(Text(f"  {line}", style="dim"))


def _parts(made: Table) -> list[Table]:
    """Cut a table into tables of 80 columns, each with the names again."""
    widths = [
        max(len(_head(title)), *(len(row[j]) for row in made.rows)) + 2
        for j, title in enumerate(made.head)
    ]
    name = min(max(len(_cut(row[0])) for row in made.rows), NAME) + 2
    parts: list[list[int]] = [[]]
    used = name
    for j in range(1, len(made.head)):
        if parts[-1] and used + widths[j] > WIDTH:
            parts.append([])
            used = name
        parts[-1].append(j)
        used += widths[j]
    return [
        Table(
            made.name, made.title,
            (made.title if part is parts[0] else "", *(made.head[j] for j in part)),
            tuple((row[0], *(row[j] for j in part)) for row in made.rows),
        )
        for part in parts
    ]  # fmt: skip


def _paired_alone(made: Table) -> Table:
    """Keep what is paired, so that the screen stays short; files and formats have all."""
    keep = [
        j for j in range(len(made.head))
        if j == 0 or not all(row[j].startswith(("~", "–")) for row in made.rows)
    ]  # fmt: skip
    note = made.note.replace(" The others (~) take the models for independent.", "")
    return Table(
        made.name, made.title, tuple(made.head[j] for j in keep),
        tuple(tuple(row[j] for j in keep) for row in made.rows),
        f"{note} Unpaired ones: --format md.",
    )  # fmt: skip


def _grid(part: Table) -> Grid:
    made = table(*map(_head, part.head))
    for row in part.rows:
        made.add_row(text(_cut(row[0])), *(_styled(cell) for cell in row[1:]))
    return made


_ENDS = {
    " no": STYLE["not_gaussian"],
    " yes": STYLE["gaussian"],
    " open": STYLE["inconclusive"],
    " on average": STYLE["gaussian_except"],
    " tied": "dim",
}


def _styled(cell: str) -> Text:
    """Colour the word that a cell ends in."""
    shown = text(cell)
    for end, style in _ENDS.items():
        if cell.endswith(end):
            shown.stylize(style, len(cell) - len(end))
    return shown


def _head(title: str) -> str:
    for long, short in SHORT.items():
        title = title.replace(long, short)
    return title.replace(" components", " comp.")


def _cut(name: str, most: int = NAME) -> str:
    shown = printable(name)
    if " − " in shown and len(shown) > most:
        sides: Sequence[str] = shown.split(" − ")
        each = (most - 3) // 2
        return " − ".join(side if len(side) <= each else side[: each - 1] + "…" for side in sides)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
