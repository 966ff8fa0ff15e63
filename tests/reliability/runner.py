"""Cases run in a process with limits; one that crashes or hangs counts, and the rest goes on."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gausscheck.core import GausscheckError

SECONDS = 10.0
"""How much of a processor's time a case may take; three times as long by the clock."""

MEMORY = 1_200_000_000
"""Bytes that a case may add to the process: the default budget and a fifth."""

ARROW = 2 << 30
"""Bytes that Arrow may take more: a page's header may claim that many, and it believes it."""

SPACE = 4 << 30
"""Bytes of addresses beyond those at the start; whoever takes more gets a MemoryError."""


class Wrong(AssertionError):
    """A case ended in a way that it must not: what kind, and how."""

    def __init__(self, kind: str, words: str = "") -> None:
        super().__init__(kind, words)
        self.kind, self.words = kind, words


@dataclass
class Counts:
    """How many cases ended how."""

    name: str
    cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    examples: list[str] = field(default_factory=list)

    BAD = ("crashes", "tracebacks", "hangs", "over budget", "half-written", "silent wrong",
           "not one line", "wrong exit code")  # fmt: skip

    @property
    def bad(self) -> int:
        """Cases that must not be."""
        return sum(self.kinds[kind] for kind in self.BAD)

    def add(self, name: str, kind: str, words: str = "") -> None:
        self.cases += 1
        self.kinds[kind] += 1
        if kind in self.BAD and len(self.examples) < 40:
            self.examples.append(f"{kind}: {name}: {words[:300]}")

    def __str__(self) -> str:
        good = ", ".join(f"{self.kinds[k]:,} {k}" for k in sorted(set(self.kinds) - set(self.BAD)))
        bad = ", ".join(f"{kind} {self.kinds[kind]}" for kind in self.BAD)
        lines = [f"{self.name}: {self.cases:,} cases in {self.seconds:.0f} s ({good}); {bad}"]
        return "\n".join([*lines, *(f"  {example}" for example in self.examples)])


Case = tuple[str, Callable[[], str]]
"""A name, and what is done: it returns how it ended well, and raises Wrong or anything else."""


_homes: list[Path] = []


_STAGE = re.compile(r"gausscheck: [\w' -]+")


def errors_in(told: str) -> list[str]:
    """Return the lines of standard error that say what went wrong: not the stages of a slow run."""
    lines = [line for line in told.splitlines() if line.strip()]
    return [line for line in lines[:-1] if not _STAGE.fullmatch(line)] + lines[-1:]


def home(fast: bool = False) -> Path:
    """Make a temporary folder for cases, in memory where there is such a place and it is asked."""
    place = "/dev/shm" if fast and Path("/dev/shm").is_dir() else None
    _homes.append(Path(tempfile.mkdtemp(prefix="gausscheck-reliability-", dir=place)))
    return _homes[-1]


def clean() -> None:
    """Remove those folders."""
    while _homes:
        shutil.rmtree(_homes.pop(), ignore_errors=True)


def run(
    name: str,
    cases: Sequence[Case],
    until: float = float("inf"),
    apart: Callable[[str], Callable[[], str] | None] = lambda name: None,
) -> Counts:
    """Run cases one after another in a child; start a new child behind one that dies or hangs.

    Where a library is promised to be ended only in a child process with limits, a case that hangs
    has another go ``apart``: what it left is read so, and must end as a refusal in one line.
    """
    counts, start, begin = Counts(name), 0, time.monotonic()
    place = home()
    while start < len(cases) and time.monotonic() < until:
        for index, kind, words in _child(cases, start, until, place):
            case = cases[index][0]
            again = apart(case) if kind == "hangs" else None
            if again is not None:
                ended, told = _one(case, again)
                kind, words = ("ended apart", told) if ended == "refused" else (kind, told or words)
            counts.add(case, kind, words)
            start = index + 1
    counts.seconds = time.monotonic() - begin
    return counts


def _child(
    cases: Sequence[Case], start: int, until: float, place: Path
) -> Iterator[tuple[int, str, str]]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(cases, start, theirs, until, place), daemon=True)
    process.start()
    theirs.close()
    done = start
    try:
        while True:
            if not ours.poll(3 * SECONDS):
                yield done, "hangs", f"over {3 * SECONDS:g} s"
                return
            told = ours.recv()
            if told is None:
                return
            yield told
            done = told[0] + 1
    except EOFError:
        process.join(5)
        yield done, "crashes", f"exit code {process.exitcode}"
    finally:
        process.kill()
        process.join()
        ours.close()


def _work(cases: Sequence[Case], start: int, pipe: object, until: float, place: Path) -> None:
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 2)  # what libraries in C print is not ours
    os.chdir(place)  # a name without a folder is a name in there
    with open("/proc/self/statm") as told:
        held = int(told.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + SPACE, held + SPACE))
    for index in range(start, len(cases)):
        if time.monotonic() > until:
            break
        pipe.send((index, *_one(*cases[index])))
    pipe.send(None)
    pipe.close()
    os._exit(0)


def _one(name: str, act: Callable[[], str]) -> tuple[str, str]:
    before, begin = _resident(), time.process_time()
    try:
        kind, words = act(), ""
    except Wrong as err:
        kind, words = err.kind, err.words
    except GausscheckError as err:
        kind, words = "refused", str(err)
        if len(words.splitlines()) != 1:
            kind = "not one line"
    except BaseException as err:
        kind, words = "tracebacks", f"{type(err).__name__}: {err} at {_place(err)}"
    if kind not in Counts.BAD:
        if time.process_time() - begin > SECONDS:
            kind, words = "hangs", f"{time.process_time() - begin:.1f} s"
        elif _resident() - before > MEMORY + (ARROW if "parquet" in name else 0):
            kind, words = "over budget", f"{(_resident() - before) >> 20} MB"
    return kind, words


def _place(err: BaseException) -> str:
    trace = err.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " < ".join(reversed(places[-4:]))


def _resident() -> int:
    """Bytes of memory that this process has ever had at once."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
