"""Figures of what was just worked out; those of a report on two processors where there are two.

Drawing is Python that holds the interpreter, so another process takes figures while this one writes
the page; then both take them in turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from gausscheck import figures, html
from gausscheck.core import Progress, Stage
from gausscheck.figures.elsewhere import OtherProcess, other_process
from gausscheck.files import atomic_folder
from gausscheck.pairs import Pairs
from gausscheck.report import Report
from gausscheck.scaling import Scaling


def write_drawn(
    found: Pairs | Scaling, out: str, stem: str, formats: Sequence[str], progress: Progress
) -> None:
    """Write numbers and figure: both appear, or neither.

    Parameters
    ----------
    found : Pairs or Scaling
    out : str
        A folder, made where missing.
    stem : str
        What the result is called.
    formats : sequence of str
        Of the figure.
    progress : callable

    Raises
    ------
    GausscheckError
        If something cannot be written.
    """
    with atomic_folder(out, stem) as work:
        found.save(work)
        figures.draw(found, work, formats=formats, progress=progress)


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
    names = [*figures.TABLES[Report]][::-1]  # those of many curves first
    left, missing = deque(names), set(names)

    def tell() -> None:
        progress(Stage("drawing", len(names), "figures"), 1 - len(missing) / len(names))

    def take(name: str) -> None:
        figures.draw(report, folder, names=[name])
        missing.discard(name)
        tell()

    def elsewhere(other: OtherProcess) -> None:
        for name in _taken(left):
            if not other.draw(str(folder), name):
                return
            missing.discard(name)

    with other_process() as other, ThreadPoolExecutor(1) as waiting:
        if other is not None:
            with suppress(RuntimeError):  # no thread to wait for it
                waiting.submit(elsewhere, other)
        try:
            progress("writing the page", 0.0)
            html.write(report, folder / "report.html")
            tell()
            for name in _taken(left):
                take(name)
        finally:
            left.clear()  # nobody begins another
    for name in names:
        if name in missing:  # the other process is gone, or could not write it
            take(name)
    for place in folder.glob(f"{figures.UNDONE}*"):  # of a process that was killed
        rmtree(place, ignore_errors=True)
    tell()


def _taken(left: deque[str]) -> Iterator[str]:
    """Take what nobody has taken yet, until nothing is left."""
    with suppress(IndexError):
        while True:
            yield left.popleft()
