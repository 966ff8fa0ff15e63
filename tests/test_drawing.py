"""Page and figures are the same drawn by one process or two, whatever becomes of the other."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck.cli import drawing, main
from gausscheck.figures import FIGURES, UNDONE, draw, elsewhere
from gausscheck.figures.elsewhere import OtherProcess


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(0).standard_normal((600, 12))
    return gausscheck.analyze(x, directions="axes,random:16")


SOME = ("use", "verdict", "spectrum")


@pytest.fixture
def some(monkeypatch):
    """Draw three figures and no page."""
    table = {name: FIGURES[name] for name in SOME}
    monkeypatch.setattr(drawing.figures, "TABLES", {gausscheck.Report: table})
    monkeypatch.setattr(drawing.html, "write", lambda report, path: path.touch())
    monkeypatch.setattr(elsewhere, "processors", lambda: 2)


def drawn(report, folder: Path) -> dict[str, bytes]:
    report.save(folder)
    drawing.draw_all(report, folder, lambda stage, share: None)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_processes_draw_what_one_does(report, tmp_path, monkeypatch):
    monkeypatch.setattr(elsewhere, "processors", lambda: 2)
    here = []

    def drawn_here(report, folder, *, names):
        here.extend(names)
        return draw(report, folder, names=names)

    monkeypatch.setattr(drawing.figures, "draw", drawn_here)
    page = drawing.html.write

    def slow(report, path):  # until the other process has begun
        page(report, path)
        deadline = time.monotonic() + 60
        while not list(path.parent.glob("*.svg")) and time.monotonic() < deadline:
            time.sleep(0.01)

    monkeypatch.setattr(drawing.html, "write", slow)
    two = drawn(report, tmp_path / "two")
    assert len(here) == len(set(here)) < len(FIGURES)  # none twice, and some elsewhere
    here.clear()
    monkeypatch.setattr(elsewhere, "processors", lambda: 1)
    monkeypatch.setattr(drawing.html, "write", page)
    assert two == drawn(report, tmp_path / "one")
    assert sorted(here) == sorted(FIGURES)
    assert {f"{name}.svg" for name in ("use", "verdict", "qq")} | {"report.html"} <= set(two)


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


def end_at_once(pipe):
    """Hear of a figure, begin it, and be gone."""
    folder, _ = pipe.recv()
    Path(folder, f"{UNDONE}begun").mkdir()
    os._exit(1)


def test_figures_of_a_process_that_is_gone_are_drawn_here(report, tmp_path, monkeypatch, some):
    monkeypatch.setattr("gausscheck.figures.elsewhere._serve", end_at_once)
    files = {f"{name}.{form}" for name in SOME for form in ("png", "svg")}
    assert files | {"report.html"} <= set(drawn(report, tmp_path / "gone"))
    assert not list((tmp_path / "gone").glob(f"{UNDONE}*"))


@pytest.mark.parametrize("error", [OSError, NotImplementedError, RuntimeError])
def test_without_another_process_one_draws(report, tmp_path, monkeypatch, some, error):
    def none(process):
        raise error("no more processes")

    monkeypatch.setattr(OtherProcess, "__init__", none)
    assert {f"{name}.png" for name in SOME} <= set(drawn(report, tmp_path / "alone"))


def test_without_a_thread_to_wait_for_the_other_one_draws(report, tmp_path, monkeypatch, some):
    class Refused(drawing.ThreadPoolExecutor):
        def submit(self, *arguments):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(drawing, "ThreadPoolExecutor", Refused)
    assert {f"{name}.png" for name in SOME} <= set(drawn(report, tmp_path / "alone"))


def program(folder: Path, *lines: str) -> Path:
    """Write a program that starts another process."""
    path = folder / "start.py"
    body = "".join(f"    {line}\n" for line in lines)
    start = "from gausscheck.figures.elsewhere import OtherProcess\n"
    path.write_text(f"{start}if __name__ == '__main__':\n{body}")
    return path


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_no_interrupt_reaches_the_other_process(tmp_path):
    """In a fresh interpreter: what else starts there must not lift what holds interrupts back."""
    script = program(
        tmp_path,
        "other = OtherProcess()",
        "print(open(f'/proc/{other._process.pid}/status').read())",
        "other.end()",
        "print(open('/proc/self/status').read())",
    )
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    masks = [line.split()[1] for line in told.stdout.splitlines() if line.startswith("SigBlk")]
    child, parent = (int(mask, 16) >> (signal.SIGINT - 1) & 1 for mask in masks)
    assert (child, parent) == (1, 0)
    assert told.stderr == ""


def test_the_other_process_ends_with_an_error_here(report, tmp_path, monkeypatch, some):
    def fails(*arguments, **options):
        raise gausscheck.GausscheckError("no page")

    started = []
    real = OtherProcess.__init__

    def start(process):
        real(process)
        started.append(process)

    monkeypatch.setattr(OtherProcess, "__init__", start)
    monkeypatch.setattr(drawing.html, "write", fails)
    report.save(tmp_path / "out")
    with pytest.raises(gausscheck.GausscheckError, match="no page"):
        drawing.draw_all(report, tmp_path / "out", lambda stage, share: None)
    assert not started[0]._process.is_alive()
    assert not started[0].draw(str(tmp_path / "out"), "use")


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_the_other_process_ends_where_this_one_was_killed(tmp_path):
    script = program(
        tmp_path, "print(OtherProcess()._process.pid, flush=True)", "import time; time.sleep(60)"
    )
    command = [sys.executable, script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 60
    while running(child):
        assert time.monotonic() < deadline, "it outlived who asked for it"
        time.sleep(0.05)


def running(process):
    """Whether a process is there and is not only waiting to be asked how it ended."""
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_a_figure_that_cannot_be_written_is_told_from_either_process(report, tmp_path, some):
    folder = tmp_path / "out"
    report.save(folder)
    for name in SOME:
        (folder / f"{name}.png").mkdir()
    with pytest.raises(gausscheck.GausscheckError, match="could not write a figure"):
        drawing.draw_all(report, folder, lambda stage, share: None)
