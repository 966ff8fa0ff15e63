"""Rows held in memory: all of a source, or a random sample, with what rows belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.noticed.serial import (
    COLUMNS,
    SerialDependence,
    components,
    serial_dependence,
)
from gausscheck.audit.preflight import check_rows
from gausscheck.core import F64, I64, GausscheckError, Source
from gausscheck.passes.leaf import squared_norms
from gausscheck.passes.plan import plan
from gausscheck.passes.reductions import Named, RowCheck
from gausscheck.passes.row_keys import counted_once, is_first, row_keys
from gausscheck.preparation import Preparation
from gausscheck.sources import open_source, read_labels

COPIES = 32
"""Bytes that work on rows takes for each value of theirs, about: four copies in float64."""


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Rows in memory, in the order of the file.

    Attributes
    ----------
    x : (m, d) array
        In stored precision; finite, none all zero, none equal to an earlier one bit by bit.
    ids : (m,) int array
        Their numbers in the file.
    groups : (m,) int array or None
        What rows belong together.
    of : int
        Rows of the file.
    dropped : int
        Rows among those looked at that were not finite or all zero.
    repeats : int
        Rows among them that repeat an earlier one: those count once, or copies of one row would
        stand on both sides of every split.
    """

    x: NDArray[Any]
    ids: I64
    groups: I64 | None
    of: int
    dropped: int
    repeats: int = 0

    @property
    def looked_at(self) -> int:
        """Rows that were read, usable or not."""
        return len(self.x) + self.dropped + self.repeats

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, in words."""
        told = []
        if self.looked_at < self.of:
            told.append(f"a random sample of {self.looked_at:,} of {self.of:,} rows")
        if self.dropped:
            told.append(f"{self.dropped:,} rows dropped: not finite or all zero")
        if self.repeats:
            told.append(counted_once(self.repeats))
        return tuple(told)

    def serial(self, map_: Preparation) -> SerialDependence | None:
        """Measure how alike neighbouring rows are; None of a sample, whose rows are no neighbours.

        Parameters
        ----------
        map_ : Preparation
            A whitening map of these rows.
        """
        n, d = self.x.shape
        if self.looked_at < self.of:
            return None
        y: F64 = map_.apply(self.x)[:, : components(map_.dim, n)]
        some = self.x[:, np.arange(0, d, max(1, d // COLUMNS))[:COLUMNS]].astype(np.float64)
        sd = some.std(axis=0)
        some = some[:, sd > 0]
        return serial_dependence([y], [(some - some.mean(axis=0)) / some.std(axis=0)], n)


def hold(
    source: Source,
    *,
    rows: int,
    memory: int,
    seed: int,
    on_bad_rows: str = "error",
    groups_by: str | NDArray[Any] | None = None,
    untrusted: bool = False,
) -> HeldRows:
    """Read rows into memory: all, or a random sample of as many as are wanted and fit.

    Rows that repeat an earlier one are left out: what is fitted, ranked and split sees each once.

    Parameters
    ----------
    source : Source
    rows : int
        The most rows.
    memory : int
        Bytes that work on them may take.
    seed : int
        Of the sample.
    on_bad_rows : {"error", "drop"}
    groups_by : str or (n,) array, optional
        What rows belong together: as for :func:`gausscheck.sources.read_labels`, or a value a row.
    untrusted : bool

    Raises
    ------
    GausscheckError
        With fewer than 20 usable rows, or 20 that differ, bad ones that are not dropped, labels
        that do not fit.
    """
    labels = _labels(source, groups_by, untrusted)
    most = min(rows, memory // (COPIES * max(source.d, 1)))
    if most < 20:
        raise GausscheckError(
            f"{source.uri}: expected room for 20 rows of {source.d:,} dimensions in {memory:,} "
            "bytes; raise memory="
        )
    part = open_source(source, limit=most, seed=seed)
    ids = np.asarray(getattr(part, "index", np.arange(part.n)))
    x = np.empty((part.n, part.d), dtype=part.dtype)
    norms = np.empty(part.n)
    for low, high in plan(part.n, part.d, part.dtype.itemsize, memory // 4).reads():
        x[low:high] = part.read(low, high)
        norms[low:high] = lengths(x[low:high])
    found = RowCheck(part.n, Named.of(ids[~np.isfinite(norms)]), Named.of(ids[norms == 0]))
    check_rows(found, on_bad_rows, source.uri)
    good = np.isfinite(norms) & (norms > 0)
    if not good.all():
        x, ids = x[good], ids[good]
    first = is_first(row_keys(x))
    repeats = int((~first).sum())
    if repeats:
        x, ids = x[first], ids[first]
    if len(x) < 20:
        raise GausscheckError(
            f"{source.uri}: expected at least 20 rows that differ, got {len(x)}, and {repeats:,} "
            "that repeat one of them; check the file"
        )
    named = None if labels is None else np.unique(labels[ids], return_inverse=True)[1]
    return HeldRows(x, ids.astype(np.int64), named, source.n, int((~good).sum()), repeats)


def _labels(
    source: Source, groups_by: str | NDArray[Any] | None, untrusted: bool
) -> NDArray[Any] | None:
    if groups_by is None:
        return None
    if isinstance(groups_by, str):
        return read_labels(source, groups_by, untrusted=untrusted)
    given = np.asarray(groups_by)
    if given.shape != (source.n,):
        raise GausscheckError(
            f"groups_by: expected {source.n:,} values, one a row, got shape {given.shape}"
        )
    return given


def lengths(rows: NDArray[Any]) -> F64:
    """Return Euclidean lengths, ``(n,)``: not finite where a row is not, or overflows float64."""
    return np.asarray(np.sqrt(squared_norms(rows.astype(np.float64))))
