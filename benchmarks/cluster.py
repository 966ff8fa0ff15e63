"""What a billion rows take on a cluster: measured on two local workers, extrapolated.

    python benchmarks/cluster.py [--small] [--rounds 3] [--scratch FOLDER]

A scheduler and two workers, each a process; a client in another audits .h5 files of 16 float32
columns. Counted are bytes that workers and client read from files (Linux: ``rchar``, which has no
sockets in it), bytes of the arguments of tasks and of what tasks gave back (pickled, at the
client), and the largest memory of a worker and of the client beyond what they held before. A line
through the first and the last size gives a billion rows, a flat one where the runs of one size differ
as much; the size between tells how straight it is. Results go to benchmarks/results/speed.json and, with those of speed.py and costs.py, to
docs/performance.md; --small prints alone.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from performance import keep, size, write_page
from timing import call, line, options

HERE = Path(__file__).parent
ROWS, D = (1_000_000, 3_000_000, 10_000_000), 16
SMALL = (150_000, 300_000, 600_000)
BILLION = 1_000_000_000
QUANTITIES = {
    "read": "read by the workers, all passes",
    "sent": "sent to workers with tasks",
    "returned": "come back to the client",
    "worker": "memory of the larger worker",
    "client": "memory of the client",
    "client_read": "read by the client",
}
Seen = dict[str, int]


# --- in every process


def usage(reset: bool = False) -> Seen:
    """Return bytes that this process read from files, and its memory now and at most.

    With ``reset`` the largest memory is counted from here on.
    """
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    fields = dict(part.split(":", 1) for part in status.splitlines() if ":" in part)
    read = Path("/proc/self/io").read_text().split()[1]
    held, most = (1024 * int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return {"read": int(read), "now": held, "most": most}


# --- at the client


class Traffic:
    """Bytes of what goes to tasks and comes back from them, counted where a client is asked."""

    def __init__(self) -> None:
        self.sent = self.returned = 0

    def watch(self, distributed: Any) -> None:
        """Count in submit, map and scatter, and in result and gather, of all clients from here on."""
        import cloudpickle

        def weight(value: Any) -> int:
            if isinstance(value, distributed.Future):
                return 0
            if isinstance(value, tuple | list):
                return sum(map(weight, value))
            return len(cloudpickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))

        def sending(method: Callable[..., Any]) -> Callable[..., Any]:
            def counted(client: Any, *args: Any, **kw: Any) -> Any:
                self.sent += weight([one for one in args if not callable(one)])
                return method(client, *args, **kw)

            return counted

        def receiving(method: Callable[..., Any]) -> Callable[..., Any]:
            def counted(owner: Any, *args: Any, **kw: Any) -> Any:
                found = method(owner, *args, **kw)
                self.returned += weight(found)
                return found

            return counted

        for name in ("submit", "map", "scatter"):
            setattr(distributed.Client, name, sending(getattr(distributed.Client, name)))
        distributed.Client.gather = receiving(distributed.Client.gather)
        distributed.Future.result = receiving(distributed.Future.result)


def audit_on(address: str, path: str, first: str) -> Callable[[], dict[str, Any]]:
    """Audit a file on a cluster, after a small one that imports all that is used."""
    import distributed

    import gausscheck

    options = {"directions": "axes,random:16", "levels": "none", "dask": address}
    gausscheck.analyze(first, rows=1000, **options)  # fewer than it has, so that both passes run
    traffic = Traffic()
    watcher = distributed.Client(address)

    def work() -> dict[str, Any]:
        before = watcher.run(usage, reset=True)
        mine = usage(reset=True)
        traffic.watch(distributed)
        gausscheck.analyze(path, **options)
        sent, returned = traffic.sent, traffic.returned
        now, after = usage(), watcher.run(usage)
        watcher.close()
        return {
            "read": sum(after[one]["read"] - before[one]["read"] for one in after),
            "sent": sent,
            "returned": returned,
            "worker": max(after[one]["most"] - before[one]["now"] for one in after),
            "client": now["most"] - mine["now"],
            "client_read": now["read"] - mine["read"],
        }

    return work


# --- the cluster


def serve() -> None:
    """Run a scheduler and two workers until nobody listens; print the address."""
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address="127.0.0.1:0", memory_limit="4GB",
    ) as found:  # fmt: skip
        print(found.scheduler_address, flush=True)
        sys.stdin.read()


@contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster in processes of its own; give its address."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH")))),
    }
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


def measure(rows: tuple[int, ...], rounds: int, scratch: str | None) -> dict[str, Any]:
    """Return what was counted at every size, and what it comes to for a billion rows."""
    found: dict[int, list[Seen]] = {n: [] for n in rows}
    for n in rows:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            (Path(folder) / "first").mkdir()
            path = call("made_rows:h5", folder, n, D, "f4").told
            first = call("made_rows:h5", f"{folder}/first", 20_000, D, "f4").told
            for _ in range(rounds):
                with cluster() as address:
                    found[n].append(call("cluster:audit_on", address, path, first).told)
        told = found[n][-1]
        print(f"{n:,} x {D}: " + ", ".join(f"{k} {size(told[k])}" for k in QUANTITIES), flush=True)
    quantities = {}
    for key, words in QUANTITIES.items():
        runs = [[one[key] for one in found[n]] for n in rows]
        law, values = line(rows, runs), [median(one) for one in runs]
        quantities[key] = {
            "words": words, "values": values, "each": round(law.each, 4),
            "error": round(law.error, 3), "billion": round(max(law.at(BILLION), *values)),
        }  # fmt: skip
    return {"rows": list(rows), "d": D, "file": 4 * D * BILLION, "quantities": quantities}


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
        return
    found = measure(SMALL if args.small else ROWS, args.rounds, args.scratch)
    for one in found["quantities"].values():
        print(f"  {one['words']}: {size(one['billion'])} for a billion rows; {one['each']:g} bytes "
              f"a row, {one['error']:.1%} off")  # fmt: skip
    if not args.small:
        keep("cluster", found)
        write_page()


if __name__ == "__main__":
    main()
