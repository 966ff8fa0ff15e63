"""Threads of our own, and the buffers that their products need."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from gausscheck import GausscheckError, threads

resource = pytest.importorskip("resource")


def test_products_side_by_side_use_one_thread_of_the_library_each():
    from threadpoolctl import threadpool_info

    with threads.worker_pool(2) as pool:
        square = np.arange(16.0).reshape(4, 4)
        assert all(np.array_equal(found, square @ square) for found in pool.map(
            lambda _: square @ square, range(4)))  # fmt: skip
        blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
    assert blas
    assert set(blas) == {1}


def test_a_library_that_is_loaded_later_is_limited_too():
    # SciPy has a BLAS of its own: with threads of its own it is in the way of ours
    code = """
from gausscheck.threads import one_thread
with one_thread():
    from scipy.linalg import lapack
    from threadpoolctl import threadpool_info
    blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
assert blas and set(blas) == {1}, blas
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_too_little_address_space_is_told(monkeypatch):
    monkeypatch.setattr(threads, "_address_space_left", lambda: 100 << 20)
    with (
        pytest.raises(GausscheckError, match=r"384 MB of address space for 2 threads, got 100 MB"),
        threads.worker_pool(2),
    ):
        raise AssertionError("no pool")


@pytest.mark.parametrize("room", [380, 600])
def test_products_under_a_limit_end_whatever_is_taken_later(room):
    # without the buffers that are reserved, OpenBLAS waits for memory that never comes
    code = f"""
import resource
import numpy as np
import scipy.linalg.blas
from gausscheck.threads import _address_space_left, worker_pool
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = pages + ({room} << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    with worker_pool(2) as pool:
        taken = []
        try:
            while True:
                taken.append(np.empty(4 << 20, np.uint8))
        except MemoryError:
            del taken[-4:]
        x = np.ones((300, 300))
        found = list(pool.map(lambda _: float((x @ x)[0, 0]), range(4)))
        print(found)
except Exception as err:
    print(type(err).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    expected = "GausscheckError" if room < 384 else "[300.0, 300.0, 300.0, 300.0]"
    assert done.stdout.strip() == expected


def test_no_room_for_a_thread_is_told_and_no_other_waits_for_it(monkeypatch, capsys):
    started, real = [], threading.Thread.start

    def start(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threads, "_address_space_left", lambda: 1 << 40)
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="new thread"), threads.worker_pool(2):
        raise AssertionError("no pool")
    assert len(started) == 1
    started[0].join(10)
    assert not started[0].is_alive()


def test_threads_that_the_system_refuses_are_one_line(monkeypatch, tmp_path):
    from click.testing import CliRunner

    from gausscheck.cli import main

    def start(thread):
        raise RuntimeError("can't start new thread")

    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((300, 4)))
    monkeypatch.setattr(threading.Thread, "start", start)
    done = CliRunner().invoke(main, ["analyze", str(tmp_path / "x.npy")])
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("gausscheck: no room for another thread; lower")
    assert "Traceback" not in done.stderr


def test_an_audit_starts_its_threads_once(monkeypatch):
    import gausscheck

    started, real = [], threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda one: (started.append(one), real(one))[1])
    x = np.random.default_rng(0).standard_normal((3000, 48))
    gausscheck.analyze(x, threads=2)
    assert len(started) == 2


def test_workers_have_threads_of_their_own_and_wait_for_no_other():
    with threads.worker_pool(1) as pool:
        with threads.side_by_side(3) as shared:
            assert shared is pool

        def nested():
            with threads.side_by_side(1) as other:
                return other is not pool and other.submit(int, "7").result()

        assert pool.submit(nested).result(30) == 7
    with threads.side_by_side(1) as alone:
        assert alone is not pool
