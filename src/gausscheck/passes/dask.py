"""A Dask cluster whose workers take the passes: connecting, and waiting for what they give."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.files import printable

CONNECT = 10.0
"""Seconds that a scheduler may take to answer."""

WORKERS = 10.0
"""Seconds that the first worker may take to come, and that a cluster may be without any."""

_LOOK = 1.0
"""Seconds between looks at who is there."""


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
        If Dask is not installed, nobody answers, or there are no workers.
    """
    if address is None:
        yield None
        return
    if not isinstance(address, str):
        _wait_for_workers(address, "a client")
        yield address
        return
    client = _connect(address)
    try:
        _wait_for_workers(client, address)
        yield client
    finally:
        _close(client)


def _close(client: Any) -> None:
    """Close a client at once, whatever its scheduler does.

    Dask closes one that is left to the garbage collector under a lock that the thread which
    happens to collect may hold: both wait without end.
    """
    try:
        client.close(timeout=5)
    except Exception:
        client.status = "closed"


def _connect(address: str) -> Any:
    """Return a client of a scheduler; what the library logs on the way is left out."""
    try:
        from distributed import Client
    except ImportError as err:
        raise GausscheckError(
            f'dask="{address}": expected Dask to be installed: pip install "gausscheck[dask]"'
        ) from err
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        return _started(Client.__new__(Client), address)
    except Exception as err:  # a server of another kind makes it fail in many ways
        known = isinstance(err, OSError)  # no answer in time is one too
        got = printable(_first_line(err)) if known else "an answer that no scheduler gives"
        raise GausscheckError(
            f'dask="{address}": expected a running scheduler, such as tcp://127.0.0.1:8786, '
            f"got {got}"
        ) from err
    finally:
        logger.setLevel(level)


def _started(client: Any, address: str) -> Any:
    """Start a client, in a thread: a server that never speaks holds it up.

    One that fails is closed before this returns, and one that is too late as soon as it starts.

    Raises
    ------
    TimeoutError
        After twice ``CONNECT`` seconds.
    """
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            client.__init__(address, timeout=CONNECT)
        except Exception as err:
            _close(client)
            with suppress(InvalidStateError):
                outcome.set_exception(err)
            return
        try:
            outcome.set_result(client)
        except InvalidStateError:
            _close(client)

    Thread(target=run, daemon=True, name="gausscheck-connect").start()
    seconds = 2 * CONNECT
    try:
        return outcome.result(timeout=seconds)
    except TimeoutError:
        if outcome.cancel():
            raise TimeoutError(f"no answer in {seconds:g} seconds") from None
        return outcome.result()


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0]


def _wait_for_workers(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS)
    except (TimeoutError, OSError) as err:
        raise GausscheckError(
            f'dask="{address}": expected workers, found none in {WORKERS:g} seconds; start '
            "some with dask worker"
        ) from err


def results(client: Any, futures: Sequence[Any]) -> Iterator[Any]:
    """Yield what futures give, in order; forget each one that is given.

    Raises
    ------
    GausscheckError
        What a worker met; or that all workers are gone, or the scheduler is.
    """
    waiting = list(futures)
    for place, future in enumerate(waiting):
        yield _result(client, future)
        waiting[place] = None


def _result(client: Any, future: Any) -> Any:
    alone_since: float | None = None
    while True:
        try:
            return future.result(timeout=_LOOK)
        except GausscheckError:
            raise
        except TimeoutError as err:
            if future.status == "error":  # it was the worker's
                raise _failed(err) from err
            alone_since = _alone(client, alone_since)
        except Exception as err:
            raise _failed(err) from err


def _failed(err: BaseException) -> GausscheckError:
    word = "lost" if type(err).__name__ in ("KilledWorker", "CancelledError") else "failed"
    return GausscheckError(
        f"a Dask worker {word}: {printable(_first_line(err))}; rows must be readable under the "
        "same path on every worker, and a part of them must fit its memory"
    )


def _alone(client: Any, since: float | None) -> float | None:
    """Return since when there has been no worker; None where there is one.

    Raises
    ------
    GausscheckError
        If that is too long, or the scheduler is gone.
    """
    if client.status not in ("running", "connecting"):
        raise GausscheckError("the Dask scheduler is gone; start it and run again")
    if client.scheduler_info(n_workers=1)["workers"]:
        return None
    now = time.monotonic()
    if since is not None and now - since > WORKERS:
        raise GausscheckError(
            f"all Dask workers are gone for {WORKERS:g} seconds; start some and run again"
        )
    return now if since is None else since
