"""Neighbouring rows: how alike they are, and the groups that the jackknife leaves out for it."""

from __future__ import annotations

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
from gausscheck.audit.noticed.serial import COLUMNS, components, windows
from gausscheck.audit.reading import ReadRows
from gausscheck.core import F64, I64
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
    stretches = _stretches(read)
    if stretches is None:
        return Neighbours(None)
    count = components(basis.rank, read.spread.n)
    matrix = basis.vectors[:, ::-1][:, :count] / np.sqrt(basis.values[::-1][:count])
    mean = read.spread.mean[live]
    sd = np.sqrt(np.diag(read.spread.covariance)[live])
    some = np.arange(0, live.size, max(1, live.size // COLUMNS))[:COLUMNS]
    whitened, columns, ids = [], [], []
    for rows, numbers in stretches:
        x = rows[:, live] - mean
        whitened.append(x @ matrix)
        columns.append(x[:, some] / sd[some])
        ids.append(numbers)
    serial = serial_dependence(whitened, columns, read.spread.n)
    if labels is None or not serial.present or len(ids) > 1:
        return Neighbours(serial)
    return _by_labels(serial, whitened[0], columns[0], labels[ids[0]], read.spread.n)


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


def _stretches(read: ReadRows) -> list[tuple[F64, I64]] | None:
    """Return rows in file order with their ids: of the sample, or read from the file."""
    sample = read.sample
    if read.all_sampled and sample.m <= windows(sample.m)[-1][1] and len(windows(sample.m)) == 1:
        order = np.argsort(sample.index)
        return [(_prepared(sample.read(0, sample.m)[order], read.unit), sample.index[order])]
    if read.job is None:
        return None
    found = []
    for low, high in windows(read.source.n):
        ids = np.setdiff1d(np.arange(low, high), read.left_out, assume_unique=True)
        rows = read.job.source.read(low, high)[ids - low]
        found.append((_prepared(rows, read.unit), ids))
    return found


def _prepared(rows: NDArray[Any], unit: bool) -> F64:
    x: F64 = rows.astype(np.float64)
    if unit:
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x
