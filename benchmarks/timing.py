"""What work costs in a process of its own, ratios of runs taken in turn, and how a cost grows.

A piece of work is a whole command, or a function of a module of this folder that prepares (imports,
opens files) and returns what is timed:

    python benchmarks/timing.py MODULE FUNCTION '[[arguments], {keywords}]'

runs it and prints its cost as JSON. What starts the runs imports no NumPy: the system counts the
size of a parent into the peak of a command that it starts.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any


def options(about: str | None, parts: Iterable[str] = ()) -> argparse.ArgumentParser:
    """Return the options of a measurement: which parts, how often, at what sizes, in which folder."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if names := list(parts):
        parser.add_argument("--only", action="append", choices=names)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scratch", help="where files lie: up to 2 GB free")
    return parser


BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took.

    Attributes
    ----------
    wall, busy : float
        Seconds that passed; seconds of all processors, user and system.
    peak : int
        Largest resident memory, bytes.
    told : object
        What the work returned.
    """

    wall: float
    busy: float
    peak: int
    told: Any = None


class RunFailed(Exception):
    """A piece of work that ended with an error; says what it printed."""


# --- runs


def environment(given: Mapping[str, str] | None, blas: int | None) -> dict[str, str]:
    """Return the variables of a run: threads of BLAS as asked for, else as the library has them.

    OpenBLAS takes the kernels that it picks by itself, and bytecode is kept, as an installed copy
    has it.
    """
    left_out = {*BLAS, *KERNELS, "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, **({} if blas is None else dict.fromkeys(BLAS, str(blas))), **(given or {})}


def command(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end: the whole process counts, its start included."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            env=environment(env, None),
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise RunFailed(f"{' '.join(argv)}: {said.read().decode(errors='replace')[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def call(
    work: str, *args: Any, env: Mapping[str, str] | None = None, blas: int | None = None, **kw: Any
) -> Cost:
    """Run ``module:function`` of this folder in a fresh process; what it prepares is not timed.

    Parameters
    ----------
    work : str
    env : mapping, optional
        Variables beside those of this process.
    blas : int, optional
        Threads of each product of matrices.
    *args, **kw
        Plain values for the function.
    """
    module, function = work.split(":")
    done = subprocess.run(
        [sys.executable, __file__, module, function, json.dumps([args, kw])],
        capture_output=True, text=True, env=environment(env, blas),
    )  # fmt: skip
    if done.returncode != 0:
        raise RunFailed(f"{work}: {done.stderr[-2000:] or f'signal {-done.returncode}'}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def clocked(work: Callable[[], Any]) -> Cost:
    """Run work in this process; processes that it waited for count as busy."""
    before, began = os.times(), time.perf_counter()
    told = work()
    wall, after = time.perf_counter() - began, os.times()
    busy = sum(after[:4]) - sum(before[:4])
    return Cost(wall, busy, peak_memory(), told)


def peak_memory() -> int:
    """Return the largest resident memory of this process since its program was started, bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def paired(sides: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Run all sides in turn, several times over: a slow minute meets all of them."""
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            found[name].append(run())
    return found


# --- ratios


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median, least and largest of the ratios of paired runs."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, above: Sequence[float], below: Sequence[float]) -> Ratio:
        """Divide run by run."""
        ratios = [a / b for a, b in zip(above, below, strict=True)]
        return cls(median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{digits(self.median)} ({digits(self.low)} to {digits(self.high)})"


def digits(value: float) -> str:
    """Write a ratio with two or three digits that say something.

    Examples
    --------
    >>> [digits(x) for x in (0.01234, 0.456, 3.456, 34.56, 3456.7)]
    ['0.012', '0.46', '3.46', '34.6', '3,457']
    """
    size = abs(value)
    places = 3 if size < 0.1 else 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{value:,.{places}f}"


# --- growth


@dataclass(frozen=True, slots=True)
class Growth:
    """cost(x) = cost(x₀) + scale (x^power − x₀^power).

    Attributes
    ----------
    power, scale : float
    error : float
        Largest relative error of what grows, at the sizes that it was fitted to.
    sizes : tuple
        Those at which what grows is at least half of the cost.
    """

    power: float
    scale: float
    error: float
    sizes: tuple[float, ...]


LEAST_SIZES = 3


def growth(
    x0: float, fixed: float, sizes: Sequence[float], costs: Sequence[float]
) -> Growth | None:
    """Fit how a cost grows beyond that of a size so small that nothing grows yet.

    Parameters
    ----------
    x0, fixed : float
        The small size and its cost, which is subtracted.
    sizes, costs : sequences
        Those where what grows is less than half of the cost are left out.

    Returns
    -------
    Growth or None
        The least-squares fit of the logarithm of what grows; None for fewer than three sizes.
    """
    pairs = [(x, t - fixed) for x, t in zip(sizes, costs, strict=True) if t - fixed >= t / 2]
    if len(pairs) < LEAST_SIZES:
        return None

    def gaps(power: float) -> list[float]:
        return [math.log(t / (x**power - x0**power)) for x, t in pairs]

    def loss(power: float) -> float:
        found = gaps(power)
        mean = sum(found) / len(found)
        return sum((gap - mean) ** 2 for gap in found)

    power = lowest(loss, 0.05, 5.0)
    found = gaps(power)
    mean = sum(found) / len(found)
    error = max(abs(math.expm1(gap - mean)) for gap in found)
    return Growth(power, math.exp(mean), error, tuple(x for x, _ in pairs))


def lowest(loss: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one minimum is least, by golden sections."""
    share = (math.sqrt(5) - 1) / 2
    while high - low > 1e-7:
        a, b = high - share * (high - low), low + share * (high - low)
        if loss(a) < loss(b):
            high = b
        else:
            low = a
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class Line:
    """value(x) = fixed + each x, through the first and the last of some sizes.

    Attributes
    ----------
    fixed, each : float
        Nothing each where the ends are no further apart than runs of one size.
    error : float
        Largest relative error at the sizes.
    """

    fixed: float
    each: float
    error: float

    def at(self, x: float) -> float:
        """Return the value at x."""
        return self.fixed + self.each * x


def line(sizes: Sequence[float], runs: Sequence[Sequence[float]]) -> Line:
    """Draw a line through the medians of the first and the last size.

    Parameters
    ----------
    sizes : sequence
    runs : sequence
        Values of the runs of each size. Where the ends lie no further apart than the runs of one
        size do, the line is flat, at the largest median: what differs between runs would be
        multiplied by every size beyond.
    """
    values = [median(one) for one in runs]
    spread = max(max(one) - min(one) for one in runs)
    rise = values[-1] - values[0]
    if abs(rise) <= spread:
        each, fixed = 0.0, max(values)
    else:
        each = rise / (sizes[-1] - sizes[0])
        fixed = values[0] - each * sizes[0]
    pairs = zip(sizes, values, strict=True)
    error = max(abs(fixed + each * x - y) / max(abs(y), 1.0) for x, y in pairs)
    return Line(fixed, each, error)


def main() -> None:
    """Run a function of a module of this folder and print its cost."""
    module, function, arguments = sys.argv[1:]
    args, kw = json.loads(arguments)
    work = getattr(importlib.import_module(module), function)(*args, **kw)
    print(json.dumps(asdict(clocked(work))))


if __name__ == "__main__":
    main()
