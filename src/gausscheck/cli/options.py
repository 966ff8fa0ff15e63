"""What commands share: the options of an audit, a config file's options."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from gausscheck.config import NORMALIZE, NULLS, ON_BAD_ROWS, Config

_DEFAULT = Config()

UNTRUSTED = click.option(
    "--untrusted",
    is_flag=True,
    default=None,
    help="Read the file in a child process with limits on memory and time.",
)

AUDIT_OPTIONS = [
    click.option(
        "--dataset", "--column", help="The array or column of a container that holds several."
    ),
    click.option("--flatten", is_flag=True, default=None, help="Take tokens as rows."),
    click.option("--shape", metavar="N,D", help="Of raw numbers without a header."),
    click.option("--dtype", help="Of raw numbers, such as f4."),
    click.option("--limit", type=int, metavar="N", help="Audit a random sample of N rows."),
    click.option(
        "--normalize",
        type=click.Choice(NORMALIZE),
        help=f"What is done to rows before projecting.  [default: {_DEFAULT.normalize}]",
    ),
    click.option(
        "--directions",
        help="Out of axes, random:K, pca:K, ica:K, pursuit:K, lda:K, file:PATH for your own "
        f".npy matrix.  [default: {_DEFAULT.directions}]",
    ),
    click.option("--labels", help="One label a row: .npy, FILE:KEY or a key of FILE."),
    click.option("--group", is_flag=True, default=None, help="Audit the rows of each label too."),
    click.option(
        "--levels",
        help=f"Joint levels, or none.  [default: {_DEFAULT.levels}]",
    ),
    click.option("--groups-by", help="What rows belong together: .npy, FILE:KEY or a key of FILE."),
    click.option(
        "--null",
        type=click.Choice(NULLS),
        help=f"Normal with any mean and covariance, or isotropic.  [default: {_DEFAULT.null}]",
    ),
    click.option(
        "--subsets", metavar="BxM", help="Paper's table: average over B subsets of M rows."
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
    click.option(
        "--no-null-cache",
        "null_cache",
        flag_value=False,
        default=None,
        type=bool,
        help="Simulate null laws anew; keep nothing on disk.",
    ),
    click.option(
        "--resume",
        "resume",
        type=click.Path(file_okay=False),
        help="Keep what the passes over all rows took: go on, or read nothing again.",
    ),
    UNTRUSTED,
    click.option("--dask", metavar="ADDRESS", help="Scheduler whose workers read the rows."),
    click.option("--threads", type=int, help="Worker threads.  [default: all processors]"),
    click.option(
        "--config",
        "config_file",
        type=click.Path(exists=True, dir_okay=False),
        help="A TOML file of these options; the command line wins.",
    ),
]
"""What ``analyze`` takes as keywords, as options of a command."""


def audit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of an audit."""
    for option in reversed(AUDIT_OPTIONS):
        command = option(command)
    return command


_KEYWORD = re.compile(r'\b([a-z_]+)=(?:"([^"]*)")?')


def as_options(message: str) -> str:
    """Say the library's keywords as options of the command line.

    Examples
    --------
    >>> as_options('drop them with on_bad_rows="drop"; name them with labels=, a file')
    'drop them with --on-bad-rows drop; name them with --labels, a file'
    """

    def option(match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        if name not in _OPTIONS:
            return match[0]
        return f"--{name.replace('_', '-')}" + (f" {value}" if value else "")

    return _KEYWORD.sub(option, message)


_OPTIONS = {
    *(field.name for field in fields(Config)), "prefix_dims", "marginals", "out", "eta2",
    "temperature", "split", "components", "shrinkage", "calibration",
}  # fmt: skip


def refuse(why: str, *names: str) -> None:
    """Refuse options of the running command that were given and would do nothing.

    Parameters
    ----------
    why : str
        Why they would do nothing, and what to do.
    *names : str
        Of parameters.

    Raises
    ------
    click.UsageError
        Naming the first that the command line has.
    """
    context = click.get_current_context()
    for param in context.command.params:
        if param.name in names and context.get_parameter_source(param.name) in _GIVEN:
            raise click.UsageError(f"{param.opts[0]}: {why}")


_GIVEN = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)


def merge(config_file: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Lay the command line's options over those of a TOML file."""
    given = {name: value for name, value in options.items() if value is not None}
    if config_file is None:
        return given
    base = Config.from_toml(config_file).to_dict()
    return {**base, **given}
