"""The rows of an audit: read once, bad and repeated ones left out, their spread and a sample."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.grouping import Grouping
from gausscheck.audit.noticed import Repeats
from gausscheck.audit.preflight import check_rows, check_scale
from gausscheck.config import Config
from gausscheck.core import F64, I64, GausscheckError, Source
from gausscheck.passes.first_pass import FirstPassJob, first_pass, recall, watched
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.leaf import EVERY_ROW, Selection, usable
from gausscheck.passes.plan import check_budget, check_sample, plan
from gausscheck.passes.reductions import Rows
from gausscheck.passes.row_keys import level_of
from gausscheck.passes.run import Workers, fold_rows
from gausscheck.passes.sample import RowSample, pieces
from gausscheck.passes.sketch import KeptPass
from gausscheck.passes.spread import Spread, SpreadOfRows, merge_spread

LEAST_ROWS = 20
"""Rows that an audit needs."""

FEW = 0.01
"""Share of rows that may stay in mean and covariance though they repeat others."""

BLOCK = 4096
"""Sampled rows whose spread is taken at once."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside the rows: one label a row, and what rows belong together."""

    labels: NDArray[Any] | None = None
    clusters: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What is left of the rows after a step, and how to leave out more.

    Attributes
    ----------
    source : Source or KeptPass
    job : FirstPassJob or None
        None where rows cannot be read again.
    rows : Rows
        Findings of the first pass about every row.
    spread : Spread
        Mean and covariance of the rows that are left.
    sample : RowSample
        A random sample of them; leaving rows out shrinks it in place.
    left_out : array of int
        Row ids, ascending: repeats, rows that decide. Bad rows are left out too.
    unit : bool
        Whether rows are divided by their lengths first.
    workers : Workers
    grouping : Grouping or None
        How rows depend on each other, once that has been looked at.
    stands_for : int or None
        About how many distinct rows of the file the sample stands for, where it alone is looked at
        for some rows repeat and not all of them are known.
    repeated : RowSample or None
        Sampled rows that repeat an earlier one, where not all are known.
    """

    source: Source | KeptPass
    job: FirstPassJob | None
    rows: Rows
    spread: Spread
    sample: RowSample
    left_out: I64
    unit: bool
    workers: Workers
    grouping: Grouping | None = None
    stands_for: int | None = None
    repeated: RowSample | None = None

    @property
    def all_sampled(self) -> bool:
        """Whether the sample holds every row that is left."""
        return self.sample.m == self.rows.n - self.rows.bad - self.left_out.size

    @property
    def read_again(self) -> bool:
        """Whether later passes read the file: it has more rows than the sample, and they count."""
        return self.job is not None and not self.all_sampled and self.stands_for is None

    @property
    def selection(self) -> Selection:
        """Which rows of the file later passes look at."""
        return Selection(self.left_out, self.rows.bad > 0)

    def without(self, ids: I64) -> ReadRows:
        """Leave more rows out: of the sample, and of mean and covariance.

        Where the sample does not hold all rows they are read again; rows that cannot be read again
        (a sketch) have their spread from the sample.
        """
        return self._fewer(ids)._refitted() if ids.size else self

    def without_repeats(self, repeats: Repeats) -> ReadRows:
        """Leave out rows that repeat an earlier one.

        Up to 1 % of them may stay in mean and covariance of a file that the sample does not hold,
        which they hardly move. Where there are more and not all of them are known the sampled rows
        that don't repeat an earlier one, which are a random sample of the distinct ones, stand for
        the file.
        """
        if not repeats.repeats:
            return self
        known = repeats.error is None
        repeated = None if known else self.sample.only(repeats.again)
        fewer = replace(self._fewer(repeats.again), repeated=repeated)
        if not fewer.all_sampled:
            if repeats.repeats <= FEW * self.spread.n:
                return fewer
            if not known:
                fewer = replace(fewer, stands_for=repeats.n - repeats.repeats)
        return fewer._refitted()

    def _fewer(self, ids: I64) -> ReadRows:
        self.sample.drop(ids)
        return replace(self, left_out=np.union1d(self.left_out, ids))

    def _refitted(self) -> ReadRows:
        if not self.read_again or self.job is None:
            return replace(self, spread=_spread_of_sample(self.sample, self.unit))
        again = SpreadOfRows(self.selection, self.unit)
        spread = fold_rows(self.job.source, self.job.blocks, again, self.workers, "distinct rows")
        return replace(self, spread=spread)

    def sampled_rows(self, rows: int | None = None) -> Iterator[F64]:
        """Give the sample or its first rows in blocks, divided by their lengths where ``unit``."""
        most = self.sample.m if rows is None else min(rows, self.sample.m)
        for start in range(0, most, BLOCK):
            x = self.sample.read(start, min(start + BLOCK, most)).astype(np.float64)
            yield x / np.linalg.norm(x, axis=1, keepdims=True) if self.unit else x


def _spread_of_sample(sample: RowSample, unit: bool) -> Spread:
    reduction = SpreadOfRows(EVERY_ROW, unit)
    starts = range(0, sample.m, BLOCK)
    return tree_fold(
        merge_spread, (reduction.of(sample.read(low, low + BLOCK), low) for low in starts)
    )


@contextmanager
def read_rows(source: Source | KeptPass, config: Config, workers: Workers) -> Iterator[ReadRows]:
    """Read all rows once, refuse or drop bad ones, fill the sample.

    Raises
    ------
    GausscheckError
        If there are too few rows, or bad ones that the options do not drop.
    """
    if source.n < LEAST_ROWS:
        raise GausscheckError(
            f"{source.uri}: expected at least {LEAST_ROWS} rows, got {source.n}; save more "
            "embeddings"
        )
    scaled = config.normalize == "standardize"
    check_budget(source.n, source.d, config.memory_bytes, source.uri, scaled=scaled)
    check_sample(min(config.rows, source.n), config.memory_bytes, source.uri)
    blocks = plan(source.n, source.d, source.dtype.itemsize, config.memory_bytes // 4)
    unit = config.normalize == "unit"
    budget = config.memory_bytes // 2
    job = None
    if not isinstance(source, KeptPass):
        job = FirstPassJob(source, blocks, config.seed, config.rows, unit, config.groups)
    sampled = RowSample(source.n, source.d, config.rows, source.dtype, config.seed, budget)
    with sampled as sample, watched(job):
        if isinstance(source, KeptPass):
            asked = replace(
                source.meta,
                seed=config.seed,
                rows=config.rows,
                unit=unit,
                groups=config.groups,
                level=level_of(source.n),
            )
            rows, spread = recall(source, asked, sample)
        elif job is not None:
            rows, spread = first_pass(job, sample, workers)
        check_rows(rows, config.on_bad_rows, source.uri)
        check_scale(spread, source.uri)
        if rows.bad:
            sample.drop(_unusable(sample))
        if sample.m < LEAST_ROWS:
            raise GausscheckError(
                f"{source.uri}: expected at least {LEAST_ROWS} usable rows in the sample, got "
                f"{sample.m}; raise rows="
            )
        check_subsets(config, sample.m)
        none = np.empty(0, dtype=np.int64)
        yield ReadRows(source, job, rows, spread, sample, none, unit, workers)


def _unusable(sample: RowSample) -> I64:
    """Return the sampled rows that are not finite or all zero."""
    good = [usable(sample.read(part.start, part.stop)) for part in pieces(sample.m)]
    return sample.index[~np.concatenate(good)]


def check_subsets(config: Config, m: int) -> None:
    """Refuse subsets that want more than the m rows at hand.

    Raises
    ------
    GausscheckError
    """
    b, size = config.subset_plan() or (1, m)
    if b * size > m:
        raise GausscheckError(
            f'subsets="{b}x{size}": expected at most {m} rows in all, got {b * size}; take fewer '
            "or smaller subsets"
        )
