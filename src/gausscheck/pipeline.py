"""The audit, in order: read, check, prepare, project, test, decide. The only file that knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck import preflight as checks
from gausscheck import preprocess, projections, summary
from gausscheck.config import Config
from gausscheck.core import Directions, GausscheckError, Moments, Outcome, Source
from gausscheck.normality import A0, Profile, kolmogorov_null, profile
from gausscheck.preprocess import Preparation
from gausscheck.reductions import FirstPass, PowerSums, Rows, Spread
from gausscheck.report import Report
from gausscheck.sample import RowSample
from gausscheck.sources import open_source
from gausscheck.streaming import Plan, TreeFold, plan

Progress = Callable[[str, float], None]
"""Called with a stage's name and the share of it that is done, from 0 to 1."""

QUANTILES = 201
"""Points of a stored Q-Q curve."""

_TABLE_TESTS = ("anderson_darling", "dagostino_pearson")


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
        ``directions="axes,random:256"``, ``subsets="5x1000"``, ``memory="2GB"``, ``seed=1``.

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
    >>> x = np.random.default_rng(0).standard_normal((4000, 8))
    >>> analyze(x, directions="axes").verdict.status
    'gaussian'
    """
    config = Config.from_options(options)
    families = projections.parse(config.directions)
    report = progress or (lambda stage, share: None)
    opened = open_source(source, dataset=config.dataset)
    with _single_threaded_blas(), ThreadPoolExecutor(config.workers) as pool:
        return _audit(opened, config, families, pool, report)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What every level needs."""

    source: Source
    config: Config
    sample: RowSample
    pool: ThreadPoolExecutor
    rows: Rows
    center: NDArray[np.float64]
    double: bool
    report: Progress

    def project(self, prep: Preparation, ways: Directions, columns: slice) -> NDArray[Any]:
        return projections.project(
            self.sample.read,
            self.sample.m,
            prep,
            self.center,
            ways,
            columns,
            double=self.double or prep.kind == "whiten",
            pool=self.pool,
        )

    def slabs(self, k: int) -> Iterator[slice]:
        """Directions at a time such that their projections take a quarter of the budget."""
        bytes_each = self.sample.m * 8
        width = max(1, self.config.memory_bytes // 4 // bytes_each // projections.TILE)
        step = width * projections.TILE
        for low in range(0, k, step):
            yield slice(low, min(low + step, k))


def _audit(
    source: Source,
    config: Config,
    families: list[tuple[str, str]],
    pool: ThreadPoolExecutor,
    report: Progress,
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
        rows, spread = _first_pass(source, blocks, sample, FirstPass(unit), pool, report)
        checks.check_rows(rows, config.on_bad_rows, source.uri)
        sample.drop(rows.bad)
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
        double = source.dtype.itemsize > 4 and source.dtype.kind == "f"
        bench = _Bench(source, config, sample, pool, rows, spread.mean, double, report)
        scene = _scene(prep, spread, live, spec.rank, config.seed)
        ways = [projections.FAMILIES[name](scene, argument) for name, argument in families]
        moments = _second_pass(bench, blocks, prep, ways)
        arrays: dict[str, NDArray[Any]] = {
            f"preparation/{k}": v for k, v in prep.to_arrays().items()
        }
        levels, effects, outcomes = {}, {}, {}
        kept: dict[str, Profile] = {}
        for directions, moment in zip(ways, moments, strict=True):
            level = _level(bench, prep, directions, moment, arrays)
            levels[directions.kind], outcomes[directions.kind] = level.entry, level.outcomes
            effects[directions.kind], kept[directions.kind] = level.effect, level.profile
        table = _paper_table(bench, prep, found, live, kept.get("axes"))
        norms = _norms(bench, found, spread, arrays)
        verdict = summary.overall(effects, found.constant_norm)
        from gausscheck import __version__

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
            arrays=arrays,
            version=__version__,
        )


def _first_pass(
    source: Source,
    blocks: Plan,
    sample: RowSample,
    reduction: FirstPass,
    pool: ThreadPoolExecutor,
    report: Progress,
) -> tuple[Rows, Spread]:
    fold = TreeFold(reduction.merge)

    def leaf(block: NDArray[Any], row0: int) -> tuple[Rows, Spread]:
        sample.put(block, row0)
        return reduction.of(block, row0)

    for start, stop in blocks.reads():
        block = source.read(start, stop)
        ranges = list(blocks.leaves(start, stop))
        tasks = [pool.submit(leaf, block[low - start : high - start], low) for low, high in ranges]
        for task in tasks:
            fold.push(task.result())
        report("reading", stop / source.n)
    return reduction.finish(fold.result())


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


def _second_pass(
    bench: _Bench, blocks: Plan, prep: Preparation, ways: list[Directions]
) -> list[Moments | None]:
    """Moments of every direction over all rows, where the sample does not hold them all."""
    if bench.sample.m == bench.source.n - bench.rows.bad.size:
        return [None] * len(ways)
    sums = PowerSums()
    fold: TreeFold[Moments] = TreeFold(sums.merge)
    matrix = np.hstack([w.matrix for w in ways])
    weights = matrix if prep.matrix is None else prep.matrix @ matrix
    weights = weights.astype(np.float64 if bench.double else np.float32)
    bad = bench.rows.bad

    def leaf(block: NDArray[Any], row0: int) -> Moments:
        skip = bad[(bad >= row0) & (bad < row0 + block.shape[0])] - row0
        rows = prep.rows(np.delete(block, skip, axis=0) if skip.size else block)
        rows -= bench.center
        tall = rows.astype(weights.dtype).T
        parts = [
            sums.of(weights[:, low : low + projections.TILE].T @ tall)
            for low in range(0, weights.shape[1], projections.TILE)
        ]
        return _stack(parts)

    for start, stop in blocks.reads():
        block = bench.source.read(start, stop)
        tasks = [
            bench.pool.submit(leaf, block[low - start : high - start], low)
            for low, high in blocks.leaves(start, stop)
        ]
        for task in tasks:
            fold.push(task.result())
        bench.report("moments over all rows", stop / bench.source.n)
    total = sums.finish(fold.result())
    ends = np.cumsum([0, *(w.k for w in ways)])
    return [_pick(total, slice(low, high)) for low, high in pairwise(ends)]


def _stack(parts: list[Moments]) -> Moments:
    joined = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in ("mean", "m2", "m3", "m4")
    }
    return Moments(n=parts[0].n, **joined)


def _pick(moments: Moments, part: slice) -> Moments:
    return Moments(
        moments.n, moments.mean[part], moments.m2[part], moments.m3[part], moments.m4[part]
    )


@dataclass(frozen=True, slots=True)
class _Level:
    entry: dict[str, Any]
    outcomes: dict[str, Any]
    effect: summary.Effect
    profile: Profile


def _level(
    bench: _Bench,
    prep: Preparation,
    ways: Directions,
    moments: Moments | None,
    arrays: dict[str, NDArray[Any]],
) -> _Level:
    config, name = bench.config, ways.kind
    pieces = []
    growth = _Growth(ways.k, bench.sample.m)
    for part in bench.slabs(ways.k):
        block = bench.project(prep, ways, part)
        growth.take(block, part)
        pieces.append(
            profile(
                block,
                groups=config.groups,
                moments=None if moments is None else _pick(moments, part),
                threads=config.workers,
                overwrite=True,
            )
        )
        bench.report(f"testing {name}", part.stop / ways.k)
    whole = Profile.concatenate(pieces)
    effect = summary.effect(
        whole.ad_star,
        whole.ad_star_without,
        whole.n,
        reference=config.reference,
        confidence=config.confidence,
    )
    status = summary.decide(effect.ad_at_reference_ci)
    for key, values in _direction_arrays(whole, ways).items():
        arrays[f"{name}/direction/{key}"] = values
    arrays[f"{name}/ad_star"] = whole.ad_star
    arrays[f"{name}/growth"] = growth.curve()
    if ways.kind not in ("axes", "random"):
        arrays[f"{name}/matrix"] = ways.matrix
    worst = _worst(bench, prep, ways, whole, arrays)
    entry = {
        "status": status,
        "directions": ways.k,
        "kind": ways.kind,
        "seed": ways.seed,
        "fit_rows": ways.fit_rows,
        **effect.to_dict(),
        "rows_needed": summary.rows_needed(effect) if status == "inconclusive" else None,
        "ad_mean": float(np.nanmean(whole.ad_star)),
        "kolmogorov": float(np.nanmean(whole.kolmogorov)),
        "kolmogorov_null": float(kolmogorov_null(whole.n)),
        "wasserstein1": float(np.nanmean(whole.wasserstein1)),
        "l_skewness": float(np.nanmean(whole.l_skewness)),
        "l_kurtosis": float(np.nanmean(whole.l_kurtosis)),
        "l_kurtosis_null": 0.1226,
        "worst": worst,
    }
    outcomes = {
        test: _outcome_entry(outcome, config.alpha) for test, outcome in whole.outcomes.items()
    }
    return _Level(entry, outcomes, effect, whole)


def _direction_arrays(whole: Profile, ways: Directions) -> dict[str, NDArray[Any]]:
    m = whole.moments
    table: dict[str, NDArray[Any]] = {
        "label": np.array(ways.labels),
        "ad_star": whole.ad_star,
        "ad_discrepancy": (whole.ad_star - A0) / whole.n,
        "skewness": m.m3 / m.m2**1.5,
        "excess_kurtosis": m.m4 / m.m2**2 - 3,
        "l_skewness": whole.l_skewness,
        "l_kurtosis": whole.l_kurtosis,
        "kolmogorov": whole.kolmogorov,
        "wasserstein1": whole.wasserstein1,
        "sd": np.sqrt(m.m2),
    }
    for test, outcome in whole.outcomes.items():
        table[f"{test}_statistic"] = outcome.statistic
        if outcome.pvalue is not None:
            table[f"{test}_pvalue"] = outcome.pvalue
        if outcome.log_pvalue is not None:
            table[f"{test}_log_pvalue"] = outcome.log_pvalue
    return {k: np.asarray(v) for k, v in table.items()}


def _outcome_entry(outcome: Outcome, alpha: float) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "scope": outcome.scope,
        "null": outcome.null,
        "n": outcome.n,
        "calibration": outcome.calibration,
        "notes": list(outcome.notes),
    }
    if outcome.pvalue is None:
        return {**entry, "statistic_mean": None, "pvalue_mean": None}
    entry["statistic_mean"] = float(np.nanmean(outcome.statistic))
    entry["pvalue_mean"] = float(np.nanmean(outcome.pvalue))
    return {**entry, **summary.corrections(np.asarray(outcome.pvalue, dtype=np.float64), alpha)}


class _Growth:
    """Mean A*² against the number of rows, on at most 64 directions and nested subsets."""

    def __init__(self, k: int, m: int) -> None:
        self._chosen = np.unique(np.linspace(0, k - 1, min(k, 64)).astype(int))
        sizes = np.unique(np.geomspace(min(100, m), m, 9).astype(int))
        self._sizes = sizes
        self._sums = np.zeros((sizes.size, 2))

    def take(self, block: NDArray[Any], part: slice) -> None:
        mine = self._chosen[(self._chosen >= part.start) & (self._chosen < part.stop)] - part.start
        if mine.size == 0:
            return
        for i, size in enumerate(self._sizes):
            repeats = int(min(8, block.shape[1] // size))
            piece = block[mine, : repeats * size].reshape(-1, size)
            found = profile(piece, tests=("anderson_darling",), effects=False)
            self._sums[i] += found.ad_star.sum(), found.ad_star.size

    def curve(self) -> NDArray[np.float64]:
        """Columns: rows, mean A*²."""
        return np.column_stack([self._sizes, self._sums[:, 0] / self._sums[:, 1]])


def _worst(
    bench: _Bench,
    prep: Preparation,
    ways: Directions,
    whole: Profile,
    arrays: dict[str, NDArray[Any]],
) -> list[dict[str, Any]]:
    """Name the most deviant directions, their shape and the rows at their ends; keep Q-Q curves."""
    from scipy.special import ndtri

    order = np.argsort(-whole.ad_star, kind="stable")
    chosen = order[: bench.config.worst]
    median = order[order.size // 2]
    picked = np.append(chosen, median)
    few = Directions(ways.matrix[:, picked], ways.kind, tuple(ways.labels[j] for j in picked))
    block = bench.project(prep, few, slice(0, few.k)).astype(np.float64)
    block -= block.mean(axis=1, keepdims=True)
    block /= block.std(axis=1, keepdims=True)
    m = block.shape[1]
    levels = (np.unique(np.linspace(0, m - 1, min(QUANTILES, m)).astype(int)) + 0.5) / m
    tails = (np.arange(min(10, m // 20)) + 0.5) / m
    levels = np.unique(np.concatenate([tails, levels, 1 - tails]))
    arrays[f"{ways.kind}/qq"] = np.vstack([ndtri(levels), np.quantile(block, levels, axis=1).T])
    arrays[f"{ways.kind}/qq_label"] = np.array(few.labels)
    mom = whole.moments
    entries = []
    for place, j in enumerate(chosen):
        skewness = float(mom.m3[j] / mom.m2[j] ** 1.5)
        excess = float(mom.m4[j] / mom.m2[j] ** 2 - 3)
        rank = np.argsort(block[place])
        entries.append(
            {
                "direction": ways.labels[j],
                "ad_star": float(whole.ad_star[j]),
                "rms_cdf_error": float(np.sqrt(max(whole.ad_star[j] - A0, 0) / whole.n)),
                "skewness": skewness,
                "excess_kurtosis": excess,
                "shape": summary.shape(skewness, excess),
                "lowest_rows": bench.sample.index[rank[:3]].tolist(),
                "highest_rows": bench.sample.index[rank[::-1][:3]].tolist(),
            }
        )
    return entries


def _paper_table(
    bench: _Bench,
    prep: Preparation,
    found: checks.Preflight,
    live: NDArray[np.intp],
    axes: Profile | None,
) -> dict[str, Any]:
    """Fill in the field's table: raw and unit-norm rows, and its Gaussian null."""
    plan_ = bench.config.subset_plan()
    b, size = plan_ or (1, bench.sample.m)
    if b * size > bench.sample.m:
        raise GausscheckError(
            f"--subsets {b}x{size}: expected at most {bench.sample.m} rows in all, got {b * size}; "
            "take fewer or smaller subsets"
        )
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
                np.asarray(axes.outcomes["dagostino_pearson"].pvalue)[:, None],
            )
        plain = Preparation(kind, np.zeros(found.d))
        ads, dps = [], []
        for part in bench.slabs(ways.k):
            block = bench.project(plain, ways, part)[:, : b * size].reshape(-1, size)
            got = profile(
                block,
                tests=_TABLE_TESTS,
                effects=False,
                threads=bench.config.workers,
                overwrite=True,
            )
            ads.append(got.ad_star.reshape(-1, b))
            dps.append(np.asarray(got.outcomes["dagostino_pearson"].pvalue).reshape(-1, b))
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


def _norms(
    bench: _Bench, found: checks.Preflight, spread: Spread, arrays: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    if found.constant_norm:
        return {
            "applicable": False,
            "note": "not applicable: rows are L2-normalised",
            "mean": found.norm_mean,
            "cv": None,
            "cv_gaussian": None,
        }
    good = np.delete(bench.rows.norms, bench.rows.bad)
    counts, edges = np.histogram(good, bins=min(80, max(20, int(np.sqrt(good.size)))))
    arrays["norms/counts"], arrays["norms/edges"] = counts, edges
    if bench.config.normalize == "unit":
        return {
            "applicable": True,
            "mean": found.norm_mean,
            "cv": found.norm_cv,
            "cv_gaussian": None,
            "note": "rows were divided by their norms",
        }
    return {
        "applicable": True,
        "mean": found.norm_mean,
        "cv": found.norm_cv,
        "cv_gaussian": summary.norm_cv_null(spread.mean, spread.covariance),
        "note": "Gaussian value from the mean and covariance of the rows",
    }


@contextmanager
def _single_threaded_blas() -> Iterator[None]:
    """Leave threading to the pool: products run side by side, each on one core.

    It also makes results independent of how a library splits a product.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
