"""One measurement of what all processes of ``torch.distributed`` have seen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from gausscheck.core import GausscheckError
from gausscheck.rng import row_hash

if TYPE_CHECKING:
    from gausscheck.monitor.measurement import Measurement
    from gausscheck.monitor.monitor import GaussianMonitor


def rank_and_size() -> tuple[int, int]:
    """Return which process this is, and of how many; (0, 1) where torch is not in use, or alone."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return 0, 1
    if not torch.distributed.is_initialized():
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def gather(monitor: GaussianMonitor) -> GaussianMonitor:
    """Return a monitor of the rows that all processes have seen, the same in each.

    Ids travel first, so that only the rows of the common sample do: ``rows`` of them in all.

    Parameters
    ----------
    monitor : GaussianMonitor
        Of this process; it stays as it is. Every process has to call.

    Returns
    -------
    GaussianMonitor
        The same one where ``torch.distributed`` is not initialised.

    Raises
    ------
    GausscheckError
        In every process, if the monitors differ in rows, seed or width, or share a stream.
    """
    if rank_and_size()[1] == 1:
        return monitor
    held = np.concatenate(_from_all(monitor.ids))
    most, seed = monitor.config.rows, monitor.config.seed
    keys = np.sort(row_hash(held.view(np.uint64), seed))[:most]
    mine, state = row_hash(monitor.ids.view(np.uint64), seed), monitor.state()
    kept = mine <= keys[-1:]
    fewer = {k: v[kept] if isinstance(v, np.ndarray) else v for k, v in state.items()}
    merged = monitor.empty()
    for part in _from_all(fewer):
        merged.merge(part)
    return merged


def compute_over_ranks(monitor: GaussianMonitor, problem: str | None = None) -> Measurement:
    """Measure what all processes have seen: the first one computes, all return the same.

    Parameters
    ----------
    monitor : GaussianMonitor
        Of this process. Every process has to call.
    problem : str, optional
        Why this process could not see its rows.

    Raises
    ------
    GausscheckError
        In every process, where one has a problem, or :func:`gather` or ``compute`` refuses.
    """
    alone = rank_and_size()[1] == 1
    problems = [p for p in ([problem] if alone else _from_all(problem)) if p is not None]
    if problems:
        raise GausscheckError(problems[0])
    merged = gather(monitor)
    if alone:
        return merged.compute()
    import torch.distributed as dist

    outcome: list[Any] = [None, None]
    if dist.get_rank() == 0:
        try:
            outcome[0] = merged.compute()
        except Exception as err:  # the others wait for an answer
            outcome[1] = str(err) or type(err).__name__
    dist.broadcast_object_list(outcome, src=0)
    measured: Measurement | None = outcome[0]
    if measured is None:
        raise GausscheckError(outcome[1])
    return measured


def _from_all(mine: Any) -> list[Any]:
    import torch.distributed as dist

    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, mine)
    return found
