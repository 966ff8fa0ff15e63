"""Null laws simulated once and shipped: quantiles of a statistic at several n.

``null_tables.npz`` is written by ``benchmarks/null_tables.py``. Between table sizes quantiles are
interpolated linearly in 1/n, which tends to the limit law; between levels log p is interpolated
linearly in the statistic. Beyond the last level the p-value stays there: it is a bound, and a note
says so.
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
    sizes, levels = tables["sizes"], tables["levels"]
    grid = tables[test]
    where = 1 / sizes[::-1]
    row = [np.interp(1 / n, where, column) for column in grid[::-1].T]
    return levels, np.maximum.accumulate(np.array(row))


def table_law(test: str, statistic: FloatArray, n: int) -> Law:
    """Look upper-tail p-values up in the shipped table.

    Parameters
    ----------
    test : str
        Table name: ``epps_pulley``, ``energy`` or ``jarque_bera``.
    statistic : (k,) array
    n : int
        Sample size; below the smallest size of the table there is no p-value.

    Returns
    -------
    Law
    """
    if n < _tables()["sizes"][0]:
        smallest = int(_tables()["sizes"][0])
        return Law(None, notes=(f"no calibrated p-value below n = {smallest}",))
    levels, points = quantiles(test, n)
    log_p = np.interp(statistic, points, np.log(levels))
    log_p = np.where(np.isnan(statistic), np.nan, log_p)
    beyond = statistic > points[-1]
    notes = (f"p <= {levels[-1]:g} where it says {levels[-1]:g}",) if np.any(beyond) else ()
    return Law(np.exp(log_p), log_p, "table", notes)


def kolmogorov_null(n: int) -> float:
    """Return the mean Kolmogorov distance of a true normal sample from its own fit.

    sqrt(n) D has a mean that hardly depends on n; it comes from the shipped table.

    Examples
    --------
    >>> 0.0085 < kolmogorov_null(5000) < 0.0095
    True
    """
    tables = _tables()
    means = tables["kolmogorov_mean"]
    return float(np.interp(1 / n, 1 / tables["sizes"][::-1], means[::-1]) / np.sqrt(n))
