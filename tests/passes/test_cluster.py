"""A Dask cluster of processes on loopback: the same bits, a killed worker, bounded memory."""

import gc
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import numpy as np
import pytest

import gausscheck
from gausscheck.passes import dask as dask_cluster
from gausscheck.passes import first_pass as passes
from gausscheck.passes import row_keys, row_norms
from gausscheck.passes.plan import plan
from gausscheck.passes.run import Workers, fold_rows

distributed = pytest.importorskip("distributed")

FAST = {"directions": "axes,random:8,pca:4", "levels": "none", "rows": 1500}

# a worker that is killed on purpose leaves its sockets to be cleaned up by the collector
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
        host="127.0.0.1", memory_limit="1GB",
    ) as found:  # fmt: skip
        yield found


@pytest.fixture
def folder(rng, tmp_path):
    """Shards of 40,000 rows in all: several leaves of 64 dimensions."""
    x = rng.standard_normal((40_000, 64)).astype(np.float32)
    x[7] = x[30_000]
    for i, part in enumerate(np.split(x, [9000, 9001, 25_000])):
        np.save(tmp_path / f"emb_{i}.npy", part)
    return tmp_path


def plain(report):
    told = report.to_dict()
    told.pop("config")
    return told


def test_the_report_is_the_serial_one_to_the_bit(cluster, folder, monkeypatch):
    serial = gausscheck.analyze(folder, **FAST)
    ours = gausscheck.analyze(folder, dask=cluster.scheduler_address, **FAST)
    assert plain(ours) == plain(serial)
    for name, values in serial.arrays().items():
        np.testing.assert_array_equal(ours.arrays()[name], values)


def test_repeats_are_estimated_alike_on_a_cluster(cluster, folder, monkeypatch):
    monkeypatch.setattr(row_keys, "CAP", 1000)  # here alone: workers are told the level
    monkeypatch.setattr(row_keys, "HELD", 16_384)
    x = np.load(folder / "emb_2.npy")
    x[8000:] = x[:7999]
    np.save(folder / "emb_2.npy", x)
    serial = gausscheck.analyze(folder, **FAST)
    ours = gausscheck.analyze(folder, dask=cluster.scheduler_address, **FAST)
    assert plain(ours) == plain(serial)
    assert serial.preflight.duplicates == pytest.approx(8000, rel=0.2)
    assert serial.preflight.duplicates_ci is not None


def test_a_worker_killed_on_the_way_changes_nothing(cluster, folder):
    serial = gausscheck.analyze(folder, **FAST)
    victims = [worker.pid for worker in cluster.workers.values()]
    killed = []

    def kill():
        time.sleep(0.3)
        os.kill(victims[0], signal.SIGKILL)
        killed.append(victims[0])

    with distributed.Client(cluster) as client:
        slow = client.submit(time.sleep, 0.6, pure=False)  # something is under way when it dies
        thread = threading.Thread(target=kill)
        thread.start()
        ours = gausscheck.analyze(folder, dask=client, **FAST)
        thread.join()
        slow.result()
    assert killed
    assert plain(ours) == plain(serial)


def test_what_all_parts_need_is_not_lost_with_the_only_worker(folder, tmp_path):
    flag = str(tmp_path / "killed")

    class Sums:
        """Sums of rows; the first worker that reaches row 20,000 dies there."""

        def of(self, block, row0):
            if row0 >= 20_000 and not os.path.exists(flag):
                open(flag, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            return block.sum(axis=0, dtype=np.float64)

        def merge(self, a, b):
            return a + b

    source = gausscheck.open_source(folder)
    blocks = plan(source.n, source.d, 4, 1 << 24)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
            host="127.0.0.1", memory_limit="1GB",
        ) as alone,
        distributed.Client(alone) as client,
        ThreadPoolExecutor(1) as pool,
    ):  # fmt: skip
        ours = fold_rows(source, blocks, Sums(), Workers(pool, lambda *_: None, client), "sums")
        here = fold_rows(source, blocks, Sums(), Workers(pool, lambda *_: None), "sums")
    assert os.path.exists(flag)
    np.testing.assert_array_equal(ours, here)


def test_a_dask_array_is_rows(folder):
    import dask.array as da

    x = np.concatenate([np.load(folder / f"emb_{i}.npy") for i in range(4)])
    lazy = da.from_array(x, chunks=(5000, 64))
    source = gausscheck.open_source(lazy)
    np.testing.assert_array_equal(source.read(4990, 5010), x[4990:5010])
    ours, plain_rows = (gausscheck.analyze(rows, **FAST) for rows in (lazy, x))
    assert ours.to_dict()["levels"] == plain_rows.to_dict()["levels"]


def test_states_alone_travel(folder, monkeypatch):
    """What comes back from a part is its sums and its share of the sample, not its rows."""
    source = gausscheck.open_source(folder)
    part = passes.sketch_rows(source, 0, 2, memory=1 << 28, seed=0, rows=100, unit=False)
    sent = sum(node.state.scatter.held.nbytes + node.state.mean.nbytes for node in part.nodes)
    assert len(part.nodes) <= 2 * np.log2(max(plan(40_000, 64, 4, 1 << 28).count, 2)) + 2
    assert part.sample.shape[0] <= 100
    assert sent < 64 * 65 * 8 * 12
    monkeypatch.setattr(row_keys, "CAP", 1000)
    monkeypatch.setattr(row_keys, "HELD", 1024)
    found = passes.sketch_rows(source, 0, 2, memory=1 << 28, seed=0, rows=100, unit=False).rows
    assert found.n > 19_000
    assert found.keys.keys.size < 1024
    assert found.cells.cell.size <= row_norms.CELLS


def test_nobody_there_is_one_line(folder, monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT", 1.0)
    with pytest.raises(gausscheck.GausscheckError, match="expected a running scheduler"):
        gausscheck.analyze(folder, dask="tcp://127.0.0.1:9", **FAST)


@contextmanager
def server(answer):
    """Listen on loopback, and answer what connects: with nothing, or as another service."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held = []

        def serve():
            with suppress(OSError):
                while True:
                    held.append(listening.accept()[0])
                    held[-1].sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        for one in held:
            one.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["mute", "HTTP"])
def test_a_server_that_is_no_scheduler_is_one_line(folder, monkeypatch, answer):
    monkeypatch.setattr(dask_cluster, "CONNECT", 1.0)
    start = time.monotonic()
    with (
        server(answer) as address,
        pytest.raises(gausscheck.GausscheckError, match="expected a running scheduler") as caught,
    ):
        gausscheck.analyze(folder, dask=address, **FAST)
    assert len(str(caught.value).splitlines()) == 1
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["mute", "HTTP"])
def test_no_client_is_left_to_the_garbage_collector(folder, monkeypatch, answer):
    # Dask closes it under a lock, which the thread that happens to collect may hold itself
    monkeypatch.setattr(dask_cluster, "CONNECT", 1.0)
    gc.collect()
    gc.disable()
    try:
        with server(answer) as address, pytest.raises(gausscheck.GausscheckError):
            gausscheck.analyze(folder, dask=address, **FAST)
        left = [one for one in gc.get_objects() if type(one) is distributed.Client]
        assert {one.status for one in left} <= {"closed"}
    finally:
        gc.enable()


def test_a_client_that_cannot_be_closed_counts_as_closed():
    class Stuck:
        status = "running"

        def close(self, timeout):
            raise TimeoutError

    client = Stuck()
    dask_cluster._close(client)
    assert client.status == "closed"


def test_no_workers_and_all_workers_lost_are_one_line(folder, monkeypatch):
    monkeypatch.setattr(dask_cluster, "WORKERS", 2.0)
    with (
        distributed.LocalCluster(
            n_workers=0, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
        ) as empty,
        distributed.Client(empty) as client,
    ):  # fmt: skip
        with pytest.raises(gausscheck.GausscheckError, match="expected workers, found none in 2"):
            gausscheck.analyze(folder, dask=empty.scheduler_address, **FAST)
        waiting = client.submit(time.sleep, 60)  # what no worker will ever take
        start = time.monotonic()
        with pytest.raises(gausscheck.GausscheckError, match="all Dask workers are gone for 2 s"):
            list(dask_cluster.results(client, [waiting]))
        assert time.monotonic() - start < 15


def test_a_file_that_a_worker_lacks_is_one_line(cluster, folder, monkeypatch):
    class Sums:
        def of(self, block, row0):
            return block.sum(axis=0, dtype=np.float64)

        def merge(self, a, b):
            return a + b

    source = gausscheck.open_source(folder)
    path = folder / "emb_3.npy"
    with distributed.Client(cluster) as client, ThreadPoolExecutor(1) as pool:
        path.rename(folder / "elsewhere")
        workers = Workers(pool, lambda *_: None, client)
        blocks = plan(source.n, source.d, 4, 1 << 22)
        with pytest.raises(gausscheck.GausscheckError) as caught:
            fold_rows(source, blocks, Sums(), workers, "sums")
    assert len(str(caught.value).splitlines()) == 1
    assert "emb_3.npy" in str(caught.value)
