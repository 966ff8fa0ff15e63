"""``python -m gausscheck``, and what the installed command runs.

Signals are taken before anything else is imported: Ctrl-C ends in one line and exit code 130 and
SIGTERM in 143, whether modules are being imported, rows read or files written.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}

_GRACE = 3.0
"""Seconds for removing what is half done."""


class Stopped(KeyboardInterrupt):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(_WORDS[signal.Signals(number)])
        self.code = 128 + number


_running = False
_stopped: Stopped | None = None


def _stop(number: int, frame: FrameType | None) -> None:
    """End: at once where nothing is under way, else by an exception that tidies up."""
    global _stopped
    if not _running or _stopped is not None:
        _leave(Stopped(number))
    _stopped = Stopped(number)
    # an exception may get lost where C calls Python, or wait for a long product
    signal.signal(signal.SIGALRM, lambda *_: _leave(_stopped))
    signal.setitimer(signal.ITIMER_REAL, _GRACE)
    sys.unraisablehook = lambda _: None
    raise _stopped


def _leave(stopped: Stopped | None) -> None:
    if stopped is not None:
        bar = sys.modules.get("gausscheck.cli.progress")
        clean = "\r\x1b[2K\x1b[?25h" if getattr(bar, "shown", False) else ""
        os.write(2, f"{clean}gausscheck: {stopped}\n".encode())
        os._exit(stopped.code)


def _streams() -> None:
    """Let text pass through any encoding: what it lacks is spelled with what it has."""
    import codecs
    from unicodedata import normalize

    def spell(err: UnicodeError) -> tuple[str, int]:
        if not isinstance(err, UnicodeEncodeError):
            raise err
        told = err.object[err.start : err.end]
        plain = normalize("NFKD", told).encode("ascii", "ignore").decode()
        return plain or "?" * len(told), err.end

    codecs.register_error("gausscheck", spell)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by who called us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - lives as long as we do
        else:
            stream.reconfigure(errors="gausscheck")


def run() -> None:
    """Run the command line, and exit with its code."""
    global _running
    os.environ["MPLBACKEND"] = "agg"  # figures are files; no window is ever wanted
    if not sys.warnoptions:
        import logging
        import warnings

        warnings.simplefilter("ignore")  # what libraries tell programmers is no message to users
        logging.getLogger().addHandler(logging.NullHandler())
    _streams()
    from gausscheck.cli import main

    _running = True
    code: object = 0
    try:
        main(prog_name="gausscheck")
    except SystemExit as err:
        code = err.code
    except BaseException:
        if _stopped is None:
            raise
    if _stopped is not None:
        if code != _stopped.code:  # the exception was turned into another on its way
            _leave(_stopped)
        os._exit(_stopped.code)  # without waiting for threads that are at work
    _end(code)


def _end(code: object) -> NoReturn:
    """End as ``sys.exit`` does, but leave it to the system to free what the process holds.

    Taking hundreds of modules apart takes longer than the whole of ``--help``. What was registered
    for the end runs, and what was printed is written.
    """
    if code is None or isinstance(code, int):
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:  # told by the interpreter, in its own way
            sys.exit(code)
        os._exit((code or 0) & 0xFF)
    sys.exit(code)  # type: ignore[arg-type]


if os.name == "posix":
    for _signal in _WORDS:
        signal.signal(_signal, _stop)

if __name__ == "__main__":
    run()
