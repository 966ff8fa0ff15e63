"""Write the reference pages that come from the code; with --check, fail where one is stale."""

from __future__ import annotations

import importlib.util
import json
import sys
from itertools import pairwise
from pathlib import Path

import click

from gausscheck.cli import main as cli
from gausscheck.normality import TESTS
from gausscheck.report.schema import report_schema, schema_page

DOCS = Path(__file__).parent


def cli_page() -> str:
    """Every command's help text."""
    lines = ["# Command line", "", "Written by `make docs` from the commands themselves.", ""]
    context = click.Context(cli, info_name="gausscheck", terminal_width=80)
    lines += ["```", cli.get_help(context), "```", ""]
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
        "| test | looks at | null | null hypothesis | cost | reference |",
        "|---|---|---|---|---|---|",
    ]
    for spec in TESTS.values():
        cells = (spec.name, spec.scope, spec.null, spec.null_says, spec.cost, spec.reference)
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
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
    "tests.md": tests_page,
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
