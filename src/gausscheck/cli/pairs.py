"""The command on anchors and positives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gausscheck.cli.options import UNTRUSTED
from gausscheck.cli.places import OutFolder
from gausscheck.cli.progress import QUIET, ProgressLine
from gausscheck.config import ON_BAD_ROWS
from gausscheck.core import printable

if TYPE_CHECKING:
    from gausscheck.pairs import Pairs


@click.command()
@click.argument("anchor")
@click.argument("positive")
@click.option("--temperature", type=float, default=0.1, show_default=True, help="Of the loss.")
@click.option("--eta2", type=float, help="Squared maximal correlation; estimated if left out.")
@click.option(
    "--on-bad-rows",
    type=click.Choice(ON_BAD_ROWS),
    default="error",
    show_default=True,
    help="Pairs with a row that is not finite or all zero.",
)
@UNTRUSTED
@QUIET
@click.option("--seed", type=int, default=0, show_default=True, help="Seed.")
@click.option("--threads", type=int, help="Worker threads.  [default: all processors]")
@click.option("--out", type=OutFolder("pairs"), help="Write numbers and figure here.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON, nothing else.")
def pairs(
    anchor: str,
    positive: str,
    temperature: float,
    eta2: float | None,
    on_bad_rows: str,
    untrusted: bool | None,
    seed: int,
    threads: int | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Measure alignment and uniformity of ANCHOR and POSITIVE rows.

    Two files, or FILE:KEY each.
    """
    from gausscheck.files import check_folder
    from gausscheck.pairs import audit_pairs

    if out is not None:
        check_folder(out)
    with ProgressLine() as progress:
        found = audit_pairs(
            anchor,
            positive,
            temperature=temperature,
            eta2=eta2,
            on_bad_rows=on_bad_rows,
            untrusted=bool(untrusted),
            seed=seed,
            threads=threads,
            progress=progress,
        )
        try:
            if out is not None:
                from gausscheck.cli.drawing import write_drawn

                write_drawn(found, out, "pairs", ("png", "svg"), progress)
        finally:  # what was worked out is told all the same
            progress.close()
            _show(found, as_json)
    if out is not None and not as_json:
        click.echo(f"Numbers and figure: {printable(out)}")


def _show(found: Pairs, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, allow_nan=False))
        return
    from gausscheck.terminal import show_pairs

    show_pairs(found)


COMMANDS = (pairs,)
