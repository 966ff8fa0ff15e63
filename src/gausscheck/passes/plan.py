"""How rows are cut: always into the same leaves, whatever the memory budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

from gausscheck.core import GausscheckError
from gausscheck.passes.scatter import is_wide

LEAF_VALUES = 1 << 21
"""Values in a leaf (rows times dimensions), about 16 MB in float64."""

LEAF_ROWS = 1 << 16
"""Rows in a leaf at most: of narrow rows the work takes several numbers a row."""

READ_BYTES = 12 << 20
"""Bytes of one read at most: larger blocks get fresh pages each time, which costs more than they
save."""

ROW_BYTES = 24
"""Bytes that are held of every sampled row whatever its width: its number and its place, for a
while twice."""


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
    >>> plan(10_000, 512, 2, 1 << 24).leaf, plan(10_000, 2, 2, 1 << 24).leaf
    (4096, 65536)
    """
    leaf = min(max(64, LEAF_VALUES // max(d, 1)), LEAF_ROWS)
    leaf = 1 << (leaf.bit_length() - 1)
    bytes_per_leaf = leaf * max(d, 1) * itemsize
    batch = max(1, min(memory // (4 * bytes_per_leaf), READ_BYTES // bytes_per_leaf))
    return Plan(n=n, leaf=leaf, batch=int(batch))


def check_budget(n: int, d: int, memory: int, uri: str, *, scaled: bool = False) -> None:
    """Refuse more dimensions than a budget holds, whatever is promised by a header.

    Parameters
    ----------
    n, d : int
    memory : int
    uri : str
    scaled : bool
        Whether coordinates are standardised, by a d x d map.

    Raises
    ------
    GausscheckError
        If what one covariance matrix is held by takes more than the budget: the matrix, or the
        rows where they are few.

    Examples
    --------
    >>> check_budget(1_000_000, 8192, 10**9, "x.npy")
    """
    few = is_wide(n, d) and not scaled
    if 8 * (n if few else d) * d > memory:
        most = memory // (8 * n) if few else isqrt(memory // 8)
        raise GausscheckError(
            f"{uri}: expected at most {most:,} dimensions of so many rows in a budget of "
            f"{memory:,} bytes, got {d:,}; raise the memory budget or take fewer columns"
        )


def check_sample(rows: int, memory: int, uri: str) -> None:
    """Refuse a sample whose row numbers alone are more than a budget holds.

    Raises
    ------
    GausscheckError

    Examples
    --------
    >>> check_sample(100_000, 10**8, "x.npy")
    """
    if rows * ROW_BYTES > memory:
        raise GausscheckError(
            f"{uri}: expected at most {memory // ROW_BYTES:,} sampled rows in a budget of "
            f"{memory:,} bytes, got {rows:,}; raise the memory budget or take a smaller rows="
        )


TILE = 64
"""Directions in one matrix product. Fixed, so that results do not depend on the memory plan."""
