"""Lengths and the paper's table of several inputs: models, runs or checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.norms import cv_interval, gaussian_norm_cv
from gausscheck.audit.paper_table import column_of
from gausscheck.audit.preflight import dead_coordinates
from gausscheck.audit.values import as_levels_read
from gausscheck.config import Config
from gausscheck.core import F64, GausscheckError, Progress, Source, Stage
from gausscheck.normality.groups import group_sizes
from gausscheck.paper.inputs import SAMPLE, Opened, check_rows, grouped, opened
from gausscheck.passes.common_rows import common_rows
from gausscheck.passes.row_norms import NormSums
from gausscheck.passes.spread import spread_of
from gausscheck.report import PaperColumn
from gausscheck.threads import one_thread

UNIT = 1e-3
"""Lengths whose CV is below it are one length."""


@dataclass(frozen=True, slots=True, eq=False)  # holds arrays
class Setting:
    """What was measured of one input.

    Attributes
    ----------
    name, series : str
    n, d : int
        Rows looked at, and dimensions.
    counts, edges : arrays
        Histogram of lengths over their mean; empty where rows have one length.
    cv : float or None
        Coefficient of variation of the lengths; None where rows have one length.
    cv_ci : (float, float) or None
    cv_gaussian : float or None
        Of Gaussian rows of this mean and covariance.
    table : PaperColumn
        Mean A*² and D'Agostino-Pearson p-value over coordinates, and the shares that pass.
    """

    name: str
    series: str
    n: int
    d: int
    counts: NDArray[np.int64]
    edges: F64
    cv: float | None
    cv_ci: tuple[float, float] | None
    cv_gaussian: float | None
    table: PaperColumn


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """Inputs side by side, in their order.

    Attributes
    ----------
    settings : tuple of Setting
    axis : str
        What names count, such as ``epoch``; empty to read it off the names.
    """

    settings: tuple[Setting, ...]
    axis: str = ""


def settings(
    inputs: Sequence[Any],
    *,
    names: Sequence[str] | None = None,
    series: Sequence[str] | None = None,
    axis: str = "",
    sample: int = SAMPLE,
    seed: int = 0,
    threads: int | None = None,
    untrusted: bool = False,
    progress: Progress | None = None,
) -> Settings:
    """Measure lengths and the paper's table of several inputs (figures 3, 4 and 6 of the paper).

    Parameters
    ----------
    inputs : sequence of path, array or Source
        A model, run or checkpoint each.
    names, series : sequence of str, optional
        What each is called (by default by its file), and which line it is part of.
    axis : str
        What names count.
    sample : int
        Rows of each that are looked at: the first in hashed order. Rows that are not finite, zero
        or repeats are left out.
    seed : int
    threads : int, optional
    untrusted : bool
        Whether files are read in a child process with limits.
    progress : callable, optional

    Returns
    -------
    Settings
        Cost O(n d log n) for each input.

    Raises
    ------
    GausscheckError
        If an input cannot be read, has too few rows, or names don't fit.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 32))
    >>> found = settings([x, x**3], names=["normal", "cubed"])
    >>> [round(one.cv, 2) for one in found.settings]
    [0.12, 0.48]
    """
    config = Config(rows=sample, seed=seed, threads=threads)
    found = []
    groups = grouped(inputs, 1, names, series)
    for place, one in enumerate(groups):
        if progress is not None:
            progress(Stage(one.name, len(groups), "settings"), place / len(groups))
        (source,) = opened(one, untrusted)
        with one_thread():
            found.append(_measured(one, source, config))
        source.close()
    return Settings(tuple(found), axis)


def _measured(one: Opened, source: Source, config: Config) -> Setting:
    ids, (stored,) = common_rows([source], config.seed, config.rows)
    check_rows(ids.size, source)
    x = stored.astype(np.float64)
    spread = spread_of(x.copy())
    live = np.setdiff1d(np.arange(source.d), dead_coordinates(spread, source.eps))
    if not live.size:
        raise GausscheckError(f"{source.uri}: expected rows that differ, got equal ones")
    read, sparse = as_levels_read(stored, live, config.seed)
    kept = np.setdiff1d(live, sparse)
    norms = np.sqrt(np.einsum("ij,ij->i", x, x))
    in_order = norms[np.argsort(ids)]  # blocks of neighbours, which may be alike
    sums = NormSums.of_groups(in_order, group_sizes(in_order.size, config.groups))
    cv = sums.cv
    unit = cv < UNIT
    rows = read[:, kept if kept.size else live].astype(np.float64)
    counts, edges = _histogram(norms / sums.mean, unit)
    return Setting(
        name=one.name,
        series=one.series,
        n=int(ids.size),
        d=source.d,
        counts=counts,
        edges=edges,
        cv=None if unit else cv,
        cv_ci=None if unit else cv_interval(sums, config.confidence),
        cv_gaussian=None if unit else gaussian_norm_cv(spread),
        table=column_of(rows - rows.mean(axis=0), None if unit else cv, config.workers),
    )


def _histogram(lengths: F64, unit: bool) -> tuple[NDArray[np.int64], F64]:
    if unit:
        return np.empty(0, np.int64), np.empty(0)
    counts, edges = np.histogram(lengths, bins=min(60, max(12, int(np.sqrt(lengths.size)))))
    return counts, edges
