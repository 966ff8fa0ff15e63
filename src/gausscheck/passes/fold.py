"""Memory-bounded folds over rows: the tree fold, and what feeds it.

Rows are always cut into the same leaves, whatever the memory budget: the budget only decides how
many leaves are read at once. So every sum is added up in the same order and a report does not
depend on ``--memory``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from gausscheck.passes.plan import Plan

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Node(Generic[State]):
    """The state of leaves ``index * 2^level`` up to ``(index + 1) * 2^level``."""

    level: int
    index: int
    state: State


class TreeFold(Generic[State]):
    """A fold of states in row order: at most 2 log2(leaves) + 1 of them are alive.

    Two neighbours are merged once they are the halves of an aligned stretch of leaves, so the tree
    depends on leaf numbers alone: parts that were folded elsewhere fit in, and runs that cut the
    rows alike agree to the last bit.

    Parameters
    ----------
    merge : callable
    first : int
        The first leaf's number.
    """

    def __init__(self, merge: Callable[[State, State], State], first: int = 0) -> None:
        self._merge, self._next = merge, first
        self.nodes: list[Node[State]] = []

    def push(self, state: State, level: int = 0) -> None:
        """Add the next leaf's state, or that of the next aligned 2^level leaves."""
        node = Node(level, self._next >> level, state)
        self._next += 1 << level
        while self.nodes:
            left = self.nodes[-1]
            if left.level != node.level or left.index % 2 or left.index + 1 != node.index:
                break
            self.nodes.pop()
            node = Node(node.level + 1, left.index // 2, self._merge(left.state, node.state))
        self.nodes.append(node)

    def result(self) -> State:
        """Merge what is held, oldest rows first. Raises LookupError if nothing was pushed."""
        if not self.nodes:
            raise LookupError("no leaf was pushed")
        total = self.nodes[-1].state
        for node in reversed(self.nodes[:-1]):
            total = self._merge(node.state, total)
        return total


def tree_fold(merge: Callable[[State, State], State], states: Iterable[State]) -> State:
    """Fold states in row order with few alive at a time.

    Examples
    --------
    >>> tree_fold(lambda a, b: a + b, iter("abcde"))
    'abcde'
    """
    fold = TreeFold(merge)
    for state in states:
        fold.push(state)
    return fold.result()


def fold_blocks(
    read: Callable[[int, int], NDArray[Any]],
    blocks: Plan,
    leaf: Callable[[NDArray[Any], int], State],
    merge: Callable[[State, State], State],
    pool: Executor,
    progress: Callable[[float], None],
) -> State:
    """Read blocks ahead of the work on them, and fold the states of their leaves in row order.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` gives rows; never called from two threads at once.
    blocks : Plan
    leaf : callable
        ``leaf(rows, row0)`` gives the state of one leaf.
    merge : callable
    pool : Executor
        Where leaves and reads run.
    progress : callable
        Receives the share of rows done.

    Returns
    -------
    State
        Three blocks of rows are alive at most: one that is worked on, one whose leaves wait, so
        that no thread does, and one that is read.
    """
    fold = TreeFold(merge)
    spans = list(blocks.reads())
    ahead = pool.submit(read, *spans[0])
    waiting: deque[tuple[int, list[Future[State]]]] = deque()

    def finish() -> None:
        stop, tasks = waiting.popleft()
        for task in tasks:
            fold.push(task.result())
        progress(stop / blocks.n)

    for (start, stop), following in zip(spans, [*spans[1:], None], strict=True):
        block = ahead.result()
        if following is not None:
            ahead = pool.submit(read, *following)
        tasks = [
            pool.submit(leaf, block[low - start : high - start], low)
            for low, high in blocks.leaves(start, stop)
        ]
        waiting.append((stop, tasks))
        del block
        if len(waiting) > 1:
            finish()
    while waiting:
        finish()
    return fold.result()


def map_ahead(
    work: Callable[..., State], items: Iterable[tuple[Any, ...]], pool: Executor | None
) -> Iterator[State]:
    """Work on items in a pool while the next ones are fetched; yield what they give in order.

    Items are fetched by the calling thread alone; at most four wait.
    """
    if pool is None:
        yield from (work(*item) for item in items)
        return
    waiting: deque[Future[State]] = deque()
    for item in items:
        waiting.append(pool.submit(work, *item))
        if len(waiting) > 4:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
