"""The command on several models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gausscheck.cli.options import UNTRUSTED, refuse
from gausscheck.cli.places import OutFolder
from gausscheck.cli.progress import QUIET, ProgressLine
from gausscheck.config import NORMALIZE, NULLS, ON_BAD_ROWS
from gausscheck.core import Progress, printable

if TYPE_CHECKING:
    from gausscheck.comparison import Comparison

WORSE = 3
"""Exit code where a model is worse than the baseline and that was asked for."""


_OF_AUDITS = (
    "directions", "levels", "normalize", "null", "dataset", "groups_by", "subsets", "reference",
    "rows", "limit", "on_bad_rows", "untrusted", "seed",
)  # fmt: skip
"""Options that act where a file is audited."""


@click.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option("--names", metavar="A,B,...", help="What to call them, in their order.")
@click.option("--baseline", metavar="NAME", help="What the others are compared with.")
@click.option(
    "--paired/--unpaired", default=None,
    help="Row i of all files is the same thing, or not.  [default: if files have as many rows]",
)  # fmt: skip
@click.option(
    "--same-space", is_flag=True,
    help="Checkpoints or splits of one model: compare means and covariances too.",
)  # fmt: skip
@click.option("--directions", help="Families of directions, as for analyze.")
@click.option("--levels", help="Joint levels, as for analyze, or none.")
@click.option("--normalize", type=click.Choice(NORMALIZE), help="As for analyze.")
@click.option("--null", type=click.Choice(NULLS), help="As for analyze.")
@click.option("--dataset", "--column", help="The array of containers that hold several.")
@click.option("--groups-by", help="What rows belong together: .npy, FILE:KEY or a key.")
@click.option("--subsets", metavar="BxM", help="Paper's table: average over B subsets of M rows.")
@click.option("--reference", type=int, help="Rows at which the verdict is read.")
@click.option("--rows", type=int, help="Rows sampled for ordering tests.")
@click.option("--limit", type=int, metavar="N", help="Take a random sample of N rows.")
@click.option("--on-bad-rows", type=click.Choice(ON_BAD_ROWS), help="As for analyze.")
@UNTRUSTED
@QUIET
@click.option("--memory", help="Budget for buffers.")
@click.option("--seed", type=int, help="Seed.")
@click.option("--threads", type=int, help="Worker threads.  [default: all processors]")
@click.option("--out", type=OutFolder("comparison"), help="Write tables, page, figure here.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON, nothing else.")
@click.option(
    "--format", "form", type=click.Choice(["md", "latex", "csv"]),
    help="Print tables like this, nothing else.",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(["worse"]),
    help="Exit 3 if a model is worse than the baseline (the first input unless named).",
)  # fmt: skip
def compare(
    inputs: tuple[str, ...],
    names: str | None,
    out: str | None,
    as_json: bool,
    form: str | None,
    fail_on: str | None,
    **options: Any,
) -> None:
    """Compare models side by side.

    INPUTS are report folders or files, FILE:KEY for an array of a container. Files
    are audited once. Where all inputs are files of as many rows, differences
    are paired: the same rows are left out of all models in turn.
    """
    from gausscheck.comparison import compare as run
    from gausscheck.comparison import is_report, named

    if form is not None:
        refuse("expected one of --json and --format; leave one out", "as_json")
    models = named(inputs, names)
    if all(map(is_report, models.values())):
        refuse("reports are taken as they are; give files, or leave it out", *_OF_AUDITS)
    if fail_on is not None and options["baseline"] is None:
        options["baseline"] = next(iter(models))
    if out is not None:
        from gausscheck.files import check_folder

        check_folder(out)
    with ProgressLine() as progress:
        found = run(models, progress=progress, **options)
        try:
            if out is not None:
                _write(found, out, progress)
        finally:  # what was worked out is told all the same
            progress.close()
            show_compared(found, as_json, form)
    if out is not None and not as_json and form is None:
        click.echo(f"Tables, page and figure: {printable(out)}")
    if fail_on is not None and found.worse:
        for one in found.worse:
            click.echo(f"worse: {printable(one.model)}: {one.quantity}", err=True)
        sys.exit(WORSE)


def _write(found: Comparison, out: str, progress: Progress) -> None:
    """Write tables, page and figure: all of them appear, or none."""
    from gausscheck import figures
    from gausscheck.comparison import write_all
    from gausscheck.files import atomic_folder
    from gausscheck.html.comparison import write

    with atomic_folder(out, "comparison") as work:
        write_all(found, work)
        progress("writing the page", 0.0)
        write(found, Path(work) / "comparison.html")
        figures.draw(found, work, formats=("png", "svg", "pdf"), progress=progress)


def show_compared(found: Comparison, as_json: bool, form: str | None) -> None:
    """Print a comparison: as JSON, as tables of a format, or for a screen."""
    if as_json:
        import json

        click.echo(json.dumps(found.to_dict(), indent=1, allow_nan=False))
    elif form is not None:
        from gausscheck.comparison import FORMATS

        click.echo(FORMATS[form](found), nl=False)
    else:
        from gausscheck.terminal import show_comparison

        show_comparison(found)


COMMANDS = (compare,)
