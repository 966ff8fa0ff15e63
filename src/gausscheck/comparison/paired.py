"""Differences between models of the same rows: one jackknife leaves the same rows out of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import FAMILIES, PreparedSpace, coordinates, parse
from gausscheck.audit.grouping import Grouping
from gausscheck.audit.intervals import student_quantile
from gausscheck.audit.learned_directions import LEARNED
from gausscheck.audit.noticed import corrected, wider
from gausscheck.audit.use.jackknife import flags_without
from gausscheck.audit.use.whitened_lengths import component_grid, fit_rows
from gausscheck.audit.values import as_levels_read
from gausscheck.comparison.models import Model
from gausscheck.comparison.quantities import Interval
from gausscheck.config import AD_THRESHOLD
from gausscheck.core import F64, I64, GausscheckError, Progress, Source, Stage
from gausscheck.normality import A0, profile
from gausscheck.normality.engine.jackknife import ad_star_without
from gausscheck.normality.engine.profile import left_out_shifts
from gausscheck.normality.groups import group_sizes
from gausscheck.passes.common_rows import common_rows
from gausscheck.passes.scatter import ScatterMatrix
from gausscheck.sources import read_labels

ROWS = 10_000
"""Rows that paired differences are measured on, at most."""

LEAST = 100
"""Rows that they need."""

PAIRED_LEVELS = ("axes", "random")
"""Families of directions whose mean deviation is compared on the same rows."""

KINDS = {
    "random": "random groups",
    "blocks": "blocks of neighbouring rows",
    "labels": "groups of whole clusters",
}
"""Groups of rows that are left out, and what tables call them."""

SLAB = 256
"""Directions that are projected on at once."""

Key = tuple[str, int | None, str, str]
"""Quantity, leading components, model, baseline."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """What paired differences rest on.

    Attributes
    ----------
    rows : int
        Rows that are finite, not zero and no repeats in every model.
    groups : int
        Groups of the jackknife, the same for all models.
    kind : str
        ``random`` groups; ``blocks`` of neighbouring rows, since they are alike in one of the
        models; ``labels``: whole clusters.
    """

    rows: int
    groups: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups of rows that are left out: the order that puts them side by side, and their sizes."""

    kind: str
    order: NDArray[np.intp]
    sizes: NDArray[np.intp]

    @property
    def member(self) -> I64:
        """The group of each row."""
        found = np.empty(self.order.size, dtype=np.int64)
        found[self.order] = np.repeat(np.arange(self.sizes.size), self.sizes)
        return found

    def without(self, rows: NDArray[np.bool_]) -> _Groups:
        """Return the groups of those rows alone, numbered anew."""
        place = np.cumsum(rows) - 1
        sizes = np.bincount(self.member[rows], minlength=self.sizes.size)
        return _Groups(self.kind, place[self.order[rows[self.order]]], sizes)


@dataclass(frozen=True, slots=True)
class _Deviation:
    """Mean δ of a level, and without each group: of random groups, and of blocks or clusters."""

    value: float
    random: F64
    chosen: F64 | None


@dataclass(frozen=True, slots=True)
class _Measured:
    """A model's part of the differences."""

    name: str
    ks: tuple[int, ...]
    of: int
    flags: NDArray[np.int8]
    flags_without: NDArray[np.int8]
    deviations: dict[str, _Deviation]
    scale: float


def paired_differences(
    models: Sequence[Model], *, threads: int | None, progress: Progress
) -> tuple[Pairing, dict[Key, tuple[float, Interval]]]:
    """Subtract each model from each, on the same rows and with the same groups of rows left out.

    Parameters
    ----------
    models : sequence of Model
        With sources of the same number of rows: row i of all is the same thing.
    threads : int or None
    progress : callable

    Returns
    -------
    pairing : Pairing
    found : dict
        By quantity, components, model and baseline: the difference and its interval. The 1 % rate
        among k components for each k that both curves have, and among all of each (None). For
        ``axes`` and ``random`` the mean deviation of the level, in times the limit.

    Raises
    ------
    GausscheckError
        If fewer than 100 rows are left.

    Notes
    -----
    A rate's variance is the jackknife's over differences, the whitening of both models refitted
    without each group, less what rows that cross a threshold by chance add to it, and at least that
    of two dependent proportions (discordant rows; Agresti & Min 2005: half a row in each cell).
    Deviations of directions are of rows whose grid is taken off, by the draws of the audits; they
    average over directions, and the jackknife acts on their difference;
    where neighbours are alike it is corrected for them as a level is, with the larger of both
    errors. Student's t on G - 1 degrees of freedom. Cost: of each model about that of its use
    section and its axes and random projections, for 10,000 rows at most.
    """
    config = models[0].report.config
    ids, rows = common_rows([_source(m) for m in models], config.seed, ROWS)
    if ids.size < LEAST:
        raise GausscheckError(
            f"paired: expected {LEAST} rows or more that are usable in all models, got {ids.size}; "
            "compare them unpaired"
        )
    groups = _groups(models, ids)
    keep = ~np.isin(ids, _deciding(models))
    measured = []
    for place, (model, x) in enumerate(zip(models, rows, strict=True)):
        progress(Stage(f"pairing {model.name}", len(models), "models"), place / len(models))
        measured.append(_measure(model, x, groups, keep, threads))
    found: dict[Key, tuple[float, Interval]] = {}
    inner = groups.without(keep)
    for mine, base in permutations(measured, 2):
        for k, (i, j) in _shared(mine, base).items():
            whole = mine.flags[i] - base.flags[j]
            left = mine.flags_without[:, i] - base.flags_without[:, j]
            value = _rate(whole, left, groups, config.confidence)
            found["false_alarm_1", k, mine.name, base.name] = value
        for kind in mine.deviations.keys() & base.deviations.keys():
            value = _deviation(kind, mine, base, inner, config.confidence)
            found[kind, None, mine.name, base.name] = value
    return Pairing(ids.size, groups.sizes.size, groups.kind), found


def _source(model: Model) -> Source:
    if model.source is None:
        raise GausscheckError(
            f"paired: expected files or arrays, got a report for {model.name}; give its rows, or "
            "compare unpaired"
        )
    return model.source


def _groups(models: Sequence[Model], ids: I64) -> _Groups:
    """Choose named groups, else blocks where rows of one of the models are like their neighbours.

    Random groups are contiguous in hashed order.
    """
    config = models[0].report.config
    count = min(m.report.config.groups for m in models)
    if config.groups_by is not None:
        labels = read_labels(_source(models[0]), config.groups_by, untrusted=config.untrusted)
        grouping = Grouping("labels", count, labels)
    else:
        alike = any(f.kind == "serial_dependence" for m in models for f in m.report.noticed)
        grouping = Grouping("blocks" if alike else "random", count)
    order = grouping.order(ids) or (np.arange(ids.size), group_sizes(ids.size, count))
    return _Groups(grouping.kind, *order)


def _deciding(models: Sequence[Model]) -> list[int]:
    """Return the rows that decide a level of some model: it was tested without them."""
    noticed = [found for m in models for found in m.report.noticed]
    return [row for found in noticed if found.kind == "deciding_rows" for row in found.rows or ()]


# --- one model


def _measure(
    model: Model, stored: NDArray[Any], groups: _Groups, keep: NDArray[np.bool_],
    threads: int | None,
) -> _Measured:  # fmt: skip
    report, x = model.report, stored.astype(np.float64)
    fitted = fit_rows(report.preparation.rows(x))
    most = len(x) - int(groups.sizes.max()) - 2
    ks = tuple(k for k in component_grid(fitted.of) if k <= most)
    flags, without = flags_without(fitted.y, groups.member, ks)
    live = np.setdiff1d(np.arange(x.shape[1]), report.preflight.dead)
    read, sparse = as_levels_read(stored, live, report.config.seed)
    prepared = report.preparation.apply(read[keep])
    prepared -= prepared.mean(axis=0)
    inner = groups.without(keep)
    return _Measured(
        name=model.name,
        ks=ks,
        of=fitted.of,
        flags=flags.astype(np.int8),
        flags_without=without.astype(np.int8),
        deviations={
            kind: _mean_deviation(prepared, matrix, inner, threads)
            for kind, matrix in _directions(model, live, sparse).items()
        },
        scale=report.config.reference / (AD_THRESHOLD - A0),
    )


def _directions(model: Model, live: NDArray[np.intp], sparse: NDArray[np.intp]) -> dict[str, F64]:
    """Return the axes and random directions that the report's levels average over."""
    report, prep = model.report, model.report.preparation
    chosen, names = coordinates(prep, live)
    space = PreparedSpace(
        ScatterMatrix.zero(prep.dim), chosen, tuple(names), report.preflight.rank,
        report.config.seed, report.config.untrusted,
    )  # fmt: skip
    out = {f"axis {j}" for j in sparse}
    found = {}
    for name, argument in parse(report.config.directions, {**FAMILIES, **LEARNED}):
        if name in PAIRED_LEVELS and name in report.levels:
            family = FAMILIES[name](space, argument)
            kept = [label not in out for label in family.labels]
            if any(kept):
                found[name] = family.take(np.flatnonzero(kept)).columns()
    return found


def _mean_deviation(prepared: F64, matrix: F64, groups: _Groups, threads: int | None) -> _Deviation:
    """Average δ = (A*² - a0)/n over directions, on all rows and without each group."""
    m, count, k = len(prepared), groups.sizes.size, matrix.shape[1]
    value, random, chosen = 0.0, np.zeros(count), np.zeros(count)
    for start in range(0, k, SLAB):
        block = np.ascontiguousarray((prepared @ matrix[:, start : start + SLAB]).T)
        found = _ad_star(block, count, threads)
        value += float(found.ad_star.sum())
        random += found.ad_star_without.sum(axis=0)
        if groups.kind != "random":
            shifts = left_out_shifts(block[:, groups.order], groups.sizes, threads)
            chosen += ad_star_without(found.ad_star, shifts, groups.sizes).sum(axis=0)
    return _Deviation(
        (value / k - A0) / m,
        (random / k - A0) / (m - group_sizes(m, count)),
        None if groups.kind == "random" else (chosen / k - A0) / (m - groups.sizes),
    )


def _ad_star(block: F64, groups: int, threads: int | None) -> Any:
    return profile(
        block, tests=("anderson_darling",), groups=groups, effects=False, threads=threads
    )


# --- two models


def _shared(mine: _Measured, base: _Measured) -> dict[int | None, tuple[int, int]]:
    """Return where the numbers of components that both have stand in each; None is all of them."""
    both: dict[int | None, tuple[int, int]] = {
        k: (mine.ks.index(k), base.ks.index(k)) for k in mine.ks if k in base.ks
    }
    if mine.ks[-1] == mine.of and base.ks[-1] == base.of:
        both[None] = (len(mine.ks) - 1, len(base.ks) - 1)
    return both


def _rate(
    whole: NDArray[np.int8], left: NDArray[np.int8], groups: _Groups, confidence: float
) -> tuple[float, Interval]:
    """Return a difference of rates from differences of flags, ``(m,)`` and ``(G, m)``."""
    m, sizes, member = whole.size, groups.sizes, groups.member
    kept = member != np.arange(sizes.size)[:, None]
    rest = m - sizes
    without = (left * kept).sum(axis=1) / rest
    crossed = (((left - whole) ** 2) * kept).sum(axis=1) / rest**2
    value = float(whole.mean())
    variance = corrected(value, without, sizes, m).standard_error ** 2
    variance -= float(((m / sizes - 1) * crossed).mean())
    half = student_quantile(sizes.size, (1 + confidence) / 2) * sqrt(max(variance, _least(whole)))
    return value, (max(value - half, -1.0), min(value + half, 1.0))


def _least(whole: NDArray[np.int8]) -> float:
    """Return the variance of a difference of dependent proportions whose flags are given."""
    m = whole.size + 2
    more, fewer = (whole > 0).sum() + 0.5, (whole < 0).sum() + 0.5
    return float((more + fewer - (more - fewer) ** 2 / m) / m**2)


def _deviation(
    kind: str, mine: _Measured, base: _Measured, groups: _Groups, confidence: float
) -> tuple[float, Interval]:
    """Return a difference of mean deviations, in times the limit."""
    a, b = mine.deviations[kind], base.deviations[kind]
    m = groups.order.size
    value = mine.scale * a.value - base.scale * b.value
    random = corrected(
        value, mine.scale * a.random - base.scale * b.random, group_sizes(m, groups.sizes.size), m
    )
    if a.chosen is None or b.chosen is None:
        half = student_quantile(random.groups, (1 + confidence) / 2) * random.standard_error
        return value, (value - half, value + half)
    chosen = corrected(value, mine.scale * a.chosen - base.scale * b.chosen, groups.sizes, m)
    best = wider(chosen, random)
    return best.value, best.interval(confidence)
