"""Ours beside the least that the same work can cost and beside peers: ratios, in one run.

    python benchmarks/speed.py [--only ROW ...] [--small] [--rounds 3] [--scratch FOLDER] [--write]

All sides of a row run in turn, each in a process of its own, three times over; what is printed is
the median of the paired ratios, and the least and largest of them. Less is better everywhere. With
--write the ratios go to benchmarks/results/speed.json and docs/performance.md is written from it;
rows that were not run stay as they were. --small tries every path at sizes that mean nothing.
--page writes the page alone.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from performance import keep, write_page
from timing import Cost, Ratio, RunFailed, call, command, options, paired

ROOT = Path(__file__).parents[1]
DEMO = str(ROOT / "data" / "minilm_docstrings_5k.h5")
PYTHON = sys.executable
IMPORTS = "import numpy, scipy.stats, h5py, click, rich"
Run = Callable[[], Cost]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table: work, what it is divided by, the ratio, and that of the first version."""

    work: str
    beside: str
    ratio: Ratio
    before: str = ""

    def __str__(self) -> str:
        before = f"; before: {self.before}" if self.before else ""
        return f"  {self.work} / {self.beside}: {self.ratio}{before}"

    def plain(self) -> dict[str, Any]:
        """Return plain values for the results."""
        ratio = [float(f"{x:.4g}") for x in (self.ratio.median, self.ratio.low, self.ratio.high)]
        return {"work": self.work, "beside": self.beside, "ratio": ratio, "before": self.before}


@dataclass(frozen=True, slots=True)
class Bench:
    """Where files lie, how large they are, how often everything runs."""

    scratch: Path
    small: bool = False
    rounds: int = 3

    def size(self, full: int, small: int) -> int:
        """Return a size; a small one for a try."""
        return small if self.small else full

    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """Return a folder that goes when it is left."""
        return tempfile.TemporaryDirectory(dir=self.scratch)

    @property
    def variables(self) -> dict[str, str]:
        """A cache of null draws that all runs share."""
        return {"GAUSSCHECK_CACHE": str(self.scratch / "cache")}

    def audit(self, path: str, **options: Any) -> Run:
        """Return a run of an audit in a process of its own, imports left out."""
        return partial(call, "workloads:audit", path, env=self.variables, **options)

    def paired(self, sides: dict[str, Run]) -> Costs:
        """Run sides in turn."""
        return Costs(paired(sides, self.rounds))


class Costs(dict[str, list[Cost]]):
    """What sides took, run by run."""

    def wall(self, name: str) -> list[float]:
        """Return seconds."""
        return [cost.wall for cost in self[name]]

    def peak(self, name: str) -> list[float]:
        """Return largest resident memory."""
        return [float(cost.peak) for cost in self[name]]

    def time(self, work: str, beside: str) -> Ratio:
        """Return the ratio of two sides' times."""
        return Ratio.of(self.wall(work), self.wall(beside))


# --- rows of the table


def imports() -> Cost:
    return command([PYTHON, "-c", IMPORTS])


def demo(bench: Bench) -> Iterator[Entry]:
    """Whole processes on the rows that ship, at a prompt."""
    audit = [PYTHON, "-m", "gausscheck", "analyze", DEMO]
    places = itertools.count()

    def fresh() -> str:
        return str(bench.scratch / f"fresh-{next(places)}")

    filled = {"GAUSSCHECK_CACHE": fresh()}
    command([*audit, "--out", fresh()], filled)
    found = bench.paired({
        "imports": imports,
        "empty": lambda: command(audit, {"GAUSSCHECK_CACHE": fresh()}),
        "filled": lambda: command(audit, filled),
        "figures": lambda: command([*audit, "--out", fresh()], filled),
        "click": lambda: command([PYTHON, "-c", "import click"]),
        "help": lambda: command([PYTHON, "-m", "gausscheck", "--help"]),
    })  # fmt: skip
    for name, work, before in (
        ("empty", "an audit with an empty cache", "26"),
        ("filled", "with a filled cache", "4.3 to 5.7"),
        ("figures", "with page and figures", "6.7 to 8.1"),
    ):
        yield Entry(work, "the imports", found.time(name, "imports"), before)
    yield Entry("`gausscheck --help`", '`python -c "import click"`', found.time("help", "click"))


BATTERY = {"directions": "axes,random:1024", "levels": "none"}


def battery(bench: Bench) -> Iterator[Entry]:
    """100,000 x 768: the battery alone and audits, beside floors and peers, on one thread and more."""
    k, counts = bench.size(1024, 16), thread_counts()
    options = {**BATTERY, "directions": f"axes,random:{k}"}
    with bench.folder() as folder:
        n, d = bench.size(100_000, 3000), bench.size(768, 16)
        path = call("made_rows:npy", folder, n, d).told
        sides: dict[str, Run] = {}
        for t in counts:
            alone = partial(call, "workloads:directions", path, env=bench.variables, threads=t)
            sides[f"battery {t}"] = partial(alone, **options)
            sides[f"audit {t}"] = bench.audit(path, threads=t, **options)
            sides[f"floor {t}"] = partial(call, "workloads:battery_floor", path, k, t, blas=1)
        sides["levels"] = bench.audit(path, threads=2, directions=options["directions"])
        sides["scipy"] = partial(call, "workloads:scipy_tests", path)
        if have("torch", "the statistic of SIGReg"):
            sides["sigreg"] = partial(call, "workloads:sigreg_statistic", path, k, 2)
        found = bench.paired(sides)
    two, floor = threads(2), "floor, as many threads"
    works = {"battery": "the battery alone", "audit": "an audit without other levels"}
    old = {"audit 2": "5.8", "audit 2 of 1": "0.66", "audit scipy": "0.93", "audit sigreg": "1.04"}
    for side, work in works.items():
        for t in counts:
            ratio = found.time(f"{side} {t}", f"floor {t}")
            yield Entry(f"{work}, {threads(t)}", floor, ratio, old.get(f"{side} {t}", ""))
    yield Entry(f"an audit of all levels, {two}", floor, found.time("levels", "floor 2"))
    peers = {"scipy": "SciPy's two tests, axes alone"}
    if "sigreg" in found:
        peers["sigreg"] = f"SIGReg's one statistic in torch, {two}"
    for side, work in works.items():
        for peer, words in peers.items():
            ratio = found.time(f"{side} 2", peer)
            yield Entry(f"{work}, {two}", words, ratio, old.get(f"{side} {peer}", ""))
        for t in counts[1:]:
            ratio = found.time(f"{side} {t}", f"{side} 1")
            yield Entry(f"{work}, {threads(t)}", "on one", ratio, old.get(f"{side} {t} of 1", ""))


def million(bench: Bench) -> Iterator[Entry]:
    """1,000,000 x 768 float16 within 1 GB, a format at a time."""
    n, d, k = bench.size(1_000_000, 20_000), bench.size(768, 16), bench.size(256, 16)
    old = {"h5": "3.1", "shards": "3.6"}
    for name, words in (("h5", ".h5"), ("shards", ".npy shards"), ("parquet", "parquet")):
        if name == "parquet" and not have("pyarrow", words):
            continue
        with bench.folder() as folder:
            path = call(f"made_rows:{name}", folder, n, d).told
            found = bench.paired({
                "ours": bench.audit(path, directions=f"axes,random:{k}", memory="1GB"),
                "floor": partial(call, "workloads:read_and_project", path, d + k),
            })  # fmt: skip
        decode = ", decoding included" if name == "parquet" else ""
        beside = f"read once and one product{decode}"
        yield Entry(words, beside, found.time("ours", "floor"), old.get(name, ""))
        peak = Ratio.of(found.peak("ours"), [1e9] * bench.rounds)
        yield Entry(f"{words}, peak memory", "budget", peak, "1.04" if name == "h5" else "")


def wide(bench: Bench) -> Iterator[Entry]:
    """Fewer rows than dimensions."""
    for n, full, old, peak in ((384, 20_000, "over 71", ""), (20, 5000, "79", "1.35")):
        d = bench.size(full, 600)
        with bench.folder() as folder:
            path = call("made_rows:npy", folder, n, d).told
            found = bench.paired({
                "process": partial(
                    command, [PYTHON, "-m", "gausscheck", "analyze", path], bench.variables
                ),
                "imports": imports,
                "ours": bench.audit(path),
                "gram": partial(call, "workloads:gram", path),
            })  # fmt: skip
        words = f"{n} x {full:,}"
        yield Entry(words, "one n x n product and its eigenvectors", found.time("ours", "gram"))
        ratio = found.time("process", "imports")
        yield Entry(f"{words}, whole process", "the imports", ratio, old)
        ratio = Ratio.of(found.peak("process"), [1e9] * bench.rounds)
        yield Entry(f"{words}, peak memory", "budget", ratio, peak)


def long(bench: Bench) -> Iterator[Entry]:
    """20,000,000 x 2 within 64 MB."""
    budget = 64e6
    with bench.folder() as folder:
        path = call("made_rows:npy", folder, bench.size(20_000_000, 40_000), 2).told
        found = bench.paired({
            "ours": bench.audit(path, memory="64MB"),
            "read": partial(call, "workloads:read", path),
            "idle": partial(call, "workloads:idle", env=bench.variables),
        })  # fmt: skip
    budgets = [budget] * bench.rounds
    yield Entry("time", "reading all bytes once", found.time("ours", "read"))
    yield Entry("peak memory", "budget", Ratio.of(found.peak("ours"), budgets), "22")
    above = [a - b for a, b in zip(found.peak("ours"), found.peak("idle"), strict=True)]
    beside = "budget"
    yield Entry("peak memory beyond an idle interpreter's", beside, Ratio.of(above, budgets))


def layouts(bench: Bench) -> Iterator[Entry]:
    """128,000 x 64 float32 stored so that a block of rows is dear to reach."""
    n, d = bench.size(128_000, 4000), bench.size(64, 8)
    options = {"directions": "axes", "levels": "none", "rows": bench.size(10_000, 1000)}
    chunks = bench.size(16_000, 400)
    for name, words, args in (
        ("one_chunk", "HDF5 in one gzip chunk", ()),
        ("many_chunks", f"Zarr of {chunks:,} chunks", (chunks,)),
        ("fortran", "Fortran-ordered .npy", ()),
        ("text", "gzipped text", ()),
    ):
        if name == "many_chunks" and not have("zarr", words):
            continue
        with bench.folder() as folder, bench.folder() as other:
            path = call(f"made_rows:{name}", folder, n, d, *args).told
            plain = call("made_rows:npy", other, n, d).told
            found = bench.paired({
                "ours": bench.audit(path, **options),
                "plain": bench.audit(plain, **options),
                "decode": partial(call, "workloads:decode", path),
            })  # fmt: skip
        yield Entry(words, "the same rows as plain .npy", found.time("ours", "plain"))
        if name == "fortran":
            continue
        more = [a - b for a, b in zip(found.wall("ours"), found.wall("plain"), strict=True)]
        beside = "decoding once"
        yield Entry(f"{words}, what it takes more", beside, Ratio.of(more, found.wall("decode")))


def trainer(bench: Bench, device: str = "cpu") -> Iterator[Entry]:
    """Time a row of the trainer beside a plain torch loop: same model, loss and batches."""
    cases = [("mlp", "float32", "MLP"), ("resnet18", "float32", "ResNet-18")]
    if device == "cuda":
        cases.append(("resnet18", "bfloat16", "bfloat16 ResNet-18"))
    for encoder, precision, words in cases:
        rows = bench.size(2048 if encoder == "resnet18" else 10_000, 512)
        width = bench.size(64 if device == "cuda" else 8, 8) if encoder == "resnet18" else 0
        if device == "cuda":
            rows = bench.size(50_000, 512)
        words += f" of width {width}" if width else ""
        given = {"encoder": encoder, "rows": rows, "width": width, "device": device}
        found = bench.paired({
            "ours": partial(call, "training:ours", precision=precision, **given),
            "plain": partial(call, "training:plain", precision="float32", **given),
        })  # fmt: skip
        each = {name: [c.wall / c.told for c in costs] for name, costs in found.items()}
        where = "GPU" if device == "cuda" else "CPU"
        ratio = Ratio.of(each["ours"], each["plain"])
        yield Entry(f"a row, {words} on a {where}", "a plain torch loop", ratio)


def trainer_cpu(bench: Bench) -> Iterator[Entry]:
    """Train on the processor."""
    if have("torch", "the trainer"):
        yield from trainer(bench)


def trainer_gpu(bench: Bench) -> Iterator[Entry]:
    """Train on a GPU, where there is one."""
    if have("torch", "the trainer on a GPU"):
        if call("training:has_cuda").told:
            yield from trainer(bench, "cuda")
        else:
            print("  left out: torch finds no GPU")


ROWS: dict[str, tuple[str, Callable[[Bench], Iterator[Entry]]]] = {
    "demo": ("5,000 x 384, all defaults, whole process", demo),
    "battery": ("100,000 x 768 float32, axes and 1,024 random directions", battery),
    "million": ("1,000,000 x 768 float16, all levels, `--memory 1GB`", million),
    "wide": ("fewer rows than dimensions", wide),
    "long": ("20,000,000 x 2, `--memory 64MB`", long),
    "layouts": ("128,000 x 64, stored otherwise", layouts),
    "trainer": ("`gausscheck train`", trainer_cpu),
    "trainer-gpu": ("`gausscheck train` on a GPU", trainer_gpu),
}


def thread_counts() -> tuple[int, ...]:
    """Return 1, 2, 4, 8 as far as there are processors; two at least."""
    return tuple(t for t in (1, 2, 4, 8) if t <= max(2, os.cpu_count() or 1))


def threads(count: int) -> str:
    """Say how many threads."""
    return f"{({1: 'one', 2: 'two', 4: 'four', 8: 'eight'})[count]} thread{'s' * (count > 1)}"


def have(package: str, what: str) -> bool:
    """Whether a package is there; say what is left out where not."""
    found = find_spec(package) is not None
    if not found:
        print(f"  left out: {what}; {package} is not installed")
    return found


def shown(name: str, bench: Bench) -> list[dict[str, Any]]:
    """Run a row, print its entries as they come, and return them as plain values."""
    words, row = ROWS[name]
    print(f"{name}: {words}", flush=True)
    entries = []
    for entry in row(bench):
        print(entry, flush=True)
        entries.append(entry.plain())
    return entries


def main() -> None:
    """Run rows, print their ratios, and keep them where asked to."""
    parser = options(__doc__, ROWS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--page", action="store_true")
    args = parser.parse_args()
    if args.page:
        write_page()
        return
    if args.small and args.write:
        parser.error("--small and --write: expected one of them; small sizes are no results")
    if args.small:
        print("a try: sizes are not those that are printed, and ratios mean nothing")
    failed = False
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        bench = Bench(Path(scratch), args.small, args.rounds)
        for name in args.only or ROWS:
            try:
                entries = shown(name, bench)
            except RunFailed as err:
                print(f"  failed: {err}", file=sys.stderr, flush=True)
                failed = True
                continue
            if args.write and entries:
                keep("rows", {name: {"words": ROWS[name][0], "entries": entries}}, ROWS)
    if args.write:
        write_page()
    sys.exit(failed)


if __name__ == "__main__":
    main()
