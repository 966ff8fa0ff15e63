"""Page and figures of a report that was just saved, drawn on two processors where there are two.

Drawing is Python that holds the interpreter, so a second process takes figures while this one
writes the page. What it has not begun by then is drawn here.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing import current_process, get_context
from pathlib import Path

from gausscheck import figures, html
from gausscheck.config import processors
from gausscheck.core import Progress, Stage
from gausscheck.report import Report, load_report

Drawn = dict[str, "Future[None]"]


def draw_all(report: Report, folder: Path, progress: Progress) -> None:
    """Write page and figures beside a saved report.

    Parameters
    ----------
    report : Report
    folder : Path
        Where it was saved; the other process reads it from there.
    progress : callable

    Raises
    ------
    GausscheckError
        If something cannot be written.
    """
    names = list(figures.TABLES[Report])
    with _elsewhere(folder, names) as begun:
        progress("writing the page", 0.0)
        html.write(report, folder / "report.html")
        for place, name in enumerate(names):
            progress(Stage("drawing", len(names), "figures"), place / len(names))
            if name not in begun or begun[name].cancel() or not _done(begun[name]):
                figures.draw(report, folder, names=[name])


def _done(figure: Future[None]) -> bool:
    """Wait for a figure; return False where the process that drew it is gone."""
    try:
        figure.result()
    except BrokenProcessPool:
        return False
    return True


@contextmanager
def _elsewhere(folder: Path, names: list[str]) -> Iterator[Drawn]:
    """Let another process draw, the last figure first; begin none where there can be no such."""
    pool = _process()
    if pool is None:
        yield {}
        return
    begun: Drawn = {}
    try:
        for name in reversed(names):
            begun[name] = pool.submit(_draw, str(folder), name)
    except (OSError, RuntimeError):  # it could not be started, or is gone already
        begun.clear()
    try:
        yield begun
    finally:
        pool.shutdown(cancel_futures=True)


def _process() -> ProcessPoolExecutor | None:
    """Return another process; None where it could not run beside this one."""
    if processors() < 2 or current_process().daemon:  # a daemon may have no children
        return None
    try:
        return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_quiet)
    except (ImportError, NotImplementedError, OSError):  # a system without semaphores
        return None


def _quiet() -> None:
    """Leave an interrupt to the process that asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@lru_cache(maxsize=1)
def _saved(folder: str) -> Report:
    return load_report(folder)


def _draw(folder: str, name: str) -> None:
    figures.draw(_saved(folder), folder, names=[name])
