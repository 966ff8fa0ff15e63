"""How statistics scale: with dimension over files or prefixes, with subspaces, with rows.

A coordinate of the uniform law on the sphere in d dimensions, times sqrt(d), has squared distance
δ ~ 0.061/d², Kolmogorov distance ~ 0.138/d and excess kurtosis −6/(d + 2) from N(0, 1); two rows
have a cosine of standard deviation 1/sqrt(d); norms of N(0, I) have CV 1/sqrt(2 d). A true Gaussian
has δ = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from gausscheck.config import Config
from gausscheck.core import GausscheckError, Source, Stage
from gausscheck.passes.common_rows import rows_at
from gausscheck.passes.row_keys import counted_once, is_first, row_keys
from gausscheck.rng import hashed_sample, stream
from gausscheck.scaling.fit import fit_power
from gausscheck.scaling.result import LAWS, TITLES, Scaling
from gausscheck.scaling.statistics import (
    DIRECTIONS,
    JOINT_ROWS,
    coefficient_of_variation,
    direction_values,
    jackknifed,
    subspace_values,
    whole_values,
)
from gausscheck.sources import open_source
from gausscheck.threads import worker_pool

__all__ = ["LAWS", "TITLES", "Scaling", "fit_power", "scale"]

from gausscheck.core import F64

ROWS = 20_000
"""Rows of a file that are looked at, unless more are asked for."""


def scale(
    *sources: Any,
    prefix_dims: Sequence[int] = (),
    marginals: Sequence[int] = (),
    rows: Sequence[int] = (),
    sample: int = ROWS,
    dataset: str | None = None,
    untrusted: bool = False,
    seed: int = 0,
    groups: int = 20,
    confidence: float = 0.95,
    threads: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Scaling:
    """Measure how statistics change with dimension, subspace or number of rows.

    Parameters
    ----------
    *sources : path or array
        Files of several dimensions; one file for the other three.
    prefix_dims : sequence of int
        Leading coordinates that are kept (Matryoshka truncation).
    marginals : sequence of int
        Dimensions of random subspaces.
    rows : sequence of int
        Rows taken.
    sample : int
        Rows of a file looked at, at most, where ``rows`` does not say.
    dataset : str, optional
        The array inside containers that hold several.
    untrusted : bool
        Whether a child process with limits on memory and time reads the files.
    seed, groups, confidence, threads
        As for :func:`gausscheck.analyze`.
    progress : callable, optional

    Returns
    -------
    Scaling
        Points with delete-a-group jackknife intervals, and fits of constant · size^slope to the
        points themselves, weighted by their errors, so that a point whose interval holds 0 counts
        for what it says. Cost of each point O(n d k) for k directions and O(n² d) for 5,000 rows.

    Raises
    ------
    GausscheckError
        On sizes that cannot be had, several files where one is wanted, or too few points.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2000, 32))
    >>> scale(x, prefix_dims=(8, 16, 32)).by
    'd'
    """
    config = Config(seed=seed, groups=groups, confidence=confidence, threads=threads)
    report = progress or (lambda stage, share: None)
    chosen = [name for name, value in (("prefix_dims", prefix_dims), ("marginals", marginals),
                                       ("rows", rows)) if value]  # fmt: skip
    if len(chosen) > 1:
        raise GausscheckError(f"scale: expected one of {', '.join(chosen)}; give one")
    if not sources or (chosen and len(sources) > 1):
        raise GausscheckError(
            f"scale: expected {'one file' if chosen else 'files of several dimensions'}, got "
            f"{len(sources)}"
        )
    opened = [open_source(source, dataset=dataset, untrusted=untrusted) for source in sources]
    jobs = _jobs(opened, prefix_dims, marginals, rows)
    if len(jobs) < 2:
        raise GausscheckError(
            "scale: expected at least two sizes; name more files, or prefix_dims=, marginals= or "
            "rows="
        )
    points, repeats = [], {}
    with worker_pool(config.workers) as pool:
        for place, job in enumerate(jobs):
            x, again = _rows_of(job, config, job.n if rows else min(job.n, sample))
            if again:
                repeats[job.label if rows else job.source.uri] = again
            points.append(_point(job, x, config, pool, len(x) if rows else job.size))
            report(Stage(f"{job.label}", len(jobs), "sizes"), (place + 1) / len(jobs))
    by = {"marginals": "k", "rows": "n"}.get(chosen[0] if chosen else "", "d")
    points.sort(key=lambda point: point["size"])
    notes = [f"{name}: {counted_once(again)}" for name, again in repeats.items()]
    return _fitted(by, points, config, sample, notes)


@dataclass(frozen=True, slots=True)
class _Job:
    source: Source
    label: str
    size: int
    n: int
    d: int
    subspace: int | None = None


def _jobs(
    opened: list[Source], prefixes: Sequence[int], marginals: Sequence[int], rows: Sequence[int]
) -> list[_Job]:
    first = opened[0]
    least = 200

    def check(name: str, sizes: Sequence[int], low: int, high: int) -> None:
        for size in sizes:
            if not low <= size <= high:
                raise GausscheckError(f"{name}: expected sizes from {low} to {high}, got {size}")

    for source in opened:
        if source.n < least:
            raise GausscheckError(f"{source.uri}: expected at least {least} rows, got {source.n}")
    if prefixes:
        check("prefix_dims", prefixes, 3, first.d)
        return [_Job(first, f"first {d}", d, first.n, d) for d in prefixes]
    if marginals:
        check("marginals", marginals, 1, min(first.d, first.n // 10))
        return [_Job(first, f"k = {k}", k, first.n, first.d, k) for k in marginals]
    if rows:
        check("rows", rows, least, first.n)
        return [_Job(first, f"{n:,} rows", n, n, first.d) for n in rows]
    return [_Job(source, source.uri, source.d, source.n, source.d) for source in opened]


def _rows_of(job: _Job, config: Config, most: int) -> tuple[F64, int]:
    """Read a random sample of the job's rows, in hashed order, leading coordinates alone.

    Rows that repeat an earlier one are left out; how many is returned too.
    """
    order = hashed_sample(job.source.n, most, config.seed)
    place = np.argsort(order, kind="stable")
    stored = rows_at(job.source, order[place])
    first = np.empty(most, dtype=bool)
    first[place] = is_first(row_keys(stored))
    x = np.empty((most, job.d))
    x[place] = stored[:, : job.d]
    if not np.isfinite(x).all():
        row = int(order[np.flatnonzero(~np.isfinite(x).all(axis=1))[0]])
        raise GausscheckError(f"{job.source.uri}: row {row} is not finite; drop such rows first")
    differ, least = int(first.sum()), 2 * config.groups
    if differ < least:
        raise GausscheckError(
            f"{job.source.uri}: expected at least {least} rows that differ, got {differ}; check "
            "the file"
        )
    return x[first], most - differ


def _point(
    job: _Job, x: F64, config: Config, pool: ThreadPoolExecutor, size: int
) -> dict[str, Any]:
    rng = stream(config.seed, "scaling")
    norms = np.linalg.norm(x, axis=1)
    centred = x - x.mean(axis=0)
    sd = centred.std(axis=0)
    eps = job.source.eps
    live = (sd > 1e-5 * sd.max()) & (sd > eps * np.abs(x).max(axis=0))
    if live.sum() < 1:
        raise GausscheckError(f"{job.source.uri}: expected rows that differ; check the file")
    values: dict[str, Any] = {}
    if job.subspace is not None:
        values.update(subspace_values(centred[:, live], job.subspace, config, rng))
    else:
        values.update(direction_values(centred[:, live], config, rng))
        constant = float(norms.std()) < 1e-3 * float(norms.mean())
        if not constant:
            values["norm_cv"] = jackknifed(norms, coefficient_of_variation, config)
        values.update(whole_values(x, centred[:, live], constant, config, pool))
    shown = {name: [float(v) for v in values[name]] for name in TITLES if name in values}
    return {
        "size": size, "label": job.label, "n": len(x), "d": job.d, "values": shown,
    }  # fmt: skip


def _fitted(
    by: str, points: list[dict[str, Any]], config: Config, sample: int, told: list[str]
) -> Scaling:
    raw = Scaling(by, tuple(points), {}, {})
    fits = {}
    for name in TITLES:
        table = raw.column(name)
        keep = np.isfinite(table[:, 0])
        if keep.sum() >= 2:
            law = LAWS[name].get("slope") if by == "d" else None
            fits[name] = fit_power(
                raw.sizes[keep], table[keep], config.confidence, law, config.groups
            )
    theory = LAWS if by == "d" else {}
    seen = {name: law for name, law in theory.items() if name in fits}
    notes = (
        f"at most {sample:,} rows and {DIRECTIONS} directions a point, {JOINT_ROWS:,} rows for "
        "cosines and joint statistics",
        *told,
    )
    return Scaling(by, tuple(points), fits, seen, notes)
