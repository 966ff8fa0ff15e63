"""The audit, in order: read, check, prepare, project, test, decide. The only file that knows it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directional_level import audit_level
from gausscheck.audit.directions import FAMILIES, Scene, parse
from gausscheck.audit.groups import _groups
from gausscheck.audit.joint_level import joint_levels
from gausscheck.audit.learned_directions import LEARNED
from gausscheck.audit.norms import norm_summary
from gausscheck.audit.paper_table import check_subsets, paper_table
from gausscheck.audit.preflight import check_rows, dead_coordinates, preflight, spectrum
from gausscheck.audit.projector import Bench
from gausscheck.audit.spectrum import companions, concentration
from gausscheck.audit.verdict import overall
from gausscheck.config import Config
from gausscheck.core import Directions, GausscheckError, Moments, Progress, Source, __version__
from gausscheck.normality import Profile
from gausscheck.passes.dask import cluster
from gausscheck.passes.direction_moments import DirectionMoments, direction_moments
from gausscheck.passes.first_pass import FirstPassJob, first_pass, recall
from gausscheck.passes.plan import plan
from gausscheck.passes.reductions import Spread
from gausscheck.passes.run import Workers
from gausscheck.passes.sample import RowSample
from gausscheck.passes.sketch import KeptPass, load_pass
from gausscheck.preparation import Preparation, fit
from gausscheck.report import Report
from gausscheck.sources import open_source, read_labels
from gausscheck.threads import one_thread


def analyze(source: Any, *, progress: Progress | None = None, **options: Any) -> Report:
    """Audit embeddings for Gaussian structure.

    Two passes at most: the first counts, checks and takes mean, covariance and a random row
    sample; the second, only where there are more rows than the sample holds, takes the moments of
    every direction over all rows. Directions are then tested on the sample.

    Parameters
    ----------
    source : path or array
        A file that :func:`gausscheck.open_source` reads, or anything with ``__array__`` or
        DLPack of shape ``(n, d)``: n rows (embeddings), d dimensions.
    progress : callable, optional
        ``progress(stage, share)``.
    **options
        Fields of :class:`gausscheck.Config`, such as ``normalize="whiten"``,
        ``directions="axes,random:256"``, ``subsets="5x1000"``, ``memory="2GB"``, ``seed=1``; for
        ``dask`` a ``distributed.Client`` too.

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
    client = options.pop("dask", None)
    said = client if client is None or isinstance(client, str) else type(client).__name__
    config = Config.from_options({**options, "dask": said})
    known = {**FAMILIES, **LEARNED}
    families = parse(config.directions, known)
    report = progress or (lambda stage, share: None)
    opened = open_rows(source, config.dataset)
    labels = read_labels(opened, config.labels)
    keep = None if config.keep is None else Path(config.keep)
    with one_thread(), ThreadPoolExecutor(config.workers) as pool, cluster(client) as workers:
        where = Workers(pool, report, workers, keep)
        return _audit(opened, config, families, labels, where)


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
        raise GausscheckError(f"{source}: a sketch is of one array; dataset must be left out")
    if not kept.whole:
        raise GausscheckError(
            f"{source}: expected a sketch of all {kept.n:,} rows, got leaves {kept.first} "
            f"to {kept.last} of {kept.leaves}; merge all parts first"
        )
    return kept


def _audit(
    source: Source | KeptPass,
    config: Config,
    families: list[tuple[str, str]],
    labels: NDArray[Any] | None,
    workers: Workers,
) -> Report:
    pool, report = workers.pool, workers.progress
    if source.n < 20:
        raise GausscheckError(
            f"{source.uri}: expected at least 20 rows, got {source.n}; save more embeddings"
        )
    eps = source.eps
    blocks = plan(source.n, source.d, source.dtype.itemsize, config.memory_bytes // 4)
    budget = config.memory_bytes // 2
    with RowSample(source.n, source.d, config.rows, source.dtype, config.seed, budget) as sample:
        unit = config.normalize == "unit"
        job = None
        if isinstance(source, KeptPass):
            want = replace(source.meta, seed=config.seed, rows=config.rows, unit=unit,
                           leaf=blocks.leaf)  # fmt: skip
            rows, spread = recall(source, want, sample)
        else:
            job = FirstPassJob(source, blocks, config.seed, config.rows, unit)
            rows, spread = first_pass(job, sample, workers)
        check_rows(rows, config.on_bad_rows, source.uri)
        sample.drop(rows.bad)
        check_subsets(config, sample.m)
        dead = dead_coordinates(spread, eps)
        live = np.setdiff1d(np.arange(source.d), dead)
        if live.size == 0:
            raise GausscheckError(
                f"{source.uri}: expected rows that differ, got {source.n} equal rows; check how "
                "the file was written"
            )
        spec = spectrum(spread, live)
        found = preflight(rows, spread, spec, dead, str(source.dtype), eps)
        prep = fit(config.normalize, spread, spec, live)
        wide = source.dtype.itemsize > (4 if source.dtype.kind == "f" else 2)
        double = wide or config.normalize == "whiten"
        bench = Bench(source, config, sample, pool, rows, spread.mean, double, report)
        scene = _scene(prep, spread, live, spec.rank, config.seed)
        ways = [FAMILIES[name](scene, argument) for name, argument in families if name in FAMILIES]
        ways += _learn(bench, prep, families, labels)
        moments = _moments(bench, job, prep, ways, workers)
        arrays: dict[str, NDArray[Any]] = {
            f"preparation/{k}": v for k, v in prep.to_arrays().items()
        }
        levels, effects, outcomes = {}, {}, {}
        kept: dict[str, Profile] = {}
        for directions, moment in zip(ways, moments, strict=True):
            level = audit_level(bench, prep, scene, directions, moment, arrays)
            levels[directions.kind], outcomes[directions.kind] = level.entry, level.outcomes
            effects[directions.kind], kept[directions.kind] = level.effect, level.profile
        table = paper_table(bench, prep, found, live, kept.get("axes"))
        norms = norm_summary(bench, found, spread, arrays)
        joint, reasons = joint_levels(bench, prep, scene, found.constant_norm)
        for name, deep in joint.items():
            levels[name], effects[name] = deep.entry, deep.effect
        names = {name: deep.name for name, deep in joint.items()}
        verdict = overall(effects, found.constant_norm, names)
        numbers: dict[str, Any] = {
            **companions(spread, spec.values, spec.rank),
            **concentration(sample.read, sample.m, source.d),
        }
        groups = _groups(bench, labels, pool, _audit) if config.group else {}
        return Report(
            source={
                "uri": source.uri,
                "n": source.n,
                "d": source.d,
                "dtype": str(source.dtype),
                "notes": list(source.notes),
            },
            config=config.to_dict(),
            preflight=found.to_dict(),
            paper_table=table,
            norms=norms,
            levels=levels,
            outcomes=outcomes,
            verdict=verdict,
            spectrum=numbers,
            groups=groups,
            not_applicable=reasons,
            arrays=arrays,
            version=__version__,
        )


def _scene(
    prep: Preparation, spread: Spread, live: NDArray[np.intp], rank: int, seed: int
) -> Scene:
    if prep.matrix is None:
        covariance, chosen = spread.covariance, live
        names = tuple(f"axis {j}" for j in range(prep.dim))
    else:
        covariance = prep.matrix.T @ spread.covariance @ prep.matrix
        chosen = np.arange(prep.dim)
        word, labels = ("axis", live) if prep.kind == "standardize" else ("whitened", chosen)
        names = tuple(f"{word} {j}" for j in labels)
    return Scene(covariance, chosen, names, rank, seed)


def _learn(
    bench: Bench,
    prep: Preparation,
    families: list[tuple[str, str]],
    labels: NDArray[Any] | None,
) -> list[Directions]:
    """Put all directions learned from rows into one level, "learned"."""
    wanted = [(name, argument) for name, argument in families if name in LEARNED]
    if not wanted:
        return []
    bench.report("learning directions", 0.0)
    school = bench.school(prep, labels)
    found = [LEARNED[name](school, argument) for name, argument in wanted]
    matrix = np.hstack([columns for columns, _ in found])
    names = tuple(label for _, several in found for label in several)
    return [Directions(matrix, "learned", names, seed=bench.config.seed, fit_rows="half")]


def _moments(
    bench: Bench,
    job: FirstPassJob | None,
    prep: Preparation,
    ways: list[Directions],
    workers: Workers,
) -> list[Moments | None]:
    """Moments of every direction over all rows, where the sample does not hold them all."""
    if job is None or bench.sample.m == job.source.n - bench.rows.bad.size:
        return [None] * len(ways)
    learned = [w for w in ways if w.fit_rows == "half"]  # must not see the rows they learned
    ways = [w for w in ways if w.fit_rows != "half"]
    if not ways:
        return [None] * len(learned)
    dtype = np.dtype(np.float64 if bench.double else np.float32)
    seen = tuple(_seen_by(w, prep, dtype) for w in ways)
    reduction = DirectionMoments(prep, bench.center, seen, dtype, bench.rows.bad)
    total = direction_moments(job, reduction, workers)
    ends = np.cumsum([0, *(w.k for w in ways)])
    found: list[Moments | None] = [total.pick(slice(low, high)) for low, high in pairwise(ends)]
    return found + [None] * len(learned)  # they come last


def _seen_by(ways: Directions, prep: Preparation, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the matrix of a family of directions, or the coordinates that it is."""
    if prep.matrix is not None:
        return np.asarray((prep.matrix @ ways.matrix).astype(dtype))
    if ways.kind == "axes":
        return np.asarray(ways.matrix.argmax(axis=0))
    return ways.matrix.astype(dtype)
