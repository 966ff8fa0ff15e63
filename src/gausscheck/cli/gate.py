"""The options by which a command passes or fails a report, and their exit codes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gausscheck.cli.places import OutFile
from gausscheck.core import GausscheckError

if TYPE_CHECKING:
    from gausscheck.gate import Requirement
    from gausscheck.report import Report

FAIL_ON = ("not_gaussian", "inconclusive", "gaussian_except")


def gate_options(command: Callable[..., Report | None]) -> Callable[..., None]:
    """Give a command that returns its report, or None, the options of the gate.

    What they ask for is checked, and files written, after the command; the exit code comes last.
    """

    @functools.wraps(command)
    def gated(
        require: tuple[Requirement, ...],
        fail_on: str | None,
        junit: str | None,
        summary: str | None,
        **options: Any,
    ) -> None:
        name = str(options.get("file") or options.get("directory"))
        try:
            report = command(**options)
        except GausscheckError as err:
            _tell_error(name, str(err), junit, summary)
            raise
        asked = require or fail_on or junit or summary
        if asked and report is None:
            raise GausscheckError(
                f"{name}: expected a report for --require, --fail-on, --junit and --summary, got a "
                "comparison; compare has its own --fail-on"
            )
        if asked and report is not None:
            _judge(report, require, fail_on, junit, summary, bool(options.get("as_json")))

    decorated: Callable[..., None] = gated
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _requirements(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> tuple[Requirement, ...]:
    """Read the requirements before any row is read."""
    if not given:
        return ()
    from gausscheck.gate import parse

    try:
        return tuple(one for text in given for one in parse(text))
    except GausscheckError as err:
        raise click.BadParameter(str(err).removeprefix("require: "), ctx, param) from err


_OPTIONS = (
    click.option(
        "--require",
        metavar="EXPR",
        multiple=True,
        callback=_requirements,
        help="What must hold, such as axes<0.9,false_alarm_1<2%: exit 3 where it doesn't, "
        "4 where that can't be told.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(FAIL_ON),
        help="Fail at this status or a worse one: exit 3, 4 if inconclusive. gaussian_except is "
        "the strictest.",
    ),
    click.option("--junit", type=OutFile(), help="Write the checks as JUnit XML here."),
    click.option("--summary", type=OutFile(), help="Write a Markdown summary here."),
)


def _judge(
    report: Report,
    require: tuple[Requirement, ...],
    fail_on: Any,
    junit: str | None,
    summary: str | None,
    as_json: bool,
) -> None:
    from gausscheck import gate

    checks = gate.check_requirements(report, require)
    statuses = gate.check_status(report, fail_on)
    _write(junit, lambda: gate.junit(report, [*checks, *statuses]))
    _write(summary, lambda: gate.summary(report, checks), shared=True)
    shown = [*checks, *(s for s in statuses[:1] if s.outcome != "not_asked")]
    for check in shown:
        click.echo(str(check), err=as_json)
    code = gate.exit_code([*checks, *statuses])
    if code:
        sys.exit(code)


def _tell_error(name: str, message: str, junit: str | None, summary: str | None) -> None:
    from gausscheck import gate

    _write(junit, lambda: gate.junit_of_error(name, message))
    _write(summary, lambda: gate.summary_of_error(name, message), shared=True)


def _write(path: str | None, text: Callable[[], str], *, shared: bool = False) -> None:
    if path is None:
        return
    from gausscheck import gate
    from gausscheck.files import atomic_path

    if shared:
        gate.append_or_write(Path(path), text())
        return
    with atomic_path(Path(path)) as work:
        work.write_text(text(), encoding="utf-8")
