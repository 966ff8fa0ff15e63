"""The field's table, and the norms beside their Gaussian value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.preflight import Preflight
from gausscheck.audit.projector import Bench
from gausscheck.config import AD_THRESHOLD, DP_THRESHOLD, Config
from gausscheck.core import Directions, FloatArray, GausscheckError
from gausscheck.normality import Profile, profile
from gausscheck.preparation import Preparation

_TESTS = ("anderson_darling", "dagostino_pearson")


def check_subsets(config: Config, m: int) -> None:
    """Refuse ``--subsets`` that want more than the m rows at hand.

    Raises
    ------
    GausscheckError
    """
    b, size = config.subset_plan() or (1, m)
    if b * size > m:
        raise GausscheckError(
            f"--subsets {b}x{size}: expected at most {m} rows in all, got {b * size}; "
            "take fewer or smaller subsets"
        )


def paper_table(
    bench: Bench,
    prep: Preparation,
    found: Preflight,
    live: NDArray[np.intp],
    axes: Profile | None,
) -> dict[str, Any]:
    """Fill in the field's table: raw and unit-norm rows, and its Gaussian null."""
    plan_ = bench.config.subset_plan()
    b, size = plan_ or (1, bench.sample.m)
    matrix = np.zeros((found.d, live.size))
    matrix[live, np.arange(live.size)] = 1
    ways = Directions(matrix, "axes", tuple(map(str, live)))
    cv = None if found.constant_norm else found.norm_cv

    def column(kind: str, value: float | None) -> dict[str, float | None]:
        same_axes = kind == ("unit" if prep.kind == "unit" else "raw") and prep.kind != "whiten"
        whole = same_axes and plan_ is None and axes is not None and axes.k == live.size
        if whole and axes is not None:
            return table_row(
                value,
                axes.ad_star[:, None],
                _published(axes)[:, None],
            )
        plain = Preparation(kind, np.zeros(found.d))
        ads, dps = [], []
        for part in bench.slabs(ways.k):
            block = bench.project(plain, ways, part)[:, : b * size].reshape(-1, size)
            got = profile(
                block,
                tests=_TESTS,
                effects=False,
                threads=bench.config.workers,
                overwrite=True,
            )
            ads.append(got.ad_star.reshape(-1, b))
            dps.append(_published(got).reshape(-1, b))
            bench.report("field's table", part.stop / ways.k)
        return table_row(value, np.vstack(ads), np.vstack(dps))

    raw = column("raw", cv)
    unit = dict(raw, cv=None) if found.constant_norm else column("unit", None)
    null_cv = None if found.constant_norm else 1 / np.sqrt(2 * found.rank)
    return {
        "subsets": {"b": b, "m": size},
        "raw": raw,
        "unit": unit,
        "gaussian": table_null(plan_, null_cv),
    }


def _published(found: Profile) -> NDArray[np.float64]:
    """D'Agostino-Pearson p-values as the field takes them: chi-square on 2 degrees of freedom."""
    return np.asarray(np.exp(-found.outcomes["dagostino_pearson"].statistic / 2))


def table_row(cv: float | None, ad: FloatArray, dp: FloatArray) -> dict[str, float | None]:
    """Return one column of the field's table from subset-averaged statistics.

    Parameters
    ----------
    cv : float or None
        Coefficient of variation of the norms; None where norms are constant by construction.
    ad, dp : (k, B) arrays
        A*² and D'Agostino-Pearson p-value of each coordinate on each subset.
    """
    ad_mean, dp_mean = ad.mean(axis=1), dp.mean(axis=1)
    return {
        "cv": cv,
        "ad_avg": float(ad_mean.mean()),
        "ad_pass": float((ad_mean < AD_THRESHOLD).mean()),
        "dp_avg": float(dp_mean.mean()),
        "dp_pass": float((dp_mean > DP_THRESHOLD).mean()),
    }


def table_null(subsets: tuple[int, int] | None, cv: float | None) -> dict[str, float | None]:
    """Return what true Gaussian coordinates give in the field's table under the same protocol.

    The laws of A*² and of the p-value do not depend on n, so 20,000 samples of 100 normal values
    (fixed seed) are averaged B at a time.
    """
    b = 1 if subsets is None else subsets[0]
    draws = np.random.default_rng(20_260_101).standard_normal((20_000, 100))
    found = profile(
        draws, tests=("anderson_darling", "dagostino_pearson"), effects=False, threads=1
    )
    whole = draws.shape[0] // b * b
    ad = found.ad_star[:whole].reshape(-1, b)
    dp = np.random.default_rng(20_260_102).random((20_000, b))  # a calibrated p-value is uniform
    return table_row(cv, ad, dp)
