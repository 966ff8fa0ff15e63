"""Neighbouring rows: how alike they are, and the groups that the jackknife leaves out for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from gausscheck.audit.repeats import first_of_each
from gausscheck.core import F64
from gausscheck.normality.whiten import whiten
from gausscheck.passes.fold import map_ahead
from gausscheck.passes.kept import keep
from gausscheck.passes.reductions import squared_norms
from gausscheck.preparation import Eigenbasis
from gausscheck.report import Noticed


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


def look_at_neighbours(
    read: ReadRows, basis: Eigenbasis, live: NDArray[np.intp], labels: NDArray[Any] | None
) -> Neighbours:
    """Measure how alike neighbouring rows are, in file order.

    All rows where the sample holds them, else some stretches of the file; a sketch of more rows
    than its sample has no neighbours.
    """
    n = read.stands_for or read.spread.n
    view = _View.of(read, basis, live)
    if read.all_sampled and len(windows(read.sample.m)) == 1:
        order = np.argsort(read.sample.index)
        rows = read.sample.read(0, read.sample.m)[order]
        whitened, columns = view.whitened(rows), view.columns(rows)
        serial = serial_dependence([whitened], [columns], n)
        if labels is None or not serial.present:
            return Neighbours(serial)
        return _by_labels(serial, whitened, columns, labels[read.sample.index[order]], n)
    if read.job is None:
        return Neighbours(None)
    job = read.job

    def measure() -> SerialDependence:
        def look(low: int, rows: NDArray[Any]) -> tuple[Products, F64]:
            rows = read.selection.of(rows, low)[0]
            if read.rows.keys.level:  # not all repeats are known
                rows = rows[first_of_each(rows)]
            few = rows[: max(2, VALUES // view.matrix.shape[1])]
            return NeighbourProducts().of(view.whitened(few)), view.columns(rows)

        stretches = ((low, job.source.read(low, high)) for low, high in windows(job.source.n))
        found = [*map_ahead(look, stretches, read.workers.pool)]
        return dependence_of([state for state, _ in found], [some for _, some in found], n)

    return Neighbours(keep(job, "neighbours", read.workers, measure, _unpack))


def _unpack(arrays: Mapping[str, NDArray[Any]]) -> SerialDependence:
    values = {name: float(arrays[name]) for name in ("correlation", "z", "tau", "effective_rows")}
    return SerialDependence(n=int(arrays["n"]), **values)


@dataclass(frozen=True, slots=True)
class _View:
    """Consecutive stored rows as they are looked at: leading components, and some columns."""

    mean: F64
    matrix: F64
    some: NDArray[np.intp]
    sd: F64
    unit: bool

    @classmethod
    def of(cls, read: ReadRows, basis: Eigenbasis, live: NDArray[np.intp]) -> _View:
        count = components(basis.rank, read.spread.n)
        some = live[:: max(1, live.size // COLUMNS)][:COLUMNS]
        sd = np.sqrt(read.spread.covariance.diagonal()[some])
        mean = read.spread.mean
        return cls(mean, basis.whitening_of_all(live, mean.size, count), some, sd, read.unit)

    def whitened(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows whitened by the mean and covariance of all."""
        return whiten(rows, self.mean, self.matrix, unit=self.unit)

    def columns(self, rows: NDArray[Any]) -> F64:
        """Return some columns, standardised by the mean and sd of all rows."""
        x: F64 = rows[:, self.some].astype(np.float64)
        if self.unit:
            x /= np.sqrt(squared_norms(rows.astype(np.float64)))[:, None]
        return np.asarray((x - self.mean[self.some]) / self.sd)


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
