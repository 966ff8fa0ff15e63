"""From all rows to those that levels read: repeats once, deciding rows out, grids dithered.

What is noticed on the way stands first in the report; the use section is measured here, on all
distinct rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import PreparedSpace
from gausscheck.audit.grouping import Grouping
from gausscheck.audit.neighbours import NeighbouringRows, Neighbours, look_at_neighbours
from gausscheck.audit.noticed import (
    NearRows,
    distances_from_the_middle,
    in_order,
    near_rows,
    notice_dead_columns,
    notice_duplicates,
    notice_far_rows,
    notice_rank,
    too_few_for_directions,
    too_few_for_whitening,
)
from gausscheck.audit.preflight import (
    dead_coordinates,
    eigenbasis,
    faint_coordinates,
    hidden_by_scale,
    preflight_section,
)
from gausscheck.audit.projector import Projector
from gausscheck.audit.reading import Beside, ReadRows
from gausscheck.audit.repeats import find_repeats, without_repeats
from gausscheck.audit.rows_that_decide import notice_deciding, rows_of
from gausscheck.audit.second_pass import Prepared, second_pass
from gausscheck.audit.use.section import SAMPLED
from gausscheck.audit.use.step import length_counts, use_section, whiten_sample
from gausscheck.audit.values import Values, dither, look_at_values
from gausscheck.config import Config
from gausscheck.core import F64, I64, GausscheckError, Moments
from gausscheck.normality import A0
from gausscheck.normality.sphere.shell import RefittedLengths
from gausscheck.passes.scatter import ScatterMatrix
from gausscheck.preparation import Eigenbasis, Preparation
from gausscheck.report import Noticed, Preflight, Use

WHITENED_BYTES = 128 << 20
"""Bytes of whitened float64 rows that are held."""


@dataclass(frozen=True, slots=True)
class FittedSpread:
    """Coordinates that vary, and the eigenbasis of their covariance."""

    live: NDArray[np.intp]
    dead: NDArray[np.intp]
    basis: Eigenbasis


@dataclass(frozen=True, slots=True)
class CleanRows:
    """The rows that levels read, and what was noticed on the way to them.

    Attributes
    ----------
    read : ReadRows
        Distinct rows, without those that decide; a grid is taken off the sample.
    fitted : FittedSpread
    prepared : Prepared
        How they are prepared, and the given directions.
    moments : Moments or None
        Along these directions, over all rows; None where the sample holds all that can be read.
    preflight : Preflight
    use : Use or None
        Of all distinct rows.
    noticed : tuple of Noticed
    grouping : Grouping
        Of the jackknife.
    lengths : RefittedLengths or None
        Of the first sampled rows, where levels read them as they are here.
    sparse : array of int
        Coordinates that are constant but for a few cells.
    too_few, too_few_whole : str or None
        Why directional levels, and levels of whole rows, are inconclusive by rule.
    note : str or None
        That rows which decide are left out.
    unit : bool
        Rows have length one.
    """

    read: ReadRows
    fitted: FittedSpread
    prepared: Prepared
    moments: Moments | None
    preflight: Preflight
    use: Use | None
    noticed: tuple[Noticed, ...]
    grouping: Grouping
    lengths: RefittedLengths | None
    sparse: NDArray[np.intp]
    too_few: str | None
    too_few_whole: str | None
    note: str | None
    unit: bool


def clean_rows(read: ReadRows, config: Config, beside: Beside) -> CleanRows:
    """Notice what spoils numbers before there are any, and leave out what would."""
    repeats = find_repeats(read)
    everything, read = read, without_repeats(read, repeats)
    fitted = _fit(read)
    neighbouring = NeighbouringRows.among(read, fitted.basis, fitted.live)
    looking = read.workers.pool.submit(look_at_values, read, config, fitted.live)
    known = None if read.read_again else look_at_neighbours(read, neighbouring, beside.labels)
    whitened = whiten_sample(read, fitted.basis, fitted.live, _held_rows(read, fitted.basis.rank))
    prepared = Prepared.of(read, fitted.live, fitted.basis, config)
    lengths = length_counts(read, repeats, fitted.basis, fitted.live)
    again = second_pass(read, prepared, lengths, neighbouring)
    values = looking.result()
    preflight = preflight_section(
        everything.rows, repeats, everything.spread, fitted.basis, fitted.dead,
        str(read.source.dtype), read.source.eps, unit=values.unit_rows,
        confidence=config.confidence,
    )  # fmt: skip
    unit = preflight.constant_norm or config.normalize == "unit"
    neighbours = known or Neighbours.of(again.neighbours, read.spread.n)
    near = _near(read, whitened)
    grouping, moments = _grouping(neighbours, near, config, beside), again.moments
    use, refitted = use_section(
        read, lengths, again.lengths, repeats, whitened, fitted.basis, fitted.live, grouping,
        config, unit=unit,
    )  # fmt: skip
    read = replace(read, repeated=None)
    dither(read, values.grid, config)
    deciding = _deciding(read, fitted, values, whitened, config)
    noticed = in_order(
        *values.noticed,
        *neighbours.notes(fitted.basis.rank, _lower_rates(use)),
        notice_duplicates(repeats, config.reference, A0),
        near.notice(),
        deciding,
        _far(read, [*values.noticed, *([] if deciding is None else [deciding])]),
        *_notes_of_columns(read, fitted),
    )
    too_few_whole = _too_few_whole(neighbours, fitted.basis.rank, use)
    out = rows_of(deciding)
    if out.size:
        read, fitted, prepared, moments = _without(read, out, config)
    _hold_apart(read, grouping)
    return CleanRows(
        read=replace(read, grouping=grouping),
        fitted=fitted,
        prepared=prepared,
        moments=moments,
        preflight=preflight,
        use=use,
        noticed=noticed,
        grouping=grouping,
        lengths=None if out.size or values.grid.columns.size else refitted,  # of other values
        sparse=values.sparse,
        too_few=_too_few(neighbours),
        too_few_whole=too_few_whole,
        note=_note(out.tolist()),
        unit=unit,
    )


def _without(
    read: ReadRows, out: I64, config: Config
) -> tuple[ReadRows, FittedSpread, Prepared, Moments | None]:
    """Leave rows out, and fit and prepare the others."""
    read = read.without(out)
    fitted = _fit(read)
    prepared = Prepared.of(read, fitted.live, fitted.basis, config)
    return read, fitted, prepared, second_pass(read, prepared).moments


def _fit(read: ReadRows) -> FittedSpread:
    """Find the coordinates that vary, and the eigenbasis of their covariance."""
    dead = dead_coordinates(read.spread, read.source.eps)
    live = np.setdiff1d(np.arange(read.source.d), dead)
    if live.size == 0:
        raise GausscheckError(
            f"{read.source.uri}: expected rows that differ, got {read.source.n} equal rows; check "
            "how the file was written"
        )
    return FittedSpread(live, dead, eigenbasis(read.spread, live))


def _held_rows(read: ReadRows, rank: int) -> int:
    """Return how many whitened rows are held: all that are sampled, or those that errors need."""
    most = max(WHITENED_BYTES // (8 * rank), 1000)
    return most if read.sample.m <= most else min(most, SAMPLED)


def _near(read: ReadRows, whitened: F64) -> NearRows:
    """Look for rows that equal another but for their last digits."""
    sample, m = read.sample, len(whitened)
    first = near_rows(whitened, sample.read(0, m))
    return NearRows(first, sample.index[:m], read.all_sampled and m == sample.m)


def _grouping(neighbours: Neighbours, near: NearRows, config: Config, beside: Beside) -> Grouping:
    """Choose the groups of the jackknife.

    Named ones, blocks where neighbours are alike, rows that nearly equal each other, or random.
    """
    if beside.clusters is not None:
        return Grouping("labels", config.groups, beside.clusters)
    if neighbours.serial is not None and neighbours.present:
        return Grouping("blocks", config.groups, tau=neighbours.serial.longest)
    if near.together:
        return Grouping("labels", config.groups, near.labels(int(near.index.max()) + 1))
    return Grouping("random", config.groups)


def _notes_of_columns(read: ReadRows, fitted: FittedSpread) -> list[Noticed | None]:
    """Say which columns do not vary, and what the rank is of."""
    source, spread = read.source, read.spread
    faint = faint_coordinates(spread, fitted.dead, source.eps, source.dtype)
    hidden = hidden_by_scale(spread, fitted.live, fitted.basis)
    return [
        notice_dead_columns(fitted.dead, faint),
        notice_rank(fitted.basis.rank, fitted.live.size, spread.n, hidden),
    ]


def _hold_apart(read: ReadRows, grouping: Grouping) -> None:
    """Keep the rows that directions are learned from apart from those that they are tested on."""
    halves = grouping.halves(read.sample.index)
    if halves is not None:
        read.sample.hold_apart(halves)


def _lower_rates(use: Use | None) -> dict[float, float]:
    return {} if use is None else {float(k): rate.ci[0] for k, rate in use.false_alarm.items()}


def _too_few(neighbours: Neighbours) -> str | None:
    serial = neighbours.serial
    if serial is None or not too_few_for_directions(serial):
        return None
    return f"inconclusive by rule: about {serial.effective_rows:,.0f} independent rows"


def _too_few_whole(neighbours: Neighbours, rank: int, use: Use | None) -> str | None:
    serial = neighbours.serial
    if serial is None:
        return None
    if not too_few_for_whitening(serial, rank, _lower_rates(use)):
        return None
    return (
        f"inconclusive by rule: about {serial.effective_rows:,.0f} independent rows in {rank} "
        "dimensions"
    )


def _note(rows: list[int]) -> str | None:
    if not rows:
        return None
    named = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
    word = "row that decides" if len(rows) == 1 else "rows that decide"
    return f"without {len(rows)} {word} ({named})"


def _far(read: ReadRows, found: list[Noticed]) -> Noticed | None:
    """Look for rows far beyond all others, which no other finding names."""
    sample = read.sample
    distances = distances_from_the_middle(sample.read, sample.m)
    known = [row for one in found for row in one.rows or ()]
    return notice_far_rows(distances, sample.index[: distances.size], known)


def _deciding(
    read: ReadRows, fitted: FittedSpread, values: Values, whitened: F64, config: Config
) -> Noticed | None:
    """Look for rows that decide, on rows as they are stored."""
    prep = Preparation("unit" if read.unit else "raw", np.zeros(read.source.d))
    m = len(whitened)
    if m < read.sample.m:  # in a sample so large a few rows decide nothing
        return None
    projector = Projector(
        read.sample, prep, read.spread.mean, False, config.memory_bytes, read.workers.pool
    )
    space = PreparedSpace(
        ScatterMatrix.zero(read.source.d), fitted.live, (), fitted.basis.rank, config.seed
    )
    spared = np.zeros(m, dtype=bool)
    spared[: values.unusual.size] = values.unusual
    return notice_deciding(projector, space, config, whitened, spared, values.sparse)
