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
    if read.all_sampled and len(windows(read.sample.m)) == 1:
        order = np.argsort(read.sample.index)
        rows = read.sample.read(0, read.sample.m)[order]
        whitened, columns = _seen(read, rows, basis, live)
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
            whitened, some = _seen(read, rows, basis, live)
            return NeighbourProducts().of(whitened), some

        stretches = ((low, job.source.read(low, high)) for low, high in windows(job.source.n))
        found = [*map_ahead(look, stretches, read.workers.pool)]
        return dependence_of([state for state, _ in found], [some for _, some in found], n)

    return Neighbours(keep(job, "neighbours", read.workers, measure, _unpack))


def _unpack(arrays: Mapping[str, NDArray[Any]]) -> SerialDependence:
    values = {name: float(arrays[name]) for name in ("correlation", "z", "tau", "effective_rows")}
    return SerialDependence(n=int(arrays["n"]), **values)


def _seen(
    read: ReadRows, rows: NDArray[Any], basis: Eigenbasis, live: NDArray[np.intp]
) -> tuple[NDArray[Any], F64]:
    """Return consecutive rows whitened, leading components, and some columns standardised."""
    x: F64 = (rows if live.size == rows.shape[1] else rows[:, live]).astype(np.float64)
    if read.unit:
        x /= np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    x -= read.spread.mean[live]
    matrix = basis.whitening(components(basis.rank, read.spread.n))
    sd = np.sqrt(read.spread.covariance.diagonal()[live])
    some = np.arange(0, live.size, max(1, live.size // COLUMNS))[:COLUMNS]
    return whiten(x, matrix), x[:, some] / sd[some]


def _by_labels(
    serial: SerialDependence, whitened: F64, columns: F64, labels: NDArray[Any], n: int
) -> Neighbours:
    """Look whether a file is sorted by labels that its rows depend on."""
    runs = label_runs(columns, labels)
    inside = within_labels(whitened, labels)
    inside /= np.maximum(inside.std(axis=0), 1e-12)
    columns_inside = within_labels(columns, labels)
    columns_inside /= np.maximum(columns_inside.std(axis=0), 1e-12)
    within = serial_dependence([inside], [columns_inside], n)
    return Neighbours(serial, within, notice_sorted(serial, within, runs))
