"""The rows of an audit: read once, bad and repeated ones left out, their spread and a sample."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.grouping import Grouping
from gausscheck.audit.noticed import Distinct, distinct_rows
from gausscheck.audit.preflight import check_rows
from gausscheck.config import Config
from gausscheck.core import F64, I64, GausscheckError, Source
from gausscheck.passes.first_pass import FirstPassJob, first_pass, recall
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.plan import check_budget, plan
from gausscheck.passes.reductions import Rows, Spread, SpreadOfRows, merge_spread
from gausscheck.passes.run import Workers, fold_rows
from gausscheck.passes.sample import RowSample
from gausscheck.passes.sketch import KeptPass

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
        Row ids, ascending: bad rows, repeats, rows that decide.
    unit : bool
        Whether rows are divided by their lengths first.
    workers : Workers
    grouping : Grouping or None
        How rows depend on each other, once that has been looked at.
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

    @property
    def all_sampled(self) -> bool:
        """Whether the sample holds every row that is left."""
        return self.sample.m == self.source.n - self.left_out.size

    def without(self, ids: I64, *, like_others: bool = False) -> ReadRows:
        """Leave more rows out: of the sample, and of mean and covariance.

        Where the sample does not hold all rows they are read again; rows that cannot be read again
        (a sketch) have their spread from the sample.

        Parameters
        ----------
        ids : array of int
        like_others : bool
            These rows are like any others (repeats): up to 1 % of them may stay in mean and
            covariance of a file that the sample does not hold, which they hardly move.
        """
        if not ids.size:
            return self
        left_out = np.union1d(self.left_out, ids)
        self.sample.drop(ids)
        fewer = replace(self, left_out=left_out)
        if like_others and not fewer.all_sampled and ids.size <= FEW * self.spread.n:
            return fewer
        if fewer.all_sampled or self.job is None:
            return replace(fewer, spread=_spread_of_sample(self.sample, self.unit))
        again = SpreadOfRows(left_out, self.unit)
        spread = fold_rows(self.job.source, self.job.blocks, again, self.workers, "distinct rows")
        return replace(fewer, spread=spread)

    def sampled_rows(self, rows: int | None = None) -> Iterator[F64]:
        """Give the sample or its first rows in blocks, divided by their lengths where ``unit``."""
        most = self.sample.m if rows is None else min(rows, self.sample.m)
        for start in range(0, most, BLOCK):
            x = self.sample.read(start, min(start + BLOCK, most)).astype(np.float64)
            yield x / np.linalg.norm(x, axis=1, keepdims=True) if self.unit else x

    def distinct(self) -> Distinct:
        """Return the distinct rows among those that are left, by their ids in the file."""
        kept = np.delete(np.arange(self.rows.keys.size), self.left_out)
        found = distinct_rows(self.rows.keys[kept])
        return Distinct(kept[found.first], found.count)

    def repeats(self, distinct: Distinct) -> I64:
        """Return the rows that repeat an earlier one."""
        kept = np.delete(np.arange(self.rows.keys.size), self.left_out)
        return np.setdiff1d(kept, distinct.first, assume_unique=True)


def _spread_of_sample(sample: RowSample, unit: bool) -> Spread:
    reduction = SpreadOfRows(np.empty(0, dtype=np.int64), unit)
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
    check_budget(source.n, source.d, config.memory_bytes, source.uri)
    blocks = plan(source.n, source.d, source.dtype.itemsize, config.memory_bytes // 4)
    unit = config.normalize == "unit"
    budget = config.memory_bytes // 2
    with RowSample(source.n, source.d, config.rows, source.dtype, config.seed, budget) as sample:
        job = None
        if isinstance(source, KeptPass):
            asked = replace(
                source.meta, seed=config.seed, rows=config.rows, unit=unit, leaf=blocks.leaf
            )
            rows, spread = recall(source, asked, sample)
        else:
            job = FirstPassJob(source, blocks, config.seed, config.rows, unit)
            rows, spread = first_pass(job, sample, workers)
        check_rows(rows, config.on_bad_rows, source.uri)
        sample.drop(rows.bad)
        check_subsets(config, sample.m)
        yield ReadRows(source, job, rows, spread, sample, rows.bad, unit, workers)


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
