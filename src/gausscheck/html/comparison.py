"""The page of a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from gausscheck import figures
from gausscheck.comparison import Comparison, tables
from gausscheck.comparison.tables import joined, lines_of, order_lines
from gausscheck.figures import style
from gausscheck.html.page import environment, style_text, unbreakable, write_page
from gausscheck.html.svg import inline

if TYPE_CHECKING:
    from markupsafe import Markup

SAID = (
    "Share of rows beyond the 1 % Gaussian threshold against the number of leading components, and "
    "each rung of the ladder in times its limit, for every model"
)


MOST_COLUMNS = 10
"""A wider table would run off a screen and off paper."""

LAYOUTS: dict[str, style.Width] = {"wide": "double", "narrow": "single"}
"""Classes of the page: which of the two is shown depends on the screen."""


def render(found: Comparison) -> str:
    """Return the page of a comparison as HTML: one document that asks for nothing.

    Every text of a file or a person is escaped.
    """
    content = json.dumps(found.to_dict(), allow_nan=False, sort_keys=True)
    left_out = [f"no {what}: {why}" for what, why in found.not_applicable.items()]
    return environment().get_template("comparison.html.j2").render(
        comparison=found,
        tables=[(table, lines_of(table, MOST_COLUMNS)) for table in tables(found)],
        order=order_lines(found),
        notes=joined([*found.warnings, *left_out]),
        **{name: _figure(found, name, width) for name, width in LAYOUTS.items()},
        style=style_text("page.css", "report.css"),
        json=unbreakable(content),
        version=found.version,
    )  # fmt: skip


def write(found: Comparison, path: str | Path) -> Path:
    """Write the page of a comparison; the file appears whole or not at all.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    return write_page(render(found), path)


def _figure(found: Comparison, name: str, width: style.Width) -> Markup:
    drawn = figures.svg(found, "comparison", figures.Page(width, "screen"))
    return inline(drawn or "", name, SAID)
