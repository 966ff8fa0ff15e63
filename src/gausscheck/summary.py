"""Across directions: n-free effect sizes with intervals, corrections, the table, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, log10, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.config import AD_THRESHOLD, DP_THRESHOLD, JOINT_LEVELS
from gausscheck.core import FloatArray, Status, Verdict
from gausscheck.normality import A0, profile

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """The n-free size of a level's deviation from the normal law, with its interval.

    Attributes
    ----------
    ad_discrepancy : float
        delta = (mean A*² − a0) / n: the mean squared distance of the CDF from its best-fit
        normal, weighted by 1/(Φ(1 − Φ)); a property of the law, not of n.
    ad_discrepancy_ci : (float, float)
    ad_at_reference : float
        What the mean A*² would be at ``reference`` rows: a0 + reference · delta.
    ad_at_reference_ci : (float, float)
    rms_cdf_error : float
        sqrt(max(delta, 0)): root-mean-square CDF error in binomial standard deviations.
    n_detect : float or None
        Rows at which a single test of a typical direction has about 50 % power; None if delta is
        not positive.
    standard_error : float
        Jackknife standard error of ``ad_discrepancy``.
    null_mean, limit : float
        Mean and 5 % critical value of the statistic under normality: 0.385 and 0.752 for the A*²
        of directions; joint levels have their own.
    """

    n: int
    ad_discrepancy: float
    ad_discrepancy_ci: tuple[float, float]
    reference: int
    ad_at_reference: float
    ad_at_reference_ci: tuple[float, float]
    rms_cdf_error: float
    n_detect: float | None
    standard_error: float
    null_mean: float = A0
    limit: float = AD_THRESHOLD

    def to_dict(self) -> dict[str, Any]:
        """Return the effect as plain values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def effect(
    ad_star: FloatArray,
    ad_star_without: FloatArray,
    n: int,
    *,
    reference: int,
    confidence: float,
    null_mean: float = A0,
    limit: float = AD_THRESHOLD,
    least: int = 1,
) -> Effect:
    """Estimate delta averaged over directions, with a delete-a-group jackknife interval.

    Parameters
    ----------
    ad_star : (k,) array
        A*² of each direction on all n rows.
    ad_star_without : (k, G) array
        A*² without each of G equal groups of rows.
    n : int
    reference : int
        Rows at which ``ad_at_reference`` is read.
    confidence : float
    null_mean, limit : float
        Of the statistic, where it is not the A*² of a direction.
    least : int
        Rows below which the statistic says nothing: ``n_detect`` is at least that.

    Returns
    -------
    Effect
        The jackknife acts on the mean over directions, so that correlated directions are paid
        for; the quantile is Student's t on G − 1 degrees of freedom (Shao & Tu 1995).
    """
    from scipy.special import stdtrit

    fine = np.isfinite(ad_star)
    delta = float((ad_star[fine].mean() - null_mean) / n)
    groups = ad_star_without.shape[1]
    sizes = n - np.array([part.size for part in np.array_split(np.arange(n), groups)])
    without = (ad_star_without[fine].mean(axis=0) - null_mean) / sizes
    error = sqrt((groups - 1) / groups * float(((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * error
    low, high = delta - half, delta + half
    return Effect(
        n=n,
        ad_discrepancy=delta,
        ad_discrepancy_ci=(low, high),
        reference=reference,
        ad_at_reference=null_mean + reference * delta,
        ad_at_reference_ci=(null_mean + reference * low, null_mean + reference * high),
        rms_cdf_error=sqrt(max(delta, 0.0)),
        n_detect=max((limit - null_mean) / delta, least) if delta > 0 else None,
        standard_error=error,
        null_mean=null_mean,
        limit=limit,
    )


def decide(found: Effect) -> Status:
    """Compare the interval of the statistic at the reference with its 5 % critical value."""
    low, high = found.ad_at_reference_ci
    if high < found.limit:
        return "gaussian"
    if low > found.limit:
        return "not_gaussian"
    return "inconclusive"


def badness(found: Effect) -> tuple[int, float]:
    """Rank effects: by status, then by the size of the deviation, whatever n and the reference."""
    return _RANK[decide(found)], found.ad_discrepancy


def rows_needed(found: Effect) -> int | None:
    """Estimate the rows that would settle an inconclusive level, to two digits.

    The interval shrinks between 1/n (no deviation) and 1/sqrt(n) (a real one); the slower rate is
    assumed, so this errs towards more rows. None where the estimate sits on the threshold.
    """
    low, high = found.ad_at_reference_ci
    margin = abs(found.ad_at_reference - found.limit)
    half = (high - low) / 2
    if not isfinite(half) or margin < 0.02:
        return None
    rows = found.n * max((half / margin) ** 2, 1.0) * 1.05
    digits = 10 ** max(int(log10(rows)) - 1, 0)
    return int(np.ceil(rows / digits) * digits)


def corrections(pvalues: F64, alpha: float) -> dict[str, int]:
    """Count directions that reject at ``alpha``: singly, by Holm, by Benjamini-Hochberg.

    References
    ----------
    Holm (1979); Benjamini & Hochberg (1995). Computed by ``pingouin.multicomp``.
    """
    import pingouin

    fine = pvalues[np.isfinite(pvalues)]
    counts = {"tested": int(fine.size), "rejected": int((fine < alpha).sum())}
    for name, method in (("holm", "holm"), ("bh", "fdr_bh")):
        reject, _ = pingouin.multicomp(fine.astype(np.float64), alpha=alpha, method=method)
        counts[name] = int(np.sum(reject))
    return counts


def table_row(cv: float | None, ad: FloatArray, dp: FloatArray) -> dict[str, float | None]:
    """Return one column of the field's table from subset-averaged statistics.

    Parameters
    ----------
    cv : float or None
        Coefficient of variation of the norms; None where norms are constant by construction.
    ad, dp : (k, B) arrays
        A*² and D'Agostino-Pearson p-value of each coordinate on each subset.
    """
    ad_mean, dp_mean = ad.mean(axis=1), dp.mean(axis=1)
    return {
        "cv": cv,
        "ad_avg": float(ad_mean.mean()),
        "ad_pass": float((ad_mean < AD_THRESHOLD).mean()),
        "dp_avg": float(dp_mean.mean()),
        "dp_pass": float((dp_mean > DP_THRESHOLD).mean()),
    }


def shape(skewness: float, excess: float) -> str:
    """Name the shape of a one-dimensional law from its third and fourth moments.

    Sarle's coefficient (skewness² + 1) / kurtosis is 1/3 for the normal, 5/9 for the uniform and
    1 for two points; above 0.6 the law has two humps or is cut off on one side.
    """
    kurtosis = excess + 3
    if kurtosis > 0 and (skewness**2 + 1) / kurtosis > 0.6:
        return "bimodal or one-sided"
    words = []
    if abs(excess) > 0.2:
        words.append("heavy tails" if excess > 0 else "light tails")
    if abs(skewness) > 0.2:
        words.append("right skew" if skewness > 0 else "left skew")
    return ", ".join(words) or "near-normal moments"


def overall(
    levels: Mapping[str, Effect], constant_norm: bool, names: Mapping[str, str] | None = None
) -> Verdict:
    """Put the levels together: the worst one decides, never an average.

    Levels are ranked by :func:`badness`.

    Parameters
    ----------
    levels : mapping of str to Effect
    constant_norm : bool
        Whether rows are L2-normalised, which the advice mentions.
    names : mapping of str to str, optional
        What to call a level, where that depends on the data.
    """
    words = {**_LEVEL_WORDS, **(names or {})}
    statuses: dict[str, Status] = {k: decide(e) for k, e in levels.items()}
    worst = max(levels, key=lambda k: badness(levels[k]))
    status = statuses[worst]
    found = levels[worst]
    low, high = found.ad_at_reference_ci
    numbers = (
        f"{words.get(worst, worst)}: {STATISTIC.get(worst, 'A*²')} at {found.reference:,} rows is "
        f"{found.ad_at_reference:.2f} [{low:.2f}, {high:.2f}]"
    )
    limit = f"{found.limit:.3g}"
    if status == "gaussian":
        text = (
            f"Gaussian at every level looked at. The worst one, {numbers}, stays below {limit}. "
            "Gaussian likelihoods, Mahalanobis distances and whitening are reasonable "
            + (
                "for these rows."
                if set(JOINT_LEVELS) <= set(levels)
                else "along the directions tested."
            )
        )
    elif status == "not_gaussian":
        size = _SIZE.get(worst, _CDF).format(found.rms_cdf_error)
        text = (
            f"Not Gaussian. The worst level, {numbers}, lies above {limit}. {size}; a test notices "
            f"from about {_round(found.n_detect)} rows. {_ADVICE.get(worst, _BEWARE)}"
        )
    else:
        needed = rows_needed(found)
        more = (
            f"about {needed:,} rows in all should settle it"
            if needed
            else "the deviation sits at the threshold itself: more rows may not settle it"
        )
        text = (
            f"Inconclusive from {found.n:,} rows. The interval of the worst level, {numbers}, "
            f"spans {limit}; {more}."
        )
    good = [k for k, s in statuses.items() if s == "gaussian"]
    if status != "gaussian" and good:
        text += f" Gaussian all the same: {', '.join(words.get(k, k) for k in good)}."
    if constant_norm:
        text += " Rows are L2-normalised, so norms carry no information."
    return Verdict(status=status, worst_level=worst, summary=text, levels=statuses)


_RANK = {"gaussian": 0, "inconclusive": 1, "not_gaussian": 2}

STATISTIC = {"marginals": "shell A²", "norms": "shell A²", "sphere": "energy N"}
"""What a level's statistic is called, where it is not the A*² of directions."""

_LEVEL_WORDS = {
    "axes": "coordinate axes",
    "random": "random projections",
    "pca": "principal components",
    "file": "your own directions",
    "learned": "learned directions",
    "marginals": "random subspaces",
    "norms": "whitened norms",
    "sphere": "directions of whitened rows",
}

_CDF = "The CDF is off by {:.1%} of a binomial standard deviation (root mean square)"
_SIZE = {"sphere": "The energy distance from evenly spread directions is {:.3f}"}
_BEWARE = (
    "Do not read Gaussian likelihoods or tail probabilities off these rows without correction; "
    "look at the most deviant directions first."
)
_JOINTLY = (
    "Distances from the centre do not follow the Gaussian law: correct Mahalanobis distances and "
    "likelihoods, whatever single directions look like."
)
_ADVICE = {
    "marginals": _JOINTLY,
    "norms": _JOINTLY,
    "sphere": "Whitened rows crowd in some directions: look for clusters before using one Gaussian "
    "for all of them.",
}


def _round(value: float | None) -> str:
    if value is None:
        return "any number of"
    digits = 10 ** max(int(log10(max(value, 1))) - 1, 0)
    return f"{round(value / digits) * digits:,}"


def cv_interval(norms: F64, groups: int, confidence: float) -> list[float]:
    """Return a delete-a-group jackknife interval of the coefficient of variation of norms.

    Row i belongs to group i modulo G: rows saved class by class are spread over all groups.
    """
    from scipy.special import stdtrit

    pilot = float(norms.mean())
    member = np.arange(norms.size) % groups
    left = norms.size - np.bincount(member, minlength=groups)
    one = np.bincount(member, norms - pilot, minlength=groups)
    two = np.bincount(member, (norms - pilot) ** 2, minlength=groups)
    mean = (one.sum() - one) / left
    spread = np.sqrt(((two.sum() - two) / left - mean**2).clip(min=0))
    without = spread / (mean + pilot)
    error = sqrt((groups - 1) / groups * float(((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * error
    whole = float(norms.std() / pilot)
    return [whole - half, whole + half]


def norm_cv_null(mean: F64, covariance: F64) -> float:
    """Coefficient of variation of ‖x‖ for x ~ N(mean, covariance), to first order.

    ‖x‖² has mean tr Σ + ‖μ‖² and variance 2 tr Σ² + 4 μᵀΣμ, and CV(‖x‖) ≈ CV(‖x‖²) / 2; with
    mean zero that is the thin-shell value sqrt(tr Σ² / 2) / tr Σ, 1/sqrt(2 d) for Σ = I.
    """
    size = float(np.trace(covariance) + mean @ mean)
    variance = 2 * float((covariance**2).sum()) + 4 * float(mean @ covariance @ mean)
    return sqrt(variance) / (2 * size)


def table_null(subsets: tuple[int, int] | None, cv: float | None) -> dict[str, float | None]:
    """Return what true Gaussian coordinates give in the field's table under the same protocol.

    The laws of A*² and of the p-value do not depend on n, so 20,000 samples of 100 normal values
    (fixed seed) are averaged B at a time.
    """
    b = 1 if subsets is None else subsets[0]
    draws = np.random.default_rng(20_260_101).standard_normal((20_000, 100))
    found = profile(
        draws, tests=("anderson_darling", "dagostino_pearson"), effects=False, threads=1
    )
    whole = draws.shape[0] // b * b
    ad = found.ad_star[:whole].reshape(-1, b)
    dp = np.random.default_rng(20_260_102).random((20_000, b))  # a calibrated p-value is uniform
    return table_row(cv, ad, dp)
