"""Sums over anchors and positives: linear in n, and over all pairs of different rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, GausscheckError, Source, Stage
from gausscheck.passes.row_keys import is_first, row_keys

BINS = 200
"""Bins of the cosine histograms, from −1 to 1."""


BLOCK = 4096
"""Rows read at a time."""


_STRIPE = 512


EDGES = np.linspace(-1, 1, BINS + 1)


@dataclass(frozen=True, slots=True)
class LinearSums:
    """Sums over the pairs themselves: which rows are good, their cosines, the sums of either.

    A pair that repeats an earlier one is none of them.
    """

    n: int
    dropped: int
    repeats: int
    good: NDArray[np.int64]
    cosines: F64
    sum_u: F64
    sum_v: F64
    counts: NDArray[np.int64]


def linear_sums(
    anchor: Source, positive: Source, on_bad_rows: str, report: Callable[[str, float], None]
) -> LinearSums:
    """Take the sums that are linear in n, over all pairs that differ, a block at a time."""
    totals = np.zeros(anchor.d), np.zeros(anchor.d)
    cosines, good, keys = [], [], []
    for start in range(0, anchor.n, BLOCK):
        stop = min(start + BLOCK, anchor.n)
        blocks = anchor.read(start, stop), positive.read(start, stop)
        (u, fine_u), (v, fine_v) = map(_normalised, blocks)
        fine = fine_u & fine_v
        if not fine.all() and on_bad_rows == "error":
            row = start + int(np.flatnonzero(~fine)[0])
            where = anchor if not fine_u[row - start] else positive
            raise GausscheckError(
                f"{where.uri}: row {row} is not finite or all zero; leave such pairs out with "
                'on_bad_rows="drop"'
            )
        u, v = u[fine], v[fine]
        for total, rows in zip(totals, (u, v), strict=True):
            total += rows.sum(axis=0)
        keys.append(np.stack([row_keys(block)[fine] for block in blocks]))
        cosines.append(np.einsum("ij,ij->i", u, v))
        good.append(start + np.flatnonzero(fine))
        report(Stage("reading", anchor.n, "pairs"), stop / anchor.n)
    cosine, usable = np.concatenate(cosines), np.concatenate(good)
    first = is_first(*np.concatenate(keys, axis=1))
    chosen, cosine = usable[first], cosine[first]
    if chosen.size < 40:
        raise GausscheckError(
            f"{anchor.uri}: expected at least 40 usable pairs that differ, got {chosen.size}"
        )
    if chosen.size < usable.size:
        totals = _total(anchor, chosen), _total(positive, chosen)
    counts, _ = np.histogram(np.clip(cosine, -1, 1), EDGES)
    return LinearSums(
        chosen.size, anchor.n - usable.size, usable.size - chosen.size, chosen, cosine, *totals,
        counts,
    )  # fmt: skip


def _total(source: Source, rows: NDArray[np.int64]) -> F64:
    """Sum some rows, each divided by its length."""
    total = np.zeros(source.d)
    for _, block in _unit_blocks(source, rows):
        total += block.sum(axis=0)
    return total


def _normalised(block: NDArray[Any]) -> tuple[F64, NDArray[np.bool_]]:
    x = block.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", x, x))
        x /= norms[:, None]
    return x, np.isfinite(norms) & (norms > 0)


def unit_rows(source: Source, rows: NDArray[np.int64]) -> F64:
    """Read some rows, in order, each divided by its length."""
    out = np.empty((rows.size, source.d))
    for place, block in _unit_blocks(source, rows):
        out[place] = block
    return out


def _unit_blocks(source: Source, rows: NDArray[np.int64]) -> Iterator[tuple[slice, F64]]:
    """Read some rows, which ascend, a block at a time, and which of them each block holds."""
    for start in range(0, source.n, BLOCK):
        low, high = np.searchsorted(rows, [start, start + BLOCK]).tolist()
        if low < high:
            block = source.read(start, min(start + BLOCK, source.n))
            yield slice(low, high), _normalised(block[rows[low:high] - start])[0]


@dataclass(frozen=True, slots=True)
class PairSums:
    """Sums over an anchor and the positives of all other rows."""

    n: int
    log_others: F64  # log mean over other rows of exp(α u·v), one an anchor
    log_all: F64  # the same over all rows, its own positive among them
    log_potential: float  # log mean over pairs of different rows of exp(−2‖u − v‖²)
    mean: float  # of u·v over pairs of different rows
    square: float  # of (u·v)²
    top1: float
    counts: NDArray[np.int64]


def pair_sums(
    u: F64, v: F64, alpha: float, pool: ThreadPoolExecutor, report: Callable[[str, float], None]
) -> PairSums:
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
    return PairSums(
        n=n,
        log_others=np.concatenate([p[0] for p in parts]) - np.log(n - 1),
        log_all=np.concatenate([p[1] for p in parts]) - np.log(n),
        log_potential=float(np.log(sum(p[2] for p in parts) / pairs)),
        mean=sum(p[3] for p in parts) / pairs,
        square=sum(p[4] for p in parts) / pairs,
        top1=sum(p[5] for p in parts) / n,
        counts=np.sum([p[6] for p in parts], axis=0),
    )
