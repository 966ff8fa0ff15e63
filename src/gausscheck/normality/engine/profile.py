"""The engine: every one-dimensional test and effect size of many directions in one go.

A block is ``(k, n)``, a direction a row, so that rows sort in place. It is cut into tiles that stay
in cache; tiles run side by side in threads, since sorting and ufuncs release the GIL. A tile's size
depends on n alone, so results do not depend on threads or on how directions come in slabs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, FloatArray, Moments
from gausscheck.normality.engine.binned import CELLS_FROM
from gausscheck.normality.engine.effects import l_ratios, wasserstein
from gausscheck.normality.engine.jackknife import (
    Sizes,
    ad_star_shifts,
    ad_star_without,
    group_counts,
    group_powers,
)
from gausscheck.normality.engine.long_samples import LongSums, finish_long, gather_long
from gausscheck.normality.evidence import moments_of, order, standardise
from gausscheck.normality.groups import group_sizes
from gausscheck.normality.outcomes import outcome_of, undefined
from gausscheck.normality.registry import DIRECTION_TESTS, TESTS
from gausscheck.normality.spec import Outcome, Spec
from gausscheck.normality.univariate.edf import ad_star
from gausscheck.threads import side_by_side

TILE_VALUES = 1 << 18
"""Values of a tile (directions times rows): few enough to stay in cache, enough that threads seldom
hand the interpreter over."""

LONG_VALUES = 1 << 20
"""The same where rows are long and few arrays are alive."""


Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Profile:
    """What the engine says of k directions.

    Attributes
    ----------
    n : int
        Rows of the block.
    moments : Moments
        Of the block, or of more rows where they were given.
    ad_star : (k,) array
        A*², the modified Anderson-Darling statistic.
    ad_star_without : (k, G) array
        A*² when group g of the rows is deleted; G may be 0.
    kolmogorov, wasserstein1 : (k,) arrays
        Distances from the fitted normal; Wasserstein-1 in units of sigma.
    l_skewness, l_kurtosis : (k,) arrays
        L-moment ratios; 0 and ``L_KURTOSIS_NORMAL`` for the normal law (Hosking 1990).
    outcomes : dict of str to Outcome
    """

    n: int
    moments: Moments
    ad_star: FloatArray
    ad_star_without: FloatArray
    kolmogorov: FloatArray
    wasserstein1: FloatArray
    l_skewness: FloatArray
    l_kurtosis: FloatArray
    outcomes: dict[str, Outcome]

    @property
    def k(self) -> int:
        """The number of directions."""
        return int(self.ad_star.size)

    @classmethod
    def concatenate(cls, parts: Sequence[Profile]) -> Profile:
        """Put profiles of different directions on the same rows one after the other."""
        statistics = {
            name: np.concatenate([p.outcomes[name].statistic for p in parts])
            for name in parts[0].outcomes
        }
        specs = [s for s in DIRECTION_TESTS if s.name in statistics]
        sizes = {name: outcome.n for name, outcome in parts[0].outcomes.items()}
        return cls(
            n=parts[0].n,
            moments=Moments.concatenate([p.moments for p in parts]),
            outcomes={s.name: outcome_of(s, statistics[s.name], sizes[s.name]) for s in specs},
            **{name: np.concatenate([getattr(p, name) for p in parts]) for name in _ARRAYS},
        )


_ARRAYS = (
    "ad_star",
    "ad_star_without",
    "kolmogorov",
    "wasserstein1",
    "l_skewness",
    "l_kurtosis",
)


def profile(
    block: NDArray[Any],
    *,
    tests: Sequence[str] | None = None,
    groups: int = 0,
    effects: bool = True,
    moments: Moments | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Profile:
    """Run the one-dimensional battery on many directions.

    Parameters
    ----------
    block : (k, n) float32 or float64 array
        A direction a row; columns are data rows in random order, so that contiguous groups of
        them are random groups.
    tests : sequence of str, optional
        Names of tests to run; all by default. ``ad_star`` is computed in any case.
    groups : int
        Groups of columns for ``ad_star_without``; 0 for none.
    effects : bool
        Whether to compute distances and L-moments.
    moments : Moments, optional
        Of the same directions over more rows: moment tests use them.
    threads : int, optional
    overwrite : bool
        The block may be sorted in place.

    Returns
    -------
    Profile
        Cost O(k n log n) time, a few tiles of memory beyond the block.
    """
    specs = [s for s in DIRECTION_TESTS if tests is None or s.name in tests]
    n = block.shape[1]
    wanted = [s for s in specs if s.needs == "ordered" and undefined(s, n) is None]
    names = {spec.name for spec in wanted} | {"anderson_darling"}
    if effects:
        names.add("lilliefors")  # its statistic is the Kolmogorov distance
    sizes = group_sizes(n, groups) if groups else None
    tiles = _tiles(block, names, sizes, effects, threads, overwrite)
    if moments is None:
        moments = Moments.concatenate([tile["moments"] for tile in tiles])
    return Profile(
        n=n,
        moments=moments,
        outcomes={spec.name: _outcome(spec, n, moments, tiles) for spec in specs},
        **{name: np.concatenate([tile[name] for tile in tiles]) for name in _ARRAYS},
    )


def left_out_shifts(block: NDArray[Any], sizes: Sizes, threads: int | None = None) -> F64:
    """Return what leaving out each group of columns does to A*² of directions, ``(k, G)``.

    With A*² of all columns, which :func:`profile` gives exactly, :func:`ad_star_without` makes of
    it A*² without each group. Columns of a group lie side by side. Cost O(k n).
    """
    tiles = _side_by_side(lambda x: _shifts(x, moments_of(x), sizes), block, threads)
    return np.concatenate(list(tiles))


def _side_by_side(
    work: Callable[[NDArray[Any]], Found], block: NDArray[Any], threads: int | None
) -> Iterator[Found]:
    """Work on tiles of directions in threads; yield what they give, in order, as soon as it is."""
    k, n = block.shape
    most = LONG_VALUES if n >= CELLS_FROM else TILE_VALUES
    size = 1 << (min(max(most // n, 1), 256).bit_length() - 1)
    tiles = [block[low : low + size] for low in range(0, k, size)]
    workers = min(threads or os.cpu_count() or 1, len(tiles))
    if workers <= 1:
        yield from map(work, tiles)
        return
    with side_by_side(workers) as pool:
        yield from pool.map(work, tiles)


def _tiles(
    block: NDArray[Any],
    names: set[str],
    sizes: Sizes | None,
    effects: bool,
    threads: int | None,
    overwrite: bool,
) -> list[dict[str, Any]]:
    """Take statistics by test name, moments and ``_ARRAYS`` of a block, a tile at a time."""
    n = block.shape[1]

    def work(part: NDArray[Any]) -> LongSums | dict[str, Any]:
        if not overwrite:
            part = part.copy()
        if n >= CELLS_FROM:
            return gather_long(part, names, sizes, effects)
        return _short(part, names, sizes, effects)

    found = []
    for piece in _side_by_side(work, block, threads):
        values = finish_long(piece, names, effects) if isinstance(piece, LongSums) else piece
        count = values["anderson_darling"].size
        whole = values["ad_star"] = ad_star(values["anderson_darling"], n)
        if sizes is not None:
            values["ad_star_without"] = ad_star_without(whole, values["ad_star_shifts"], sizes)
        values["kolmogorov"] = values["lilliefors"] if effects else np.full(count, np.nan)
        missing = {name: np.full(count, np.nan) for name in _ARRAYS}
        missing["ad_star_without"] = np.empty((count, 0))
        found.append(missing | values)
    return found


def _outcome(spec: Spec, n: int, moments: Moments, tiles: list[dict[str, Any]]) -> Outcome:
    """Put what the tiles found of one test together, or take it from moments."""
    size = moments.n if spec.needs == "moments" else n
    if undefined(spec, size) is not None:
        statistic: FloatArray = np.full(moments.m2.size, np.nan)
    elif spec.needs == "moments":
        statistic = spec.statistic(moments)
    else:
        statistic = np.concatenate([tile[spec.name] for tile in tiles])
    return outcome_of(spec, statistic, size)


def _short(x: NDArray[Any], names: set[str], sizes: Sizes | None, effects: bool) -> dict[str, Any]:
    """Profile directions of fewer rows ``(k, n)`` value by value; the block is sorted in place."""
    moments = moments_of(x)
    shifts = None if sizes is None else _shifts(x, moments, sizes)
    z = standardise(x, moments, in_place=True)
    samples = order(z)
    found: dict[str, Any] = {name: TESTS[name].statistic(samples) for name in names}
    found |= {"moments": moments, "ad_star_shifts": shifts}
    if effects:
        found["l_skewness"], found["l_kurtosis"] = l_ratios(z)
        found["wasserstein1"] = wasserstein(z)
    return found


def _shifts(x: NDArray[Any], moments: Moments, sizes: Sizes) -> F64:
    """Say what leaving out groups does to samples ``(k, n)``; NaN of those that don't vary."""
    alive = moments.m2 > 0
    if alive.all():
        return _shifts_alive(x, moments.mean, moments.m2, sizes)
    found = np.full((x.shape[0], sizes.size), np.nan)
    if alive.any():
        found[alive] = _shifts_alive(x[alive], moments.mean[alive], moments.m2[alive], sizes)
    return found


def _shifts_alive(x: NDArray[Any], mean: FloatArray, m2: FloatArray, sizes: Sizes) -> F64:
    z = x - mean[:, None].astype(np.float64)
    sd = np.sqrt(m2, dtype=np.float64)
    z /= sd[:, None]
    one, two = group_powers(z, sizes)
    return ad_star_shifts(group_counts(z, np.ones_like(sd), sizes), one, two, sizes)
