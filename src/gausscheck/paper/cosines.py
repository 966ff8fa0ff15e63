"""Cosines of positive pairs and of different rows, as they are and after whitening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.use.whitened_lengths import fit_rows
from gausscheck.config import Config
from gausscheck.core import F64, GausscheckError, Progress, Source, Stage
from gausscheck.pairs.sums import EDGES, pair_sums
from gausscheck.paper.inputs import SAMPLE, Opened, check_rows, grouped, opened
from gausscheck.passes.common_rows import common_rows
from gausscheck.threads import one_thread, worker_pool

STAGES = ("as stored", "whitened", "unit length, then whitened")
"""What is done to rows before their cosines are taken."""


@dataclass(frozen=True, slots=True, eq=False)  # holds arrays
class CosinesAt:
    """Histograms of the cosines of one setting.

    Attributes
    ----------
    name, series : str
    n, d : int
        Pairs looked at, and dimensions: after whitening the rank.
    positives, negatives : arrays of int
        Counts between :data:`EDGES`; positives are empty where one input was given.
    positive_mean : float or None
    negative_mean : float
    """

    name: str
    series: str
    n: int
    d: int
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    positive_mean: float | None
    negative_mean: float

    @property
    def edges(self) -> F64:
        """Edges of the bins, from −1 to 1."""
        return EDGES


@dataclass(frozen=True, slots=True, eq=False)
class Cosines:
    """Cosines of several settings, in their order.

    Attributes
    ----------
    settings : tuple of CosinesAt
    axis : str
        What names count, such as ``epoch``; empty to read it off the names.
    """

    settings: tuple[CosinesAt, ...]
    axis: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """Cosines of the same rows at the stages :data:`STAGES`.

    Attributes
    ----------
    name : str
        What the rows are called.
    settings : tuple of CosinesAt
    """

    name: str
    settings: tuple[CosinesAt, ...]


def cosines(
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
) -> Cosines:
    """Take the cosines of positives and of different rows (figures 2, 7 and 8 of the paper).

    Parameters
    ----------
    inputs : sequence of path, array or Source
        Anchors and positives in turn, two for each setting; row i of one belongs to row i of the
        other.
    names, series : sequence of str, optional
        What each setting is called, and which panel it is part of.
    axis : str
        What names count.
    sample : int
        Pairs of each setting: the first in hashed order. Those with a row that is not finite or
        zero are left out.
    seed : int
    threads : int, optional
    untrusted : bool
        Whether files are read in a child process with limits.
    progress : callable, optional

    Returns
    -------
    Cosines
        Negatives are all pairs of an anchor with the positive of another row. Cost O(n² d).

    Raises
    ------
    GausscheckError
        If an input cannot be read, the two of a setting differ in shape, or names don't fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((300, 16))
    >>> (found,) = cosines([x, x + rng.standard_normal((300, 16))]).settings
    >>> round(found.positive_mean, 1), int(found.negatives.sum())
    (0.7, 89700)
    """
    config = Config(rows=sample, seed=seed, threads=threads)
    groups = grouped(inputs, 2, names, series)
    found = []
    for place, one in enumerate(groups):
        if progress is not None:
            progress(Stage(one.name, len(groups), "settings"), place / len(groups))
        u, v = _pairs(opened(one, untrusted), config)
        found.append(_histograms(one, u, v, u.shape[1], config))
    return Cosines(tuple(found), axis)


def whitened_cosines(
    inputs: Sequence[Any],
    *,
    names: Sequence[str] | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    threads: int | None = None,
    untrusted: bool = False,
    progress: Progress | None = None,
    **_: Any,
) -> Stages:
    """Take cosines before and after whitening, of raw and of unit rows (figures 9 and 10).

    Parameters
    ----------
    inputs : sequence of path, array or Source
        Anchors and positives, or one input: then there are no positives, and negatives are pairs
        of its rows.
    names : sequence of str, optional
        What to call it.
    sample, seed, threads, untrusted, progress
        As for :func:`cosines`.

    Returns
    -------
    Stages
        At three stages: as stored (unit rows have the same cosines), whitened, and divided by
        their lengths before they are whitened. Mean and covariance are of all rows of both inputs.
        Cost O(n² d + n d²).

    Raises
    ------
    GausscheckError
        Where rows are fewer than twice the dimensions: whitened by their own fit, all would then
        be nearly at right angles.
    """
    if len(inputs) > 2:
        raise GausscheckError(
            f"figure: expected rows, or anchors and positives, got {len(inputs)} inputs"
        )
    config = Config(rows=sample, seed=seed, threads=threads)
    (one,) = grouped(inputs, len(inputs) or 1, names, None)
    u, v = _pairs(opened(one, untrusted), config)
    alone = len(inputs) == 1
    both = u if alone else np.concatenate([u, v])
    if len(both) < 2 * u.shape[1]:
        raise GausscheckError(
            f"figure: expected at least {2 * u.shape[1]:,} rows to whiten {u.shape[1]:,} "
            f"dimensions, got {len(both):,}; raise sample= or give more rows"
        )
    unit = both / np.sqrt(np.einsum("ij,ij->i", both, both))[:, None]
    found = []
    for place, (stage, rows) in enumerate(zip(STAGES, (both, both, unit), strict=True)):
        if progress is not None:
            progress(stage, place / len(STAGES))
        with one_thread():
            made = rows if stage == STAGES[0] else fit_rows(rows).y
        first, second = made[: len(u)], None if alone else made[len(u) :]
        found.append(_histograms(Opened(stage, "", ()), first, second, made.shape[1], config))
    return Stages(one.name, tuple(found))


def _pairs(sources: list[Source], config: Config) -> tuple[F64, F64]:
    shapes = {(source.n, source.d) for source in sources}
    if len(shapes) > 1:
        first, second = sources
        raise GausscheckError(
            f"{second.uri}: expected {first.n:,} x {first.d:,} like {first.uri}, one positive for "
            f"each anchor, got {second.n:,} x {second.d:,}"
        )
    ids, rows = common_rows(sources, config.seed, config.rows, distinct=False)
    check_rows(ids.size, sources[0])
    for source in sources:
        source.close()
    return rows[0].astype(np.float64), rows[-1].astype(np.float64)


def _histograms(one: Opened, u: F64, v: F64 | None, d: int, config: Config) -> CosinesAt:
    first = _unit(u)
    second = first if v is None else _unit(v)
    with worker_pool(config.workers) as pool:
        across = pair_sums(first, second, 1.0, pool, lambda stage, share: None)
    own = np.empty(0) if v is None else np.einsum("ij,ij->i", first, second)
    return CosinesAt(
        name=one.name,
        series=one.series,
        n=len(u),
        d=d,
        positives=np.histogram(np.clip(own, -1, 1), EDGES)[0],
        negatives=across.counts,
        positive_mean=float(own.mean()) if own.size else None,
        negative_mean=across.mean,
    )


def _unit(x: F64) -> F64:
    norms = np.sqrt(np.einsum("ij,ij->i", x, x))
    return np.asarray(x / np.where(norms > 0, norms, 1)[:, None])
