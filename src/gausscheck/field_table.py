"""The field's table, and the norms beside their Gaussian value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck import summary
from gausscheck.bench import Bench
from gausscheck.config import Config
from gausscheck.core import Directions, GausscheckError
from gausscheck.normality import Profile, profile
from gausscheck.preflight import Preflight
from gausscheck.preprocess import Preparation
from gausscheck.reductions import Spread

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
            return summary.table_row(
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
        return summary.table_row(value, np.vstack(ads), np.vstack(dps))

    raw = column("raw", cv)
    unit = dict(raw, cv=None) if found.constant_norm else column("unit", None)
    null_cv = None if found.constant_norm else 1 / np.sqrt(2 * found.rank)
    return {
        "subsets": {"b": b, "m": size},
        "raw": raw,
        "unit": unit,
        "gaussian": summary.table_null(plan_, null_cv),
    }


def _published(found: Profile) -> NDArray[np.float64]:
    """D'Agostino-Pearson p-values as the field takes them: chi-square on 2 degrees of freedom."""
    return np.asarray(np.exp(-found.outcomes["dagostino_pearson"].statistic / 2))


def norm_summary(
    bench: Bench, found: Preflight, spread: Spread, arrays: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return the norms' coefficient of variation beside its Gaussian value; keep a histogram."""
    if found.constant_norm:
        return {
            "applicable": False,
            "note": "not applicable: rows are L2-normalised",
            "mean": found.norm_mean,
            "cv": None,
            "cv_ci": None,
            "cv_gaussian": None,
        }
    good = np.delete(bench.rows.norms, bench.rows.bad)
    counts, edges = np.histogram(good, bins=min(80, max(20, int(np.sqrt(good.size)))))
    arrays["norms/counts"], arrays["norms/edges"] = counts, edges
    interval = summary.cv_interval(good, bench.config.groups, bench.config.confidence)
    if bench.config.normalize == "unit":
        return {
            "applicable": True,
            "mean": found.norm_mean,
            "cv": found.norm_cv,
            "cv_ci": interval,
            "cv_gaussian": None,
            "note": "rows were divided by their norms",
        }
    return {
        "applicable": True,
        "mean": found.norm_mean,
        "cv": found.norm_cv,
        "cv_ci": interval,
        "cv_gaussian": summary.norm_cv_null(spread.mean, spread.covariance),
        "note": "Gaussian value from the mean and covariance of the rows",
    }
