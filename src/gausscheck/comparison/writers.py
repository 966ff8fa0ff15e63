"""A comparison as Markdown, LaTeX, CSV and HTML. Names that people gave do nothing in any."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from html import escape
from io import StringIO
from pathlib import Path

from gausscheck.comparison.quantities import QUANTITIES
from gausscheck.comparison.result import Comparison
from gausscheck.comparison.tables import Table, joined, lines_of, order_lines, tables
from gausscheck.core import printable


def to_markdown(found: Comparison) -> str:
    """Return the tables, the order and the notes as Markdown."""
    parts = [_markdown_table(table) for table in tables(found)]
    order = [f"- {title}: {markdown(text)}" for title, text in order_lines(found)]
    if order:
        parts.append("\n".join(["**Order**, nearest to Gaussian first", "", *order]))
    notes = [f"- {markdown(note)}" for note in _notes(found)]
    if notes:
        parts.append("\n".join(["**Notes**", "", *notes]))
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    lines = [
        f"**{table.title}**",
        "",
        _line(table.head),
        _line(("---",) * len(table.head), raw=True),
    ]
    lines += [_line(row) for row in table.rows]
    if table.note:
        lines += ["", table.note]
    return "\n".join(lines)


def _line(cells: tuple[str, ...], *, raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else markdown(cell) for cell in cells) + " |"


def markdown(text: str) -> str:
    r"""Make a text mean itself in Markdown, inside a table too.

    Examples
    --------
    >>> print(markdown("a|b_c <img> [1.0, 2.0]"))
    a\|b\_c &lt;img&gt; [1.0, 2.0]
    """
    shown = escape(printable(text), quote=False).replace("\\", "\\\\")
    for sign in "|`*_~":
        shown = shown.replace(sign, f"\\{sign}")
    return shown.replace("](", "]\\(").replace("://", ":\u200b//").replace("\n", " ")


MOST_COLUMNS = 6
"""A LaTeX table with more columns would run off the page."""


def to_latex(found: Comparison) -> str:
    r"""Return the tables as LaTeX ``tabular``, for the package booktabs.

    Tables with more columns than :data:`MOST_COLUMNS` have models as columns.
    """
    made = ["% needs \\usepackage{booktabs}; names outside Latin: XeLaTeX or LuaLaTeX"]
    for table in tables(found):
        head, *rows = lines_of(table, MOST_COLUMNS)
        columns = "l" + "r" * (len(head) - 1)
        lines = [_latex_line(head), "\\midrule", *map(_latex_line, rows)]
        made.append(
            "\n".join([
                "\\begin{table}", "\\centering", f"\\caption{{{latex(table.title)}. "
                f"{latex(table.note)}}}", f"\\begin{{tabular}}{{{columns}}}", "\\toprule", *lines,
                "\\bottomrule", "\\end{tabular}", "\\end{table}",
            ])
        )  # fmt: skip
    return "\n\n".join(made) + "\n"


def _latex_line(cells: tuple[str, ...]) -> str:
    return " & ".join(map(latex, cells)) + r" \\"


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "−": "$-$",
    "²": "$^2$", "χ": r"$\chi$", "–": r"\textendash{}", "[": "{[}", "]": "{]}", "\n": " ",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}",
    "*": "{*}",
}  # fmt: skip
"""Brackets and stars after a line break would be its arguments."""


def latex(text: str) -> str:
    r"""Make a text mean itself in LaTeX.

    Examples
    --------
    >>> print(latex(r"50% of a_b \input{x}"))
    50\% of a\_b \textbackslash{}input\{x\}
    """
    shown = "".join(_LATEX.get(sign, sign) for sign in printable(text))
    return shown.replace("--", "-{-}")  # two hyphens would be a dash


def to_csv(found: Comparison) -> str:
    """Return one row a model and quantity, and one a difference, as plain numbers."""
    held = StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(
        ("kind", "quantity", "k", "model", "baseline", "value", "low", "high", "status", "paired")
    )
    for name in found.quantities:
        for model, cell in found.cells(name).items():
            writer.writerow(
                ("value", name, "", cell_of_sheet(model), "",
                 *(_number(name, v) for v in (cell.value, *cell.ci)), cell.status or "", "")
            )  # fmt: skip
    for d in found.differences:
        writer.writerow(
            ("difference", d.quantity, "" if d.k is None else d.k, cell_of_sheet(d.model),
             cell_of_sheet(d.baseline), *(_number(d.quantity, v) for v in (d.value, *d.ci)),
             d.answer, str(d.paired).lower())
        )  # fmt: skip
    return held.getvalue()


def _number(quantity: str, value: float) -> float:
    """Write counts without a fraction."""
    return int(value) if QUANTITIES[quantity].unit == "count" and value.is_integer() else value


def cell_of_sheet(text: str) -> str:
    """Make a name that a spreadsheet would run as a formula a text.

    Examples
    --------
    >>> cell_of_sheet("=1+1"), cell_of_sheet("minilm")
    ("'=1+1", 'minilm')
    """
    shown = printable(text)
    return f"'{shown}" if shown.lstrip()[:1] in ("=", "+", "-", "@") else shown


def to_html(found: Comparison) -> str:
    """Return the tables as HTML, for a notebook."""
    parts = []
    for table in tables(found):
        head = "".join(f"<th>{escape(printable(cell))}</th>" for cell in table.head)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(printable(cell))}</td>" for cell in row) + "</tr>"
            for row in table.rows
        )
        parts.append(
            f"<table><caption>{escape(table.title)}</caption><tr>{head}</tr>{rows}</table>"
            f"<p>{escape(table.note)}</p>"
        )
    parts += [f"<p>{escape(printable(note))}</p>" for note in _notes(found)]
    return "".join(parts)


def _notes(found: Comparison) -> list[str]:
    left_out = [f"{what}: not applicable: {why}" for what, why in found.not_applicable.items()]
    return joined([*found.warnings, *left_out])


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "md": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
}
"""Ways to write a comparison, by name."""

_ENDINGS = {"md": "md", "latex": "tex", "csv": "csv"}


def write_all(found: Comparison, folder: Path) -> None:
    """Write comparison.json, .md, .tex and .csv into a folder."""
    text = json.dumps(found.to_dict(), indent=1, allow_nan=False) + "\n"
    (folder / "comparison.json").write_text(text, encoding="utf-8")
    for form, write in FORMATS.items():
        path = folder / f"comparison.{_ENDINGS[form]}"
        path.write_text(write(found), encoding="utf-8")
