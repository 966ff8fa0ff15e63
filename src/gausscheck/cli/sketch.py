"""Commands for a batch queue: sketch some of the rows, merge sketches."""

from __future__ import annotations

import re
from pathlib import Path

import click

from gausscheck.cli.options import UNTRUSTED
from gausscheck.cli.places import OutFile
from gausscheck.cli.progress import QUIET, ProgressLine, counted
from gausscheck.config import Config
from gausscheck.core import GausscheckError, printable

_DEFAULT = Config()


@click.command()
@click.argument("file")
@click.option("-o", "--out", required=True, type=OutFile(".sketch"), help="The .sketch.")
@click.option("--part", default="1/1", show_default=True, metavar="I/N", help="Which rows: I of N.")
@click.option("--dataset", "--column", help="The array of a container that holds several.")
@UNTRUSTED
@QUIET
@click.option("--unit", is_flag=True, help="For an analysis with --normalize unit.")
@click.option("--rows", type=int, default=_DEFAULT.rows, show_default=True, help="Rows sampled.")
@click.option("--seed", type=int, default=_DEFAULT.seed, show_default=True, help="Seed.")
@click.option("--groups", type=int, default=_DEFAULT.groups, show_default=True,
              help="Groups of the jackknife.")  # fmt: skip
def sketch(
    file: str,
    out: str,
    part: str,
    dataset: str | None,
    untrusted: bool | None,
    unit: bool,
    rows: int,
    seed: int,
    groups: int,
) -> None:
    """Take the first pass over part I of N of the rows of FILE."""
    from gausscheck.passes.first_pass import sketch_rows
    from gausscheck.passes.sketch import save_pass
    from gausscheck.sources import open_source

    match = re.fullmatch(r"([0-9]{1,18})/([0-9]{1,18})", part)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise GausscheckError(
            f"--part: expected I/N with I from 1 to N, such as 3/64, got {part!r:.60}"
        )
    config = Config(rows=rows, seed=seed, groups=groups)
    source = open_source(file, dataset=dataset, untrusted=bool(untrusted))
    place, of = int(match[1]) - 1, int(match[2])
    with ProgressLine() as progress:
        found = sketch_rows(
            counted(source, -(-source.n // of), "reading", progress),
            place,
            of,
            memory=config.memory_bytes // 4,
            seed=config.seed,
            rows=config.rows,
            unit=unit,
            groups=config.groups,
        )
        save_pass(found, Path(out))
    click.echo(f"{printable(out)}: {found.rows.n:,} of {source.n:,} rows")


@click.command()
@click.argument("sketches", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--out", required=True, type=OutFile(".sketch"), help="The .sketch.")
def merge(sketches: tuple[str, ...], out: str) -> None:
    """Join SKETCHES, in any order, into one that analyze takes."""
    from gausscheck.passes.sketch import load_pass, merge_passes, save_pass

    merged = merge_passes([load_pass(Path(name)) for name in sketches])
    save_pass(merged, Path(out))
    click.echo(f"{printable(out)}: {merged.rows.n:,} of {merged.n:,} rows")


COMMANDS = (sketch, merge)
