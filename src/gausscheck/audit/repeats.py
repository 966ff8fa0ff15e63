"""Which rows repeat an earlier one: counted, or estimated from keys held and rows sampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import EstimatedDistinct, Repeats, distinct_rows
from gausscheck.audit.reading import LEAST_ROWS, ReadRows
from gausscheck.core import I64, GausscheckError
from gausscheck.passes.first_pass import FirstPassJob
from gausscheck.passes.kept import fold_kept
from gausscheck.passes.row_keys import CountKeys, RowKeys, row_keys
from gausscheck.passes.sample import RowSample, pieces

OFTEN = 16
"""A row that was sampled so often tells how often it occurs in a file that cannot be read again."""


def find_repeats(read: ReadRows) -> Repeats:
    """Find the rows that repeat an earlier one among all usable rows.

    Counted where the key of every row is held. Else, where a held key or a sampled row comes twice,
    one more pass counts how often each sampled row occurs and finds its first occurrence; rows that
    cannot be read again (a sketch) are compared within the sample.
    """
    held = read.rows.keys
    if held.level == 0:
        return distinct_rows(held.keys, held.first)
    order = np.argsort(read.sample.index)
    ids = read.sample.index[order]
    keys = _sampled_keys(read.sample)[order]
    mine = RowKeys(held.level, keys, ids, np.ones(ids.size, dtype=np.int64)).by_key()
    n = read.rows.n - read.rows.bad
    share, every = 0.5**held.level, n / ids.size
    limit = max(share * every, 1.0)  # where held keys and sampled rows tell as much
    seen = mine.keys.size < keys.size or bool((held.count > 1).any())
    if seen and ids.size < n:
        if read.job is None:
            return _within_sample(mine, held, n, ids, keys)
        mine = _counted(read, read.job, mine)
    place = np.searchsorted(mine.keys, keys)
    count = mine.count[place]
    return EstimatedDistinct(
        n, share, held, ids, mine.first[place], count, count.astype(np.float64), limit
    )


def without_repeats(read: ReadRows, repeats: Repeats) -> ReadRows:
    """Leave out rows that repeat an earlier one.

    Raises
    ------
    GausscheckError
        If too few are left, in the file or in the sample.
    """
    left, uri = repeats.n - repeats.repeats, read.source.uri
    if left < LEAST_ROWS:
        raise GausscheckError(
            f"{uri}: expected at least {LEAST_ROWS} rows that differ, got {left} among "
            f"{read.source.n} equal rows; check how the file was written"
        )
    read = read.without_repeats(repeats)
    if read.sample.m < LEAST_ROWS:
        raise GausscheckError(
            f"{uri}: expected at least {LEAST_ROWS} sampled rows that don't repeat others, got "
            f"{read.sample.m}; raise rows=, or remove repeats from the file"
        )
    return read


def _sampled_keys(sample: RowSample) -> NDArray[np.uint64]:
    found = [row_keys(sample.read(part.start, part.stop)) for part in pieces(sample.m)]
    return np.concatenate(found)


def _counted(read: ReadRows, job: FirstPassJob, mine: RowKeys) -> RowKeys:
    """Count all occurrences of the sampled rows in the file."""
    (found,) = fold_kept(job, [CountKeys(mine.keys)], read.workers, "repeated rows")
    return RowKeys(mine.level, found.keys, found.first, found.count)


def _within_sample(
    mine: RowKeys, held: RowKeys, n: int, ids: I64, keys: NDArray[np.uint64]
) -> EstimatedDistinct:
    """Take what is known of all occurrences where a key is held, and of the sampled ones else.

    How often a row occurs in the file follows from how often it was sampled, if often enough.
    """
    every, share = n / ids.size, 0.5**held.level
    times = np.where(mine.count >= OFTEN, mine.count * every, mine.count)
    first, count = mine.first.copy(), mine.count.copy()
    _, ours, theirs = np.intersect1d(mine.keys, held.keys, return_indices=True)
    first[ours], count[ours], times[ours] = (
        held.first[theirs],
        held.count[theirs],
        held.count[theirs],
    )
    place = np.searchsorted(mine.keys, keys)
    return EstimatedDistinct(
        n, share, held, ids, first[place], count[place], times[place], (OFTEN - 0.5) * every
    )
