"""What decides: each level is Gaussian, not Gaussian or inconclusive; the worst is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, log10
from typing import Any

import numpy as np

from gausscheck.audit.effect import Effect
from gausscheck.config import JOINT_LEVELS
from gausscheck.report import Level, Status, Verdict

RANK: dict[Status, int] = {
    "gaussian": 0,
    "gaussian_except": 1,
    "inconclusive": 2,
    "not_gaussian": 3,
}
"""Statuses from good to bad."""

LEVEL_WORDS = {
    "axes": "coordinate axes",
    "random": "random projections",
    "pca": "principal components",
    "file": "your own directions",
    "learned": "learned directions",
    "marginals": "random subspaces",
    "norms": "whitened norms",
    "sphere": "directions of whitened rows",
}


def decide(effect: Effect) -> Status:
    """Compare the interval of the statistic at the reference with its limit.

    ``gaussian`` if the interval lies below it, ``not_gaussian`` if above, else ``inconclusive``.
    """
    low, high = effect.value_ci
    if high < effect.limit:
        return "gaussian"
    if low > effect.limit:
        return "not_gaussian"
    return "inconclusive"


def badness(effect: Effect) -> tuple[int, float]:
    """Rank effects: by status, then by the size of the deviation, whatever n and the reference."""
    return RANK[decide(effect)], effect.discrepancy


def rows_needed(effect: Effect) -> int | None:
    """Estimate the rows that would settle an inconclusive level, to two digits.

    The interval shrinks between 1/n (no deviation) and 1/sqrt(n) (a real one); the slower rate is
    assumed, so this errs towards more rows. None where the estimate sits on the limit.
    """
    low, high = effect.value_ci
    margin = abs(effect.value - effect.limit)
    half = (high - low) / 2
    if not isfinite(half) or margin < 0.02:
        return None
    rows = effect.n * max((half / margin) ** 2, 1.0) * 1.05
    step = _two_digit_step(rows)
    return int(np.ceil(rows / step) * step)


def level_fields(effect: Effect, *, kind: str, statistic: str) -> dict[str, Any]:
    """Return the fields that every level has, for the classes of ``gausscheck.report``."""
    status = decide(effect)
    low, high = effect.value_ci
    return {
        "kind": kind,
        "status": status,
        "statistic": statistic,
        "value": effect.value,
        "value_ci": (low, high),
        "null_mean": effect.null_mean,
        "limit": effect.limit,
        "times_limit": effect.times_limit(effect.value),
        "times_limit_ci": (effect.times_limit(low), effect.times_limit(high)),
        "n": effect.n,
        "reference": effect.reference,
        "discrepancy": effect.discrepancy,
        "discrepancy_ci": effect.discrepancy_ci,
        "standard_error": effect.standard_error,
        "n_detect": effect.n_detect,
        "rows_needed": rows_needed(effect) if status == "inconclusive" else None,
    }


def overall(
    levels: Mapping[str, Level], constant_norm: bool, names: Mapping[str, str] | None = None
) -> Verdict:
    """Put the levels together: the worst one decides, never an average.

    Levels are ranked by status, then by discrepancy.

    Parameters
    ----------
    levels : mapping of str to Level
    constant_norm : bool
        Whether rows are L2-normalised, which the advice mentions.
    names : mapping of str to str, optional
        What to call a level, where that depends on the data.
    """
    words = {**LEVEL_WORDS, **(names or {})}
    statuses: dict[str, Status] = {name: level.status for name, level in levels.items()}
    worst = max(levels, key=lambda name: (RANK[statuses[name]], levels[name].discrepancy or 0.0))
    level = levels[worst]
    text = _summary(worst, level, words, set(levels))
    good = [name for name, status in statuses.items() if status == "gaussian"]
    if level.status != "gaussian" and good:
        text += f" Gaussian all the same: {', '.join(words.get(k, k) for k in good)}."
    if constant_norm:
        text += " Rows are L2-normalised, so norms carry no information."
    return Verdict(status=level.status, worst_level=worst, summary=text, levels=statuses)


def _summary(worst: str, level: Level, words: Mapping[str, str], levels: set[str]) -> str:
    low, high = level.value_ci or (float("nan"), float("nan"))
    numbers = (
        f"{words.get(worst, worst)}: {_STATISTIC.get(worst, 'A*²')} at {level.reference:,} rows is "
        f"{level.value:.2f} [{low:.2f}, {high:.2f}]"
    )
    limit = f"{level.limit:.3g}"
    if level.status == "gaussian":
        whole = set(JOINT_LEVELS) <= levels
        return (
            f"Gaussian at every level looked at. The worst one, {numbers}, stays below {limit}. "
            "Gaussian likelihoods, Mahalanobis distances and whitening are reasonable "
            + ("for these rows." if whole else "along the directions tested.")
        )
    if level.status == "not_gaussian":
        error = float(np.sqrt(max(level.discrepancy or 0.0, 0.0)))
        size = _SIZE.get(worst, _CDF).format(error)
        return (
            f"Not Gaussian. The worst level, {numbers}, lies above {limit}. {size}; a test notices "
            f"from about {_two_digits(level.n_detect)} rows. {_ADVICE.get(worst, _BEWARE)}"
        )
    more = (
        f"about {level.rows_needed:,} rows in all should settle it"
        if level.rows_needed
        else "the deviation sits at the threshold itself: more rows may not settle it"
    )
    return (
        f"Inconclusive from {level.n:,} rows. The interval of the worst level, {numbers}, "
        f"spans {limit}; {more}."
    )


_STATISTIC = {"marginals": "shell A²", "norms": "shell A²", "sphere": "energy N"}
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


def _two_digits(value: float | None) -> str:
    if value is None:
        return "any number of"
    step = _two_digit_step(value)
    return f"{round(value / step) * step:,}"


def _two_digit_step(value: float) -> int:
    return int(10 ** max(int(log10(max(value, 1))) - 1, 0))
