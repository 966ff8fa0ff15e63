"""The tests that there are, and what a file holds."""

from __future__ import annotations

from collections.abc import Iterable

from rich.padding import Padding
from rich.text import Text

from gausscheck.normality import Spec
from gausscheck.sources import Contents
from gausscheck.terminal.console import console, table, text


def show_tests(specs: Iterable[Spec]) -> None:
    """Print every test with its null, cost and reference."""
    out = console()
    for spec in specs:
        out.print(Text(spec.name, style="bold"), Text(f"({spec.scope}, {spec.null} null)"))
        for label, words in (
            ("null", spec.null_says),
            ("cost", spec.cost),
            ("see", spec.reference),
        ):
            out.print(Padding(Text(f"{label:<5} {words}"), (0, 0, 0, 2)))
        out.print()


def show_contents(contents: Contents) -> None:
    """Print the arrays of a file, marking the one analyze would take."""
    out = console()
    size = "" if contents.size is None else f", {contents.size:,} bytes"
    out.print(text(contents.uri, "bold"), text(f"{contents.format}{size}"), sep="\n")
    made = table("array", "shape", "type")
    made.add_column("", no_wrap=False)
    for entry in contents.entries:
        shape = " x ".join(f"{size:,}" for size in entry.shape)
        remark = "<- analyze takes this" if entry.key == contents.chosen else entry.problem or ""
        made.add_row(text(entry.key), shape, text(entry.dtype), text(remark))
    out.print(made)
    out.print(text(f"Chosen: {contents.chosen or 'nothing'} ({contents.reason})"), soft_wrap=True)
