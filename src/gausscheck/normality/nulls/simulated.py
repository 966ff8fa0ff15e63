"""Monte-Carlo p-values: the null simulated at the very n and d of the data.

Joint statistics on residuals are affine invariant and sphere statistics rotation invariant, so one
simulation from N(0, I) at the same n and d gives their law. Draw i of a simulation has a random
stream of its own, named by test, n, d and i: the draws are the same for any number of threads. What
ships in the package, and after it what a cache holds, are simply the first draws: a p-value is the
same with a cache and without.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import numpy as np

from gausscheck.core import F64, FloatArray, GausscheckError
from gausscheck.files import atomic_path, check_regular
from gausscheck.normality.nulls.shipped import shipped_draws
from gausscheck.normality.spec import Law, Spec
from gausscheck.normality.whiten import residuals
from gausscheck.threads import worker_pool

VERSION = 2
"""Of the statistics: raised when one of them changes, so that old draws are not read."""

DRAWS = 1999
HITS = 100
"""Exceedances at which sequential stopping ends a simulation (Besag & Clifford 1991)."""

SETTLED_ROWS, SETTLED_RATIO = 2000, 100
"""Rows, and rows a dimension, from which a law counts as settled: ``benchmarks/levels.py``."""

_BATCH = 40

_DIGEST = 32
"""Bytes of a SHA-256."""


def simulated_law(
    spec: Spec,
    statistic: FloatArray,
    n: int,
    d: int,
    *,
    draws: int = DRAWS,
    cache: bool = True,
    threads: int | None = None,
    sampled: bool = False,
) -> Law:
    """Simulate the p-value of one observed statistic.

    Parameters
    ----------
    spec : Spec
        Of scope joint or sphere.
    statistic : (1,) array
        Observed.
    n, d : int
        Rows, and dimension of what was tested (the rank, for joint tests).
    draws : int
        At most this many; fewer once the answer is plain.
    cache : bool
        Read and write simulated draws under :func:`cache_folder`.
    threads : int, optional
    sampled : bool
        Whether the statistic was estimated at sampled frequencies; so are the draws, at the same.

    Returns
    -------
    Law
        p = (b + 1)/(m + 1) from m draws with b exceedances (Phipson & Smyth 2010), or h/m once h
        draws exceed (Besag & Clifford 1991): either way P(p ≤ α) ≤ α under the null. Two-sided
        tests double the smaller tail. Where a test's law has settled at fewer rows, draws have
        that many. Cost: that of the statistic, times the draws.
    """
    observed = float(statistic[0])
    if np.isnan(observed):
        return Law(np.array([np.nan]), np.array([np.nan]), "monte_carlo")
    null = null_of(spec, n, d, sampled)
    folder = cache_folder() if cache else None
    path = None if folder is None else folder / f"v{VERSION}" / f"{null.key}.draws"
    known = shipped_draws(null.key)
    if known.size < draws and not _settled(known, observed, spec.two_sided):
        known = np.concatenate([known, _load(path)[known.size :]])
    fresh = False
    while known.size < draws and not _settled(known, observed, spec.two_sided):
        wanted = range(known.size, min(known.size + _BATCH, draws))
        known = np.concatenate([known, null.draws(wanted, threads)])
        fresh = True
    if path is not None and fresh:
        _store(path, known)
    p, used = _pvalue(known[:draws], observed, spec.two_sided)
    note = f"simulated: {used} draws at n = {null.rows}, d = {d}"
    if null.rows < n:
        note += ", where the law has settled"
    return Law(np.array([p]), np.log([p]), "monte_carlo", (note,))


@dataclass(frozen=True, slots=True)
class Null:
    """A statistic of rows from the null: ``key`` names its random streams and its cache file."""

    key: str
    rows: int
    draw: Callable[[np.random.Generator], float]

    def draws(self, which: range, threads: int | None) -> F64:
        """Return the draws of those numbers: the same for any number of threads."""
        name = crc32(self.key.encode())

        def one(i: int) -> float:
            return self.draw(np.random.default_rng([name, i]))

        workers = min(threads or os.cpu_count() or 1, len(which))
        with worker_pool(workers) as pool:
            return np.array(list(pool.map(one, which)))


def null_of(spec: Spec, n: int, d: int, sampled: bool = False) -> Null:
    """Return what stands for the null of a test at n rows of d dimensions."""
    rows = min(n, max(SETTLED_ROWS, SETTLED_RATIO * d)) if spec.settles or sampled else n
    key = f"{spec.name}{'_sampled' if sampled else ''}-{rows}-{d}"
    smoothing = spec.smoothing
    if smoothing is None:
        return Null(
            key, rows, lambda rng: float(spec.statistic(null_sample(spec, rng, rows, d))[0])
        )
    beta, in_full, estimate = smoothing.beta(n, d), smoothing.in_full, smoothing.sampled
    if beta != smoothing.beta(rows, d):
        key = f"{key}-{beta:.9g}"

    def draw(rng: np.random.Generator) -> float:
        y = null_sample(spec, rng, rows, d)
        if sampled:
            return estimate(lambda start, stop: y[start:stop], rows, d, beta, 1)[0]
        return in_full(y, beta)

    return Null(key, rows, draw)


def _tails(known: F64, observed: float, two_sided: bool) -> list[np.ndarray]:
    """Whether each draw is at least as extreme, a tail at a time; ties count against the data."""
    slack = 1e-12 * abs(observed)
    upper = known >= observed - slack
    return [upper, known <= observed + slack] if two_sided else [upper]


def _settled(known: F64, observed: float, two_sided: bool) -> bool:
    return all(int(tail.sum()) >= HITS for tail in _tails(known, observed, two_sided))


def _pvalue(known: F64, observed: float, two_sided: bool) -> tuple[float, int]:
    found = []
    for tail in _tails(known, observed, two_sided):
        hits = np.cumsum(tail)
        if hits.size and hits[-1] >= HITS:
            stop = int(np.searchsorted(hits, HITS)) + 1
            found.append((HITS / stop, stop))
        else:
            found.append(((int(tail.sum()) + 1) / (known.size + 1), known.size))
    p, used = min(found)
    return min(1.0, p * len(found)), used


def null_sample(spec: Spec, rng: np.random.Generator, n: int, d: int) -> F64:
    """Draw what a test reads from the null: N(0, I) rows, their residuals, or unit rows."""
    x = rng.standard_normal((n, d))
    if spec.needs == "unit":
        return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))
    return _whitened(x) if spec.needs == "residuals" else x


def _whitened(x: F64) -> F64:
    """Residuals up to a rotation, which no affine-invariant law sees; cheaper than by SVD."""
    x -= x.mean(axis=0)
    covariance = x.T @ x / x.shape[0]
    try:
        return np.asarray(np.linalg.solve(np.linalg.cholesky(covariance), x.T).T)
    except np.linalg.LinAlgError:  # hardly more rows than dimensions
        return residuals(x)[0]


def cache_folder() -> Path | None:
    """Return the platform's cache folder for gausscheck; GAUSSCHECK_CACHE overrides it.

    None where the user has no home that can be told, as in some containers: nothing is kept there.
    """
    override = os.environ.get("GAUSSCHECK_CACHE")
    if override:
        return Path(override)
    from platformdirs import user_cache_path

    found = user_cache_path("gausscheck", appauthor=False)
    return found if found.is_absolute() else None


_LARGEST = 1 << 26
"""Bytes of a file of draws at most: those that are written have thousands."""


def _load(path: Path | None) -> F64:
    """Return cached draws; whatever is damaged, by one bit, is simulated anew.

    The file is a SHA-256 of what follows it: the draws, as float64.
    """
    if path is None:
        return np.empty(0)
    try:
        check_regular(path)
        if path.stat().st_size > _LARGEST:
            return np.empty(0)
        raw = path.read_bytes()
    except (OSError, ValueError):
        return np.empty(0)
    if sha256(raw[_DIGEST:]).digest() != raw[:_DIGEST] or len(raw) % 8:
        return np.empty(0)
    known = np.frombuffer(raw[_DIGEST:], "<f8")
    return known if np.isfinite(known).all() else np.empty(0)


def _store(path: Path, known: F64) -> None:
    """Write draws whole or not at all; a run beside this one may have written more: keep those."""
    if _load(path).size >= known.size:
        return
    raw = known.astype("<f8").tobytes()
    with suppress(GausscheckError), atomic_path(path) as work:  # unwritten costs time, no answer
        work.write_bytes(sha256(raw).digest() + raw)
