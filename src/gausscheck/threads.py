"""One BLAS thread at a time, where threads of our own run products side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Leave threading to a pool: products run side by side, each on one core.

    It also makes results independent of how a library splits a product.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield
