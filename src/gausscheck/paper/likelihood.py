"""The log-likelihood of data beside the Gaussian one of their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gausscheck.audit.use.whitened_lengths import fit_rows
from gausscheck.config import Config
from gausscheck.core import F64, GausscheckError, Progress, Source, Stage
from gausscheck.normality.groups import group_sizes, jackknife_interval
from gausscheck.paper.inputs import SAMPLE, Opened, check_rows, grouped
from gausscheck.passes.common_rows import common_rows
from gausscheck.sources import open_source, read_column
from gausscheck.threads import one_thread


@dataclass(frozen=True, slots=True, eq=False)  # holds arrays
class Likelihood:
    """Two log-likelihoods of each row.

    Attributes
    ----------
    name : str
    n, d : int
        Rows looked at, and dimensions of the embedding.
    of_data : (n,) array
        As given.
    of_rows : (n,) array
        −‖w‖²/2 of the whitened rows w: the Gaussian log-density, less what all rows share.
    pearson : float
    pearson_ci : (float, float)
        By a jackknife over groups of rows.
    """

    name: str
    n: int
    d: int
    of_data: F64
    of_rows: F64
    pearson: float
    pearson_ci: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Likelihoods:
    """Settings side by side.

    Attributes
    ----------
    settings : tuple of Likelihood
    """

    settings: tuple[Likelihood, ...]


def likelihoods(
    inputs: Sequence[Any],
    *,
    names: Sequence[str] | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    threads: int | None = None,
    untrusted: bool = False,
    progress: Progress | None = None,
    **_: Any,
) -> Likelihoods:
    """Set the log-likelihood of data against that of their embeddings (figure 11 of the paper).

    Parameters
    ----------
    inputs : sequence of path or array
        Rows of an embedding and log p of the datum that each is of, in turn, two for each setting.
        The second is one number a row: an array, a .npy file, ``FILE:KEY`` or a key beside the
        rows.
    names : sequence of str, optional
        What each setting is called.
    sample, seed, threads, untrusted, progress
        As for :func:`gausscheck.paper.cosines`.

    Returns
    -------
    Likelihoods
        Cost O(n d²) for each setting.

    Raises
    ------
    GausscheckError
        If there is not one finite number a row, or rows are fewer than twice the dimensions.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 8))
    >>> (found,) = likelihoods([x, -(x**2).sum(axis=1) / 2]).settings
    >>> round(found.pearson, 2)
    0.99
    """
    config = Config(rows=sample, seed=seed, threads=threads)
    groups = grouped(inputs, 2, names, None)
    found = []
    for place, one in enumerate(groups):
        if progress is not None:
            progress(Stage(one.name, len(groups), "settings"), place / len(groups))
        source = open_source(one.given[0], untrusted=untrusted)
        of_data = _numbers(source, one.given[1], untrusted)
        found.append(_measured(one, source, of_data, config))
        source.close()
    return Likelihoods(tuple(found))


def _numbers(source: Source, given: Any, untrusted: bool) -> F64:
    asked = str(given) if isinstance(given, str) or hasattr(given, "__fspath__") else None
    read = given if asked is None else read_column(source, asked, untrusted=untrusted)
    said = "the log-likelihoods" if asked is None else asked
    if read is None:
        raise GausscheckError(f"{said}: expected a .npy file, FILE:KEY or a key; no such")
    values = np.asarray(read)
    if values.ndim != 1 or len(values) != source.n or values.dtype.kind not in "fiu":
        raise GausscheckError(
            f"{said}: expected {source.n:,} numbers, log p of each row of {source.uri}, got "
            f"{values.dtype} of shape {values.shape}"
        )
    found: F64 = values.astype(np.float64)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found))[0])
        raise GausscheckError(f"{said}: expected finite numbers, got {found[row]} in row {row}")
    return found


def _measured(one: Opened, source: Source, of_data: F64, config: Config) -> Likelihood:
    ids, (rows,) = common_rows([source], config.seed, config.rows, distinct=False)
    check_rows(ids.size, source)
    if ids.size < 2 * source.d:
        raise GausscheckError(
            f"{source.uri}: expected at least {2 * source.d:,} rows to fit a Gaussian in "
            f"{source.d:,} dimensions, got {ids.size:,}; raise sample= or give more rows"
        )
    with one_thread():
        white = fit_rows(rows.astype(np.float64)).y
    of_rows = -0.5 * np.einsum("ij,ij->i", white, white)
    told = of_data[ids]
    if np.ptp(told) == 0:
        raise GausscheckError(f"{source.uri}: expected log-likelihoods that differ, got equal ones")
    whole, interval = correlation(told, of_rows, config)
    return Likelihood(one.name, int(ids.size), source.d, told, of_rows, whole, interval)


def correlation(a: F64, b: F64, config: Config) -> tuple[float, tuple[float, float]]:
    """Return Pearson's correlation of values in random order, and a jackknife interval."""
    n, groups = a.size, config.groups
    x, y = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    parts = np.stack([np.ones(n), x, y, x * x, y * y, x * y])
    starts = np.cumsum(np.r_[0, group_sizes(n, groups)[:-1]])
    rest = parts.sum(axis=1)[:, None] - np.add.reduceat(parts, starts, axis=1)
    count, sx, sy, xx, yy, xy = rest
    without = (count * xy - sx * sy) / np.sqrt((count * xx - sx * sx) * (count * yy - sy * sy))
    whole = float((x * y).mean())
    low, high = jackknife_interval(whole, without, config.confidence)[1]
    return whole, (max(low, -1.0), min(high, 1.0))
