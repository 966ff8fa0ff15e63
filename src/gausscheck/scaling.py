"""How statistics scale: with dimension over files or prefixes, with subspaces, with rows.

A coordinate of the uniform law on the sphere in d dimensions, times sqrt(d), has squared distance
δ ~ 0.061/d², Kolmogorov distance ~ 0.138/d and excess kurtosis −6/(d + 2) from N(0, 1); two rows
have a cosine of standard deviation 1/sqrt(d); norms of N(0, I) have CV 1/sqrt(2 d). A true Gaussian
has δ = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.blas import one_thread
from gausscheck.config import Config
from gausscheck.core import GausscheckError, Source, __version__
from gausscheck.normality import A0, profile, residuals, whiten_tall
from gausscheck.normality.radial import shell_mean, shell_transform, without_groups
from gausscheck.normality.uniform import energy_null, energy_without, group_energies
from gausscheck.projections import haar, stream
from gausscheck.reductions import hashed_order
from gausscheck.results import plain, save_result
from gausscheck.sources import open_source

if TYPE_CHECKING:
    import pandas as pd

F64 = NDArray[np.float64]

ROWS = 20_000
"""Rows of a file that are looked at, unless more are asked for."""

DIRECTIONS = 512
"""Directions of a file that are looked along, at most: its axes, or random ones beyond."""

JOINT_ROWS = 5_000
"""Rows behind the joint statistics and the cosines."""

FLOOR = 0.05
"""Relative error that a point has at least in a fit: what the asymptotic laws are good for."""

TITLES = {
    "ad_discrepancy": "squared distance δ",
    "kolmogorov": "Kolmogorov distance",
    "excess_kurtosis": "excess kurtosis",
    "norm_cv": "CV of the norms",
    "cosine_sd": "sd of the cosine",
    "effective_rank": "effective rank",
    "shell_discrepancy": "shell δ of whitened norms",
    "sphere_discrepancy": "sphere δ of whitened rows",
}
"""Statistics, in the order of tables."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Statistics against a size, and the slope of each.

    Attributes
    ----------
    by : str
        ``d`` (files or prefixes), ``k`` (random subspaces) or ``n`` (rows).
    points : tuple of dict
        One a size: ``size``, ``label``, ``n``, ``d``, and per statistic value, low and high.
    fits : dict
        Per statistic ``slope``, ``slope_ci``, ``constant`` and ``points`` of the law constant ·
        size^slope, or the reason why there is none.
    theory : dict
        Per statistic the laws of the sphere and of the Gaussian: ``slope`` and ``constant``.
    notes : tuple of str
    """

    by: str
    points: tuple[dict[str, Any], ...]
    fits: dict[str, dict[str, Any]]
    theory: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; what is not finite becomes None."""
        return {
            "schema": "gausscheck.scaling",
            "schema_version": [1, 0],
            "gausscheck_version": __version__,
            "by": self.by,
            "points": plain(self.points, "points", []),
            "fits": plain(self.fits, "fits", []),
            "theory": plain(self.theory, "theory", []),
            "notes": list(self.notes),
        }

    def save(self, directory: str | Path) -> Path:
        """Write scaling.json and scaling.npz (one column a statistic): both or neither appear."""
        arrays = {name: self.column(name) for name in TITLES}
        return save_result(directory, "scaling", self.to_dict(), {**arrays, "size": self.sizes})

    @property
    def sizes(self) -> F64:
        """The size of each point."""
        return np.array([point["size"] for point in self.points], dtype=float)

    def column(self, name: str) -> F64:
        """Value, low and high of a statistic at each point, ``(points, 3)``; NaN where absent."""
        missing = (np.nan, np.nan, np.nan)
        return np.array(
            [point["values"].get(name) or missing for point in self.points], dtype=float
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a point and statistic."""
        import pandas as pd

        rows = [
            {"size": p["size"], "label": p["label"], "statistic": name, "value": v[0], "low": v[1],
             "high": v[2]}
            for p in self.points for name, v in p["values"].items()
        ]  # fmt: skip
        return pd.DataFrame(rows)


def scale(
    *sources: Any,
    prefix_dims: Sequence[int] = (),
    marginals: Sequence[int] = (),
    rows: Sequence[int] = (),
    sample: int = ROWS,
    dataset: str | None = None,
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
    opened = [open_source(source, dataset=dataset) for source in sources]
    jobs = _jobs(opened, prefix_dims, marginals, rows)
    if len(jobs) < 2:
        raise GausscheckError(
            "scale: expected at least two sizes; name more files, or --prefix-dims, --marginals or "
            "--rows"
        )
    points = []
    with one_thread(), ThreadPoolExecutor(config.workers) as pool:
        for place, job in enumerate(jobs):
            points.append(_point(job, config, pool, job.n if rows else min(job.n, sample)))
            report(f"{job.label}", (place + 1) / len(jobs))
    by = {"marginals": "k", "rows": "n"}.get(chosen[0] if chosen else "", "d")
    points.sort(key=lambda point: point["size"])
    return _fitted(by, points, confidence, sample)


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


def _rows_of(job: _Job, seed: int, most: int) -> F64:
    """Read a random sample of the job's rows, in hashed order, leading coordinates alone."""
    order = hashed_order(job.source.n, seed)[:most]
    place = np.argsort(order, kind="stable")
    wanted = order[place]
    x = np.empty((most, job.d))
    for start in range(0, job.source.n, 4096):
        low, high = np.searchsorted(wanted, [start, start + 4096])
        if low < high:
            block = job.source.read(start, min(start + 4096, job.source.n))
            x[place[low:high]] = block[wanted[low:high] - start, : job.d]
    if not np.isfinite(x).all():
        row = int(order[np.flatnonzero(~np.isfinite(x).all(axis=1))[0]])
        raise GausscheckError(f"{job.source.uri}: row {row} is not finite; drop such rows first")
    return x


def _point(job: _Job, config: Config, pool: ThreadPoolExecutor, most: int) -> dict[str, Any]:
    x = _rows_of(job, config.seed, most)
    rng = stream(config.seed, "scaling")
    norms = np.linalg.norm(x, axis=1)
    centred = x - x.mean(axis=0)
    sd = centred.std(axis=0)
    eps = float(getattr(job.source, "eps", np.finfo(np.float64).eps))
    live = (sd > 1e-5 * sd.max()) & (sd > eps * np.abs(x).max(axis=0))
    if live.sum() < 1:
        raise GausscheckError(f"{job.source.uri}: expected rows that differ; check the file")
    values: dict[str, Any] = {}
    if job.subspace is not None:
        values.update(_subspace_values(centred[:, live], job.subspace, config, rng))
    else:
        values.update(_direction_values(centred[:, live], config, rng))
        constant = float(norms.std()) < 1e-3 * float(norms.mean())
        if not constant:
            values["norm_cv"] = _jackknifed(norms, _cv, config)
        values.update(_whole_values(x, centred[:, live], constant, config, pool))
    shown = {name: [float(v) for v in values[name]] for name in TITLES if name in values}
    return {
        "size": job.size, "label": job.label, "n": len(x), "d": job.d, "values": shown,
    }  # fmt: skip


def _direction_values(x: F64, config: Config, rng: np.random.Generator) -> dict[str, Any]:
    """Look along the axes, or along random directions where there are more than 512."""
    n, d = x.shape
    if d > DIRECTIONS:
        x = x @ haar(rng, d, DIRECTIONS)
    found = profile(
        np.ascontiguousarray(x.T), tests=("anderson_darling", "lilliefors"), groups=config.groups,
        threads=config.workers,
    )  # fmt: skip
    left = n - n // config.groups
    delta = (float(np.nanmean(found.ad_star)) - A0) / n
    without = (np.nanmean(found.ad_star_without, axis=0) - A0) / left
    groups = np.array_split(np.arange(n), config.groups)
    sums = np.array([[x[g].sum(axis=0), (x[g] ** 2).sum(axis=0), (x[g] ** 4).sum(axis=0)]
                     for g in groups])  # fmt: skip
    distances = _distances(x, groups, config)
    return {
        "ad_discrepancy": _interval(delta, without, config),
        "kolmogorov": _interval(*distances, config),
        "excess_kurtosis": _interval(*_kurtosis(sums, [g.size for g in groups]), config),
    }


def _kurtosis(sums: F64, sizes: list[int]) -> tuple[float, F64]:
    """Mean excess kurtosis over directions of centred rows, of all and without each group."""

    def mean(total: F64, n: int) -> float:
        k = total[2] / n / (total[1] / n) ** 2 - 3
        return float(np.nanmean(((n + 1) * k + 6) * (n - 1) / ((n - 2) * (n - 3))))

    whole, n = sums.sum(axis=0), sum(sizes)
    without = [mean(whole - part, n - size) for part, size in zip(sums, sizes, strict=True)]
    return mean(whole, n), np.array(without)


def _distances(x: F64, groups: list[NDArray[np.intp]], config: Config) -> tuple[float, F64]:
    """Kolmogorov distance of the law that all directions share, of all rows and without groups.

    Standardised directions are pooled: a distance of few values is mostly noise (its mean under
    normality is 0.9/sqrt(n)), and pooling d directions divides it by sqrt(d).
    """
    z = x / x.std(axis=0)
    grid = np.linspace(-6, 6, 4801)
    counts = np.array([np.histogram(z[g], grid)[0] for g in groups], dtype=float)
    below = np.array([(z[g] < grid[0]).sum() for g in groups], dtype=float)
    from scipy.special import ndtr

    law = ndtr(grid)

    def distance(keep: NDArray[np.bool_]) -> float:
        total = counts[keep].sum(axis=0)
        size = sum(groups[i].size for i in np.flatnonzero(keep)) * z.shape[1]
        share = (below[keep].sum() + np.concatenate([[0.0], np.cumsum(total)])) / size
        return float(np.abs(share - law).max())

    every = np.ones(len(groups), dtype=bool)
    without = []
    for i in range(len(groups)):
        keep = every.copy()
        keep[i] = False
        without.append(distance(keep))
    return distance(every), np.array(without)


def _cv(values: F64) -> float:
    return float(values.std() / values.mean())


def _jackknifed(values: F64, statistic: Callable[[F64], float], config: Config) -> list[float]:
    parts = np.array_split(np.arange(values.size), config.groups)
    without = [statistic(np.delete(values, part)) for part in parts]
    return _interval(statistic(values), np.array(without), config)


def _interval(whole: float, without: F64, config: Config) -> list[float]:
    from scipy.special import stdtrit

    groups = without.size
    error = np.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum())
    half = float(stdtrit(groups - 1, 0.5 + config.confidence / 2) * error)
    return [whole, whole - half, whole + half]


def _whole_values(
    x: F64, centred: F64, constant: bool, config: Config, pool: ThreadPoolExecutor
) -> dict[str, Any]:
    """Cosines, effective rank, and the joint statistics of some of the rows."""
    some = x[:JOINT_ROWS]
    unit = some / np.linalg.norm(some, axis=1, keepdims=True)
    values = {"cosine_sd": _cosine_sd(unit, config)}
    spectrum = np.linalg.eigvalsh(np.cov(centred.T).reshape(centred.shape[1], -1))
    share = spectrum[spectrum > 1e-12 * spectrum[-1]]
    share = share / share.sum()
    rank = float(np.exp(-(share @ np.log(share))))
    values["effective_rank"] = [rank, rank, rank]
    part = centred[:JOINT_ROWS] - centred[:JOINT_ROWS].mean(axis=0)
    y, _ = whiten_tall(part)
    m, r = y.shape
    if m < 3 * r:
        return values
    if not constant:
        whole, without = without_groups(shell_transform(y), config.groups)
        sizes = m - np.array([p.size for p in np.array_split(np.arange(m), config.groups)])
        null = shell_mean(r)
        values["shell_discrepancy"] = _interval(
            (whole - null) / m, (without - null) / sizes, config
        )
    if r >= 3:
        y = y / np.linalg.norm(y, axis=1, keepdims=True)
        table = group_energies(y, config.groups, pool)
        sizes = np.array([p.size for p in np.array_split(np.arange(m), config.groups)], float)
        whole, without = energy_without(table, sizes, r)
        mean = energy_null(r).mean
        values["sphere_discrepancy"] = _interval(
            (whole - mean) / m, (without - mean) / (m - sizes), config
        )
    return values


def _cosine_sd(unit: F64, config: Config) -> list[float]:
    """Return the standard deviation of the cosine of two rows, exact over all pairs."""

    def statistic(u: F64) -> float:
        n = len(u)
        total = u.sum(axis=0)
        second = u.T @ u
        pairs = n * (n - 1)
        mean = (float(total @ total) - n) / pairs
        square = (float((second**2).sum()) - n) / pairs
        return float(np.sqrt(max(square - mean**2, 0)))

    parts = np.array_split(np.arange(len(unit)), config.groups)
    without = [statistic(np.delete(unit, part, axis=0)) for part in parts]
    return _interval(statistic(unit), np.array(without), config)


def _subspace_values(x: F64, k: int, config: Config, rng: np.random.Generator) -> dict[str, Any]:
    """Shell and sphere statistics of random k-dimensional subspaces, averaged."""
    x = x[:JOINT_ROWS] - x[:JOINT_ROWS].mean(axis=0)
    m = len(x)
    sizes = m - np.array([p.size for p in np.array_split(np.arange(m), config.groups)])
    null = shell_mean(k)
    whole, without = [], []
    for _ in range(max(4, 32 // k)):
        y, _ = residuals(x @ haar(rng, x.shape[1], k))
        found = without_groups(shell_transform(y), config.groups)
        whole.append((found[0] - null) / m)
        without.append((found[1] - null) / sizes)
    mean = np.mean(without, axis=0)
    return {"shell_discrepancy": _interval(float(np.mean(whole)), mean, config)}


LAWS: dict[str, dict[str, Any]] = {
    "ad_discrepancy": {"slope": -2.0, "constant": 0.061, "law": "sphere", "gaussian": 0.0},
    "kolmogorov": {"slope": -1.0, "constant": 0.138, "law": "sphere", "gaussian": 0.0},
    "excess_kurtosis": {"slope": -1.0, "constant": -6.0, "law": "sphere", "gaussian": 0.0},
    "norm_cv": {"slope": -0.5, "constant": 0.5**0.5, "law": "Gaussian"},
    "cosine_sd": {"slope": -0.5, "constant": 1.0, "law": "sphere and Gaussian"},
    "effective_rank": {"slope": 1.0, "constant": 1.0, "law": "sphere and Gaussian"},
    "shell_discrepancy": {"gaussian": 0.0},
    "sphere_discrepancy": {"gaussian": 0.0},
}
"""Laws against d. ``law`` names whose they are; a true Gaussian has ``gaussian``."""


def _fitted(by: str, points: list[dict[str, Any]], confidence: float, sample: int) -> Scaling:
    raw = Scaling(by, tuple(points), {}, {})
    fits = {}
    for name in TITLES:
        table = raw.column(name)
        keep = np.isfinite(table[:, 0])
        if keep.sum() >= 2:
            law = LAWS[name].get("slope") if by == "d" else None
            fits[name] = fit_power(raw.sizes[keep], table[keep], confidence, law)
    theory = LAWS if by == "d" else {}
    seen = {name: law for name, law in theory.items() if name in fits}
    notes = (
        f"at most {sample:,} rows and {DIRECTIONS} directions a point, {JOINT_ROWS:,} rows for "
        "cosines and joint statistics",
    )
    return Scaling(by, tuple(points), fits, seen, notes)


def fit_power(
    sizes: F64, table: F64, confidence: float, law: float | None = None
) -> dict[str, Any]:
    """Fit constant · size^slope to values with intervals.

    Parameters
    ----------
    sizes : (p,) array
    table : (p, 3) array
        Value, low, high.
    confidence : float
        Of the slope's interval.
    law : float, optional
        A slope of theory, at which the constant is fitted too.

    Returns
    -------
    dict
        ``slope``, ``slope_ci``, ``constant``, and with a law ``constant_at_law``. Least squares on
        the values, each divided by the larger of its standard error and 5 % of itself: no logarithm
        is taken of a value, so one that is not positive counts too. Errors of the slope by the
        curvature at the optimum, with the scatter about the law where that is larger. ``reason``
        instead where values change sign beyond their errors, or hardly differ from 0.
    """
    from scipy.optimize import least_squares
    from scipy.special import stdtrit

    value = table[:, 0]
    half = (table[:, 2] - table[:, 1]) / 2 / 2.09
    error = np.maximum(half, FLOOR * np.abs(value))
    if not np.any(np.abs(value) > 2 * half):
        return {"reason": "all near 0"}
    sign = 1.0 if (value / error**2).sum() > 0 else -1.0
    if np.any(sign * value < -4 * error):
        return {"reason": "changes sign"}
    middle = float(np.exp(np.log(sizes).mean()))
    known = sign * value > 2 * error
    place = np.log(sizes / middle)
    log_value = np.log(sign * value[known])
    if known.sum() >= 2 and np.ptp(place[known]) > 0:
        start = np.polyfit(place[known], log_value, 1)[::-1]
    else:
        start = np.array([log_value.mean(), 0.0])

    def gap(p: F64) -> F64:
        return np.asarray((sign * np.exp(p[0] + p[1] * place) - value) / error)

    done = least_squares(gap, start)
    freedom = max(value.size - 2, 1)
    inflate = max(2 * done.cost / freedom, 1.0) if value.size > 2 else 1.0
    covariance = np.linalg.pinv(done.jac.T @ done.jac) * inflate
    slope = float(done.x[1])
    wide = float(stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(covariance[1, 1]))
    fit = {
        "slope": slope,
        "slope_ci": [slope - wide, slope + wide],
        "constant": float(sign * np.exp(done.x[0]) * middle**-slope),
        "points": int(value.size),
    }
    if law is not None:
        unit = sizes**law
        fit["constant_at_law"] = float((value * unit / error**2).sum() / (unit**2 / error**2).sum())
    return fit
