"""What happens on the way: kills, full disks, files that change, Ctrl-C."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import gausscheck
from gausscheck.core import GausscheckError
from gausscheck.files import atomic_folder, read_arrays, save_result
from reliability import runner
from reliability.runner import Case, Wrong
from reliability.seeds import X, report

SRC = Path(gausscheck.__file__).parents[1]


def environment(**more: str) -> dict[str, str]:
    """Environment of a command that finds this gausscheck."""
    return {**os.environ, "PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1", **more}


def start(args: list[object], **more: object) -> subprocess.Popen[bytes]:
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "gausscheck", *map(str, args)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **more},
    )


def cases(kills: int, interrupts: int) -> list[Case]:
    """Make all of them below one temporary folder."""
    home = runner.home()
    found = _kills(home, kills) + _interrupts(home, interrupts) + _changes(home)
    return found + _full_disks(home)


# a process that is killed while it replaces a result ---------------------------------------------

_WRITER = """
import sys, numpy as np
from pathlib import Path
from gausscheck.files import atomic_folder, write_result
place = Path(sys.argv[1])
i = 0
while True:
    with atomic_folder(place, "report", "figures") as work:
        write_result(work, "report", {"run": i}, {"x": np.full(3000, i)})
        for k in range(2 + i % 3):
            (work / f"figure_{k}.svg").write_text(f"{i} " * 500)
    if i == 0:
        print("ready", flush=True)
    i += 1
"""


def whole(folder: Path) -> int:
    """Return the run that a folder's files are of; raise Wrong where they are of several."""
    import json

    data = json.loads((folder / "report.json").read_text())
    arrays = read_arrays(folder / "report.npz", data["arrays_sha256"])
    figures = sorted(folder.glob("figure_*.svg"))
    runs = {data["run"], *map(int, np.unique(arrays["x"]))}
    runs |= {int(path.read_text().split()[0]) for path in figures}
    if len(runs) != 1 or len(figures) != 2 + data["run"] % 3:
        raise Wrong("half-written", f"runs {sorted(runs)}, {len(figures)} figures")
    for line in (folder / ".report.sha256").read_text().splitlines():
        digest, name = line.split("  ", 1)
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise Wrong("half-written", name)
    return int(data["run"])


def _kills(home: Path, count: int) -> list[Case]:
    rng = np.random.default_rng(3)

    def kill(i: int, wait: float, stranger: bool) -> str:
        place = home / f"kill-{i}" / "out"
        place.parent.mkdir()
        if stranger:
            place.mkdir()
            (place / "mine.txt").write_text("keep")
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(place)],
            stdout=subprocess.PIPE,
            env=environment(),
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.wait()
        process.stdout.close()
        whole(place)
        if stranger and (place / "mine.txt").read_text() != "keep":
            raise Wrong("half-written", "a file of somebody else is gone")
        with atomic_folder(place, "report", "figures") as work:
            (work / "report.json").write_text("{}")
        left = [p.name for p in (*place.parent.glob(".*"), *place.glob(".g*"))]
        if left:
            raise Wrong("half-written", f"left after the next run: {left}")
        if not stranger and sorted(p.name for p in place.glob("[!.]*")) != ["report.json"]:
            raise Wrong("half-written", "old files beside a new report")
        return "whole"

    return [
        (f"kill {i}", _bound(kill, i, float(rng.uniform(0, 0.05)), i % 2 == 1))
        for i in range(count)
    ]


def _bound(act: Callable[..., str], *arguments: object) -> Callable[[], str]:
    return lambda: act(*arguments)


# Ctrl-C and SIGTERM at many moments --------------------------------------------------------------


def _interrupts(home: Path, count: int) -> list[Case]:
    np.save(home / "x.npy", np.random.default_rng(0).standard_normal((60_000, 64)))
    report(home / "old")

    def stop(i: int, number: int, wait: float) -> str:
        out = home / f"stop-{i}"
        shutil.copytree(home / "old", out)
        before = _listing(out)
        process = start(["analyze", home / "x.npy", "--out", out])
        time.sleep(wait)
        process.send_signal(number)
        begin = time.monotonic()
        _, error = process.communicate(timeout=20)
        if time.monotonic() - begin > 5:
            raise Wrong("hangs", f"{time.monotonic() - begin:.1f} s after the signal")
        lines = [x for x in error.decode().splitlines() if not x.startswith("gausscheck: ")]
        if lines:
            raise Wrong("tracebacks", error.decode()[-300:])
        if process.returncode == 0:
            return "was done"
        if process.returncode != 128 + number:
            raise Wrong("wrong exit code", f"{process.returncode}: {error.decode()[-200:]}")
        if _listing(out) != before:
            raise Wrong("half-written", str(_listing(out)))
        return "stopped"

    # the first tenths of a second are the interpreter's own, before a line of ours
    waits = np.linspace(0.25, 4.0, count)
    numbers = (signal.SIGINT, signal.SIGTERM)
    return [
        (f"signal {numbers[i % 2].name} after {wait:.2f} s",
         _bound(stop, i, int(numbers[i % 2]), float(wait)))
        for i, wait in enumerate(waits)
    ]  # fmt: skip


def _listing(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file()
    }


# files that change between passes ----------------------------------------------------------------


def _changes(home: Path) -> list[Case]:
    big = np.random.default_rng(1).standard_normal((4000, 6)).astype(np.float32)

    def same_size(path: Path) -> None:
        np.save(path, big + 1)

    def replaced(path: Path) -> None:
        other = path.with_name("other.npy")
        np.save(other, big + 1)
        times = path.stat()
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.replace(other, path)

    def appended(path: Path) -> None:
        with path.open("ab") as handle:
            handle.write(b"x" * 24)

    def truncated(path: Path) -> None:
        os.truncate(path, path.stat().st_size // 2)

    def deleted(path: Path) -> None:
        path.unlink()

    def one_byte(path: Path) -> None:
        with path.open("r+b") as handle:
            handle.seek(-3, 2)
            handle.write(b"\x7f")

    changes = (same_size, replaced, appended, truncated, deleted, one_byte)

    def change(i: int, act: Callable[[Path], None], stage: str, keep: bool) -> str:
        folder = home / f"change-{i}"
        folder.mkdir()
        path = folder / "x.npy"
        np.save(path, big)
        done = []

        def progress(now: str, share: float) -> None:
            if not done and now == stage:
                done.append(now)
                act(path)

        options = {"resume": folder / "kept"} if keep else {}
        try:
            gausscheck.analyze(path, directions="axes", levels="none", rows=200, progress=progress,
                               **options)  # fmt: skip
        except GausscheckError as err:
            if len(str(err).splitlines()) != 1:
                raise Wrong("not one line", str(err)) from err
            return "noticed"
        raise Wrong("silent wrong", f"{act.__name__} during {stage}")

    stages = ("reading", "reading again")
    every = [(act, stage, keep) for act in changes for stage in stages for keep in (False, True)]
    return [
        (f"{act.__name__} during {stage}{', kept' if keep else ''}",
         _bound(change, i, act, stage, keep))
        for i, (act, stage, keep) in enumerate(every)
    ]  # fmt: skip


# no room on the disk -----------------------------------------------------------------------------


def _full_disks(home: Path) -> list[Case]:
    """Let files grow to a limit, as a full disk would: every write meets it sooner or later."""
    np.save(home / "many.npy", np.random.default_rng(0).standard_normal((3000, 6)))
    report(home / "before")

    def limited(limit: int) -> Callable[[], None]:
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    def command(i: int, limit: int, args: list[object]) -> str:
        out = home / f"full-{i}"
        shutil.copytree(home / "before", out)
        before = _listing(out)
        words = [out if arg == "OUT" else arg for arg in args]
        process = start(words, preexec_fn=limited(limit))
        _, error = process.communicate(timeout=60)
        told = [x for x in error.decode().splitlines() if x]
        if process.returncode < 0:
            raise Wrong("crashes", f"signal {-process.returncode}")
        if process.returncode == 0:
            return "fitted"
        if "Traceback" in error.decode() or "internal error" in error.decode():
            raise Wrong("tracebacks", error.decode()[-300:])
        if process.returncode != 1 or not told[-1].startswith("gausscheck: "):
            raise Wrong("wrong exit code", f"{process.returncode} {told}")
        after = {k: v for k, v in _listing(out).items() if k in before}
        left = [p.name for p in out.rglob("*.partial")]
        if after != before or left:
            raise Wrong("half-written", f"{left}")
        return "refused"

    x, kept = home / "many.npy", home / "kept"
    quick = ["--directions", "axes", "--levels", "none", "--rows", "500"]
    commands: list[list[object]] = [
        ["analyze", x, "--out", "OUT", *quick],
        ["analyze", x, "--resume", kept, *quick],
        ["sketch", x, "--out", home / "x.sketch"],
        ["apply", home / "before", home / "few.npy", "--out", home / "y.npy"],
        ["plot", home / "before", "--out", "OUT"],
    ]
    np.save(home / "few.npy", X)
    limits = (0, 10, 600, 4000, 20_000, 60_000)
    found = [(limit, args) for limit in limits for args in commands]
    cases = [
        (f"disk full at {limit:,} bytes: {args[0]} {i % len(commands)}",
         _bound(command, i, limit, args))
        for i, (limit, args) in enumerate(found)
    ]  # fmt: skip
    return [*cases, *_failing_writes(home)]


def _failing_writes(home: Path) -> list[Case]:
    """Let the k-th write of a result fail."""

    def fail(k: int) -> str:
        place = home / f"write-{k}"
        save_result(place, "report", {"run": 0}, {"x": np.zeros(5)})
        before = _listing(place)
        seen = 0
        plain = Path.write_text

        def write(self: Path, *args: object, **words: object) -> int:
            nonlocal seen
            seen += 1
            if seen > k:
                raise OSError(28, "No space left on device")
            return plain(self, *args, **words)

        Path.write_text = write
        try:
            save_result(place, "report", {"run": 1}, {"x": np.ones(5)})
        except GausscheckError:
            if _listing(place) != before:
                raise Wrong("half-written", "an earlier result was touched") from None
            return "refused"
        finally:
            Path.write_text = plain
        return "written"

    return [(f"write {k} fails", _bound(fail, k)) for k in range(3)]
