"""Neighbouring rows: how alike they are, and the groups that the jackknife leaves out for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed import (
    SerialDependence,
    label_runs,
    notice_serial,
    notice_sorted,
    serial_dependence,
    within_labels,
)
from gausscheck.audit.noticed.serial import (
    COLUMNS,
    VALUES,
    NeighbourProducts,
    Products,
    components,
    dependence_of,
    windows,
)
from gausscheck.audit.reading import ReadRows
from gausscheck.core import F64
from gausscheck.normality.whiten import whiten
from gausscheck.passes.fold import map_ahead, tree_fold
from gausscheck.passes.kept import keep
from gausscheck.passes.leaf import Leaf, Selection, unit_rows
from gausscheck.passes.row_keys import is_first, row_keys
from gausscheck.preparation import Eigenbasis
from gausscheck.report import Noticed

FARTHEST = 256.0
"""Whitened values that are kept are held within so many sd, which float16 tells apart."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What neighbouring rows say.

    Attributes
    ----------
    serial : SerialDependence or None
        None where rows cannot be had in file order.
    within : SerialDependence or None
        The same within labels, where rows have labels.
    sorted_note : Noticed or None
    """

    serial: SerialDependence | None
    within: SerialDependence | None = None
    sorted_note: Noticed | None = None

    @classmethod
    def of(cls, seen: Stretches | None, n: int) -> Neighbours:
        """Return what stretches of a file of n distinct rows say."""
        return cls(None if seen is None else seen.dependence(n))

    @property
    def present(self) -> bool:
        """Whether neighbours are alike."""
        return self.serial is not None and self.serial.present

    def notes(self, rank: int, rates: dict[float, float]) -> list[Noticed | None]:
        """Return what to say of it; dependence is not said twice of a sorted file."""
        if self.serial is None:
            return []
        said = notice_serial(self.serial, rank, rates)
        if self.sorted_note is not None and self.within is not None and not self.within.present:
            said = None
        return [self.sorted_note, said]


@dataclass(frozen=True, slots=True)
class Stretches:
    """What was seen of some stretches of a file, their rows in file order.

    Attributes
    ----------
    of_run : (p,) int array
        Stretch of each run of rows that were compared, ascending.
    total : (p,) array
        Σ z_i·z_{i+1} of a run.
    pairs : (p,) int array
    first, last : (p, r) arrays
        Whitened rows at the ends of a run.
    of_row : (s,) int array
        Stretch of each row, ascending.
    columns : (s, c) float32 array
        Some columns of it, standardised.
    of_whitened : (q,) int array
        Stretch of each row that was compared, ascending.
    whitened : (q, r) float16 array
        These rows, whitened, held within :data:`FARTHEST`.
    """

    of_run: NDArray[np.int64]
    total: F64
    pairs: NDArray[np.int64]
    first: F64
    last: F64
    of_row: NDArray[np.int8]
    columns: NDArray[np.float32]
    of_whitened: NDArray[np.int8]
    whitened: NDArray[np.float16]

    def dependence(self, n: int) -> SerialDependence:
        """Return how alike neighbouring rows are, of n distinct rows."""
        first = self.first[0] if self.first.size else None
        runs = Products(float(self.total.sum()), int(self.pairs.sum()), first, None)
        columns = _by_stretch(self.columns, self.of_row)
        return dependence_of([runs], columns, _by_stretch(self.whitened, self.of_whitened), n)


@dataclass(frozen=True, slots=True)
class NeighbouringRows:
    """Reduction of rows to products of neighbours and some columns, in stretches of the file.

    Attributes
    ----------
    mean : (d,) array
        Of all rows.
    matrix : (d, r) array
        Eigenvectors of their covariance over the roots of the eigenvalues: leading components.
    some : (c,) int array
        Columns.
    sd : (c,) array
        Their standard deviations.
    unit : bool
        Whether each row is divided by its length first.
    selection : Selection
        Of rows.
    rows : int
        Rows of the file, which say where the stretches lie.
    once : bool
        Whether rows that repeat one of their block are left out: not all repeats are known.
    """

    mean: F64
    matrix: F64
    some: NDArray[np.intp]
    sd: F64
    unit: bool
    selection: Selection
    rows: int
    once: bool

    @classmethod
    def among(cls, read: ReadRows, basis: Eigenbasis, live: NDArray[np.intp]) -> NeighbouringRows:
        """Return what looks at the rows of a file as they were read."""
        count = components(basis.rank, read.spread.n)
        some = live[:: max(1, live.size // COLUMNS)][:COLUMNS]
        sd = np.sqrt(read.spread.covariance.diagonal()[some])
        mean = read.spread.mean
        matrix = basis.whitening_of_all(live, mean.size, count)
        once = read.rows.keys.level > 0
        return cls(mean, matrix, some, sd, read.unit, read.selection, read.source.n, once)

    def whitened(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows whitened by the mean and covariance of all."""
        return whiten(rows, self.mean, self.matrix, unit=self.unit)

    def columns(self, rows: NDArray[Any]) -> F64:
        """Return some columns, standardised by the mean and sd of all rows."""
        x = (unit_rows(rows) if self.unit else rows)[:, self.some].astype(np.float64)
        return np.asarray((x - self.mean[self.some]) / self.sd)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where the stretches lie."""
        return windows(self.rows)

    def of_leaf(self, leaf: Leaf) -> Stretches:
        """Return what there is of the stretches in one leaf."""
        block, row0 = leaf.block, leaf.row0
        found = self._none()
        for place, (low, high) in enumerate(self.spans):
            start, stop = max(low, row0), min(high, row0 + len(block))
            if start < stop:
                part = self._look(place, low, block[start - row0 : stop - row0], start)
                found = self.merge(found, part)
        return found

    def _none(self) -> Stretches:
        width = self.matrix.shape[1]
        no, ends = np.zeros(0, dtype=np.int64), np.zeros((0, width))
        columns = np.zeros((0, self.some.size), dtype=np.float32)
        stretch, whitened = np.zeros(0, dtype=np.int8), np.zeros((0, width), dtype=np.float16)
        return Stretches(no, np.zeros(0), no, ends, ends, stretch, columns, stretch, whitened)

    def _look(self, place: int, low: int, rows: NDArray[Any], start: int) -> Stretches:
        """Look at rows of the stretch that begins at row ``low``: columns of all, pairs of some."""
        rows, ids = self.selection.of(rows, start)
        if self.once:
            keep = is_first(row_keys(rows))
            rows, ids = rows[keep], ids[keep]
        compared = low + max(2, VALUES // self.matrix.shape[1])
        z = self.whitened(rows[: np.searchsorted(ids, compared)])
        seen = NeighbourProducts().of(z)
        runs = none = self._none()
        if seen.first is not None and seen.last is not None:
            runs = Stretches(
                np.array([place]), np.array([seen.total]), np.array([seen.pairs]),
                seen.first[None], seen.last[None], none.of_row, none.columns,
                none.of_whitened, none.whitened,
            )  # fmt: skip
        return replace(
            runs,
            of_row=np.full(len(rows), place, dtype=np.int8),
            columns=self.columns(rows).astype(np.float32),
            of_whitened=np.full(len(z), place, dtype=np.int8),
            whitened=np.clip(z, -FARTHEST, FARTHEST).astype(np.float16),
        )

    def merge(self, a: Stretches, b: Stretches) -> Stretches:
        """Return what was seen of a's rows followed by b's."""
        joined = a.of_run.size and b.of_run.size and a.of_run[-1] == b.of_run[0]
        if joined:
            one = Products(float(a.total[-1]), int(a.pairs[-1]), a.first[-1], a.last[-1])
            two = Products(float(b.total[0]), int(b.pairs[0]), b.first[0], b.last[0])
            both = NeighbourProducts().merge(one, two)
            ends = {"total": both.total, "pairs": both.pairs, "last": two.last}
            a = replace(a, **{name: _ending(getattr(a, name), x) for name, x in ends.items()})
        skip = int(joined)
        runs = ("of_run", "total", "pairs", "first", "last")
        fields = {name: (getattr(a, name), getattr(b, name)[skip:]) for name in runs}
        rows = ("of_row", "columns", "of_whitened", "whitened")
        fields |= {name: (getattr(a, name), getattr(b, name)) for name in rows}
        return Stretches(**{name: np.concatenate(parts) for name, parts in fields.items()})

    @property
    def key(self) -> str:
        """Name what is looked at, for a kept pass."""
        seen = hashlib.sha256(repr((self.unit, self.rows, self.once)).encode())
        for values in (self.mean, self.matrix, self.some):
            seen.update(values.tobytes())
        seen.update(self.selection.key)
        return f"neighbours-{seen.hexdigest()[:20]}"

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> Stretches:
        """Build a state from its arrays by field; raises ValueError where they do not fit."""
        found = Stretches(**{name: arrays[name] for name in Stretches.__slots__})
        runs, rows = found.of_run.size, found.of_row.size
        ends, columns = (runs, self.matrix.shape[1]), (rows, self.some.size)
        if {found.total.shape, found.pairs.shape} != {(runs,)} or columns != found.columns.shape:
            raise ValueError("of other rows")
        compared = (found.of_whitened.size, self.matrix.shape[1])
        if {found.first.shape, found.last.shape} != {ends} or found.whitened.shape != compared:
            raise ValueError("of other rows")
        return found


def _by_stretch(rows: NDArray[Any], stretch: NDArray[np.int8]) -> list[NDArray[Any]]:
    """Return rows of one stretch after another."""
    return np.split(rows, np.flatnonzero(np.diff(stretch)) + 1)


def _ending(values: NDArray[Any], last: Any) -> NDArray[Any]:
    """Return values with another last one."""
    changed = values.copy()
    changed[-1] = last
    return changed


def look_at_neighbours(
    read: ReadRows, near: NeighbouringRows, labels: NDArray[Any] | None
) -> Neighbours:
    """Measure how alike neighbouring rows are, in file order, where all rows are not read again.

    All rows where the sample holds them, else some stretches of the file; a sketch of more rows
    than its sample has no neighbours.
    """
    n = read.stands_for or read.spread.n
    if read.all_sampled and len(windows(read.sample.m)) == 1:
        order = np.argsort(read.sample.index)
        rows = read.sample.read(0, read.sample.m)[order]
        whitened, columns = near.whitened(rows), near.columns(rows)
        serial = serial_dependence([whitened], [columns], n)
        if labels is None or not serial.present:
            return Neighbours(serial)
        return _by_labels(serial, whitened, columns, labels[read.sample.index[order]], n)
    if read.job is None:
        return Neighbours(None)
    job = read.job

    def measure() -> Stretches:
        leaves = ((Leaf(job.source.read(low, high), low),) for low, high in near.spans)
        return tree_fold(near.merge, map_ahead(near.of_leaf, leaves, read.workers.pool))

    return Neighbours(keep(job, near.key, read.workers, measure, near.unpack).dependence(n))


def _by_labels(
    serial: SerialDependence,
    whitened: NDArray[np.float32],
    columns: F64,
    labels: NDArray[Any],
    n: int,
) -> Neighbours:
    """Look whether a file is sorted by labels that its rows depend on."""
    runs = label_runs(columns, labels)
    inside = within_labels(whitened, labels)
    inside /= np.maximum(inside.std(axis=0), 1e-12)
    columns_inside = within_labels(columns, labels)
    columns_inside /= np.maximum(columns_inside.std(axis=0), 1e-12)
    within = serial_dependence([inside], [columns_inside], n)
    return Neighbours(serial, within, notice_sorted(serial, within, runs))
