"""How the cost of an audit grows with rows, dimensions and directions.

    python benchmarks/costs.py [--only n] [--small] [--rounds 3] [--scratch FOLDER]

Each size is an audit of float16 rows of an .h5 file on one thread, in a process of its own, the
others held fixed; processor time is user and system together. What does not grow is measured at a
size so small that nothing has grown, and subtracted; the exponent is fitted to the sizes at which
what grows is at least half of the cost, and there is none where fewer than three do. Results go to
benchmarks/results/speed.json and, with those of speed.py and cluster.py, to docs/performance.md;
--small prints alone.
"""

from __future__ import annotations

import tempfile
from functools import partial
from statistics import median
from typing import Any

from performance import keep, write_page
from timing import call, growth, options, paired

NAMES = {"n": "rows n", "d": "dimensions d", "k": "random directions k"}
SIZES = {
    "n": (4000, (250_000, 500_000, 1_000_000, 2_000_000)),
    "d": (16, (128, 256, 512, 1024)),
    "k": (1, (512, 1024, 2048, 4096)),
}
"""Where nothing has grown yet, and sizes."""

HELD = {
    "n": {"d": 64, "k": 64, "rows": 2000},
    "d": {"n": 100_000, "k": 64, "rows": 2000},
    "k": {"n": 50_000, "d": 64, "rows": 20_000},
}
"""What is held fixed; ``rows`` are sampled, few where the passes over all rows are looked at."""

SMALL = {"n": 100, "d": 4, "k": 16}
"""What sizes are divided by for a try."""


def measure(axis: str, small: bool, rounds: int, scratch: str | None) -> dict[str, Any]:
    """Return relative costs along an axis and the exponent of what grows."""
    least, sizes = SIZES[axis]
    if small:
        sizes = tuple(size // SMALL[axis] for size in sizes)
        least = min(least, sizes[0] // 2)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        sides = {}
        for size in (least, *sizes):
            held = {**HELD[axis], axis: size}
            if small:
                held["n"], held["rows"] = min(held["n"], 20_000), min(held["rows"], 1000)
            place = tempfile.mkdtemp(dir=folder)
            path = call("made_rows:h5", place, held["n"], held["d"]).told
            sides[str(size)] = partial(
                call, "workloads:audit", path, directions=f"random:{held['k']}",
                rows=held["rows"], levels="none", threads=1, blas=1,
                env={"GAUSSCHECK_CACHE": f"{folder}/cache"},
            )  # fmt: skip
        found = paired(sides, rounds)
    busy = [median(cost.busy for cost in costs) for costs in found.values()]
    peak = [median(cost.peak for cost in costs) for costs in found.values()]
    fit = growth(least, busy[0], sizes, busy[1:])
    held = ", ".join(f"{name} = {value:,}" for name, value in HELD[axis].items() if name != "rows")
    return {
        "words": NAMES[axis],
        "held": f"{held}, {HELD[axis]['rows']:,} rows sampled",
        "sizes": [least, *sizes],
        "time": [round(t / busy[0], 3) for t in busy],
        "peak": [round(p / peak[0], 3) for p in peak],
        "power": None if fit is None else round(fit.power, 3),
        "error": None if fit is None else round(fit.error, 3),
        "fitted": None if fit is None else list(fit.sizes),
    }


def main() -> None:
    """Measure, print, keep."""
    args = options(__doc__, SIZES).parse_args()
    for axis in args.only or SIZES:
        found = measure(axis, args.small, args.rounds, args.scratch)
        print(f"{found['words']}, {found['held']}")
        for name in ("sizes", "time", "peak"):
            print(f"  {name}: {', '.join(f'{x:,}' for x in found[name])}")
        power = "none: too little grows" if found["power"] is None else found["power"]
        print(f"  exponent: {power}", flush=True)
        if not args.small:
            keep("growth", {axis: found}, SIZES)
    if not args.small:
        write_page()


if __name__ == "__main__":
    main()
