"""The command on scaling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gausscheck.cli.options import UNTRUSTED
from gausscheck.cli.places import OutFolder
from gausscheck.cli.progress import QUIET, ProgressLine
from gausscheck.core import GausscheckError, printable, whole

if TYPE_CHECKING:
    from gausscheck.scaling import Scaling


def _sizes(option: str, text: str | None) -> list[int]:
    """Read ``64,128,256``."""
    if text is None:
        return []
    sizes = [whole(part.strip()) for part in text.split(",")]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        raise GausscheckError(f"--{option}: expected sizes such as 64,128,256, got {text!r:.60}")
    return known


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--prefix-dims", metavar="D,D,...", help="Leading coordinates of one file.")
@click.option("--marginals", metavar="K,K,...", help="Dimensions of random subspaces of one file.")
@click.option("--rows", metavar="N,N,...", help="Numbers of rows of one file.")
@click.option("--sample", type=int, default=20_000, show_default=True, help="Rows looked at.")
@click.option("--dataset", "--column", help="The array of containers that hold several.")
@UNTRUSTED
@QUIET
@click.option("--seed", type=int, default=0, show_default=True, help="Seed.")
@click.option("--threads", type=int, help="Worker threads.  [default: all processors]")
@click.option("--out", type=OutFolder("scaling"), help="Write numbers and figure here.")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(["png", "svg", "pdf"]),
    default=("png", "svg"), show_default=True, help="Of the figure; may be repeated.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON, nothing else.")
def scale(
    files: tuple[str, ...],
    prefix_dims: str | None,
    marginals: str | None,
    rows: str | None,
    sample: int,
    dataset: str | None,
    untrusted: bool | None,
    seed: int,
    threads: int | None,
    out: str | None,
    formats: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fit how statistics change with dimension, or with rows.

    FILES of several dimensions, or prefixes, subspaces or numbers of rows of one.
    """
    from gausscheck.files import check_folder
    from gausscheck.scaling import scale as run

    if out is not None:
        check_folder(out)
    with ProgressLine() as progress:
        found = run(
            *files,
            prefix_dims=_sizes("prefix-dims", prefix_dims),
            marginals=_sizes("marginals", marginals),
            rows=_sizes("rows", rows),
            sample=sample,
            dataset=dataset,
            untrusted=bool(untrusted),
            seed=seed,
            threads=threads,
            progress=progress,
        )
        try:
            if out is not None:
                from gausscheck.cli.drawing import write_drawn

                write_drawn(found, out, "scaling", formats, progress)
        finally:  # what was worked out is told all the same
            progress.close()
            _show(found, as_json)
    if out is not None and not as_json:
        click.echo(f"Numbers and figure: {printable(out)}")


def _show(found: Scaling, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, allow_nan=False))
        return
    from gausscheck.terminal import show_scaling

    show_scaling(found)


COMMANDS = (scale,)
