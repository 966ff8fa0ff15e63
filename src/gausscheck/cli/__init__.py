"""The command line: parse, one call, echo, exit code. One file a family of commands."""

from __future__ import annotations

from typing import Any

import click

from gausscheck.cli import audit, pairs, scale, sketch, train
from gausscheck.cli.options import as_options
from gausscheck.core import GausscheckError, __version__

DATA_ERROR = 1


class _Cli(click.Group):
    """A group whose commands turn bad data into one line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GausscheckError as err:
            click.echo(f"gausscheck: {as_options(str(err))}", err=True)
            ctx.exit(DATA_ERROR)


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gausscheck")
def main() -> None:
    """Audit embeddings for Gaussian structure: is it, how far off, and where.

    Exit codes: 0 done, 1 bad data, 2 bad usage; where --require or --fail-on ask
    for it, 3 not Gaussian or a requirement failed, 4 inconclusive.
    """


for _module in (audit, pairs, scale, sketch, train):
    for _command in _module.COMMANDS:
        main.add_command(_command)
