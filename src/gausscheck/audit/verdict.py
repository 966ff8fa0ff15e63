"""What decides: each level is Gaussian, not Gaussian or inconclusive; the worst is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, log10

import numpy as np

from gausscheck.audit.effect import Effect
from gausscheck.config import JOINT_LEVELS
from gausscheck.core import Status, Verdict


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
