"""How a pass over all rows is run: here in threads, or on the workers of a Dask cluster.

Rows are cut into leaves that depend on nothing but their width; states of leaves are folded by one
tree. So the same plan gives the same bits wherever a leaf is worked on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

from gausscheck.core import Progress, Source, Stage
from gausscheck.passes.dask import results
from gausscheck.passes.fold import Node, TreeFold, fold_blocks
from gausscheck.passes.plan import Plan
from gausscheck.threads import one_thread

State = TypeVar("State")

STRETCHES = 32
"""Stretches of leaves that an interruptible or distributed pass is cut into, about."""


class Reduction(Protocol[State]):
    """A quantity that is computed on leaves and merged; it travels to workers by pickle."""

    def of(self, block: NDArray[Any], row0: int) -> State:
        """Return the state of one leaf whose first row is row ``row0`` of the source."""
        ...

    def merge(self, a: State, b: State) -> State:
        """Return the state of the rows of ``a`` followed by those of ``b``."""
        ...


@dataclass(frozen=True, slots=True)
class Workers:
    """Who takes a pass.

    Attributes
    ----------
    pool : ThreadPoolExecutor
        Threads of this process.
    progress : callable
        ``progress(stage, share)``.
    client : distributed.Client or None
        A cluster whose workers read and reduce; None reads here.
    keep : Path or None
        A folder where what was taken is kept, so that an interrupted pass goes on and a second one
        reads nothing.
    """

    pool: ThreadPoolExecutor
    progress: Progress
    client: Any = None
    keep: Path | None = None


def fold_rows(
    source: Source, blocks: Plan, reduction: Reduction[State], workers: Workers, stage: str
) -> State:
    """Reduce all rows of a source to one state.

    Parameters
    ----------
    source : Source
    blocks : Plan
    reduction : Reduction
    workers : Workers
    stage : str
        What the progress line says.

    Returns
    -------
    State
        The same bits here and on a cluster. Memory: three blocks of rows, and a state for each
        level of the tree.
    """
    counted = Stage(stage, source.n, "rows")
    workers.progress(counted, 0.0)
    if workers.client is None:
        return fold_blocks(
            source.read, blocks, reduction.of, reduction.merge, workers.pool,
            lambda done: workers.progress(counted, done),
        )  # fmt: skip
    fold: TreeFold[State] = TreeFold(reduction.merge)
    # a task, for what is scattered is lost with its worker, and all that waits for it cancelled
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        shared = workers.client.submit(as_it_is, reduction, pure=False)
    ranges = blocks.parts(STRETCHES)
    jobs = [(source, blocks, leaves, shared) for leaves in ranges]
    for done, nodes in enumerate(submit(workers.client, fold_stretch, jobs)):
        for node in nodes:
            fold.push(node.state, node.level)
        workers.progress(counted, (done + 1) / len(ranges))
    return fold.result()


def as_it_is(value: State) -> State:
    """Return what was given: a task that can be run again wherever its result is lost."""
    return value


def fold_stretch(
    source: Source, blocks: Plan, leaves: range, reduction: Reduction[State]
) -> tuple[Node[State], ...]:
    """Reduce some leaves, one after another, to aligned nodes of the tree."""
    fold: TreeFold[State] = TreeFold(reduction.merge, leaves.start)
    with one_thread():
        for leaf in leaves:
            low = leaf * blocks.leaf
            block = source.read(low, min(low + blocks.leaf, source.n))
            fold.push(reduction.of(block, low))
    return tuple(fold.nodes)


def submit(
    client: Any, work: Callable[..., State], jobs: Sequence[tuple[Any, ...]]
) -> Iterator[State]:
    """Run jobs on a cluster, all at once; yield what they give in order."""
    futures = [client.submit(work, *job, pure=False) for job in jobs]
    yield from results(client, futures)
