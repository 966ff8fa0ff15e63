"""The command that tries what can be done about thresholds that do not hold."""

from __future__ import annotations

import json
from typing import Any

import click

from gausscheck.cli.options import UNTRUSTED
from gausscheck.cli.places import OutFolder
from gausscheck.cli.progress import QUIET, ProgressLine
from gausscheck.config import ON_BAD_ROWS, Config
from gausscheck.core import printable

_DEFAULT = Config()


@click.command()
@click.argument("file")
@click.option(
    "--split", type=click.Choice(["random", "blocks"]), default="random", show_default=True,
    help="Hold out rows at random, or blocks of neighbouring rows.",
)  # fmt: skip
@click.option("--groups-by", help="Hold out whole groups: .npy, FILE:KEY or a key of FILE.")
@click.option("--dataset", "--column", help="The array of a container that holds several.")
@click.option(
    "--rows", type=click.IntRange(100), default=5_000, show_default=True, help="Rows, at most."
)
@click.option(
    "--repeats", type=click.IntRange(1, 1000), default=2, show_default=True,
    help="Times that rows are split into five.",
)  # fmt: skip
@click.option(
    "--on-bad-rows", type=click.Choice(ON_BAD_ROWS), default="error", show_default=True,
    help="Rows that are not finite or all zero.",
)  # fmt: skip
@click.option("--memory", help=f"Budget for buffers.  [default: {_DEFAULT.memory}]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
@click.option("--threads", type=int, help="Worker threads.  [default: all processors]")
@UNTRUSTED
@QUIET
@click.option("--out", type=OutFolder("repair"), help="Write repair.json here.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON, nothing else.")
def repair(
    file: str, untrusted: bool | None, out: str | None, as_json: bool, **options: Any
) -> None:
    """Try what makes Gaussian thresholds hold on the rows of FILE.

    Each remedy (unit length, shrinkage, fewer components, conformal thresholds, ...)
    is fitted on four fifths of the rows and measured on the others; it is said if none
    helps.
    """
    from gausscheck.remedies import repair as run
    from gausscheck.terminal import show_repair

    if out is not None:
        from gausscheck.files import check_folder

        check_folder(out)
    with ProgressLine() as progress:
        found = run(file, untrusted=bool(untrusted), progress=progress, **options)
    if out is not None:
        found.save(out)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, allow_nan=False))
        return
    show_repair(found)
    if out is not None:
        click.echo(f"Numbers: {printable(out)}")


COMMANDS = (repair,)
