"""Commands that audit one file, and those that read what an audit wrote."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gausscheck.cli.compare import show_compared
from gausscheck.cli.gate import gate_options
from gausscheck.cli.options import UNTRUSTED, audit_options, merge, refuse
from gausscheck.cli.places import OutFile, OutFolder
from gausscheck.cli.plot import load_saved, told_of
from gausscheck.cli.progress import QUIET, ProgressLine, counted
from gausscheck.config import ON_BAD_ROWS
from gausscheck.core import GausscheckError, Progress, printable

if TYPE_CHECKING:
    from gausscheck.comparison import Comparison
    from gausscheck.report import Report


_OPENING = ("flatten", "shape", "dtype", "limit")
"""Options of how a file is opened, which a sketch was already."""

_PRINTED = ("as_json", "verbose", "explain")
"""Options of what is printed."""


@click.command()
@click.argument("file")
@audit_options
@QUIET
@click.option("--out", type=OutFolder("report"), help="Write report, page and figures here.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Print every test, and notes in full.")
@click.option("--explain", is_flag=True, help="Define each term that is printed, in one line.")
@gate_options
def analyze(
    file: str,
    out: str | None,
    as_json: bool,
    verbose: bool,
    explain: bool,
    config_file: str | None,
    **options: Any,
) -> Report:
    """Audit the rows of FILE: how Gaussian they are, and where not."""
    if file.endswith(".sketch"):
        refuse("a sketch is of the rows that it was taken of; leave it out", *_OPENING)
    merged = merge(config_file, options)
    if out is not None:
        from gausscheck.files import check_folder

        check_folder(out)
    from gausscheck.audit.analyze import analyze as run

    sketched = told_of(file, "the sketch") if file.endswith(".sketch") else nullcontext()
    with ProgressLine() as progress:
        with sketched:
            report = run(file, progress=progress, **merged)
        try:
            if out is not None:
                _write(report, out, progress)
        except Exception:  # what was worked out is told all the same
            progress.close()
            _show(report, as_json, verbose=verbose, explain=explain)
            raise
    _show(report, as_json, verbose=verbose, explain=explain)
    if out is not None and not as_json:
        click.echo(f"Report, page and figures: {printable(out)}")
    return report


def _write(report: Report, out: str, progress: Progress) -> None:
    """Write report, page and figures: all of them appear, or none."""
    from gausscheck.cli.drawing import draw_all
    from gausscheck.files import atomic_folder

    with atomic_folder(out, "report", "page", "figures") as work:
        report.save(work)
        draw_all(report, Path(work), progress)


@click.command()
@click.argument("file")
@UNTRUSTED
def inspect(file: str, untrusted: bool | None) -> None:
    """Say what is in FILE, and which array analyze would take."""
    from gausscheck.sources import inspect_source
    from gausscheck.terminal import show_contents

    show_contents(inspect_source(file, untrusted=bool(untrusted)))


@click.command()
@click.argument("directory", type=click.Path(file_okay=True))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Print every test, and notes in full.")
@click.option("--explain", is_flag=True, help="Define each term that is printed, in one line.")
@click.option("--html", type=OutFile(), help="Write it as one HTML page instead.")
@gate_options
def show(
    directory: str, as_json: bool, verbose: bool, explain: bool, html: str | None
) -> Report | None:
    """Print the report or the comparison in DIRECTORY."""
    from gausscheck.comparison import Comparison

    if html is not None:
        refuse("expected a page or what is printed; leave --html out", *_PRINTED)
    saved = load_saved(directory)
    with told_of(directory, "what is saved there"):
        if html is not None:
            click.echo(printable(str(_write_page(saved, html))))
        elif isinstance(saved, Comparison):
            show_compared(saved, as_json, None)
        else:
            _show(saved, as_json, verbose=verbose, explain=explain)
    return None if isinstance(saved, Comparison) else saved


def _write_page(saved: Report | Comparison, path: str) -> Path:
    from gausscheck import html
    from gausscheck.html import comparison
    from gausscheck.report import Report

    return html.write(saved, path) if isinstance(saved, Report) else comparison.write(saved, path)


@click.command(name="apply")
@click.argument("directory", type=click.Path(file_okay=True))
@click.argument("file")
@click.option("--dataset", "--column", help="The array of a container that holds several.")
@click.option(
    "--on-bad-rows", type=click.Choice(ON_BAD_ROWS), default="error", show_default=True,
    help="Rows that the map gives no finite numbers.",
)  # fmt: skip
@UNTRUSTED
@QUIET
@click.option("--out", required=True, type=OutFile(), help="The .npy to write.")
def apply_(
    directory: str, file: str, dataset: str | None, on_bad_rows: str, untrusted: bool | None,
    out: str,
) -> None:  # fmt: skip
    """Map the rows of FILE as those of the report in DIRECTORY were.

    In place of DIRECTORY: an .npz that GaussianWhitener().fit(x).preparation_.save()
    wrote.
    """
    from gausscheck.preparation import Preparation, apply_to_file
    from gausscheck.report import load_report
    from gausscheck.sources import open_source

    if directory.endswith(".npz"):
        preparation = Preparation.load(directory)
    else:
        preparation = load_report(directory).preparation
    if preparation.kind == "raw":
        raise GausscheckError(
            f"{printable(directory)}: expected a report made with --normalize, whose map changes "
            "rows; got one of rows as they are; run analyze --normalize whiten --out DIR"
        )
    source = open_source(file, dataset=dataset, untrusted=bool(untrusted))
    with ProgressLine() as progress:
        told = counted(source, source.n, "mapping rows", progress)
        shape = apply_to_file(preparation, told, Path(out), on_bad_rows=on_bad_rows)
    click.echo(f"{printable(out)}: {shape[0]:,} rows x {shape[1]:,}, {preparation.kind}")


@click.command()
def tests() -> None:
    """List the tests with their null, cost and reference."""
    from gausscheck.normality import TESTS
    from gausscheck.terminal import show_tests

    show_tests(TESTS.values())


def _show(report: Report, as_json: bool, *, verbose: bool, explain: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=1, allow_nan=False))
        return
    from gausscheck.terminal import show_report, show_terms

    show_report(report, verbose=verbose)
    if explain:
        show_terms()


COMMANDS = (analyze, inspect, show, apply_, tests)
