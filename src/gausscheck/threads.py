"""One BLAS thread at a time, where threads of our own run products side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from threading import Barrier
from typing import Any

from gausscheck.core import GausscheckError

_POOL: ContextVar[ThreadPoolExecutor | None] = ContextVar("_POOL", default=None)
"""Threads of the audit under way, as the thread that runs it sees them; its workers see none."""


@lru_cache(maxsize=1)
def _controller() -> Any:
    import scipy.linalg.blas  # noqa: F401  a library that is loaded later would not be limited
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Leave threading to a pool: products run side by side, each on one core.

    It also makes results independent of how a library splits a product.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@contextmanager
def worker_pool(count: int) -> Iterator[ThreadPoolExecutor]:
    """Return a pool of threads, each of which makes products of its own on one core.

    Raises
    ------
    GausscheckError
        Where a limit on address space leaves no room for the buffers of their products.
    """
    with one_thread(), ThreadPoolExecutor(count) as pool:
        _reserve_buffers(pool, count)
        before = _POOL.set(pool)
        try:
            yield pool
        finally:
            _POOL.reset(before)


@contextmanager
def side_by_side(count: int) -> Iterator[ThreadPoolExecutor]:
    """Return threads for the work of one call, which must not wait for other work of its kind.

    Those of the audit under way where there is one: a thread that is started late, when memory is
    short, may end before Python knows that it began, and is waited for without end.
    """
    held = _POOL.get()
    if held is not None:
        yield held
        return
    with ThreadPoolExecutor(count) as pool:
        yield pool


BUFFER = 64 << 20
"""Bytes of address space that one thread's products take in one library, and to spare."""


def _reserve_buffers(pool: ThreadPoolExecutor, count: int) -> None:
    """Let every thread have its buffers before rows take the space: OpenBLAS waits for ever else.

    Only where address space is limited (``ulimit -v``).
    """
    left = _address_space_left()
    if left is None:
        return
    needed = 2 * (count + 1) * BUFFER  # NumPy and SciPy each have a library of their own
    if left < needed:
        raise GausscheckError(
            f"expected {needed >> 20} MB of address space for {count} threads, got {left >> 20} MB "
            "under this limit (ulimit -v); raise it, or use fewer threads"
        )
    together = Barrier(count + 1)

    def touch(_: int) -> None:
        import numpy as np
        from scipy.linalg.blas import dgemm

        square = np.ones((512, 512))
        together.wait()
        square @ square
        dgemm(1.0, square, square)

    try:
        waiting = [pool.submit(touch, i) for i in range(count)]
    except RuntimeError:  # no room for a thread: those that were started would wait for it
        together.abort()
        raise
    touch(count)
    for one in waiting:
        one.result()


def _address_space_left() -> int | None:
    """Return the bytes that a limit on address space leaves; None without a limit."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit == resource.RLIM_INFINITY:
            return None
        with open("/proc/self/statm", encoding="ascii") as file:
            return limit - int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # no such limits on this system
        return None
