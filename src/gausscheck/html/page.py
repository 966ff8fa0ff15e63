"""Filling the templates: a report in, text out."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gausscheck import figures
from gausscheck.figures import style
from gausscheck.files import atomic_path
from gausscheck.html import numbers, words
from gausscheck.html.cite import BIBTEX
from gausscheck.html.methods import command, methods
from gausscheck.html.svg import histogram, inline
from gausscheck.report import Report
from gausscheck.terminal.explain import TERMS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

PAGE = figures.Page("single", "screen", caption=False)

FIGURES = {
    "use": "Share of rows beyond the 5, 1 and 0.1 % Gaussian thresholds against the number of "
    "leading components",
    "verdict": "Each level in times its limit, with its interval",
    "spectrum": "Eigenvalues of the covariance as shares of the variance, against their rank",
    "marginals": "Shell statistic of random subspaces against their dimension",
    "norms": "Histogram of the lengths of the rows, with the Gaussian shell",
    "qq": "Quantiles of the most deviant directions against normal quantiles, and their "
    "difference with a simultaneous band",
    "growth": "Mean Anderson-Darling statistic against the number of rows",
    "ad_histogram": "Histogram of the Anderson-Darling statistic over directions",
}
"""Figures of the page, and what they show for those who do not see them."""


def render(report: Report) -> str:
    """Return the page of a report as HTML.

    Parameters
    ----------
    report : Report
        Nothing else is read. Every text of a file (names, labels, notes) is escaped.

    Returns
    -------
    str
        One document of well under 1.5 MB: style, figures (SVG) and the report's JSON in it. It
        holds no script that runs and asks for nothing. The same report gives the same text.
    """
    drawn = {name: _figure(report, name, said) for name, said in FIGURES.items()}
    return environment().get_template("report.html.j2").render(**_context(report), figures=drawn)


def write(report: Report, path: str | Path) -> Path:
    """Write the page of a report; the file appears whole or not at all.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    return write_page(render(report), path)


def write_page(text: str, path: str | Path) -> Path:
    """Write the text of a page; the file appears whole or not at all."""
    path = Path(path)
    with atomic_path(path) as work:
        work.write_text(text, encoding="utf-8")
    return path


def notebook(report: Report) -> str:
    """Return the first blocks of the page, for the output of a notebook's cell."""
    drawn = {name: _figure(report, name, FIGURES[name]) for name in ("use", "verdict")}
    template = environment().get_template("notebook.html.j2")
    return template.render(**_context(report), figures=drawn)


def _figure(report: Report, name: str, said: str) -> Markup | None:
    text = figures.svg(report, name, PAGE)
    return None if text is None else inline(text, name, said)


def _context(report: Report) -> dict[str, Any]:
    content = json.dumps(report.to_dict(), allow_nan=False, sort_keys=True)
    return {
        "report": report,
        "style": style_text("report.css"),
        "page_style": style_text("page.css"),
        "json": unbreakable(content),
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "command": command(report),
        "meaning": words.meaning(report),
        "notes": _notes(report),
        "advice": words.advice_sentence(report),
        "methods": methods(report),
        "bibtex": BIBTEX.format(version=report.version),
        "glossary": TERMS,
    }


def _notes(report: Report) -> dict[str, list[str]]:
    """Return what qualifies levels, and which."""
    found: dict[str, list[str]] = {}
    for name in style.ladder(report.levels):
        note = report.levels[name].note
        if note:
            found.setdefault(note, []).append(name)
    return found


def unbreakable(content: str) -> Markup:
    """Return JSON that no HTML parser can leave: the same value, without < > and &."""
    from markupsafe import Markup

    for sign in "<>&\u2028\u2029":
        content = content.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(content)


def style_text(*names: str) -> Markup:
    """Return style sheets: ``report.css`` of what is said, ``page.css`` of a page around it."""
    from markupsafe import Markup

    folder = files("gausscheck.html") / "templates"
    return Markup("".join((folder / name).read_text(encoding="utf-8") for name in names))


@cache
def environment() -> Environment:
    """Return what fills the templates: everything escaped, a missing value an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gausscheck.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=numbers.printable,
    )
    environment.filters |= {
        "short": numbers.short,
        "three": numbers.three,
        "first_upper": numbers.first_upper,
        "without": numbers.without,
        "span": numbers.span,
        "percent": numbers.percent,
        "percent_span": numbers.percent_span,
        "listed": numbers.listed,
        "histogram": histogram,
        "level": style.name,
        "whole": numbers.whole,
        "words": style.WORDS.get,
        "ladder": style.ladder,
        "file_name": style.file_name,
    }
    return environment
