"""Another process that draws figures of a saved report, as long as it is asked to.

It hears of each figure through a pipe and says when it is written. When the pipe closes, whatever
became of the process at the other end, it ends.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from gausscheck.config import processors
from gausscheck.figures import draw
from gausscheck.processes import may_start_safely, safe_path
from gausscheck.report import Report, load_report

GRACE = 5.0
"""Seconds that a figure may take at the end."""


class OtherProcess:
    """A process that draws, and the pipe to it. One figure at a time.

    Raises
    ------
    OSError
        If it could not be started.
    """

    def __init__(self) -> None:
        spawn = get_context("spawn")
        self._pipe, there = spawn.Pipe()
        self._process: BaseProcess = spawn.Process(target=_serve, args=(there,))
        with there, safe_path(), _interrupts_held():
            self._process.start()

    def draw(self, folder: str, name: str) -> bool:
        """Draw a figure of the report in a folder, there.

        Returns
        -------
        bool
            False where it could not, or is gone.
        """
        try:
            self._pipe.send((folder, name))
            return bool(self._pipe.recv())
        except (EOFError, OSError):
            return False

    def end(self) -> None:
        """Let it write what it has begun, if that takes no longer than some seconds, and end it.

        Not while :meth:`draw` waits for it.
        """
        self._pipe.close()
        self._process.join(GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextmanager
def other_process() -> Iterator[OtherProcess | None]:
    """Start another process and end it; None where it could not run beside this one."""
    other = None
    possible = may_start_safely() and not current_process().daemon  # which may have no children
    if possible and processors() > 1:
        # RuntimeError: no thread, or a script that runs anew in every process that it starts
        with suppress(ImportError, NotImplementedError, OSError, RuntimeError):
            other = OtherProcess()
    try:
        yield other
    finally:
        if other is not None:
            other.end()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start a process that no interrupt reaches: it is for the one that asked, which ends both."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which would lift the mask if it had to be started below
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection) -> None:
    """Draw what is asked for, silently: what was not written is drawn by who asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_drawn(*pipe.recv()))
    os._exit(0)  # taking hundreds of modules apart would be waited for


def _drawn(folder: str, name: str) -> bool:
    try:
        draw(_saved(folder), folder, names=[name])
    except Exception:  # which comes up again where it is drawn
        return False
    return True


@lru_cache(maxsize=1)
def _saved(folder: str) -> Report:
    return load_report(folder)
