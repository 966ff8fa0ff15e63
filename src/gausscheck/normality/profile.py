"""The engine: every one-dimensional test and effect size of many directions in one go.

A block is ``(k, n)``, a direction a row, so that rows sort in place. It is cut into tiles that stay
in cache; tiles run side by side in threads, since sorting and ufuncs release the GIL. A tile's size
depends on n alone, so results do not depend on threads or on how directions come in slabs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import Evidence, FloatArray, Moments, Ordered, Outcome, Spec
from gausscheck.normality.edf import ANDERSON_DARLING, ad_star, kolmogorov
from gausscheck.normality.gather import moments_of, order
from gausscheck.normality.jackknife import ad_star_without
from gausscheck.normality.judge import judge, undefined
from gausscheck.normality.registry import DIRECTION_TESTS

F64 = NDArray[np.float64]

A0 = 0.385
"""Mean of A*² under normality with mean and variance estimated, whatever n."""

TILE_VALUES = 1 << 16
"""Values of a tile (directions times rows): its float64 arrays stay in a core's cache."""


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
        L-moment ratios; 0 and 0.1226 for the normal law (Hosking 1990).
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
            moments=_join_moments([p.moments for p in parts]),
            outcomes={s.name: judge(s, statistics[s.name], sizes[s.name]) for s in specs},
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
    k, n = block.shape
    wanted = [s for s in specs if s.needs == "ordered" and undefined(s, n) is None]
    tile = max(1, TILE_VALUES // n)
    tile = 1 << (min(tile, 64).bit_length() - 1)

    def work(low: int) -> dict[str, Any]:
        return _tile(block[low : low + tile], wanted, groups, effects, overwrite)

    starts = range(0, k, tile)
    workers = min(threads or os.cpu_count() or 1, len(starts))
    if workers <= 1:
        found = [work(low) for low in starts]
    else:
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(work, starts))
    own = _join_moments([f["moments"] for f in found])
    used = own if moments is None else moments
    outcomes = {}
    for spec in specs:
        size = used.n if spec.needs == "moments" else n
        if undefined(spec, size) is not None:
            statistic: FloatArray = np.full(k, np.nan)
        elif spec.needs == "moments":
            statistic = spec.statistic(Evidence(n=n, moments=used))
        else:
            statistic = np.concatenate([f[spec.name] for f in found])
        outcomes[spec.name] = judge(spec, statistic, size)
    arrays = {name: np.concatenate([f[name] for f in found]) for name in _ARRAYS}
    return Profile(n=n, moments=used, outcomes=outcomes, **arrays)


def _tile(
    x: NDArray[Any], specs: list[Spec], groups: int, effects: bool, overwrite: bool
) -> dict[str, Any]:
    k, n = x.shape
    moments = moments_of(x)
    without = ad_star_without(x, moments, groups) if groups else np.empty((k, 0))
    ordered = order(x, moments, in_place=overwrite)
    evidence = Evidence(n=n, moments=moments, ordered=ordered)
    found: dict[str, Any] = {spec.name: spec.statistic(evidence) for spec in specs}
    a2 = found.get("anderson_darling")
    if a2 is None:
        a2 = ANDERSON_DARLING.statistic(evidence)
    nothing = np.full(k, np.nan)
    l_skew, l_kurt = _l_ratios(ordered, n) if effects else (nothing, nothing)
    distance = found.get("lilliefors")
    if distance is None:
        distance = kolmogorov(ordered, n) if effects else nothing
    return {
        **found,
        "moments": moments,
        "ad_star": ad_star(a2, n),
        "ad_star_without": without,
        "kolmogorov": distance,
        "wasserstein1": _wasserstein(ordered, n) if effects else nothing,
        "l_skewness": l_skew,
        "l_kurtosis": l_kurt,
    }


@lru_cache(maxsize=4)
def _normal_scores(n: int) -> F64:
    from scipy.special import ndtri

    scores = np.asarray(ndtri((np.arange(n) + 0.5) / n))
    scores.flags.writeable = False
    return scores


def _wasserstein(ordered: Ordered, n: int) -> FloatArray:
    """Mean distance between sorted values and normal quantiles at (i − 1/2)/n, in sigmas."""
    return np.asarray(np.abs(ordered.z - _normal_scores(n)).mean(axis=1))


@lru_cache(maxsize=4)
def _l_weights(n: int) -> F64:
    """Weights (3, n) of the L-moments 2 to 4 on sorted values: shifted Legendre polynomials.

    Unbiased probability-weighted moments (Hosking 1990).
    """
    i = np.arange(n, dtype=np.float64)
    b1 = i / (n - 1)
    b2 = b1 * (i - 1) / (n - 2)
    b3 = b2 * (i - 2) / (n - 3)
    weights = np.stack([2 * b1 - 1, 6 * b2 - 6 * b1 + 1, 20 * b3 - 30 * b2 + 12 * b1 - 1]) / n
    weights.flags.writeable = False
    return np.asarray(weights)


def _l_ratios(ordered: Ordered, n: int) -> tuple[FloatArray, FloatArray]:
    second, third, fourth = (np.einsum("ij,j->i", ordered.z, w) for w in _l_weights(n))
    with np.errstate(divide="ignore", invalid="ignore"):
        return third / second, fourth / second


def _join_moments(parts: Sequence[Moments]) -> Moments:
    return Moments(
        n=parts[0].n,
        mean=np.concatenate([p.mean for p in parts]),
        m2=np.concatenate([p.m2 for p in parts]),
        m3=np.concatenate([p.m3 for p in parts]),
        m4=np.concatenate([p.m4 for p in parts]),
    )
