"""The audit, in order: read, check, prepare, project, test, decide. The only file that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directional_level import DirectionalAudit, audit_directions
from gausscheck.audit.directions import FAMILIES, PreparedSpace, parse
from gausscheck.audit.groups import audit_groups
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.joint_levels import joint_levels
from gausscheck.audit.learned_directions import LEARNED, learn
from gausscheck.audit.norms import norms_section
from gausscheck.audit.paper_table import check_subsets, paper_table
from gausscheck.audit.preflight import (
    check_rows,
    dead_coordinates,
    eigenbasis,
    preflight_section,
)
from gausscheck.audit.projector import Projector
from gausscheck.audit.spectrum import spectrum_section, sum_of_unit_rows
from gausscheck.audit.verdict import LEVEL_WORDS, overall
from gausscheck.config import Config
from gausscheck.core import (
    F64,
    Directions,
    GausscheckError,
    Moments,
    Progress,
    Source,
    __version__,
)
from gausscheck.passes.dask import cluster
from gausscheck.passes.direction_moments import DirectionMoments, direction_moments
from gausscheck.passes.first_pass import FirstPassJob, first_pass, recall
from gausscheck.passes.plan import plan
from gausscheck.passes.reductions import Rows, Spread
from gausscheck.passes.run import Workers
from gausscheck.passes.sample import RowSample
from gausscheck.passes.sketch import KeptPass, load_pass
from gausscheck.preparation import Eigenbasis, Preparation, fit
from gausscheck.report import JointLevel, Level, Report, SourceInfo
from gausscheck.sources import open_source, read_labels
from gausscheck.threads import one_thread

LEAST_ROWS = 20
"""Rows that an audit needs."""


def analyze(
    source: Any,
    *,
    normalize: str | None = None,
    directions: str | None = None,
    labels: str | None = None,
    levels: str | None = None,
    group: bool | None = None,
    subsets: str | None = None,
    reference: int | None = None,
    rows: int | None = None,
    groups: int | None = None,
    confidence: float | None = None,
    alpha: float | None = None,
    on_bad_rows: str | None = None,
    worst: int | None = None,
    dataset: str | None = None,
    seed: int | None = None,
    threads: int | None = None,
    memory: int | str | None = None,
    null_cache: bool | None = None,
    resume: str | None = None,
    dask: Any = None,
    progress: Progress | None = None,
) -> Report:
    """Audit embeddings for Gaussian structure.

    Two passes at most: the first counts, checks and takes mean, covariance and a random row
    sample; the second, only where there are more rows than the sample holds, takes the moments of
    every direction over all rows. Directions are then tested on the sample.

    Parameters
    ----------
    source : path, array, DataFrame or Source
        A file that :func:`gausscheck.open_source` reads, a merged ``.sketch``, or anything with
        ``__array__`` or DLPack of shape ``(n, d)``: n rows (embeddings), d dimensions.
    normalize, directions, labels, levels, group, subsets, reference, rows, groups, confidence, \
    alpha, on_bad_rows, worst, dataset, seed, threads, memory, null_cache, resume : optional
        Fields of :class:`gausscheck.Config`, which says what they mean and holds the defaults.
    dask : str or distributed.Client, optional
        A cluster whose workers take the passes over all rows.
    progress : callable, optional
        ``progress(stage, share)``.

    Returns
    -------
    Report
        Cost O(n d²) for the covariance, O(m d k) for the projections on k directions and
        O(m log m k) for the tests, with m = min(n, rows). Memory within the budget and the
        interpreter's own.

    Raises
    ------
    GausscheckError
        On unreadable or unusable input and on options that cannot mean anything.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((5000, 32))
    >>> analyze(x, directions="axes").verdict.status
    'gaussian'
    """
    config = Config.from_options({
        "normalize": normalize, "directions": directions, "labels": labels, "levels": levels,
        "group": group, "subsets": subsets, "reference": reference, "rows": rows,
        "groups": groups, "confidence": confidence, "alpha": alpha, "on_bad_rows": on_bad_rows,
        "worst": worst, "dataset": dataset, "seed": seed, "threads": threads, "memory": memory,
        "null_cache": null_cache, "resume": resume,
        "dask": dask if dask is None or isinstance(dask, str) else type(dask).__name__,
    })  # fmt: skip
    parse(config.directions, {**FAMILIES, **LEARNED})
    opened = open_rows(source, config.dataset)
    found_labels = read_labels(opened, config.labels)
    report = progress or (lambda stage, share: None)
    keep = None if config.resume is None else Path(config.resume)
    with one_thread(), ThreadPoolExecutor(config.workers) as pool, cluster(dask) as client:
        workers = Workers(pool, report, client, keep)
        return _audit(opened, config, found_labels, workers)


def open_rows(source: Any, dataset: str | None) -> Source | KeptPass:
    """Open a source, or load a sketch of one.

    Raises
    ------
    GausscheckError
        If it cannot be read, or is a sketch of a part.
    """
    if not isinstance(source, str | PathLike) or not str(source).endswith(".sketch"):
        return open_source(source, dataset=dataset)
    kept = load_pass(Path(source))
    if dataset is not None:
        raise GausscheckError(f"{source}: a sketch is of one array; leave dataset= out")
    if not kept.whole:
        raise GausscheckError(
            f"{source}: expected a sketch of all {kept.n:,} rows, got leaves {kept.first} to "
            f"{kept.last} of {kept.leaves}; merge all parts first: gausscheck merge"
        )
    return kept


@dataclass(frozen=True, slots=True)
class _Read:
    """What the first pass leaves: findings about rows, their spread, the sample."""

    source: Source | KeptPass
    job: FirstPassJob | None
    rows: Rows
    spread: Spread
    sample: RowSample


def _audit(
    source: Source | KeptPass, config: Config, labels: NDArray[Any] | None, workers: Workers
) -> Report:
    """Take the steps of an audit in their order."""
    with _first_pass(source, config, workers) as read:
        inputs, basis, live = _prepare(read, config, workers)
        directions = _directions(inputs, labels)
        moments = _moments(read, inputs, directions, workers)
        audits = {
            family.kind: audit_directions(inputs, family, moment)
            for family, moment in zip(directions, moments, strict=True)
        }
        joint, reasons = joint_levels(inputs)
        return _report(read, inputs, basis, live, labels, audits, joint, reasons, workers)


@contextmanager
def _first_pass(source: Source | KeptPass, config: Config, workers: Workers) -> Iterator[_Read]:
    """Read all rows once, refuse or drop bad ones, fill the sample."""
    if source.n < LEAST_ROWS:
        raise GausscheckError(
            f"{source.uri}: expected at least {LEAST_ROWS} rows, got {source.n}; save more "
            "embeddings"
        )
    blocks = plan(source.n, source.d, source.dtype.itemsize, config.memory_bytes // 4)
    unit = config.normalize == "unit"
    budget = config.memory_bytes // 2
    with RowSample(source.n, source.d, config.rows, source.dtype, config.seed, budget) as sample:
        job = None
        if isinstance(source, KeptPass):
            asked = replace(
                source.meta, seed=config.seed, rows=config.rows, unit=unit, leaf=blocks.leaf
            )
            rows, spread = recall(source, asked, sample)
        else:
            job = FirstPassJob(source, blocks, config.seed, config.rows, unit)
            rows, spread = first_pass(job, sample, workers)
        check_rows(rows, config.on_bad_rows, source.uri)
        sample.drop(rows.bad)
        check_subsets(config, sample.m)
        yield _Read(source, job, rows, spread, sample)


def _prepare(
    read: _Read, config: Config, workers: Workers
) -> tuple[LevelInputs, Eigenbasis, NDArray[np.intp]]:
    """Look for what is wrong before any test, and fit the map of the rows."""
    source, spread = read.source, read.spread
    dead = dead_coordinates(spread, source.eps)
    live = np.setdiff1d(np.arange(source.d), dead)
    if live.size == 0:
        raise GausscheckError(
            f"{source.uri}: expected rows that differ, got {source.n} equal rows; check how the "
            "file was written"
        )
    basis = eigenbasis(spread, live)
    found = preflight_section(read.rows, spread, basis, dead, str(source.dtype), source.eps)
    prep = fit(config.normalize, spread, basis, live)
    wide = source.dtype.itemsize > (4 if source.dtype.kind == "f" else 2)
    projector = Projector(
        read.sample,
        prep,
        spread.mean,
        wide or config.normalize == "whiten",
        config.memory_bytes,
        workers.pool,
    )
    space = _prepared_space(prep, spread, live, basis.rank, config.seed)
    return LevelInputs(config, projector, space, found, workers.progress), basis, live


def _prepared_space(
    prep: Preparation, spread: Spread, live: NDArray[np.intp], rank: int, seed: int
) -> PreparedSpace:
    if prep.matrix is None:
        covariance, chosen = spread.covariance, live
        names = tuple(f"axis {j}" for j in range(prep.dim))
    else:
        covariance = prep.matrix.T @ spread.covariance @ prep.matrix
        chosen = np.arange(prep.dim)
        word, labels = ("axis", live) if prep.kind == "standardize" else ("whitened", chosen)
        names = tuple(f"{word} {j}" for j in labels)
    return PreparedSpace(covariance, chosen, names, rank, seed)


def _directions(inputs: LevelInputs, labels: NDArray[Any] | None) -> list[Directions]:
    """Return the families of directions asked for; all learned ones are one level, the last."""
    families = parse(inputs.config.directions, {**FAMILIES, **LEARNED})
    given = [FAMILIES[name](inputs.space, arg) for name, arg in families if name in FAMILIES]
    wanted = [(name, argument) for name, argument in families if name in LEARNED]
    if not wanted:
        return given
    inputs.progress("learning directions", 0.0)
    return [*given, learn(inputs.projector, wanted, labels, inputs.config.seed)]


def _moments(
    read: _Read, inputs: LevelInputs, directions: list[Directions], workers: Workers
) -> list[Moments | None]:
    """Moments of every direction over all rows, where the sample does not hold them all.

    Learned directions have none: they must not see the rows that they were learned from.
    """
    given = [family for family in directions if family.fit_rows != "half"]
    learned: list[Moments | None] = [None] * (len(directions) - len(given))
    all_sampled = read.sample.m == read.source.n - read.rows.bad.size
    if read.job is None or all_sampled or not given:
        return [None] * len(given) + learned
    projector = inputs.projector
    dtype = np.dtype(np.float64 if projector.double else np.float32)
    matrices = tuple(_seen_by(family, projector.preparation, dtype) for family in given)
    reduction = DirectionMoments(
        projector.preparation, projector.center, matrices, dtype, read.rows.bad
    )
    total = direction_moments(read.job, reduction, workers)
    ends = np.cumsum([0, *(family.k for family in given)])
    return [*(total.pick(slice(low, high)) for low, high in pairwise(ends)), *learned]


def _seen_by(family: Directions, prep: Preparation, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the matrix of a family of directions, or the coordinates that it is."""
    if prep.matrix is not None:
        return np.asarray((prep.matrix @ family.matrix).astype(dtype))
    if family.kind == "axes":
        return np.asarray(family.matrix.argmax(axis=0))
    return family.matrix.astype(dtype)


def _report(
    read: _Read,
    inputs: LevelInputs,
    basis: Eigenbasis,
    live: NDArray[np.intp],
    labels: NDArray[Any] | None,
    audits: dict[str, DirectionalAudit],
    joint: dict[str, JointLevel],
    reasons: dict[str, str],
    workers: Workers,
) -> Report:
    """Put the sections together and decide."""
    config, sample, source = inputs.config, read.sample, read.source
    levels: dict[str, Level] = {name: found.level for name, found in audits.items()}
    levels |= joint
    words = dict(LEVEL_WORDS)
    if "marginals" in joint:
        words["marginals"] = f"random {joint['marginals'].k}-dimensional subspaces"
    unit_sum: F64 = sum_of_unit_rows(sample.read, sample.m, source.d)
    axes = audits["axes"].profile if "axes" in audits else None
    groups = None
    if config.group:

        def again(part: Source, settings: Config) -> Report:
            return _audit(part, settings, None, Workers(workers.pool, lambda stage, share: None))

        groups = audit_groups(inputs, labels, again, source.uri)
    return Report(
        source=SourceInfo(
            uri=source.uri, n=source.n, d=source.d, dtype=str(source.dtype), notes=source.notes
        ),
        config=config,
        preflight=inputs.preflight,
        paper_table=paper_table(inputs, live, axes, unit_sum / sample.m),
        norms=norms_section(config, inputs.preflight, read.rows, read.spread),
        levels=levels,
        outcomes={name: found.tests for name, found in audits.items()},
        verdict=overall(levels, inputs.preflight.constant_norm, words),
        spectrum=spectrum_section(read.spread, basis.values, basis.rank, unit_sum, sample.m),
        groups=groups,
        not_applicable=reasons,
        preparation=inputs.projector.preparation,
        version=__version__,
    )
