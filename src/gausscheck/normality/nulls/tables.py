"""Null laws simulated once and shipped: quantiles of a statistic at several n.

``null_tables.npz`` is written by ``benchmarks/null_tables.py``. Between table sizes quantiles are
interpolated linearly in 1/n, which tends to the limit law; between levels log p is interpolated
linearly in the statistic. Beyond the last level the p-value stays there, a bound, and a note says
so; it goes on falling where a law's tail is known.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import FloatArray
from gausscheck.normality.spec import Law


@lru_cache(maxsize=1)
def _tables() -> dict[str, NDArray[np.float64]]:
    path = files("gausscheck.normality.nulls") / "null_tables.npz"
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def quantiles(test: str, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return upper-tail levels (descending) and the statistic's quantiles there, at size n.

    Raises
    ------
    KeyError
        If no table of that name is shipped.
    """
    tables = _tables()
    where = 1 / tables[f"{test}_sizes"][::-1]
    rows = tables[test][::-1]
    place = float(np.interp(1 / n, where, np.arange(where.size)))
    low = min(int(place), where.size - 2)
    row = rows[low] + (place - low) * (rows[low + 1] - rows[low])
    return tables["levels"], np.maximum.accumulate(row)


def table_law(test: str, statistic: FloatArray, n: int, *, fall: float | None = None) -> Law:
    """Look upper-tail p-values up in the shipped table.

    Parameters
    ----------
    test : str
        Table name: a test's, ``energy`` for the one in one dimension.
    statistic : (k,) array
    n : int
        Sample size; below the smallest size of the table there is no p-value.
    fall : float, optional
        Of a law whose tail is known: beyond the last level log p falls by ``fall`` (x² − last²).

    Returns
    -------
    Law
    """
    smallest = int(_tables()[f"{test}_sizes"][0])
    if n < smallest:
        return Law(None, notes=(f"no calibrated p-value below n = {smallest}",))
    levels, points = quantiles(test, n)
    log_p = np.interp(statistic, points, np.log(levels))
    log_p = np.where(np.isnan(statistic), np.nan, log_p)
    beyond = statistic > points[-1]
    notes: tuple[str, ...] = ()
    if fall is not None:
        log_p = np.where(beyond, log_p - fall * (statistic**2 - points[-1] ** 2), log_p)
    elif np.any(beyond):
        notes = (f"p <= {levels[-1]:g} where it says {levels[-1]:g}",)
    return Law(np.exp(log_p), log_p, "table", notes)


def score_law(test: str, score: FloatArray, n: int) -> Law:
    """Look upper-tail p-values of a nearly normal score up in the shipped table.

    What the table corrects is the score: beyond its ends the normal law goes on, moved by what the
    last level was moved by.
    """
    from scipy.special import log_ndtr, ndtr, ndtri

    levels, points = quantiles(test, n)
    normal = -ndtri(levels)
    inside = np.interp(score, points, normal)
    moved = np.where(score > points[-1], score - points[-1] + normal[-1], inside)
    moved = np.where(score < points[0], score - points[0] + normal[0], moved)
    return Law(ndtr(-moved), log_ndtr(-moved), "table")


def kolmogorov_null(n: int) -> float:
    """Return the mean Kolmogorov distance of a true normal sample from its own fit.

    sqrt(n) D has a mean that hardly depends on n; it comes from the shipped table.

    Examples
    --------
    >>> 0.0085 < kolmogorov_null(5000) < 0.0095
    True
    """
    tables = _tables()
    sizes, means = tables["kolmogorov_mean_sizes"], tables["kolmogorov_mean"]
    return float(np.interp(1 / n, 1 / sizes[::-1], means[::-1]) / np.sqrt(n))
