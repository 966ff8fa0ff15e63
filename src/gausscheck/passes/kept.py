"""A later pass over all rows, taken once and kept: a second run reads nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import atomic_path, read_arrays
from gausscheck.passes.first_pass import FirstPassJob
from gausscheck.passes.run import Reduction, Workers, fold_rows

State = TypeVar("State")


class KeyedReduction(Reduction[State], Protocol[State]):
    """A reduction that says what it looks at."""

    @property
    def key(self) -> str:
        """Name what is looked at: another key, another kept state."""
        ...


def fold_kept(
    job: FirstPassJob,
    reduction: KeyedReduction[State],
    workers: Workers,
    stage: str,
    unpack: Callable[[Mapping[str, NDArray[Any]]], State],
) -> State:
    """Reduce all rows of the job's source, or return the state that was kept.

    Parameters
    ----------
    job : FirstPassJob
    reduction : KeyedReduction
        Its state is a dataclass of numbers and arrays.
    workers : Workers
    stage : str
        What the progress line says.
    unpack : callable
        Builds the state from arrays by field; it raises where they do not fit.

    Raises
    ------
    GausscheckError
        If the file is not what it was in the first pass.
    """

    def fold() -> State:
        job.check_unchanged()
        total = fold_rows(job.source, job.blocks, reduction, workers, stage)
        job.check_unchanged()
        return total

    return keep(job, reduction.key, workers, fold, unpack)


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
    held = None if workers.keep is None else workers.keep / f"{job.key}-{key}.npz"
    known = None if held is None else _read(held, unpack)
    if known is not None:
        return known
    made = make()
    if held is not None:
        values = {f.name: np.asarray(getattr(made, f.name)) for f in fields(made)}  # type: ignore[arg-type]
        with atomic_path(held) as work, work.open("wb") as handle:
            np.savez(handle, **values)  # type: ignore[arg-type]
    return made


def _read(path: Path, unpack: Callable[[Mapping[str, NDArray[Any]]], State]) -> State | None:
    """Return what was kept; None where it is missing or damaged."""
    if not path.exists():
        return None
    try:
        return unpack(read_arrays(path))  # members carry checksums
    except (GausscheckError, KeyError, TypeError, ValueError):
        return None
