"""The use section of an audit: over all rows where they can be read, errors from the sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.grouping import Grouping
from gausscheck.audit.noticed import Distinct, EstimatedDistinct, Repeats
from gausscheck.audit.reading import ReadRows
from gausscheck.audit.use.jackknife import length_errors
from gausscheck.audit.use.references import normalised_twin, plug_in_rates
from gausscheck.audit.use.section import FEWEST_FOLDS, SAMPLED, assemble
from gausscheck.audit.use.whitened_lengths import (
    FittedRows,
    LengthCounts,
    LengthLaw,
    LengthState,
    component_grid,
    count_lengths,
    cumulative_squares,
    fold_of,
)
from gausscheck.config import Config
from gausscheck.core import F64, I64
from gausscheck.normality.groups import Partition
from gausscheck.normality.sphere.shell import RefittedLengths
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.sample import RowSample
from gausscheck.preparation import Eigenbasis
from gausscheck.report import Use
from gausscheck.rng import stream

LEAST_ROWS = 40
"""Distinct rows that the section needs."""


def length_counts(
    read: ReadRows, repeats: Repeats, basis: Eigenbasis, live: NDArray[np.intp]
) -> LengthCounts | None:
    """Return the reduction of rows to counts of their whitened lengths; None below 40 rows.

    Parameters
    ----------
    read : ReadRows
        Of distinct rows: mean, covariance and sample.
    repeats : Repeats
        Of a file whose repeats are not all known, at most 1 % then, every occurrence counts as a
        row.
    basis : Eigenbasis
    live : array of int
        Coordinates that vary.
    """
    n, mean = read.spread.n, read.spread.mean
    if n < LEAST_ROWS:
        return None
    law = LengthLaw.of(n, component_grid(min(basis.rank, n - 2)))
    matrix = basis.whitening_of_all(live, mean.size, law.ks[-1])
    times = repeats if isinstance(repeats, Distinct) and repeats.repeats else None
    return LengthCounts(mean, matrix, law, read.unit, times, selection=read.selection)


def use_section(
    read: ReadRows,
    lengths: LengthCounts | None,
    counted: LengthState | None,
    repeats: Repeats,
    whitened: F64,
    basis: Eigenbasis,
    live: NDArray[np.intp],
    grouping: Grouping,
    config: Config,
    *,
    unit: bool,
) -> tuple[Use | None, RefittedLengths | None]:
    """Measure what Gaussian thresholds do on these rows.

    Parameters
    ----------
    read : ReadRows
        Of distinct rows: mean, covariance and sample.
    lengths : LengthCounts or None
        From :func:`length_counts`; without it there is no section.
    counted : LengthState or None
        Of all rows; None where the sample stands for them.
    repeats : Repeats
    whitened : (m, r) array
        Sampled rows, whitened by that mean and covariance, largest component first.
    basis : Eigenbasis
    live : array of int
    grouping : Grouping
        Of the jackknife.
    config : Config
    unit : bool
        Whether rows have length one, so that a normalised Gaussian twin stands beside them.

    Returns
    -------
    use : Use or None
    lengths : RefittedLengths or None
        Of the first sampled rows, without groups that are those of the levels.
    """
    if lengths is None:
        return None, None
    law, n = lengths.law, lengths.law.n
    read.workers.progress("whitened lengths", 0.0)
    y = whitened[:SAMPLED]  # in random order
    ids = read.sample.index[: len(y)]
    state = _counts(read, lengths, repeats, whitened) if counted is None else counted
    member = grouping.members(ids)
    if member is None:
        equal = Partition.equal(len(y), min(config.groups, len(y)))
        member, folds = equal.members().astype(np.int64), fold_of(ids)
    else:
        folds = member if member.max() >= FEWEST_FOLDS - 1 else fold_of(ids)
    fitted, pool = _fitted(read, y, basis, live), read.workers.pool
    drawing = None
    if unit:  # beside the groups that are left out
        simulated = stream(config.seed, "normalised twin")
        drawing = pool.submit(normalised_twin, fitted, n, law.ks, simulated)
    errors = length_errors(y, member, law.ks, folds, pool=pool)
    twin = None if drawing is None else drawing.result()
    shrunk = plug_in_rates(fitted, live.size) if len(y) > 3 else None
    use = assemble(law, state, errors, twin=twin, shrunk=shrunk, confidence=config.confidence)
    return use, errors.lengths


def _counts(read: ReadRows, lengths: LengthCounts, repeats: Repeats, whitened: F64) -> LengthState:
    """Count rows beyond each threshold in the sample, which stands for all."""
    state = _counts_of_sample(read, lengths, whitened)
    if isinstance(repeats, EstimatedDistinct) and read.repeated is not None:
        return _every_occurrence(lengths, state, read.repeated, repeats)
    return state


def _counts_of_sample(read: ReadRows, reduction: LengthCounts, whitened: F64) -> LengthState:
    """Count sampled rows: whitened already, if all of them are, or a piece at a time."""
    index, law, m = read.sample.index, reduction.law, read.sample.m

    def count(h: F64, ids: I64) -> LengthState:
        times = None if reduction.distinct is None else reduction.distinct.times(ids)
        return count_lengths(h, law, ids, fold_of(ids), times)

    def piece(start: int) -> LengthState:
        h = _lengths(reduction, read.sample, start)
        return count(h, index[start : start + len(h)])

    if len(whitened) == m:
        return count(cumulative_squares(whitened.copy(), law.ks) / (law.n - 1), index)
    return tree_fold(reduction.merge, read.workers.pool.map(piece, range(0, m, 1024)))


def _lengths(reduction: LengthCounts, sample: RowSample, start: int) -> F64:
    """Return h of 1,024 rows of a sample."""
    return reduction.lengths(sample.read(start, min(start + 1024, sample.m)))


def _every_occurrence(
    reduction: LengthCounts,
    state: LengthState,
    repeated: RowSample,
    repeats: EstimatedDistinct,
) -> LengthState:
    """Count the sampled rows that repeat others too: all that were sampled stand for the file."""
    limits = reduction.law.limits[-1]
    beyond, row, times = state.weighted.copy(), state.repeated, state.times
    for start in range(0, repeated.m, 1024):
        last = _lengths(reduction, repeated, start)[:, -1]
        beyond += (last[:, None] > limits).sum(axis=0)
        ids = repeated.index[start : start + len(last)][last > limits[1]]
        place = np.searchsorted(repeats.ids, ids)
        far = zip(repeats.first[place].tolist(), repeats.count[place].tolist(), strict=True)
        row, times = max([(row, times), *far], key=lambda one: (one[1], -one[0]))
    occurrences = state.occurrences + repeated.m
    return replace(state, weighted=beyond, occurrences=occurrences, repeated=row, times=times)


def whiten_sample(read: ReadRows, basis: Eigenbasis, live: NDArray[np.intp], rows: int) -> F64:
    """Return at most so many sampled rows, whitened by the mean and covariance of all rows."""
    matrix = basis.whitening()
    mean = read.spread.mean[live]
    out = np.empty((min(read.sample.m, rows), matrix.shape[1]))
    starts = range(0, len(out), 1024)

    def chunk(start: int) -> None:
        x = read.sample.read(start, min(start + 1024, len(out))).astype(np.float64)
        if read.unit:
            x /= np.linalg.norm(x, axis=1, keepdims=True)
        out[start : start + len(x)] = (x[:, live] - mean) @ matrix

    _run(read, chunk, starts)
    return out


def _run(read: ReadRows, work: Callable[[int], None], starts: range) -> None:
    list(read.workers.pool.map(work, starts))


def _fitted(read: ReadRows, y: F64, basis: Eigenbasis, live: NDArray[np.intp]) -> FittedRows:
    """Put whitened rows beside the fit of all rows that whitened them."""
    mean, values = read.spread.mean[live], basis.values[::-1][: basis.rank]
    along = basis.vectors[:, ::-1][:, : basis.rank].T @ mean
    beside = float(np.sqrt(max(float(mean @ mean) - float(along @ along), 0.0)))
    if beside < 1e-7 * float(np.sqrt(mean @ mean)):  # what rounding leaves
        beside = 0.0
    return FittedRows(y, values, along, beside, read.spread.n)
