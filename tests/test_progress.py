"""What commands show while they work."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from gausscheck import analyze, figures
from gausscheck.cli import main
from gausscheck.cli.progress import Pace, ProgressLine, counted
from gausscheck.core import Stage, within
from gausscheck.report import Report
from gausscheck.sources import open_source

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
HIDDEN, VISIBLE = "\x1b[?25l", "\x1b[?25h"


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self):
        return self.now


class Screen:
    """A progress line in a terminal of 80 columns, and what it wrote."""

    def __init__(self, **options):
        self.clock = Clock()
        self.file = io.StringIO()
        console = Console(file=self.file, width=80, **{"force_terminal": True, **options})
        self.line = ProgressLine(console, self.clock)

    def at(self, now, stage, share):
        self.clock.now = now
        self.line(stage, share)

    def last(self):
        """Return the bar as it stands now."""
        self.line._bar.refresh()
        return ESCAPES.sub("", self.file.getvalue()).split("\r")[-1].rstrip()


@pytest.fixture
def screen():
    made = Screen()
    yield made
    made.line.close()


def test_a_bar_says_rate_and_time_left(screen):
    rows = Stage("reading", 1_000_000, "rows")
    screen.at(0.5, rows, 0.01)
    screen.at(10, rows, 0.25)
    shown = screen.last()
    assert shown.startswith("reading")
    assert "━" in shown
    assert shown.endswith("25%       25.0k rows/s     0:30 left")
    screen.clock.now = 14  # what is left goes down between two calls
    assert screen.last().endswith("0:26 left")
    assert len(shown) <= 80


def test_a_stage_that_counts_nothing_goes_by_its_share(screen):
    screen.at(4, "testing axes", 0.5)
    assert screen.last().endswith("50%            12.5%/s     0:04 left")


def test_what_cannot_be_told_is_how_long_it_takes_so_far(screen):
    screen.at(2, "learning directions", 0.0)
    screen.clock.now = 67
    assert screen.last().endswith("1:05 so far")
    assert "%" not in screen.last()


def test_each_stage_has_a_pace_of_its_own(screen):
    screen.at(10, Stage("reading", 100, "rows"), 0.5)
    screen.at(20, Stage("reading", 100, "rows"), 1.0)
    screen.at(22, "testing axes", 0.5)
    assert screen.last().endswith("50%            25.0%/s     0:02 left")


def test_a_stage_after_a_silent_one_has_no_pace_at_first(screen):
    screen.at(2, "learning directions", 0.0)
    screen.at(50, Stage("testing ica", 8, "directions"), 0.5)
    assert screen.last().endswith("50%                      0:00 so far")
    screen.at(52, Stage("testing ica", 8, "directions"), 0.75)
    assert screen.last().endswith("75%  1.00 directions/s     0:02 left")


def test_epochs_of_one_training_are_one_stage():
    clock = Clock()
    pace = Pace(clock)
    for epoch in range(1, 6):
        clock.now = 60.0 * epoch
        pace(Stage(f"epoch {epoch} of 20", 20, "epochs"), epoch / 20)
    assert pace.rate == "1.00 epochs/min"
    assert pace.left == "15:00 left"


def test_a_rate_is_of_the_last_half_minute():
    clock = Clock()
    pace = Pace(clock)
    for second in range(1, 101):
        clock.now = float(second)
        pace(Stage("reading", 1000, "rows"), second / 1000 + max(second - 50, 0) / 200)
    assert pace.speed == pytest.approx(1 / 1000 + 1 / 200)


def test_nothing_is_shown_within_a_second(screen):
    for now in (0.0, 0.4, 0.99):
        screen.at(now, "reading", now)
    screen.line.close()
    assert screen.file.getvalue() == ""


def test_the_terminal_is_as_it_was(screen):
    screen.at(2, "reading", 0.5)
    assert screen.file.getvalue().count(HIDDEN) == 1
    screen.line.close()
    written = screen.file.getvalue()
    assert written.rindex(VISIBLE) > written.rindex(HIDDEN)
    assert written.endswith("\x1b[2K")  # the line of the bar is empty
    screen.at(3, "reading", 0.7)
    assert screen.file.getvalue() == written


def test_a_bar_appears_while_nothing_is_heard(monkeypatch):
    monkeypatch.setattr("gausscheck.cli.progress.WAIT", 0.05)
    file = io.StringIO()
    with ProgressLine(Console(file=file, force_terminal=True, width=80)) as line:
        for stage in ("starting", "learning directions"):
            until = time.monotonic() + 20
            while stage not in file.getvalue() and time.monotonic() < until:
                time.sleep(0.01)
            assert stage in file.getvalue()
            line("learning directions", 0.0)


def test_foreign_names_do_nothing_to_a_terminal(screen):
    screen.at(2, Stage("[red]\x1b[2Jmodels\n: reading", 10, "rows"), 0.5)
    assert "\x1b[2J" not in screen.file.getvalue()
    assert screen.last().startswith("[red]\\x1b[2Jmodels\\n: readi…")


def test_a_log_gets_a_line_a_stage(capsys):
    screen = Screen(force_terminal=False)
    screen.at(0.5, "reading", 0.1)
    for now, stage in ((2, "reading"), (3, "reading"), (4, "a\x1b[2J"), (5, "figures")):
        screen.at(now, stage, 0.5)
    out, err = capsys.readouterr()
    assert err.splitlines() == [f"gausscheck: {s}" for s in ("reading", "a\\x1b[2J", "figures")]
    assert out == screen.file.getvalue() == ""


def test_a_log_gets_no_line_while_nothing_is_heard(capsys, monkeypatch):
    monkeypatch.setattr("gausscheck.cli.progress.WAIT", 0.05)
    with ProgressLine(Console(file=io.StringIO(), force_terminal=False)) as line:
        line("reading", 0.0)
        line._timer.join(20)
        assert not line._timer.is_alive()
        assert capsys.readouterr().err == ""
        line("reading", 0.5)
        assert capsys.readouterr().err == "gausscheck: reading\n"


def test_a_dumb_terminal_gets_lines(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen()
    screen.at(2, "reading", 0.5)
    assert capsys.readouterr().err == "gausscheck: reading\n"


def test_stages_keep_what_they_count():
    import pickle

    rows = pickle.loads(pickle.dumps(within("model", Stage("reading", 7, "rows"))))
    assert (rows, rows.total, rows.unit) == ("model: reading", 7, "rows")
    assert type(within("model", "fitting")) is str


def test_reads_are_counted():
    told = []
    x = np.arange(60.0).reshape(20, 3)
    source = counted(
        open_source(x), 20, "mapping", lambda stage, share: told.append((stage, share))
    )
    for low in range(0, 20, 8):
        np.testing.assert_array_equal(source.read(low, min(low + 8, 20)), x[low : low + 8])
    assert told == [("mapping", 0.4), ("mapping", 0.8), ("mapping", 1.0)]
    assert (source.n, source.d, source.dtype) == (20, 3, np.float64)


WORKING = ("analyze", "apply", "compare", "pairs", "plot", "repair", "reproduce", "scale", "score",
           "sketch", "train")  # fmt: skip


@pytest.fixture
def rows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((400, 6)))
    return str(tmp_path / "x.npy")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    x = np.random.default_rng(0).standard_normal((400, 6))
    folder = tmp_path_factory.mktemp("saved")
    analyze(x, normalize="whiten", levels="none").save(folder)
    return str(folder)


@pytest.fixture
def at_once(monkeypatch):
    """Show progress from the beginning on."""
    monkeypatch.setattr("gausscheck.cli.progress.WAIT", 0.0)


def arguments(command, rows, saved, tmp_path):
    out = str(tmp_path / "out")
    return {
        "analyze": [rows, "--levels", "none", "--out", out, "--json"],
        "apply": [saved, rows, "--out", f"{out}.npy"],
        "compare": [rows, rows, "--names", "a,b", "--levels", "none"],
        "pairs": [rows, rows, "--out", out],
        "plot": [saved, "--out", out, "--figure", "norms"],
        "repair": [rows],
        "scale": [rows, "--prefix-dims", "3,6", "--out", out],
        "score": [rows, rows, "--out", f"{out}.npz"],
        "sketch": [rows, "--out", f"{out}.sketch"],
    }[command]


STAGES = {
    "analyze": ["reading", "writing the page", "drawing"],
    "apply": ["mapping rows"],
    "compare": ["a: reading", "b: reading"],
    "pairs": ["reading", "drawing"],
    "plot": ["drawing"],
    "repair": ["trying remedies"],
    "scale": ["drawing"],
    "score": ["fitting", "scoring"],
    "sketch": ["reading"],
}


@pytest.mark.parametrize("command", STAGES)
def test_stages_from_the_first_pass_to_the_figures(
    command, rows, saved, tmp_path, at_once, monkeypatch
):
    monkeypatch.setattr(figures, "TABLES", {**figures.TABLES, Report: {"norms": lambda *_: None}})
    monkeypatch.setattr("gausscheck.html.write", lambda *_: None)
    given = [command, *arguments(command, rows, saved, tmp_path)]
    told = CliRunner().invoke(main, given, catch_exceptions=False)
    assert told.exit_code == 0, told.stderr
    lines = [line.removeprefix("gausscheck: ") for line in told.stderr.splitlines()]
    assert [line for line in lines if line in STAGES[command]] == STAGES[command]
    assert "gausscheck: " not in told.stdout


@pytest.mark.parametrize("command", ["apply", "score", "sketch"])
def test_quiet_shows_no_progress(command, rows, saved, tmp_path, at_once):
    given = [command, *arguments(command, rows, saved, tmp_path), "--quiet"]
    told = CliRunner().invoke(main, given, catch_exceptions=False)
    assert (told.exit_code, told.stderr) == (0, "")


@pytest.mark.parametrize("command", WORKING)
def test_every_command_that_works_can_be_quiet(command):
    assert "--quiet" in {o for p in main.commands[command].params for o in p.opts}


PROGRAM = """
import sys
from gausscheck.cli import progress
progress.WAIT = 0.0
from gausscheck.__main__ import run
run()
"""


def in_a_terminal(arguments, until=None, signals=1):
    """Run the command with a terminal as standard error; return its code and what it wrote.

    Where ``until`` is seen, it is interrupted so many times.
    """
    ours, theirs = pytest.importorskip("pty").openpty()
    environment = {**os.environ, "TERM": "xterm", "OPENBLAS_NUM_THREADS": "1"}
    out = tempfile.TemporaryFile()  # noqa: SIM115 - closed below; a pipe could fill
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=out, stderr=theirs, env=environment
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not piece:
            break
        seen += piece
        if until is not None and until in seen:
            for _ in range(signals):
                process.send_signal(signal.SIGINT)
                time.sleep(0.01)
            until = None
    os.close(ours)
    process.wait(timeout=60)
    with out:
        out.seek(0)
        return process.returncode, out.read().decode(), seen.decode()


def test_a_real_terminal(tmp_path, rows):
    code, out, seen = in_a_terminal(["analyze", rows, "--levels", "none", "--json"])
    assert code == 0
    assert json.loads(out)["source"]["n"] == 400
    assert "━" in seen
    assert seen.rindex(VISIBLE) > seen.rindex(HIDDEN)
    assert ESCAPES.sub("", seen).split("\r")[-1].strip() == ""


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_leaves_the_terminal_as_it_was(tmp_path, signals):
    path = Path(tmp_path / "x.npy")
    np.save(path, np.random.default_rng(0).standard_normal((60_000, 64)))
    code, out, seen = in_a_terminal(["analyze", str(path)], until="━".encode(), signals=signals)
    assert (code, out) == (130, "")
    assert seen.rindex(VISIBLE) > seen.rindex(HIDDEN)
    assert ESCAPES.sub("", seen).endswith("gausscheck: interrupted\r\n")
