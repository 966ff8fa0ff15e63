"""A Dask cluster whose workers take the passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gausscheck.core import GausscheckError

CONNECT = "10s"
"""How long a scheduler may take to answer."""


@contextmanager
def cluster(address: Any) -> Iterator[Any]:
    """Connect to a Dask scheduler for the time of a pass.

    Parameters
    ----------
    address : str, distributed.Client or None
        A client is used as it is and left open; None gives None.

    Raises
    ------
    GausscheckError
        If Dask is not installed or nobody answers.
    """
    if address is None or not isinstance(address, str):
        yield address
        return
    try:
        from distributed import Client
    except ImportError as err:
        raise GausscheckError(
            f'dask="{address}": expected Dask to be installed: pip install "gausscheck[dask]"'
        ) from err
    try:
        client = Client(address, timeout=CONNECT)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as err:
        raise GausscheckError(
            f'dask="{address}": expected a running scheduler, such as tcp://127.0.0.1:8786, got '
            f"{str(err).splitlines()[0]}"
        ) from err
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]
