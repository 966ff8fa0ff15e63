"""The command line: parse, one call, echo, exit code. One file a family of commands."""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from gausscheck.cli import audit, compare, pairs, plot, repair, scale, scoring, sketch, train
from gausscheck.cli.options import as_options
from gausscheck.cli.places import guard
from gausscheck.core import GausscheckError, __version__, printable, printable_lines

DATA_ERROR = 1
INTERRUPTED, PIPE_CLOSED = 130, 141
"""What a shell makes of SIGINT and SIGPIPE: 128 and the signal's number."""

_TRACE = "GAUSSCHECK_TRACEBACK"

_UNMAPPED = "failed to map segment"
"""What the loader says of a library for which there is no memory left."""

_NO_THREAD = "can't start new thread"
"""What Python says where the system refuses a thread, for its memory or its number."""


class _Cli(click.Group):
    """A group whose commands turn whatever goes wrong into one line on stderr and an exit code."""

    def main(self, *args: Any, **options: Any) -> Any:
        before = sys.stdout
        try:
            return super().main(*args, **options)
        except SystemExit as err:
            if err.code == 1 and sys.stdout is not before:  # how click leaves at a closed pipe
                sys.exit(PIPE_CLOSED)
            raise

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _plain_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _plain_errors():
            return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> Any:
        before = _stdout_file()
        try:
            found = super().invoke(ctx)
            sys.stdout.flush()
            return found
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except SystemExit as err:
            if err.code == 1 and _stdout_file() != before:  # how rich leaves at a closed pipe
                ctx.exit(PIPE_CLOSED)
            raise
        except KeyboardInterrupt as err:
            _say(str(err) or "interrupted")
            ctx.exit(getattr(err, "code", INTERRUPTED))
        except BrokenPipeError as err:
            if _pipe_closed():
                _discard_stdout()
                ctx.exit(PIPE_CLOSED)
            self._fail(ctx, err)
        except Exception as err:
            self._fail(ctx, err)

    def _fail(self, ctx: click.Context, err: Exception) -> None:
        """Say an error in one line, and leave."""
        if os.environ.get(_TRACE):
            traceback.print_exc()
        _say(told(err))
        if isinstance(err, OSError) and err.filename is None:
            _discard_stdout()  # what cannot be written would be tried again at the end
        ctx.exit(DATA_ERROR)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Let names that click quotes in its errors show themselves, and do nothing."""
    try:
        yield
    except click.ClickException as err:
        message = err.format_message()
        listed = isinstance(err, click.MissingParameter)  # the choices, a line each
        told = printable_lines(message.expandtabs()) if listed else printable(message)
        err.format_message = lambda: told  # type: ignore[method-assign]
        raise


def told(err: Exception) -> str:
    """Return an error as one line.

    Examples
    --------
    >>> told(FileNotFoundError(2, "No such file or directory", "x.npy"))
    'x.npy: No such file or directory'
    >>> told(ImportError("x.so: failed to map segment from shared object"))
    'out of memory; lower --memory or --rows, or take fewer columns'
    >>> told(RuntimeError("can't start new thread"))
    'no room for another thread; lower --threads or --memory, or raise the limits (ulimit -u, -v)'
    """
    from gausscheck.files import reason_of

    if isinstance(err, GausscheckError):
        return printable(as_options(str(err)))
    if isinstance(err, MemoryError) or (isinstance(err, ImportError) and _UNMAPPED in str(err)):
        return "out of memory; lower --memory or --rows, or take fewer columns"
    if isinstance(err, RuntimeError) and _NO_THREAD in str(err):
        return (
            "no room for another thread; lower --threads or --memory, or raise the limits "
            "(ulimit -u, -v)"
        )
    if isinstance(err, OSError):
        place = "" if err.filename is None else f"{err.filename}: "
        return printable(f"{place}{reason_of(err)}")
    return printable(
        f"internal error: {type(err).__name__}: {err}; please report it, with what {_TRACE}=1 shows"
    )


def _say(message: str) -> None:
    click.echo(f"gausscheck: {message}", err=True)


def _stdout_file() -> tuple[int, int] | None:
    """Name what standard output is written to."""
    try:
        found = os.fstat(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return None
    return found.st_dev, found.st_ino


def _pipe_closed() -> bool:
    """Whether nobody reads standard output any more."""
    try:
        watch = select.poll()
        watch.register(sys.stdout.fileno(), select.POLLOUT)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


def _discard_stdout() -> None:
    """Let what is left to be written go nowhere: the interpreter writes it when it ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
        except (OSError, ValueError, AttributeError):
            return


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gausscheck")
def main() -> None:
    """Audit embeddings for Gaussian structure: is it, how far off, and where.

    Exit codes: 0 done, 1 bad data, 2 bad usage; where --require or --fail-on ask
    for it, 3 not Gaussian or a requirement failed, 4 inconclusive; 130
    interrupted, 143 terminated.
    """


for _module in (audit, compare, pairs, plot, repair, scale, scoring, sketch, train):
    for _command in _module.COMMANDS:
        guard(_command)
        main.add_command(_command)
