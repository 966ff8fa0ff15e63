"""A later pass over all rows, taken once and kept: a second run reads nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import atomic_path, read_arrays
from gausscheck.passes.first_pass import FirstPassJob
from gausscheck.passes.leaf import Leaf
from gausscheck.passes.run import Workers, fold_rows

State = TypeVar("State")


class KeyedReduction(Protocol[State]):
    """A quantity of leaves that says what it looks at; its state has numbers and arrays alone."""

    def of_leaf(self, leaf: Leaf) -> State:
        """Return the state of one leaf."""
        ...

    def merge(self, a: State, b: State) -> State:
        """Return the state of the rows of ``a`` followed by those of ``b``."""
        ...

    @property
    def key(self) -> str:
        """Name what is looked at: another key, another kept state."""
        ...

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> State:
        """Build a state from its arrays by field; raises ValueError where they do not fit."""
        ...


@dataclass(frozen=True, slots=True)
class Together:
    """Several reductions of the same rows, taken in one pass; their states are a tuple."""

    reductions: tuple[KeyedReduction[Any], ...]

    def of(self, block: NDArray[Any], row0: int) -> tuple[Any, ...]:
        """Return the states of one block, whose rows are chosen and centred once."""
        leaf = Leaf(block, row0)
        return tuple(one.of_leaf(leaf) for one in self.reductions)

    def merge(self, a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the states of the rows of both."""
        each = zip(self.reductions, a, b, strict=True)
        return tuple(one.merge(left, right) for one, left, right in each)


def fold_kept(
    job: FirstPassJob, reductions: Sequence[KeyedReduction[Any]], workers: Workers, stage: str
) -> list[Any]:
    """Reduce all rows of the job's source, or return the states that were kept.

    Parameters
    ----------
    job : FirstPassJob
    reductions : sequence of KeyedReduction
        Those that were not kept are taken in one pass.
    workers : Workers
    stage : str
        What the progress line says.

    Returns
    -------
    list
        The state of each reduction.

    Raises
    ------
    GausscheckError
        If the file is not what it was in the first pass.
    """
    found = [_kept(job, one.key, workers, one.unpack) for one in reductions]
    fresh = [place for place, state in enumerate(found) if state is None]
    if not fresh:
        return found
    job.check_unchanged()
    together = Together(tuple(reductions[place] for place in fresh))
    states = fold_rows(job.source, job.blocks, together, workers, stage)
    job.check_unchanged()
    for place, state in zip(fresh, states, strict=True):
        found[place] = state
        _save(job, reductions[place].key, workers, state)
    return found


def keep(
    job: FirstPassJob,
    key: str,
    workers: Workers,
    make: Callable[[], State],
    unpack: Callable[[Mapping[str, NDArray[Any]]], State],
) -> State:
    """Return what was kept of a job under a key; make and keep it where nothing was.

    Parameters
    ----------
    job : FirstPassJob
    key : str
    workers : Workers
    make : callable
        Gives a dataclass of numbers and arrays.
    unpack : callable
        Builds it from arrays by field; it raises where they do not fit.
    """
    known = _kept(job, key, workers, unpack)
    if known is None:
        known = make()
        _save(job, key, workers, known)
    return known


def _path(job: FirstPassJob, key: str, workers: Workers) -> Path | None:
    return None if workers.keep is None else workers.keep / f"{job.key}-{key}.npz"


def _kept(
    job: FirstPassJob,
    key: str,
    workers: Workers,
    unpack: Callable[[Mapping[str, NDArray[Any]]], State],
) -> State | None:
    path = _path(job, key, workers)
    return None if path is None else _read(path, unpack)


def _save(job: FirstPassJob, key: str, workers: Workers, state: Any) -> None:
    path = _path(job, key, workers)
    if path is not None:
        values = {f.name: np.asarray(getattr(state, f.name)) for f in fields(state)}
        with atomic_path(path) as work, work.open("wb") as handle:
            np.savez(handle, **values)  # type: ignore[arg-type]


def _read(path: Path, unpack: Callable[[Mapping[str, NDArray[Any]]], State]) -> State | None:
    """Return what was kept; None where it is missing or damaged."""
    if not path.exists():
        return None
    try:
        return unpack(read_arrays(path))  # members carry checksums
    except (GausscheckError, KeyError, TypeError, ValueError):
        return None
