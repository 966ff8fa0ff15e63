"""Hostile surroundings: no home, narrow encodings, little memory, full outputs; network."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np

from reliability import runner
from reliability.faults import environment, start
from reliability.runner import Case, Wrong, errors_in
from reliability.seeds import X, report

QUICK = ["--directions", "axes", "--levels", "none"]


def cases() -> list[Case]:
    """Make all of them below one temporary folder."""
    home = runner.home()
    np.save(home / "x.npy", X)
    report(home / "r")
    return _environments(home) + _outputs(home) + _network(home)


def _ended(process: subprocess.Popen[bytes], codes: tuple[int, ...]) -> str:
    output, error = process.communicate(timeout=60)
    told = error.decode("utf-8", "replace")
    if process.returncode < 0:
        raise Wrong("crashes", f"signal {-process.returncode}: {told[-200:]}")
    if "Traceback" in told or "internal error" in told or "Exception ignored" in told:
        raise Wrong("tracebacks", told[-300:])
    if process.returncode not in codes:
        raise Wrong("wrong exit code", f"{process.returncode}: {told[-200:]}")
    if process.returncode == 1 and len(errors_in(told)) != 1:
        raise Wrong("not one line", told[-300:])
    del output
    return "done" if process.returncode == 0 else "refused"


def _environments(home: Path) -> list[Case]:
    analyze = ["analyze", home / "x.npy", "--out", home / "out", *QUICK]
    settings: dict[str, dict[str, str | None]] = {
        "no HOME": {"HOME": None},
        "HOME is a file": {"HOME": "/etc/hostname"},
        "HOME not there": {"HOME": "/nowhere"},
        "MPLBACKEND unknown": {"MPLBACKEND": "nonsense"},
        "MPLBACKEND with windows": {"MPLBACKEND": "TkAgg"},
        "MPLCONFIGDIR not there": {"MPLCONFIGDIR": "/proc/none"},
        "ASCII": {"PYTHONIOENCODING": "ascii"},
        "Latin-1": {"PYTHONIOENCODING": "latin-1"},
        "C locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        "locale unknown": {"LC_ALL": "xx_XX.UTF-8", "LANG": "xx"},
        "dumb terminal": {"TERM": "dumb"},
        "a narrow terminal": {"COLUMNS": "20"},
        "no columns": {"COLUMNS": "0"},
        "columns unknown": {"COLUMNS": "wide"},
        "no TMPDIR": {"TMPDIR": "/nowhere"},
        "cache is a file": {"GAUSSCHECK_CACHE": str(home / "x.npy")},
        "cache not to be written": {"GAUSSCHECK_CACHE": "/proc/cache"},
        "threads unknown": {"OMP_NUM_THREADS": "many"},
        "empty": dict.fromkeys(os.environ) | {"PYTHONPATH": environment()["PYTHONPATH"]},
    }

    def act(changes: dict[str, str | None]) -> str:
        given = {**environment(), **changes}
        env = {name: value for name, value in given.items() if value is not None}
        return _ended(start(list(analyze), env=env), (0, 1))

    found: list[Case] = [(word, _bound(act, changes)) for word, changes in settings.items()]

    def no_passwd() -> str:
        """Run as a user whom nobody knows, without a home."""
        env = {k: v for k, v in environment().items() if k != "HOME"}
        if os.getuid() == 0:
            os.chmod(home, 0o777)
            for path in home.rglob("*"):
                os.chmod(path, 0o777)
        become = (lambda: os.setuid(54321)) if os.getuid() == 0 else None
        readable = os.access(sys.executable, os.X_OK)
        if not readable:
            return "done"
        try:
            return _ended(start(["analyze", home / "x.npy", *QUICK], env=env, preexec_fn=become),
                          (0, 1))  # fmt: skip
        except PermissionError:  # that user cannot run this interpreter
            return "done"

    np.save(home / "wide.npy", np.random.default_rng(3).standard_normal((3000, 300)))

    def small(megabytes: int, file: str) -> str:
        limit = megabytes << 20
        process = start(["analyze", home / file, *QUICK], preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (limit, limit)))  # fmt: skip
        return _ended(process, (0, 1))

    found.append(("user unknown", no_passwd))
    found += [
        (f"ulimit -v {size} MB, {file}", _bound(small, size, file))
        for size in (600, 700, 800, 900, 1000, 1500)
        for file in ("x.npy", "wide.npy")
    ]
    return found


def _outputs(home: Path) -> list[Case]:
    commands: list[list[object]] = [
        ["tests"], ["show", home / "r"], ["show", home / "r", "--json"],
        ["inspect", home / "x.npy"], ["analyze", home / "x.npy", *QUICK], ["--help"],
    ]  # fmt: skip

    def full(args: list[object]) -> str:
        with open("/dev/full", "wb") as out:
            return _ended(start(args, stdout=out), (1,))

    def closed(args: list[object]) -> str:
        read, write = os.pipe()
        os.close(read)
        try:
            return _ended(start(args, stdout=write), (0, 141))
        finally:
            os.close(write)

    def none(args: list[object]) -> str:
        return _ended(start(args, preexec_fn=lambda: os.close(1)), (0, 1))

    found: list[Case] = []
    for args in commands:
        word = f"{args[0]}{' --json' if '--json' in args else ''}"
        found.append((f"{word} to a closed pipe", _bound(closed, args)))
        found.append((f"{word} without an output", _bound(none, args)))
        if args[0] != "--help":  # click writes help before we are asked
            found.append((f"{word} to a full device", _bound(full, args)))
    return found


class _Handler(BaseHTTPRequestHandler):
    over = Event()

    def do_GET(self) -> None:
        what = self.path.strip("/").split(".")[0]
        if what == "mute":
            self.over.wait(20)
            return
        body = (self.server.home / "x.npy").read_bytes()
        if what == "circle":
            self.send_response(302)
            self.send_header("Location", self.path)
        elif what.isdigit():
            self.send_response(int(what))
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if what in ("good", "cut"):
            self.wfile.write(body if what == "good" else body[:400])

    def log_message(self, *_: object) -> None:
        pass


def _network(home: Path) -> list[Case]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.home, server.daemon_threads = home, True
    process = os.fork()  # cases run in children of ours: the server must be nobody's thread
    if process == 0:
        Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        server.serve_forever()
    server.server_close()

    def ask(name: str, codes: tuple[int, ...]) -> str:
        url = f"http://127.0.0.1:{server.server_port}/{name}.npy"
        env = environment(GAUSSCHECK_TIMEOUT="1")
        return _ended(start(["analyze", url, *QUICK], env=env), codes)

    found: list[Case] = [("http good", _bound(ask, "good", (0,)))]
    bad = ("403", "404", "500", "circle", "mute", "cut")
    return found + [(f"http {name}", _bound(ask, name, (1,))) for name in bad]


def _end_with(parent: int) -> None:
    import time

    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def _bound(act: Callable[..., str], *arguments: object) -> Callable[[], str]:
    return lambda: act(*arguments)
