"""Commands that audit one file, and those that read what an audit wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from gausscheck.cli.gate import gate_options
from gausscheck.cli.options import UNTRUSTED, ProgressLine, audit_options, merge
from gausscheck.core import GausscheckError, printable

if TYPE_CHECKING:
    from gausscheck.report import Report


@click.command()
@click.argument("file")
@audit_options
@click.option(
    "--out", type=click.Path(file_okay=False), help="Write report, page and figures here."
)
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
    """Audit FILE: table, effect sizes, verdict; figures and report with --out."""
    merged = merge(config_file, options)
    if out is not None:
        from gausscheck.files import check_folder

        check_folder(out)
    from gausscheck.audit.analyze import analyze as run

    with ProgressLine() as progress:
        report = run(file, progress=progress, **merged)
    if out is not None:
        try:
            _write(report, out)
        except Exception:  # what was worked out is told all the same
            _show(report, as_json, verbose=verbose, explain=explain)
            raise
    _show(report, as_json, verbose=verbose, explain=explain)
    if out is not None and not as_json:
        click.echo(f"Report, page and figures: {printable(out)}")
    return report


def _write(report: Report, out: str) -> None:
    """Write report, page and figures: all of them appear, or none."""
    from gausscheck import figures, html
    from gausscheck.files import atomic_folder

    with atomic_folder(out, "report", "page", "figures") as work:
        report.save(work)
        html.write(report, Path(work) / "report.html")
        figures.draw(report, work)


@click.command()
@click.argument("file")
@UNTRUSTED
def inspect(file: str, untrusted: bool | None) -> None:
    """Say what is in FILE and which array analyze would take, without analysing."""
    from gausscheck.sources import inspect_source
    from gausscheck.terminal import show_contents

    show_contents(inspect_source(file, untrusted=bool(untrusted)))


@click.command()
@click.argument("directory", type=click.Path(file_okay=True))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Print every test, and notes in full.")
@click.option("--explain", is_flag=True, help="Define each term that is printed, in one line.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write it as one HTML page instead.")
@gate_options
def show(directory: str, as_json: bool, verbose: bool, explain: bool, html: str | None) -> Report:
    """Print the report in DIRECTORY."""
    from gausscheck.report import load_report

    report = load_report(directory)
    if html is None:
        _show(report, as_json, verbose=verbose, explain=explain)
        return report
    from gausscheck.html import write

    click.echo(printable(str(write(report, html))))
    return report


def _list_figures(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from gausscheck.figures import FIGURES

    for name, drawn in FIGURES.items():
        click.echo(f"{name:<14}{(drawn.__doc__ or '').splitlines()[0].removeprefix('Draw ')}")
    ctx.exit()


@click.command()
@click.argument("directory", type=click.Path(file_okay=True))
@click.option("--out", type=click.Path(file_okay=False), help="Where to write; default: DIRECTORY.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["png", "svg", "pdf"]),
    default=("png", "svg"),
    show_default=True,
    help="File formats; may be repeated.",
)
@click.option("--figure", "names", multiple=True, help="Which; may be repeated. Default: all.")
@click.option(
    "--width",
    type=click.Choice(["single", "double"]),
    default="double",
    show_default=True,
    help="A journal's column (85 mm) or page (178 mm).",
)
@click.option(
    "--style",
    type=click.Choice(["paper", "screen"]),
    default="paper",
    show_default=True,
    help="Fonts embedded, or text that a screen can select.",
)
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_figures,
    help="List the figures and what they show.",
)  # fmt: skip
def plot(
    directory: str,
    out: str | None,
    formats: tuple[str, ...],
    names: tuple[str, ...],
    width: Literal["single", "double"],
    style: Literal["paper", "screen"],
) -> None:
    """Redraw the figures from the report in DIRECTORY alone."""
    from gausscheck import figures
    from gausscheck.report import load_report

    written = figures.draw(
        load_report(directory), out or directory, formats=formats, names=names or None,
        width=width, style=style,
    )  # fmt: skip
    for path in written:
        click.echo(printable(str(path)))
    for name in names:
        if name not in {path.stem for path in written}:
            click.echo(f"{name}: nothing to show in this report", err=True)


@click.command(name="apply")
@click.argument("directory", type=click.Path(file_okay=True))
@click.argument("file")
@click.option("--dataset", "--column", help="The array of a container that holds several.")
@UNTRUSTED
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The .npy to write.")
def apply_(
    directory: str, file: str, dataset: str | None, untrusted: bool | None, out: str
) -> None:
    """Apply the preparation fitted in DIRECTORY's report to the rows of FILE.

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
    shape = apply_to_file(preparation, source, Path(out))
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


COMMANDS = (analyze, inspect, show, plot, apply_, tests)
