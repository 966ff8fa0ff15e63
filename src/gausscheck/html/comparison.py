"""The page of a comparison."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from gausscheck import figures
from gausscheck.comparison import Comparison, tables
from gausscheck.comparison.tables import joined, order_lines
from gausscheck.core import __version__
from gausscheck.figures import style
from gausscheck.figures.compare import COMPARISON_FIGURES
from gausscheck.html.page import environment, style_text, unbreakable, write_page
from gausscheck.html.svg import inline

SAID = (
    "Share of rows beyond the 1 % Gaussian threshold against the number of leading components, and "
    "each rung of the ladder in times its limit, for every model"
)


def render(found: Comparison) -> str:
    """Return the page of a comparison as HTML: one document that asks for nothing.

    Every text of a file or a person is escaped.
    """
    content = json.dumps(found.to_dict(), allow_nan=False, sort_keys=True)
    left_out = [f"no {what}: {why}" for what, why in found.not_applicable.items()]
    return environment().get_template("comparison.html.j2").render(
        comparison=found,
        tables=tables(found),
        order=order_lines(found),
        notes=joined([*found.warnings, *left_out]),
        wide=inline(_svg(found, "double"), "wide", SAID),
        narrow=inline(_svg(found, "single"), "narrow", SAID),
        style=style_text("page.css", "report.css"),
        json=unbreakable(content),
        version=__version__,
    )  # fmt: skip


def write(found: Comparison, path: str | Path) -> Path:
    """Write the page of a comparison; the file appears whole or not at all.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    return write_page(render(found), path)


def _svg(found: Comparison, width: style.Width) -> str:
    drawn = figures.plot(found, "comparison", width=width, style="screen", table=COMPARISON_FIGURES)
    held = BytesIO()
    with style.house("screen"):
        drawn.savefig(held, format="svg", metadata={"Date": None})
    return held.getvalue().decode()
