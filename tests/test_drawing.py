"""Page and figures are the same drawn by one process or two, whatever becomes of the other."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck.cli import drawing, main
from gausscheck.figures import FIGURES


class Pool:
    """A pool whose process ends before it has drawn anything."""

    def __init__(self, *, starts):
        self._starts = starts
        self.shut = False

    def submit(self, work, *arguments):
        if not self._starts:
            raise OSError("no more processes")
        gone = Future()
        gone.set_running_or_notify_cancel()
        gone.set_exception(BrokenProcessPool("gone"))
        return gone

    def shutdown(self, **options):
        self.shut = True


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(0).standard_normal((600, 12))
    return gausscheck.analyze(x, directions="axes,random:16")


def drawn(report, folder: Path) -> dict[str, bytes]:
    report.save(folder)
    drawing.draw_all(report, folder, lambda stage, share: None)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_processes_draw_what_one_does(report, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "processors", lambda: 2)
    asked = []
    real = drawing.ProcessPoolExecutor.submit

    def submit(pool, work, *arguments):
        asked.append(real(pool, work, *arguments))
        return asked[-1]

    monkeypatch.setattr(drawing.ProcessPoolExecutor, "submit", submit)
    two = drawn(report, tmp_path / "two")
    assert len(asked) == len(FIGURES)
    assert asked[0].result() is None  # the last figure was drawn elsewhere
    monkeypatch.setattr(drawing, "processors", lambda: 1)
    assert two == drawn(report, tmp_path / "one")
    assert {f"{name}.svg" for name in ("use", "verdict", "qq")} | {"report.html"} <= set(two)
    assert len(asked) == len(FIGURES)


def test_a_daemon_draws_by_itself(tmp_path):
    """Where a pool of processes audits many files, its processes may have none of their own."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((300, 4)))
    out = tmp_path / "out"
    ended = get_context("spawn").Process(target=audit, args=(tmp_path / "x.npy", out), daemon=True)
    ended.start()
    ended.join(120)
    assert ended.exitcode == 0
    assert (out / "use.png").exists()


def audit(path, out):
    main(["analyze", str(path), "--out", str(out), "--directions", "axes", "--levels", "none"],
         standalone_mode=False)  # fmt: skip


@pytest.mark.parametrize("starts", [True, False])
def test_figures_of_a_process_that_is_gone_are_drawn_here(report, tmp_path, monkeypatch, starts):
    pool = Pool(starts=starts)
    monkeypatch.setattr(drawing, "processors", lambda: 2)
    monkeypatch.setattr(drawing, "_process", lambda: pool)
    names = set(drawn(report, tmp_path / "gone"))
    assert {"use.png", "use.svg", "report.html"} <= names
    assert pool.shut


def test_without_semaphores_one_process_draws(report, tmp_path, monkeypatch):
    def none(*arguments, **options):
        raise NotImplementedError("sem_open")

    monkeypatch.setattr(drawing, "processors", lambda: 2)
    monkeypatch.setattr(drawing, "ProcessPoolExecutor", none)
    assert "use.png" in drawn(report, tmp_path / "alone")


def test_a_figure_that_cannot_be_written_is_told_from_either_process(report, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "processors", lambda: 2)
    folder = tmp_path / "out"
    report.save(folder)
    for name in FIGURES:
        (folder / f"{name}.png").mkdir()
    with pytest.raises(gausscheck.GausscheckError, match="could not write a figure"):
        drawing.draw_all(report, folder, lambda stage, share: None)
