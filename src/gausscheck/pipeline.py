"""The audit, in order: read, check, prepare, project, test, decide. The only file that knows it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck import preflight as checks
from gausscheck import preprocess, projections, summary
from gausscheck.bench import Bench, Progress
from gausscheck.blas import one_thread
from gausscheck.config import Config
from gausscheck.core import Directions, GausscheckError, Moments, Source, __version__
from gausscheck.field_table import check_subsets, norm_summary, paper_table
from gausscheck.joint_levels import joint_levels
from gausscheck.learned import LEARNED
from gausscheck.levels import audit_level
from gausscheck.normality import Profile
from gausscheck.passes import Job, Look, first_pass, second_pass
from gausscheck.preprocess import Preparation
from gausscheck.reductions import Spread
from gausscheck.report import Report
from gausscheck.sample import RowSample
from gausscheck.sources import open_source, read_labels
from gausscheck.spectrum import companions, concentration
from gausscheck.streaming import cluster, plan

GROUPS, GROUP_ROWS = 50, 100
"""Labels that ``--group`` shows, the largest first, and the rows that one needs."""

_GROUP_KEYS = ("status", "ad_at_reference", "ad_at_reference_ci")


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
    known = {**projections.FAMILIES, **LEARNED}
    families = projections.parse(config.directions, known)
    report = progress or (lambda stage, share: None)
    opened = open_source(source, dataset=config.dataset)
    labels = read_labels(opened, config.labels)
    keep = None if config.keep is None else Path(config.keep)
    with one_thread(), ThreadPoolExecutor(config.workers) as pool, cluster(client) as workers:
        where = {"client": workers, "keep": keep}
        return _audit(opened, config, families, labels, pool, report, where)


def _audit(
    source: Source,
    config: Config,
    families: list[tuple[str, str]],
    labels: NDArray[Any] | None,
    pool: ThreadPoolExecutor,
    report: Progress,
    where: dict[str, Any],
) -> Report:
    if source.n < 20:
        raise GausscheckError(
            f"{source.uri}: expected at least 20 rows, got {source.n}; save more embeddings"
        )
    eps = float(getattr(source, "eps", np.finfo(np.float64).eps))
    blocks = plan(source.n, source.d, source.dtype.itemsize, config.memory_bytes // 4)
    budget = config.memory_bytes // 2
    with RowSample(source.n, source.d, config.rows, source.dtype, config.seed, budget) as sample:
        unit = config.normalize == "unit"
        job = Job(source, blocks, config.seed, config.rows, unit)
        rows, spread = first_pass(job, sample, pool, report, **where)
        checks.check_rows(rows, config.on_bad_rows, source.uri)
        sample.drop(rows.bad)
        check_subsets(config, sample.m)
        dead = checks.dead_coordinates(spread, eps)
        live = np.setdiff1d(np.arange(source.d), dead)
        if live.size == 0:
            raise GausscheckError(
                f"{source.uri}: expected rows that differ, got {source.n} equal rows; check how "
                "the file was written"
            )
        spec = checks.spectrum(spread, live)
        found = checks.preflight(rows, spread, spec, dead, str(source.dtype), eps)
        prep = preprocess.fit(config.normalize, spread, spec, live)
        wide = source.dtype.itemsize > (4 if source.dtype.kind == "f" else 2)
        double = wide or config.normalize == "whiten"
        bench = Bench(source, config, sample, pool, rows, spread.mean, double, report)
        scene = _scene(prep, spread, live, spec.rank, config.seed)
        ways = [
            projections.FAMILIES[name](scene, argument)
            for name, argument in families
            if name in projections.FAMILIES
        ]
        ways += _learn(bench, prep, families, labels)
        moments = _moments(bench, job, prep, ways, where)
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
        verdict = summary.overall(effects, found.constant_norm, names)
        numbers: dict[str, Any] = {
            **companions(spread, spec.values, spec.rank),
            **concentration(sample.read, sample.m, source.d),
        }
        groups = _groups(bench, labels, pool) if config.group else {}
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
) -> projections.Scene:
    if prep.matrix is None:
        covariance, chosen = spread.covariance, live
        names = tuple(f"axis {j}" for j in range(prep.dim))
    else:
        covariance = prep.matrix.T @ spread.covariance @ prep.matrix
        chosen = np.arange(prep.dim)
        word, labels = ("axis", live) if prep.kind == "standardize" else ("whitened", chosen)
        names = tuple(f"{word} {j}" for j in labels)
    return projections.Scene(covariance, chosen, names, rank, seed)


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
    bench: Bench, job: Job, prep: Preparation, ways: list[Directions], where: dict[str, Any]
) -> list[Moments | None]:
    """Moments of every direction over all rows, where the sample does not hold them all."""
    if bench.sample.m == bench.source.n - bench.rows.bad.size:
        return [None] * len(ways)
    learned = [w for w in ways if w.fit_rows == "half"]  # must not see the rows they learned
    ways = [w for w in ways if w.fit_rows != "half"]
    if not ways:
        return [None] * len(learned)
    dtype = np.dtype(np.float64 if bench.double else np.float32)
    look = Look(prep, bench.center, tuple(_seen_by(w, prep, dtype) for w in ways), dtype,
                bench.rows.bad)  # fmt: skip
    total = second_pass(job, look, bench.pool, bench.report, **where)
    if total is None:
        return [None] * (len(ways) + len(learned))
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


def _groups(bench: Bench, labels: NDArray[Any] | None, pool: ThreadPoolExecutor) -> dict[str, Any]:
    """Audit the sampled rows of each label by themselves: a mixture's components."""
    if labels is None:
        raise GausscheckError(
            f"{bench.source.uri}: --group expected labels, found none; name them with --labels "
            "FILE or FILE:KEY"
        )
    mine = labels[bench.sample.index]
    names, counts = np.unique(mine, return_counts=True)
    enough = counts >= GROUP_ROWS
    order = np.argsort(-counts[enough], kind="stable")[:GROUPS]
    rows = bench.sample.read(0, bench.sample.m)
    settings = replace(bench.config, directions="axes,random:64", levels="none", group=False)
    families = projections.parse(settings.directions, projections.FAMILIES)
    found = {}
    for place, name in enumerate(names[enough][order]):
        part = open_source(rows[mine == name])
        told = _audit(part, settings, families, None, pool, lambda stage, share: None, {})
        found[str(name)] = {
            "n": part.n,
            "verdict": told.verdict.status,
            "paper_table": told.paper_table["raw"],
            "levels": {k: {key: v[key] for key in _GROUP_KEYS} for k, v in told.levels.items()},
        }
        bench.report("groups", (place + 1) / order.size)
    return {"labels": int(names.size), "shown": found}
