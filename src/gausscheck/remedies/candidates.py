"""What can be done about thresholds that do not hold: one function a remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.held import lengths
from gausscheck.audit.preflight import dead_coordinates
from gausscheck.audit.use.words import USEFUL_SHARE
from gausscheck.core import F64, I64
from gausscheck.estimators.conformal import ConformalRanks
from gausscheck.estimators.gaussian import GaussianFit, fit_gaussian
from gausscheck.estimators.moments import moments_of_rows
from gausscheck.normality.sphere.lengths import left_out
from gausscheck.remedies.result import Kind
from gausscheck.report.use import MASKED

DROPPED = (1, 3, 10)
"""Numbers of leading components that are tried without."""

CALIBRATION = 0.25
"""Share of the rows of the fit that new rows are ranked among."""

GROUPS_TO_RANK = 400
"""Groups of which a fourth can tell 1 %; of fewer, rows are ranked as if they were no groups."""

Rows = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to fit on and rows to measure on.

    Attributes
    ----------
    fit, test : (n, d), (m, d) arrays
    groups : (n,) int array or None
        What rows of the fit belong together.
    rng : Generator
    """

    fit: Rows
    test: Rows
    groups: I64 | None
    rng: np.random.Generator


@dataclass(frozen=True, slots=True)
class Tried:
    """P-values of the rows to measure on.

    Attributes
    ----------
    pvalues : (m,) array
    components : int
        Whitened components behind them.
    least : float
        The smallest level that they can tell; 0 where a law gives them.
    masked : bool
        Whether the law is of so few rows that thresholds hold whatever the rows: more components
        than half of them.
    """

    pvalues: F64
    components: int
    least: float = 0.0
    masked: bool = False


PValues = Callable[[Split], Tried]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A remedy to be tried."""

    name: str
    title: str
    kind: Kind
    pvalues: PValues


def candidates(rank: int) -> tuple[Candidate, ...]:
    """Return the remedies for rows of that rank: as they are, then from mild to strong.

    Centring, scaling and whitening are one: thresholds on Mahalanobis distances are the same under
    any affine map.
    """
    made = [
        Candidate("as_is", "as they are", "none", _gaussian()),
        Candidate("affine", "centre, scale, whiten", "none", _affine),
        Candidate("unit", "unit length", "prepare", _gaussian(_unit)),
        Candidate("centre_unit", "centre, unit length", "prepare", _gaussian(_centre_unit)),
        Candidate("shrink", "shrink (Ledoit-Wolf)", "prepare", _gaussian(shrinkage="ledoit-wolf")),
    ]
    for k in DROPPED:
        if 2 * k <= rank:
            title = "drop 1 component" if k == 1 else f"drop {k} components"
            made.append(Candidate(f"drop_{k}", title, "prepare", _gaussian(drop=k)))
    made += [
        Candidate(f"keep_{k}", f"keep {k} of {rank}", "prepare", _gaussian(n_components=k))
        for k in kept(rank)
    ]
    made += [
        Candidate("conformal", "conformal threshold", "calibrate", _conformal),
        Candidate("radial", "radial Gaussianisation", "calibrate", _radial),
    ]
    return tuple(made)


def kept(rank: int) -> tuple[int, ...]:
    """Return how many leading components are tried, most first: a tenth of them or more.

    Examples
    --------
    >>> kept(381), kept(6)
    ((256, 128, 64), (4, 2, 1))
    """
    powers = [1 << j for j in range(rank.bit_length())]
    return tuple(k for k in reversed(powers) if USEFUL_SHARE * rank <= k < rank)


def _unit(rows: Rows, fit: Rows) -> Rows:
    length = lengths(rows)
    return np.asarray(rows / np.where(length > 0, length, 1)[:, None])


def _centre_unit(rows: Rows, fit: Rows) -> Rows:
    return _unit(rows - fit.mean(axis=0, dtype=np.float64), fit)


def _gaussian(change: Callable[[Rows, Rows], Rows] | None = None, **options: Any) -> PValues:
    """Return the p-values by the law of a Gaussian fit to changed rows."""

    def pvalues(split: Split) -> Tried:
        fit, test = split.fit, split.test
        if change is not None:
            fit, test = change(split.fit, split.fit), change(split.test, split.fit)
        found = fit_gaussian(fit, split.rng, groups=split.groups, **options)
        masked = not found.shrinkage and found.k > MASKED * found.n
        return Tried(found.pvalues(found.distances(test)), found.k, masked=masked)

    return pvalues


def _affine(split: Split) -> Tried:
    """Scale each column that varies by its sd after centring, then go on as with any rows."""
    spread = moments_of_rows(split.fit).spread
    sd = np.sqrt(spread.covariance.diagonal())
    kind = split.fit.dtype
    sd[dead_coordinates(spread, np.finfo(kind).eps if kind.kind == "f" else 0.0)] = np.inf
    return _gaussian(lambda rows, fit: (rows - spread.mean) / sd)(split)


def _conformal(split: Split) -> Tried:
    """Rank new rows among those held out from the fit."""
    units = np.arange(len(split.fit)) if split.groups is None else split.groups
    named = np.unique(units)
    drawn = split.rng.permutation(named)[: max(int(CALIBRATION * named.size), 1)]
    held = np.isin(units, drawn)
    inside, outside = (None, None) if split.groups is None else (units[~held], units[held])
    fit = fit_gaussian(split.fit[~held], split.rng, groups=inside)
    ranks = ConformalRanks.of(
        fit.distances(split.fit[held]), outside if named.size >= GROUPS_TO_RANK else None
    )
    return _ranked(ranks, fit, split.test)


def _radial(split: Split) -> Tried:
    """Map lengths so that those of the fit, each by the fit to the others, are chi-distributed.

    The map takes the i-th of n lengths to the chi quantile of i/(n + 1) and keeps directions;
    a new row's p-value by the chi law is then its rank among them.
    """
    fit: GaussianFit = fit_gaussian(split.fit, split.rng)
    alone = left_out(fit.distances(split.fit), fit.n)
    return _ranked(ConformalRanks.of(alone), fit, split.test)


def _ranked(ranks: ConformalRanks, fit: GaussianFit, test: Rows) -> Tried:
    return Tried(ranks.pvalues(fit.distances(test)), fit.k, 1 / (ranks.count + 1))
