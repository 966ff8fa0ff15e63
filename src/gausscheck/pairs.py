"""Anchors and positives: what an InfoNCE encoder trades, alignment against uniformity.

In population InfoNCE is −α E[u·v] + Φ with α = 1/temperature and Φ = E_u log E_v exp(α u·v), u, v
unit rows. Alignment is bounded: E[u·v] ≤ η² + (1 − η²) ‖m‖², with m the mean of the views and η²
the largest correlation between functions of two views of a row (for a Gaussian channel A²).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.config import Config
from gausscheck.core import F64, GausscheckError, Source, __version__
from gausscheck.files import plain, save_result
from gausscheck.normality.evaluate_rows import PAIRS
from gausscheck.normality.groups import jackknife_interval
from gausscheck.rng import hashed_order
from gausscheck.sources import open_source
from gausscheck.threads import one_thread

BINS = 200
"""Bins of the cosine histograms, from −1 to 1."""

BYTES = 256 << 20
"""Bytes of unit rows held, at most, for sums over pairs."""

BLOCK = 4096
"""Rows read at a time."""

_STRIPE = 512

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Ridges of the canonical correlation, in units of the mean variance of a coordinate."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was found of anchors and positives.

    Attributes
    ----------
    anchor, positive : str
        Where the rows came from.
    n, d : int
        Pairs, and dimensions.
    temperature : float
    values : dict
        ``alignment`` E[u·v] with ``alignment_ci``; ``alignment_distance`` E‖u − v‖²; ``phi`` over
        all pairs of different rows, and ``phi_uniform``, its least value in d dimensions;
        ``infonce`` of one batch of all the rows, −α E[u·v] + mean log mean exp(α u·v) with the
        positive among its negatives, and ``infonce_population`` without; ``uniformity`` log E
        exp(−2‖u − v‖²) and ``uniformity_uniform``; ``mean_square`` ‖m‖² of the views and
        ``mean_square_unbiased``; ``eta2``, ``eta2_source`` (given or estimated), ``bound``,
        ``slack``; ``negative_mean``, ``negative_sd``, ``negative_sd_scaled`` (times sqrt(d): 1 on
        the uniform sphere); ``top1``, the share of anchors whose nearest candidate is their own.
    pair_rows : int
        Rows behind the sums over pairs of different rows; fewer than n where those are too many.
    notes : tuple of str
    arrays : dict of str to array
        ``edges`` and the counts ``positives``, ``negatives`` of the cosine histograms.
    """

    anchor: str
    positive: str
    n: int
    d: int
    temperature: float
    values: dict[str, Any]
    pair_rows: int
    notes: tuple[str, ...] = ()
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of pairs.json: plain values; what is not finite becomes None."""
        replaced: list[str] = []
        return {
            "schema": "gausscheck.pairs",
            "schema_version": [1, 0],
            "gausscheck_version": __version__,
            "anchor": self.anchor,
            "positive": self.positive,
            "n": self.n,
            "d": self.d,
            "temperature": self.temperature,
            "pair_rows": self.pair_rows,
            "values": plain(self.values, "values", replaced),
            "notes": [*self.notes, *(f"not finite, written as null: {name}" for name in replaced)],
        }

    def save(self, directory: str | Path) -> Path:
        """Write pairs.json and pairs.npz: both or neither appear."""
        return save_result(directory, "pairs", self.to_dict(), self.arrays)


def audit_pairs(
    anchor: Any,
    positive: Any,
    *,
    temperature: float = 0.1,
    eta2: float | None = None,
    on_bad_rows: str = "error",
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Pairs:
    """Measure alignment, uniformity and the bound between them on anchor-positive pairs.

    Parameters
    ----------
    anchor, positive : path, array, DataFrame or Source
        Row i of one belongs to row i of the other, ``(n, d)`` each: what
        :func:`gausscheck.open_source` takes.
    temperature : float
        Of the loss the encoder was trained with.
    eta2 : float, optional
        Squared maximal correlation of view and base; estimated if not given.
    on_bad_rows : {"error", "drop"}
        What to do with pairs of which a row is not finite or all zero.
    seed : int
        Of the halves of the estimate and of the sample of rows, where one is needed.
    threads : int, optional
    progress : callable, optional

    Returns
    -------
    Pairs
        Sums over rows (alignment, means) take all rows, and so does the mean cosine of negatives,
        which is exactly (Σu·Σv − Σ uᵢ·vᵢ)/(n (n − 1)). Sums over pairs of different rows take all
        of up to 46,340 rows (fewer where they would exceed 256 MB), else a random sample of so
        many, which a note says. Cost O(n d) and O(n² d) for those.

    Raises
    ------
    GausscheckError
        If the two differ in shape, hold bad rows, or an option cannot mean anything.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 16))
    >>> found = audit_pairs(x, x)
    >>> round(found.values["alignment"], 6), found.values["top1"]
    (1.0, 1.0)
    """
    anchor, positive = open_source(anchor), open_source(positive)
    _check(anchor, positive, temperature, eta2, on_bad_rows)
    report = progress or (lambda stage, share: None)
    workers = Config(threads=threads).workers
    sums = _linear_sums(anchor, positive, on_bad_rows, report)
    most = min(isqrt(PAIRS), BYTES // (16 * anchor.d))
    chosen = sums.good
    notes = []
    if sums.dropped:
        notes.append(f"{sums.dropped:,} pairs with a row that is not finite or all zero dropped")
    if chosen.size > most:
        chosen = np.sort(chosen[hashed_order(chosen.size, seed)[:most]])
        notes.append(f"sums over pairs on a random {most:,} of {sums.n:,} rows")
    u, v = (_unit_rows(source, chosen) for source in (anchor, positive))
    with one_thread(), ThreadPoolExecutor(workers) as pool:
        across = _pair_sums(u, v, 1 / temperature, pool, report)
        estimate = None if eta2 is not None else estimate_eta2(u, v, seed)
    values = _values(sums, across, anchor.d, 1 / temperature, eta2, estimate)
    if estimate is not None:
        notes.append(
            "eta2 is estimated from linear functions of the views (ridge canonical correlation, "
            "fitted on one half, read on the other): the true one is at least about that large"
        )
        if values["slack"] < 0:
            notes.append("a negative slack under an estimated eta2 says that eta2 is larger")
    arrays = {"positives": sums.counts, "negatives": across.counts, "edges": _EDGES}
    return Pairs(
        anchor.uri,
        positive.uri,
        sums.n,
        anchor.d,
        temperature,
        values,
        int(chosen.size),
        tuple(notes),
        arrays,
    )


_EDGES = np.linspace(-1, 1, BINS + 1)


def _check(
    anchor: Source, positive: Source, temperature: float, eta2: float | None, on_bad_rows: str
) -> None:
    if (anchor.n, anchor.d) != (positive.n, positive.d):
        raise GausscheckError(
            f"{positive.uri}: expected {anchor.n:,} x {anchor.d:,} like {anchor.uri}, one positive "
            f"for each anchor, got {positive.n:,} x {positive.d:,}"
        )
    if anchor.n < 40:
        raise GausscheckError(f"{anchor.uri}: expected at least 40 pairs, got {anchor.n}")
    if not 0 < temperature < float("inf"):
        raise GausscheckError(f"temperature: expected a positive number, got {temperature}")
    if eta2 is not None and not 0 <= eta2 <= 1:
        raise GausscheckError(f"eta2: expected a number from 0 to 1, got {eta2}")
    Config(on_bad_rows=on_bad_rows)


@dataclass(frozen=True, slots=True)
class _Linear:
    n: int
    dropped: int
    good: NDArray[np.int64]
    cosines: F64
    sum_u: F64
    sum_v: F64
    counts: NDArray[np.int64]


def _linear_sums(
    anchor: Source, positive: Source, on_bad_rows: str, report: Callable[[str, float], None]
) -> _Linear:
    """Take the sums that are linear in n, over all pairs, a block at a time."""
    total_u, total_v = np.zeros(anchor.d), np.zeros(anchor.d)
    cosines, good = [], []
    for start in range(0, anchor.n, BLOCK):
        stop = min(start + BLOCK, anchor.n)
        u, fine_u = _normalised(anchor.read(start, stop))
        v, fine_v = _normalised(positive.read(start, stop))
        fine = fine_u & fine_v
        if not fine.all() and on_bad_rows == "error":
            row = start + int(np.flatnonzero(~fine)[0])
            where = anchor if not fine_u[row - start] else positive
            raise GausscheckError(
                f"{where.uri}: row {row} is not finite or all zero; leave such pairs out with "
                'on_bad_rows="drop"'
            )
        u, v = u[fine], v[fine]
        total_u += u.sum(axis=0)
        total_v += v.sum(axis=0)
        cosines.append(np.einsum("ij,ij->i", u, v))
        good.append(start + np.flatnonzero(fine))
        report("reading", stop / anchor.n)
    cosine, rows = np.concatenate(cosines), np.concatenate(good)
    if rows.size < 40:
        raise GausscheckError(f"{anchor.uri}: expected at least 40 usable pairs, got {rows.size}")
    counts, _ = np.histogram(np.clip(cosine, -1, 1), _EDGES)
    return _Linear(rows.size, anchor.n - rows.size, rows, cosine, total_u, total_v, counts)


def _normalised(block: NDArray[Any]) -> tuple[F64, NDArray[np.bool_]]:
    x = block.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", x, x))
        x /= norms[:, None]
    return x, np.isfinite(norms) & (norms > 0)


def _unit_rows(source: Source, rows: NDArray[np.int64]) -> F64:
    """Read some rows, in order, each divided by its length."""
    out = np.empty((rows.size, source.d))
    for start in range(0, source.n, BLOCK):
        low, high = np.searchsorted(rows, [start, start + BLOCK])
        if low < high:
            block = source.read(start, min(start + BLOCK, source.n))
            out[low:high] = _normalised(block[rows[low:high] - start])[0]
    return out


@dataclass(frozen=True, slots=True)
class _Across:
    n: int
    log_others: F64  # log mean over other rows of exp(α u·v), one an anchor
    log_all: F64  # the same over all rows, its own positive among them
    log_potential: float  # log mean over pairs of different rows of exp(−2‖u − v‖²)
    mean: float  # of u·v over pairs of different rows
    square: float  # of (u·v)²
    top1: float
    counts: NDArray[np.int64]


def _pair_sums(
    u: F64, v: F64, alpha: float, pool: ThreadPoolExecutor, report: Callable[[str, float], None]
) -> _Across:
    """Sum over all (anchor i, positive j), i ≠ j, a block of the Gram matrix at a time."""
    n = len(u)

    def stripe(low: int) -> tuple[F64, F64, float, float, float, int, NDArray[np.int64]]:
        rows = u[low : low + _STRIPE]
        size = len(rows)
        peak, total = np.full(size, -np.inf), np.zeros(size)
        own = np.einsum("ij,ij->i", rows, v[low : low + size])
        nearest = np.full(size, -np.inf)
        potential = first = square = 0.0
        counts = np.zeros(BINS, dtype=np.int64)
        for left in range(0, n, _STRIPE):
            t = rows @ v[left : left + _STRIPE].T
            others = np.ones_like(t, dtype=bool)
            if left == low:
                np.fill_diagonal(others, False)
            where = np.clip(((t + 1) * (BINS / 2)).astype(np.int64), 0, BINS - 1)
            counts += np.bincount(where[others], minlength=BINS)
            first += float(t[others].sum())
            square += float((t[others] ** 2).sum())
            potential += float(np.exp(4 * t[others] - 4).sum())
            t[~others] = -np.inf
            nearest = np.maximum(nearest, t.max(axis=1))
            top = np.maximum(peak, alpha * t.max(axis=1))
            with np.errstate(invalid="ignore"):
                total = total * np.exp(peak - top) + np.exp(alpha * t - top[:, None]).sum(axis=1)
            peak = top
        return (
            peak + np.log(total),
            np.logaddexp(peak + np.log(total), alpha * own),
            potential,
            first,
            square,
            int((own > nearest).sum()),
            counts,
        )

    starts = range(0, n, _STRIPE)
    parts = []
    for done, part in enumerate(pool.map(stripe, starts)):
        parts.append(part)
        report("pairs of rows", (done + 1) / len(starts))
    pairs = n * (n - 1)
    return _Across(
        n=n,
        log_others=np.concatenate([p[0] for p in parts]) - np.log(n - 1),
        log_all=np.concatenate([p[1] for p in parts]) - np.log(n),
        log_potential=float(np.log(sum(p[2] for p in parts) / pairs)),
        mean=sum(p[3] for p in parts) / pairs,
        square=sum(p[4] for p in parts) / pairs,
        top1=sum(p[5] for p in parts) / n,
        counts=np.sum([p[6] for p in parts], axis=0),
    )


def _values(
    sums: _Linear, across: _Across, d: int, alpha: float, eta2: float | None, estimate: float | None
) -> dict[str, Any]:
    n = sums.n
    alignment = float(sums.cosines.mean())
    mean_square = float(
        ((sums.sum_u + sums.sum_v) / (2 * n)) @ ((sums.sum_u + sums.sum_v) / (2 * n))
    )
    negative = float(sums.sum_u @ sums.sum_v - sums.cosines.sum()) / (n * (n - 1))
    spread = float(np.sqrt(max(across.square - across.mean**2, 0)))
    used = estimate if eta2 is None else eta2
    if used is None:
        raise LookupError("eta2 was neither given nor estimated")
    bound = used + (1 - used) * mean_square
    phi = float(across.log_others.mean())
    return {
        "alignment": alignment,
        "alignment_ci": _interval(sums.cosines),
        "alignment_distance": 2 - 2 * alignment,
        "phi": phi,
        "phi_uniform": log_mean_exp_on_sphere(alpha, d),
        "infonce": -alpha * alignment + float(across.log_all.mean()),
        "infonce_population": -alpha * alignment + phi,
        "uniformity": across.log_potential,
        "uniformity_uniform": log_mean_exp_on_sphere(4.0, d) - 4,
        "mean_square": mean_square,
        "mean_square_unbiased": negative,
        "eta2": used,
        "eta2_source": "estimated" if eta2 is None else "given",
        "bound": bound,
        "slack": bound - alignment,
        "negative_mean": negative,
        "negative_sd": spread,
        "negative_sd_scaled": spread * np.sqrt(d),
        "top1": across.top1,
    }


def _interval(cosines: F64, groups: int = 20, confidence: float = 0.95) -> list[float]:
    """Return a delete-a-group jackknife interval of a mean; row i is in group i modulo G."""
    member = np.arange(cosines.size) % groups
    left = cosines.size - np.bincount(member, minlength=groups)
    without = (cosines.sum() - np.bincount(member, cosines, minlength=groups)) / left
    return list(jackknife_interval(float(cosines.mean()), without, confidence)[1])


def log_mean_exp_on_sphere(alpha: float, d: int) -> float:
    """Log E exp(α u·v) for u, v uniform on the sphere in d dimensions.

    It is log Γ(d/2) + (d/2 − 1) log(2/α) + log I_{d/2−1}(α), by its series where α² is below d.

    Examples
    --------
    >>> round(log_mean_exp_on_sphere(1.0, 3), 9)  # log(sinh(1) / 1)
    0.161439362
    """
    from scipy.special import gammaln, ive

    order = d / 2 - 1
    value = ive(order, alpha)
    if alpha * alpha < 4 * d or value < 1e-280:
        k = np.arange(1, 400)
        terms = 2 * k * np.log(alpha / 2) - gammaln(k + 1) - (gammaln(d / 2 + k) - gammaln(d / 2))
        return float(np.logaddexp.reduce(np.append(0.0, terms)))
    return float(gammaln(d / 2) + order * np.log(2 / alpha) + np.log(value) + alpha)


def estimate_eta2(u: F64, v: F64, seed: int) -> float:
    """Estimate the largest correlation of two views by linear functions of them.

    Parameters
    ----------
    u, v : (n, d) array
        Unit rows of the two views.
    seed : int

    Returns
    -------
    float
        First canonical correlation with a ridge, fitted on one random half, read on the other. The
        ridge is the one out of :data:`RIDGES` that reads best on a quarter of the fitting half
        after a fit on the rest of it. Two views of a row drawn alike have this as their η² (for a
        Gaussian channel A²); functions that are not linear may correlate more. Cost O(n d² + d³).
    """
    order = hashed_order(len(u), seed + 1)
    half = len(u) // 2
    fit, held = order[:half], order[half:]
    inner, outer = fit[: 3 * half // 4], fit[3 * half // 4 :]
    best = max(RIDGES, key=lambda ridge: _held_out(u, v, inner, outer, ridge))
    return max(_held_out(u, v, fit, held, best), 0.0)


def _held_out(
    u: F64, v: F64, fit: NDArray[np.int64], held: NDArray[np.int64], ridge: float
) -> float:
    """Correlate the first canonical pair of the fitted rows on the held-out ones."""
    x, y = u[fit] - u[fit].mean(axis=0), v[fit] - v[fit].mean(axis=0)
    roots = []
    for z in (x, y):
        covariance = z.T @ z / len(z)
        values, vectors = np.linalg.eigh(covariance)
        lift = ridge * max(float(values.mean()), 1e-300)
        roots.append((vectors / np.sqrt(values.clip(min=0) + lift)) @ vectors.T)
    left, _, right = np.linalg.svd(roots[0] @ (x.T @ y / len(x)) @ roots[1])
    a, b = u[held] @ (roots[0] @ left[:, 0]), v[held] @ (roots[1] @ right[0])
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
