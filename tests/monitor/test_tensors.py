"""Tensors: what is copied off a device is counted, and two processes measure together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor
from gausscheck.rng import hashed_order

torch = pytest.importorskip("torch")

ROWS, WIDTH = 100, 8
LEAVES = {"cpu"}
"""The one way off the device; these would be others, or would wait for it."""
OTHERS = {"numpy", "tolist", "item", "__array__", "__bool__", "__float__", "__iter__", "nonzero"}


class OnDevice(torch.Tensor):
    """A tensor as if on a device: its values leave by ``cpu`` alone, and that is counted."""

    moved = 0
    touched = 0

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", str(func))
        if name == "__get__":  # shape, dtype, device: known on the host
            return super().__torch_function__(func, types, args, kwargs)
        cls.touched += 1
        assert name not in OTHERS, f"{name} reads values where the device has to be waited for"
        found = super().__torch_function__(func, types, args, kwargs)
        if name in LEAVES:
            cls.moved += args[0].numel() * args[0].element_size()
            return found.as_subclass(torch.Tensor)
        return found

    @classmethod
    def count(cls):
        counted = cls.moved, cls.touched
        cls.moved = cls.touched = 0
        return counted


@pytest.fixture
def batches():
    OnDevice.count()
    x = torch.randn(60 * 40, WIDTH, generator=torch.Generator().manual_seed(0))
    return [part.as_subclass(OnDevice) for part in x.split(40)], x.numpy()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_no_more_is_copied_than_the_rows_that_enter_the_sample(batches, dtype):
    parts, _ = batches
    monitor = GaussianMonitor(rows=ROWS)
    bytes_a_row = WIDTH * torch.empty(0, dtype=dtype).element_size()
    untouched = total = 0
    for i, part in enumerate(parts):
        held = set(monitor.ids.tolist())
        part = part.to(dtype)
        OnDevice.count()
        monitor.update(part)
        moved, touched = OnDevice.count()
        entered = len(set(monitor.ids.tolist()) - held)
        assert moved == entered * bytes_a_row
        assert touched == 0 or entered > 0, f"batch {i} gave nothing and was touched"
        untouched += entered == 0
        total += entered
    assert untouched > 3
    # rows that enter, in expectation: m (1 + ln(n/m)); sd below sqrt(m ln(n/m))
    expected = ROWS * (1 + np.log(2400 / ROWS))
    assert abs(total - expected) < 5 * np.sqrt(expected)
    assert total < 2400 / 4


def test_a_batch_that_gives_nothing_is_not_read_at_all(batches):
    """On the meta device there are no values: only a batch that is not looked at gets through."""
    parts, _ = batches
    monitor = GaussianMonitor(rows=ROWS)
    last = hashed_order(2400, 0)[:ROWS] // 40
    idle = next(i for i in range(50, 60) if i not in last)
    for part in parts[:idle]:
        monitor.update(part)
    ids = monitor.ids
    monitor.update(torch.empty(40, WIDTH, device="meta"))
    np.testing.assert_array_equal(monitor.ids, ids)
    assert monitor.seen == 40 * (idle + 1)
    with pytest.raises(GausscheckError, match="got a meta tensor, which has none"):
        monitor.empty().update(torch.empty(40, WIDTH, device="meta"))


def test_tensors_of_a_graph_are_the_rows_that_they_hold(batches):
    _, x = batches
    monitor, plain = GaussianMonitor(rows=ROWS), GaussianMonitor(rows=ROWS)
    for part in np.split(x, 60):
        tensor = torch.tensor(part, requires_grad=True)
        monitor.update(tensor * 1, groups=torch.arange(40))
        plain.update(part, groups=np.arange(40))
        assert tensor.grad is None
    np.testing.assert_array_equal(monitor.sample(), plain.sample())
    assert monitor.compute().metrics() == plain.compute().metrics()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_precision_is_that_of_the_tensor(batches, dtype):
    _, x = batches
    z = torch.tensor(x[:500]).to(dtype)
    monitor = GaussianMonitor()
    monitor.update(z[:300])
    monitor.update(z[300:])
    report = gausscheck.analyze(z, directions="axes", levels="none")
    measured = monitor.compute()
    assert measured.false_alarm == report.use.false_alarm
    assert measured.levels["axes"].value == report.levels["axes"].value
    assert measured.rankme_ci == report.spectrum.rankme_ci
    assert measured.report.preflight == report.preflight
    kinds = [item.kind for item in measured.report.noticed]
    assert kinds == [item.kind for item in report.noticed]


def test_a_later_batch_does_not_change_what_was_kept(batches):
    _, x = batches
    z = torch.tensor(x[:60])
    monitor = GaussianMonitor()
    monitor.update(z)
    z.zero_()
    np.testing.assert_array_equal(monitor.sample(), x[:60])


PROCESS = """
import json, sys, numpy as np, torch.distributed as dist
from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor, compute_over_ranks, gather

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
sent, original = [], dist.all_gather_object
def counted(found, mine, **kwargs):
    if isinstance(mine, dict):
        sent.append(len(mine.get("rows", ())))
    return original(found, mine, **kwargs)
dist.all_gather_object = counted

def tell(case):
    x = np.load(f"{folder}/x{rank}.npy")
    if case == "nan" and rank == 1:
        x[0] = np.nan
    monitor = GaussianMonitor(rows=200 if case != "nan" else 2000, seed=int(case == "seed") * rank)
    for part in np.array_split(x, 7) if case != "idle" or rank == 0 else ():
        monitor.update(part)
    told = {"ids": monitor.ids.tolist()}
    sent.clear()
    try:
        measured = compute_over_ranks(monitor)
        told |= {"metrics": measured.metrics(), "seen": measured.seen, "sent": sent[0]}
        told["merged"] = gather(monitor).ids.tolist()
    except GausscheckError as err:
        told["error"] = str(err)
    return told

told = {case: tell(case) for case in ("plain", "idle", "nan", "seed")}
with open(f"{folder}/told{rank}.json", "w") as out:
    json.dump(told, out)
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Run two gloo processes over the loopback; what both tell of each case, and their rows."""
    if sys.platform != "linux":
        pytest.skip("the loopback goes by another name")
    folder, rng = tmp_path_factory.mktemp("processes"), np.random.default_rng(4)
    x = [rng.standard_t(5, (n, 6)).astype(np.float32) for n in (900, 500)]
    for rank, rows in enumerate(x):
        np.save(folder / f"x{rank}.npy", rows)
    source = str(Path(gausscheck.__file__).parents[1])
    path = os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), str(folder)],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for process in running:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    told = [json.loads((folder / f"told{rank}.json").read_text()) for rank in range(2)]
    return {case: [one[case] for one in told] for case in told[0]}, x


def test_two_processes_measure_what_one_would_that_saw_both(processes):
    cases, x = processes
    told = cases["plain"]
    assert told[0]["metrics"] == told[1]["metrics"]
    assert told[0]["seen"] == told[1]["seen"] == 1400
    monitor, other = (GaussianMonitor(rows=200, stream=rank) for rank in range(2))
    monitor.update(x[0])
    other.update(x[1])
    assert told[1]["ids"] == other.ids.tolist()  # each has its rank for a stream
    monitor.merge(other)
    assert told[0]["merged"] == told[1]["merged"] == monitor.ids.tolist()
    assert told[0]["metrics"] == monitor.compute().metrics()
    report = gausscheck.analyze(monitor.sample(), directions="axes", levels="none")
    assert told[0]["metrics"]["gaussian/axes"] == report.levels["axes"].value
    assert told[0]["sent"] + told[1]["sent"] == 200  # the rows of the common sample, no others


def test_a_process_without_rows_is_no_trouble(processes):
    told = processes[0]["idle"]
    assert told[0]["metrics"] == told[1]["metrics"]
    assert told[0]["metrics"]["gaussian/rows"] == 200
    assert told[0]["seen"] == 900


@pytest.mark.parametrize(
    ("case", "line"), [("nan", "1 not finite"), ("seed", "make both monitors alike")]
)
def test_what_is_wrong_with_one_process_is_said_in_all(processes, case, line):
    assert all(line in one["error"] for one in processes[0][case])
