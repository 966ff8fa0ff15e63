"""The claim "uniform on the sphere", asked of unit rows that are not whitened.

For two rows u, v drawn independently from the uniform law on the sphere in p dimensions the cosine
t = u·v has mean 0 and variance 1/p. The energy distance from uniformity is an average over pairs of
a function of t, and falls into three parts that do not overlap (spherical harmonics of degree one,
two, and all others):

- ``mean``: E t = ‖E u‖²,
- ``anisotropy``: E t² − 1/p = tr (E u uᵀ)² − 1/p,
- ``energy``: E k(t), k the energy kernel without its first two harmonics, which sees clusters and
  every other departure.

Each is 0 under uniformity and positive otherwise. Averaged over the pairs of a sample it is
unbiased at any n and p, n < p included, with variance 2/(n (n − 1)) Var h under uniformity. So
every part is given in one unit, free of n: the mean of h in standard deviations of h over uniform
pairs.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.intervals import jackknife_error, student_quantile
from gausscheck.audit.multiplicity import holm
from gausscheck.core import F64, GausscheckError
from gausscheck.normality.groups import group_sizes
from gausscheck.normality.nulls.laws import chi_square
from gausscheck.normality.sphere.energy import energy_null, pair_sums
from gausscheck.report import SphereClaim, SpherePart
from gausscheck.threads import side_by_side

ClaimStatus = Literal["holds", "fails", "inconclusive"]

PARTS = ("mean", "anisotropy", "energy")

MARGIN = 0.01
"""Margin of relevance, in standard deviations over uniform pairs.

A mean that moves every cosine by a hundredth of its standard deviation turns the 5 % most similar
pairs into 5.1 %; the same margin of the second part widens the cosines by 0.7 % and gives 5.1 %
too. It is reached by eigenvalues whose coefficient of variation is 12 %, by one eigenvalue that is
1.8 times the others at p = 48, by a mean of a quarter of a coordinate's standard deviation there.
"""


def sphere_claim(
    unit: F64,
    *,
    groups: int = 20,
    confidence: float = 0.95,
    alpha: float = 0.05,
    margin: float = MARGIN,
    threads: int = 1,
    sizes: NDArray[np.intp] | None = None,
) -> SphereClaim:
    """Judge the claim that unit rows are uniform on the sphere.

    Parameters
    ----------
    unit : (n, p) array
        Rows of length one, not centred, not whitened, in random order: contiguous groups of them
        are random groups. p >= 3, n >= 2 groups.
    groups : int
        Groups of the jackknife.
    confidence : float
        Coverage of the intervals.
    alpha : float
        Level of the rejection.
    margin : float
    threads : int
    sizes : (G,) int array, optional
        Rows of contiguous groups within which rows depend on each other (blocks of neighbours,
        clusters), in place of random ones; 4 at least. Pairs within a group and of neighbouring
        groups are then left out, and p-values are Student's t of the jackknife.

    Returns
    -------
    SphereClaim
        Cost O(n² p / 2), memory O((n / groups)²) a thread.

    Raises
    ------
    GausscheckError
        If the rows are too few, not of length one, or p < 3.

    References
    ----------
    Rayleigh (1919) and Bingham (1974) for the first two parts; Székely & Rizzo (2013) for the
    energy distance; Cai, Fan & Jiang (2013), JMLR 14, for cosines in high dimensions.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((800, 24))
    >>> sphere_claim(x / np.linalg.norm(x, axis=1, keepdims=True)).status
    'holds'
    """
    _check(unit, groups)
    n, p = unit.shape
    cuts = group_sizes(n, groups) if sizes is None else sizes
    groups = cuts.size
    sums, pairs = _group_sums(unit, cuts, threads)
    if sizes is not None:
        apart = _apart(groups)
        sums, pairs = sums * apart, pairs * apart
    effects, without = _pair_means(sums, pairs)
    scales, freedoms, units = _pair_laws(p)
    effects, without = effects / scales, without / scales[:, None]
    null_error = sqrt(2 / (n * (n - 1)))
    errors = np.maximum(jackknife_error(without), null_error)
    logs = (
        _chi_square_logs(effects / null_error, freedoms)
        if sizes is None
        else _student_logs(effects / errors, groups)
    )
    rejected = holm(logs, alpha)
    half = student_quantile(groups, 0.5 + confidence / 2) * errors
    parts = tuple(
        SpherePart(
            name=PARTS[j],
            value=float(effects[j] * scales[j] / units[j]),
            effect=float(effects[j]),
            effect_ci=(float(effects[j] - half[j]), float(effects[j] + half[j])),
            pvalue=exp(logs[j]),
            log_pvalue=float(logs[j]),
            status=_three_way(bool(rejected[j]), float(effects[j]), float(half[j]), margin),
        )
        for j in range(len(PARTS))
    )
    return SphereClaim(_worst(parts), bool(rejected.any()), parts, n, p, margin)


def _check(unit: F64, groups: int) -> None:
    if unit.ndim != 2 or unit.shape[1] < 3 or unit.shape[0] < 2 * groups:
        raise GausscheckError(
            f"uniform on the sphere: expected at least {2 * groups} rows of 3 or more dimensions, "
            f"got shape {unit.shape}; take more rows or fewer groups"
        )
    lengths = np.einsum("ij,ij->i", unit, unit)
    if not np.all(np.abs(lengths - 1) < 1e-6):
        bad = int(np.argmax(~(np.abs(lengths - 1) < 1e-6)))
        raise GausscheckError(
            f"uniform on the sphere: expected rows of length 1, got length "
            f"{sqrt(max(lengths[bad], 0.0)):.4g} in row {bad}; divide each row by its length"
        )


def _apart(groups: int) -> F64:
    """Return 1 for two groups that do not lie side by side, ``(G, G)``; of four all that differ."""
    place = np.arange(groups)
    distance = np.abs(place[:, None] - place)
    return np.asarray((distance > (1 if groups > 4 else 0)).astype(np.float64))


def _chi_square_logs(z: F64, freedoms: F64) -> F64:
    """Log p-values of effects in standard errors under uniformity."""
    laws = [
        chi_square(np.array([max(f + one * sqrt(2 * f), 0.0)]), f)
        for one, f in zip(z, freedoms, strict=True)
    ]
    return np.array([0.0 if law.log_pvalue is None else float(law.log_pvalue[0]) for law in laws])


def _student_logs(t: F64, groups: int) -> F64:
    from scipy.special import stdtr

    with np.errstate(divide="ignore"):
        return np.asarray(np.log(stdtr(groups - 1, -t)))


def _group_sums(unit: F64, sizes: NDArray[np.intp], threads: int) -> tuple[F64, F64]:
    """Sum t, t² − 1/p and k(t) over ordered pairs of rows between groups: (3, G, G), and count."""
    groups = sizes.size
    parts = np.split(unit, np.cumsum(sizes)[:-1])
    p = unit.shape[1]
    null = energy_null(p)

    def between(pair: tuple[int, int]) -> tuple[float, float, float, float]:
        left, right, same = parts[pair[0]], parts[pair[1]], pair[0] == pair[1]
        self_pairs = len(left) if same else 0
        count = len(left) * len(right) - self_pairs
        one, two, chord = pair_sums(left, right, same=same)
        one, two = one - self_pairs, two - self_pairs
        kernel = null.constant * count - chord - null.linear * one - null.square * two
        return one, two - count / p, kernel, count

    places = [(g, h) for g in range(groups) for h in range(g, groups)]
    table = np.zeros((4, groups, groups))
    with side_by_side(max(threads, 1)) as pool:
        for (g, h), found in zip(places, pool.map(between, places), strict=True):
            table[:, g, h] = table[:, h, g] = found
    return table[:3], table[3]


def _pair_means(sums: F64, pairs: F64) -> tuple[F64, F64]:
    """Mean over pairs of different rows, of all rows ``(3,)`` and without each group ``(3, G)``."""

    def rest(table: F64) -> F64:
        total = table.sum(axis=(-2, -1))
        return np.asarray(
            total[..., None] - 2 * table.sum(axis=-1) + np.diagonal(table, axis1=-2, axis2=-1)
        )

    return sums.sum(axis=(1, 2)) / pairs.sum(), rest(sums) / rest(pairs)


def _pair_laws(p: int) -> tuple[F64, F64, F64]:
    """Return of each part: sd over uniform pairs, degrees of freedom, the unit of its value.

    n ‖ū‖² p is nearly chi-square on p degrees, Bingham's statistic on p (p + 1)/2 − 1, and the
    energy statistic is given the degrees for which a chi-square has its mean and variance.
    """
    null = energy_null(p)
    scales = np.array([1 / sqrt(p), sqrt(2 * (p - 1) / (p + 2)) / p, null.pair_sd])
    freedoms = np.array([p, p * (p + 1) / 2 - 1, (null.mean / null.pair_sd) ** 2])
    return scales, freedoms, np.array([1, 1 / p, null.mean])


def _three_way(rejected: bool, effect: float, half: float, margin: float) -> ClaimStatus:
    if rejected and effect > margin:
        return "fails"
    return "holds" if effect + half < margin else "inconclusive"


def _worst(parts: tuple[SpherePart, ...]) -> ClaimStatus:
    statuses = [part.status for part in parts]
    if "fails" in statuses:
        return "fails"
    return "inconclusive" if "inconclusive" in statuses else "holds"
