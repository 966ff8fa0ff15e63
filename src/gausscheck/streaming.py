"""Memory-bounded folds over rows: the Reduction protocol, the leaf plan, the tree fold.

Rows are always cut into the same leaves, whatever the memory budget: the budget only decides how
many leaves are read at once. So every sum is added up in the same order and a report does not
depend on ``--memory``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from numpy.typing import NDArray

from gausscheck.core import GausscheckError

State = TypeVar("State")
Result_co = TypeVar("Result_co", covariant=True)

LEAF_VALUES = 1 << 21
"""Values in a leaf (rows times dimensions), about 16 MB in float64."""

READ_BYTES = 24 << 20
"""Bytes of one read at most: larger blocks get fresh pages each time, which costs more than they
save."""


class Reduction(Protocol[State, Result_co]):
    """A quantity that is computed on pieces and merged."""

    def of(self, block: NDArray[Any], row0: int) -> State:
        """Return the state of one block whose first row is row ``row0`` of the source."""
        ...

    def merge(self, a: State, b: State) -> State:
        """Return the state of the rows of ``a`` followed by those of ``b``."""
        ...

    def finish(self, state: State) -> Result_co:
        """Return the quantity itself."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How n rows are cut: leaves of ``leaf`` rows, read ``batch`` leaves at a time."""

    n: int
    leaf: int
    batch: int

    def reads(self) -> Iterator[tuple[int, int]]:
        """Row ranges to read, in order; each is a whole number of leaves but for the last."""
        step = self.leaf * self.batch
        for start in range(0, self.n, step):
            yield start, min(start + step, self.n)

    @property
    def count(self) -> int:
        """The number of leaves."""
        return -(-self.n // self.leaf)

    def parts(self, wanted: int) -> list[range]:
        """Cut the leaves into about so many stretches, at multiples of a power of two."""
        size = 1 << max(self.count // max(wanted, 1), 1).bit_length() - 1
        return [range(low, min(low + size, self.count)) for low in range(0, self.count, size)]

    def leaves(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Leaves inside one read."""
        for row in range(start, stop, self.leaf):
            yield row, min(row + self.leaf, stop)


def plan(n: int, d: int, itemsize: int, memory: int) -> Plan:
    """Cut n rows of d values into leaves that do not depend on ``memory``, in batches that do.

    Parameters
    ----------
    n, d : int
    itemsize : int
        Bytes of a stored value.
    memory : int
        Bytes that the buffers of one read may take: the stored rows once, and a float64 working
        copy of each leaf in flight.

    Examples
    --------
    >>> plan(10_000, 512, 2, 1 << 30).leaf
    4096
    >>> plan(10_000, 512, 2, 1 << 24).leaf
    4096
    """
    leaf = max(64, LEAF_VALUES // max(d, 1))
    leaf = 1 << (leaf.bit_length() - 1)
    bytes_per_leaf = leaf * max(d, 1) * itemsize
    batch = max(1, min(memory // (4 * bytes_per_leaf), READ_BYTES // bytes_per_leaf))
    return Plan(n=n, leaf=leaf, batch=int(batch))


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
    """Read blocks one ahead of the work on them, and fold the states of their leaves in row order.

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
        Two blocks of rows are alive at most.
    """
    fold = TreeFold(merge)
    spans = list(blocks.reads())
    ahead = pool.submit(read, *spans[0])
    for (start, stop), following in zip(spans, [*spans[1:], None], strict=True):
        block = ahead.result()
        if following is not None:
            ahead = pool.submit(read, *following)
        tasks = [
            pool.submit(leaf, block[low - start : high - start], low)
            for low, high in blocks.leaves(start, stop)
        ]
        for task in tasks:
            fold.push(task.result())
        progress(stop / blocks.n)
    return fold.result()


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
            f'--dask {address}: expected Dask to be installed: pip install "gausscheck[dask]"'
        ) from err
    try:
        client = Client(address, timeout=CONNECT)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as err:
        raise GausscheckError(
            f"--dask {address}: expected a running scheduler, such as tcp://127.0.0.1:8786, got "
            f"{str(err).splitlines()[0]}"
        ) from err
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]
