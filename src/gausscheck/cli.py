"""The command line: parse, one call, echo, exit code."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gausscheck import __version__
from gausscheck.config import NORMALIZE, ON_BAD_ROWS, Config
from gausscheck.core import GausscheckError

if TYPE_CHECKING:
    from gausscheck.report import Report

DATA_ERROR, USAGE_ERROR, FAILED_ON = 1, 2, 3
_DEFAULT = Config()


class _Cli(click.Group):
    """A group whose commands turn bad data into one line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GausscheckError as err:
            click.echo(f"gausscheck: {err}", err=True)
            ctx.exit(DATA_ERROR)


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gausscheck")
def main() -> None:
    """Audit embeddings for Gaussian structure: is it, how far off, and where.

    Exit codes: 0 done, 1 bad data, 2 bad usage, 3 when --fail-on says so.
    """


def _audit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that ``analyze`` takes as keywords."""
    options = [
        click.option("--dataset", help="The array inside a container that holds several."),
        click.option(
            "--normalize",
            type=click.Choice(NORMALIZE),
            help=f"What is done to rows before projecting.  [default: {_DEFAULT.normalize}]",
        ),
        click.option(
            "--directions",
            help="Families of directions, counts after a colon; file:PATH for your own .npy "
            f"matrix.  [default: {_DEFAULT.directions}]",
        ),
        click.option("--labels", help="One label a row: .npy, FILE:KEY or a key of FILE."),
        click.option(
            "--subsets", metavar="BxM", help="Field's table: average over B subsets of M rows."
        ),
        click.option(
            "--reference",
            type=int,
            help=f"Rows at which the verdict is read.  [default: {_DEFAULT.reference}]",
        ),
        click.option(
            "--rows", type=int, help=f"Rows sampled for ordering tests.  [default: {_DEFAULT.rows}]"
        ),
        click.option(
            "--on-bad-rows",
            type=click.Choice(ON_BAD_ROWS),
            help=f"Rows that are not finite or all zero.  [default: {_DEFAULT.on_bad_rows}]",
        ),
        click.option("--memory", help=f"Budget for buffers.  [default: {_DEFAULT.memory}]"),
        click.option("--seed", type=int, help=f"Seed.  [default: {_DEFAULT.seed}]"),
        click.option("--threads", type=int, help="Worker threads.  [default: all processors]"),
        click.option(
            "--config",
            "config_file",
            type=click.Path(exists=True, dir_okay=False),
            help="A TOML file of these options; the command line wins.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@click.argument("file")
@_audit_options
@click.option("--out", type=click.Path(file_okay=False), help="Write report and figures here.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
@click.option(
    "--fail-on",
    type=click.Choice(["not_gaussian", "inconclusive"]),
    help="Exit 3 at this verdict or a worse one.",
)
def analyze(
    file: str,
    out: str | None,
    as_json: bool,
    fail_on: str | None,
    config_file: str | None,
    **options: Any,
) -> None:
    """Audit FILE: table, effect sizes, verdict; figures and report with --out."""
    merged = _merge(config_file, options)
    from gausscheck.pipeline import analyze as run

    with _Progress() as progress:
        report = run(file, progress=progress, **merged)
    if out is not None:
        from gausscheck import figures

        report.save(out)
        figures.draw(report, out)
    _show(report, as_json)
    if out is not None and not as_json:
        click.echo(f"Report and figures: {out}")
    worse = {"not_gaussian": {"not_gaussian"}, "inconclusive": {"not_gaussian", "inconclusive"}}
    if fail_on and report.verdict.status in worse[fail_on]:
        sys.exit(FAILED_ON)


@main.command()
@click.argument("file")
def inspect(file: str) -> None:
    """Say what is in FILE and which array analyze would take, without analysing."""
    from gausscheck.sources import inspect_source
    from gausscheck.terminal import show_contents

    show_contents(inspect_source(file))


@main.command()
@click.argument("directory", type=click.Path(file_okay=True))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
def show(directory: str, as_json: bool) -> None:
    """Print the report in DIRECTORY."""
    from gausscheck.report import load_report

    _show(load_report(directory), as_json)


@main.command()
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
def plot(directory: str, out: str | None, formats: tuple[str, ...]) -> None:
    """Redraw the figures from the report in DIRECTORY alone."""
    from gausscheck import figures
    from gausscheck.report import load_report

    for path in figures.draw(load_report(directory), out or directory, formats=formats):
        click.echo(str(path))


@main.command(name="apply")
@click.argument("directory", type=click.Path(file_okay=True))
@click.argument("file")
@click.option("--dataset", help="The array inside a container that holds several.")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The .npy to write.")
def apply_(directory: str, file: str, dataset: str | None, out: str) -> None:
    """Apply the preparation fitted in DIRECTORY's report to the rows of FILE."""
    from gausscheck.preprocess import apply_to_file
    from gausscheck.report import load_report
    from gausscheck.sources import open_source

    preparation = load_report(directory).preparation
    shape = apply_to_file(preparation, open_source(file, dataset=dataset), Path(out))
    click.echo(f"{out}: {shape[0]:,} rows x {shape[1]:,}, {preparation.kind}")


@main.command()
def tests() -> None:
    """List the tests with their null, cost and reference."""
    from gausscheck.normality import TESTS
    from gausscheck.terminal import show_tests

    show_tests(TESTS.values())


def _merge(config_file: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Lay the command line's options over those of a TOML file."""
    given = {name: value for name, value in options.items() if value is not None}
    if config_file is None:
        return given
    base = Config.from_toml(config_file).to_dict()
    return {**base, **given}


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=1, allow_nan=False))
        return
    from gausscheck.terminal import show_report

    show_report(report)


class _Progress:
    """A progress line on stderr for anything that takes over a second."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._bar: Any = None
        self._stage = ""
        self._task: Any = None

    def __call__(self, stage: str, share: float) -> None:
        if self._bar is None:
            if time.monotonic() - self._start < 1:
                return
            if not sys.stderr.isatty():
                if stage != self._stage:  # a log wants lines, one a stage
                    self._stage = stage
                    click.echo(f"gausscheck: {stage}", err=True)
                return
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description:<24}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(stage, total=1.0)
            self._bar.start()
        self._bar.update(self._task, description=stage, completed=share)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


if __name__ == "__main__":
    main()
