"""The paper's table: coordinate-wise averages and pass rates, beside what Gaussian rows give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.inputs import LevelInputs
from gausscheck.config import AD_THRESHOLD, DP_THRESHOLD
from gausscheck.core import F64, Directions, FloatArray
from gausscheck.normality import Profile, profile
from gausscheck.preparation import Preparation
from gausscheck.report import PaperColumn, PaperTable, Subsets

_TESTS = ("anderson_darling", "dagostino_pearson")


def paper_table(
    inputs: LevelInputs, live: NDArray[np.intp], axes: Profile | None, unit_mean: F64
) -> PaperTable:
    """Fill in the paper's table: raw and unit-norm rows, and its Gaussian null.

    Parameters
    ----------
    inputs : LevelInputs
    live : array of int
        Coordinates that vary.
    axes : Profile or None
        Of the axes of the prepared rows, which spare a second look where they are the same.
    unit_mean : (d,) array
        Mean of the rows divided by their lengths.
    """
    found, prep = inputs.preflight, inputs.projector.preparation
    subsets = inputs.config.subset_plan()
    cv = None if found.constant_norm else found.norm_cv

    def column(kind: str, value: float | None) -> PaperColumn:
        same_axes = kind == ("unit" if prep.kind == "unit" else "raw") and prep.kind != "whiten"
        if same_axes and subsets is None and axes is not None and axes.k == live.size:
            return table_column(value, axes.ad_star[:, None], published_pvalues(axes)[:, None])
        return table_column(value, *_statistics(inputs, kind, live, unit_mean))

    null_cv = None if found.constant_norm else float(1 / np.sqrt(2 * found.rank))
    null = inputs.projector.pool.submit(gaussian_column, subsets, null_cv)
    raw = column("raw", cv)
    b, size = subsets or (1, inputs.projector.sample.m)
    return PaperTable(
        subsets=Subsets(b=b, m=size),
        raw=raw,
        unit=raw if found.constant_norm else column("unit", None),
        gaussian=null.result(),
    )


def _statistics(
    inputs: LevelInputs, kind: str, live: NDArray[np.intp], unit_mean: F64
) -> tuple[F64, F64]:
    """A*² and published p-values of live coordinates on each subset, ``(k, B)``."""
    projector = inputs.projector
    d = projector.center.size
    center = unit_mean if kind == "unit" else projector.center
    if kind == "raw" and projector.preparation.kind == "unit":
        center = np.zeros(d)
    plain = projector.prepared_as(Preparation(kind, np.zeros(d)), center)
    axes = Directions.of_axes(d, live, tuple(map(str, live)))
    b, size = inputs.config.subset_plan() or (1, projector.sample.m)
    ads, dps = [], []
    for part in plain.slabs(axes.k):
        block = plain.project(axes, part)[:, : b * size].reshape(-1, size)
        got = profile(
            block, tests=_TESTS, effects=False, threads=inputs.config.workers, overwrite=True
        )
        ads.append(got.ad_star.reshape(-1, b))
        dps.append(published_pvalues(got).reshape(-1, b))
        inputs.progress("paper's table", part.stop / axes.k)
    return np.vstack(ads), np.vstack(dps)


def published_pvalues(found: Profile) -> F64:
    """D'Agostino-Pearson p-values as papers take them: chi-square on 2 degrees of freedom."""
    return np.asarray(np.exp(-found.outcomes["dagostino_pearson"].statistic / 2))


def table_column(cv: float | None, ad: FloatArray, dp: FloatArray) -> PaperColumn:
    """Return one column of the paper's table from statistics on subsets.

    Parameters
    ----------
    cv : float or None
        Coefficient of variation of the norms; None where norms are constant by construction.
    ad, dp : (k, B) arrays
        A*² and D'Agostino-Pearson p-value of each coordinate on each subset.
    """
    ad_mean, dp_mean = ad.mean(axis=1), dp.mean(axis=1)
    return PaperColumn(
        cv=cv,
        ad_avg=float(ad_mean.mean()),
        ad_pass=float((ad_mean < AD_THRESHOLD).mean()),
        dp_avg=float(dp_mean.mean()),
        dp_pass=float((dp_mean > DP_THRESHOLD).mean()),
    )


def column_of(rows: F64, cv: float | None, threads: int | None = None) -> PaperColumn:
    """Return one column of the paper's table from rows ``(n, k)`` whose coordinates all vary."""
    found = profile(np.ascontiguousarray(rows.T), tests=_TESTS, effects=False, threads=threads)
    return table_column(cv, found.ad_star[:, None], published_pvalues(found)[:, None])


def gaussian_column(subsets: tuple[int, int] | None, cv: float | None) -> PaperColumn:
    """Return what true Gaussian coordinates give in the paper's table under the same protocol.

    The laws of A*² and of the p-value do not depend on n, so 20,000 samples of 100 normal values
    (fixed seed) are averaged B at a time.
    """
    b = 1 if subsets is None else subsets[0]
    draws = np.random.default_rng(20_260_101).standard_normal((20_000, 100))
    found = profile(draws, tests=_TESTS, effects=False, threads=1)
    whole = draws.shape[0] // b * b
    ad = found.ad_star[:whole].reshape(-1, b)
    dp = np.random.default_rng(20_260_102).random((20_000, b))  # a calibrated p-value is uniform
    return table_column(cv, ad, dp)
