"""Write the reference pages that come from the code; with --check, fail where one is stale.

The site (`make site`) shows two of them in another form, made from the same code: the command line
by sphinx-click, the interface for Python by autodoc (`site/conf.py`).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from gausscheck.cli import main as cli
from gausscheck.normality import TESTS, Spec
from gausscheck.normality.nulls.laws import by_simulation
from gausscheck.report.schema import report_schema, schema_page
from gausscheck.sources import SOURCES
from gausscheck.sources.refused import REASONS
from gausscheck.terminal.explain import TERMS

DOCS = Path(__file__).parent

API = {
    "Audit": ("gausscheck.analyze", "gausscheck.Config", "gausscheck.load_report",
              "gausscheck.Report", "gausscheck.Verdict", "gausscheck.testing.assert_gaussian"),
    "Scores and repair": ("gausscheck.GaussianScorer", "gausscheck.GaussianWhitener",
                          "gausscheck.score", "gausscheck.Scores", "gausscheck.repair",
                          "gausscheck.Repair", "gausscheck.Preparation"),
    "Models, pairs, sizes": ("gausscheck.compare", "gausscheck.Comparison",
                             "gausscheck.load_comparison", "gausscheck.audit_pairs",
                             "gausscheck.Pairs", "gausscheck.scale", "gausscheck.Scaling"),
    "While training": ("gausscheck.monitor.GaussianMonitor",),
    "Tests": ("gausscheck.evaluate", "gausscheck.Outcome", "gausscheck.Spec", "gausscheck.TESTS"),
    "Figures and pages": ("gausscheck.figures.plot", "gausscheck.figures.Page",
                          "gausscheck.html.write", "gausscheck.html.render",
                          "gausscheck.html.notebook"),
    "Sources": ("gausscheck.open_source", "gausscheck.inspect_source", "gausscheck.Source",
                "gausscheck.Directions", "gausscheck.GausscheckError"),
}  # fmt: skip
"""What is public, in the order of the page; tests/test_pages.py compares it with ``__all__``."""

TABLES = {"gausscheck.TESTS": "Every test by name."}
"""Names that hold a plain dict, which has no docstring of its own."""


COMPLETION = """## Completion

A shell completes names of commands and options once it has been told how, by a line in `~/.bashrc`,
in `~/.zshrc`, or in `~/.config/fish/completions/gausscheck.fish`:

```sh
eval "$(_GAUSSCHECK_COMPLETE=bash_source gausscheck)"
eval "$(_GAUSSCHECK_COMPLETE=zsh_source gausscheck)"
_GAUSSCHECK_COMPLETE=fish_source gausscheck | source
```
"""


def cli_page() -> str:
    """Every command's help text."""
    lines = ["# Command line", "", "Written by `make docs` from the commands themselves.", ""]
    context = click.Context(cli, info_name="gausscheck", terminal_width=80)
    lines += ["```", cli.get_help(context), "```", "", *COMPLETION.splitlines(), ""]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is None:
            raise SystemExit(f"{name}: listed but not found")
        inner = click.Context(command, info_name=name, parent=context, terminal_width=80)
        lines += [f"## gausscheck {name}", "", "```", command.get_help(inner), "```", ""]
    return "\n".join(lines)


def tests_page() -> str:
    """Table of the tests."""
    lines = [
        "# Tests",
        "",
        "Written by `make docs` from the table `TESTS`. Each runs by name:",
        '`gausscheck.evaluate("anderson_darling", x)`.',
        "",
        "Files are below `src/gausscheck/normality/`; the law of the null stands in the same one,",
        "unless the last column names another.",
        "",
        "| test | looks at | null | null hypothesis | file | cost | reference | p-value |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for spec in TESTS.values():
        cells = (
            spec.name, spec.scope, spec.null, spec.null_says, _file_of(spec.statistic), spec.cost,
            spec.reference, _pvalue_of(spec),
        )  # fmt: skip
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join([*lines, ""])


def _file_of(function: Callable[..., Any]) -> str:
    parts = function.__module__.removeprefix("gausscheck.normality.").split(".")
    return f"`{'/'.join(parts)}.py`"


def _pvalue_of(spec: Spec) -> str:
    if spec.law is by_simulation:
        simulated = "simulated at this n and d: `nulls/simulated.py`"
        if spec.textbook is None or spec.holds is None:
            return simulated
        return f"its published law where that holds (`holds` of its `Spec`), else {simulated}"
    return "by its law" if _file_of(spec.law) == _file_of(spec.statistic) else _file_of(spec.law)


def formats_page() -> str:
    """Table of the formats, and of the files that are known and not read."""
    lines = [
        "# Formats",
        "",
        "Written by `make docs` from the table `SOURCES`. `gausscheck inspect FILE` says what a",
        "file holds and which array `analyze` would take; the rules are in [files](files.md), and",
        "[recipes](recipes.md) say how to get vectors out of stores that are not files.",
        "",
        "| ending | what it holds | extra | labels beside | how it is read |",
        "|---|---|---|---|---|",
    ]
    rows = [
        (", ".join(f"`{suffix}`" for suffix in form.suffixes) or "a folder", form.holds,
         f"`{form.extra}`" if form.extra else "", form.beside, form.how)
        for form in SOURCES.values()
    ]  # fmt: skip
    rows += [
        ("`s3://`, `https://`, `memory://`, ...", "any of these, folders and patterns too where "
         "the protocol lists them", "`remote`", "as the file", "fetched once, piece by piece, into "
         "a temporary folder; `file://` is read where it lies"),
        ("in memory", "NumPy; `__array__` or DLPack (torch, jax); lists of vectors; scipy.sparse; "
         "tables of pandas, polars, Arrow; any `Source`", "", "columns of a table", "as it is"),
    ]  # fmt: skip
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines += [
        "",
        'An extra is installed with `pip install "gausscheck[parquet]"`; a message names the one',
        "that is missing. A file whose ending says nothing is known by its first bytes. Every",
        "source but one in memory travels to other processes by its path or address.",
        "",
        "A label has 4,096 characters at most, and labels take 1 GB at most (64 MB where most are",
        "short and one is long). Larger ones are refused where they are asked for, and passed by",
        "where they are not. Of a `.safetensors` 8 MB of header are read; a tensor of torch that",
        "holds less than its shape says (expanded) is refused.",
        "",
        "## Known and not read",
        "",
        "| ending | why, and what to do |",
        "|---|---|",
    ]
    for suffixes, reason in REASONS.items():
        said = reason.replace("|", "\\|")
        lines.append(f"| {', '.join(f'`{suffix}`' for suffix in suffixes)} | {said} |")
    return "\n".join([*lines, ""])


def cell(text: str) -> str:
    """Return a text that may stand in a table."""
    return text.replace("|", "\\|")


def glossary_page() -> str:
    """Table of the terms."""
    lines = [
        "# Glossary",
        "",
        "Written by `make docs` from what `--explain` prints and the HTML page ends with.",
        "",
        "| term | means |",
        "|---|---|",
        *(f"| {cell(term)} | {cell(meaning)} |" for term, meaning in TERMS.items()),
    ]
    return "\n".join([*lines, ""])


def found(name: str) -> object:
    """Return what a dotted name means."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def api_page() -> str:
    """Table of what is public, each with the first sentence of its docstring."""
    lines = [
        "# Python",
        "",
        "Written by `make docs` from the docstrings, which hold parameters, formulas, units and",
        "references: `help(gausscheck.analyze)`, or the site that `make site` builds.",
    ]
    for title, names in API.items():
        lines += ["", f"## {title}", "", "| name | |", "|---|---|"]
        for name in names:
            said = TABLES.get(name) or str(found(name).__doc__).strip()
            first = re.sub(r":\w+:`(.+?)`", r"`\1`", said.splitlines()[0])
            lines.append(f"| `{name}` | {cell(first)} |")
    return "\n".join([*lines, ""])


def schema_file() -> str:
    """JSON Schema of report.json."""
    return json.dumps(report_schema(), indent=1, ensure_ascii=False) + "\n"


def rooms_diagram() -> str:
    """Picture of the rooms, lowest rank at the foot, from the table of tests/test_imports.py."""
    spec = importlib.util.spec_from_file_location("rooms", DOCS.parent / "tests/test_imports.py")
    if spec is None or spec.loader is None:
        raise SystemExit("tests/test_imports.py: not found")
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    ranks: dict[float, list[str]] = {}
    for room, (rank, _) in table.ROOMS.items():
        if not room.startswith("__"):
            ranks.setdefault(rank, []).append(room)
    lines = ["```mermaid", "flowchart TD"]
    ordered = sorted(ranks, reverse=True)
    lines += [f'  r{rank:g}["{" · ".join(ranks[rank])}"]' for rank in ordered]
    lines += [f"  r{high:g} --> r{low:g}" for high, low in pairwise(ordered)]
    return "\n".join([*lines, "```"])


def architecture_page() -> str:
    """Page as it is, its diagram made again."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    start, end = "<!-- rooms -->\n", "<!-- /rooms -->"
    before, rest = text.split(start)
    return f"{before}{start}{rooms_diagram()}\n{end}{rest.split(end)[1]}"


PAGES = {
    "cli.md": cli_page,
    "api.md": api_page,
    "glossary.md": glossary_page,
    "tests.md": tests_page,
    "formats.md": formats_page,
    "report-schema.md": schema_page,
    "report.schema.json": schema_file,
    "architecture.md": architecture_page,
}


def main() -> int:
    """Write or check the pages."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/{name} is stale: run make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
