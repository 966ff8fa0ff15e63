"""Write the reference pages that come from the code; with --check, fail where one is stale."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gausscheck.cli import main as cli
from gausscheck.normality import TESTS

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


PAGES = {"cli.md": cli_page, "tests.md": tests_page}


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
