"""What decides: each level is Gaussian, not Gaussian or inconclusive; the worst is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, log10
from typing import Any

import numpy as np

from gausscheck.audit.effect import Effect
from gausscheck.report import (
    Claim,
    Claims,
    DirectionalLevel,
    IsotropicResult,
    LearnedLevel,
    Level,
    Status,
    Verdict,
)

RANK: dict[Status, int] = {
    "gaussian": 0,
    "gaussian_except": 1,
    "inconclusive": 2,
    "not_gaussian": 3,
}
"""Statuses from good to bad."""

LEAST_TO_PROMISE, MOST_TO_PROMISE = 200, 20
"""Rows that a promise of enough rows needs, and how many times as many it may speak of."""

LADDER = ("axes", "random", "pca", "file", "norms", "marginals", "sphere", "learned")
"""Rungs from weak to strong."""

LEVEL_WORDS = {
    "axes": "axes",
    "random": "random projections",
    "pca": "principal components",
    "file": "your directions",
    "norms": "whitened lengths",
    "marginals": "random subspaces",
    "sphere": "whitened directions",
    "learned": "learned directions",
}
"""What a rung is called."""


ISOTROPIC_PARTS = {
    "mean": "mean",
    "sphericity": "unequal variances",
    "sliced": "shape on average",
    "worst": "shape of the worst direction",
    "scale": "variance",
}
"""What a part of the isotropic null is called in sentences."""


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
    assumed, so this errs towards more rows. None where the estimate sits on the limit, where one
    group of rows makes the interval, and where so few rows cannot tell.
    """
    low, high = effect.value_ci
    margin = abs(effect.value - effect.limit)
    half = (high - low) / 2
    if not isfinite(half) or margin < 0.02 or effect.carried or effect.n < LEAST_TO_PROMISE:
        return None
    rows = effect.n * max((half / margin) ** 2, 1.0) * 1.05
    if rows > MOST_TO_PROMISE * effect.n:
        return None
    step = _two_digit_step(rows)
    return int(np.ceil(rows / step) * step)


def level_fields(
    effect: Effect,
    *,
    kind: str,
    statistic: str,
    status: Status | None = None,
    note: str | None = None,
) -> dict[str, Any]:
    """Return the fields that every level has, for the classes of ``gausscheck.report``.

    Parameters
    ----------
    effect : Effect
    kind, statistic : str
    status : str, optional
        Where another rule decides than the interval of the value: exceptions, too few independent
        rows, nearly constant columns, what is learned (``directional_level.py``,
        ``joint_levels.py``, ``subspaces.py``).
    note : str, optional
    """
    status = decide(effect) if status is None else status
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
        "rows_needed": rows_needed(effect) if status == "inconclusive" and not note else None,
        "note": note,
    }


def overall(
    levels: Mapping[str, Level],
    *,
    claims: Claims,
    isotropic: IsotropicResult | None = None,
    on_sphere: bool = False,
) -> Verdict:
    """Put the levels together: the worst one decides, never an average.

    Parameters
    ----------
    levels : mapping of str to Level
    claims : Claims
    isotropic : IsotropicResult, optional
        Where the null has mean 0 and a multiple of the identity known, it decides with them.
    on_sphere : bool
        Whether rows have length one and are uniform on the sphere.

    Returns
    -------
    Verdict
        Levels are ranked by status, then by times the limit. Learned directions that deviate count
        like any other; that none was found supports nothing, and is left out.
    """
    statuses: dict[str, Status] = {name: level.status for name, level in levels.items()}
    counted = {
        name: level
        for name, level in levels.items()
        if not (isinstance(level, LearnedLevel) and level.status == "inconclusive")
    }
    worst = max(
        counted,
        key=lambda name: (RANK[statuses[name]], levels[name].times_limit or 0.0),
        default=None,
    )
    status: Status = "inconclusive" if worst is None else statuses[worst]
    if on_sphere and status == "gaussian":  # in all but their lengths
        status = "gaussian_except"
    if isotropic is not None and RANK[_ISOTROPIC[isotropic.status]] > RANK[status]:
        status, worst = _ISOTROPIC[isotropic.status], "isotropic"
    holds = tuple(name for name in LADDER if statuses.get(name) == "gaussian")
    return Verdict(
        status=status,
        worst_level=worst,
        summary=ladder_sentence(levels, isotropic, on_sphere=on_sphere),
        levels=statuses,
        holds=holds,
        claims=claims,
    )


_ISOTROPIC: dict[Claim, Status] = {
    "holds": "gaussian",
    "fails": "not_gaussian",
    "inconclusive": "inconclusive",
    "not_defined": "inconclusive",
}


def ladder_sentence(
    levels: Mapping[str, Level], isotropic: IsotropicResult | None, *, on_sphere: bool
) -> str:
    """Say how far Gaussianity goes, and where it ends."""
    parts = []
    if on_sphere:
        parts.append("On the sphere: all lengths are one, directions uniform; else as a Gaussian.")
    named = {status: _named(levels, status) for status in RANK}
    if named["gaussian"]:
        parts.append(f"Gaussian along {_listed(named['gaussian'])}.")
    parts += [
        f"On average along {_most(level)}{LEVEL_WORDS[name]}, except {_exceptions(level)}."
        for name, level in levels.items()
        if level.status == "gaussian_except"
    ]
    if named["not_gaussian"]:
        parts.append(f"Not along {_listed(named['not_gaussian'])}.")
    if named["inconclusive"]:
        parts.append(f"Inconclusive: {_listed(named['inconclusive'])}.")
    if isotropic is not None:
        parts.append(_isotropic_sentence(isotropic))
    learned = levels.get("learned")
    if isinstance(learned, LearnedLevel) and learned.status == "inconclusive":
        parts.append(_missed(learned))
    return " ".join(parts)


def _named(levels: Mapping[str, Level], status: Status) -> list[str]:
    return [
        LEVEL_WORDS[name]
        for name in LADDER
        if name in levels
        and levels[name].status == status
        and not (name == "learned" and status == "inconclusive")
    ]


def _most(level: Level) -> str:
    """Say that exceptions are left out of a mean that they bring to the limit."""
    high = None if level.times_limit_ci is None else level.times_limit_ci[1]
    return "" if high is not None and high < 1 else "most "


def _exceptions(level: Level) -> str:
    if not isinstance(level, DirectionalLevel):
        return "some"
    shown = ", ".join(level.rejected[:3]) + (", ..." if len(level.rejected) > 3 else "")
    return f"{len(level.rejected)} of {level.directions} ({shown})"


def _missed(level: LearnedLevel) -> str:
    found = (
        "No learned direction is beyond the limit on held-out rows"
        if level.directions_rejected
        else "No learned direction deviates on held-out rows"
    )
    if level.could_miss_kurtosis is None:
        return f"{found}, but with so few rows almost any direction could have been missed."
    skewness = level.could_miss_skewness
    also = "any skewness" if skewness is None else f"skewness below {skewness:.2g}"
    return (
        f"{found}; one of excess kurtosis below {level.could_miss_kurtosis:.2g} and {also} could "
        "have been missed."
    )


def _isotropic_sentence(found: IsotropicResult) -> str:
    """Say whether rows are isotropic with mean 0, and what fails by how much."""
    if found.status == "holds":
        return "Isotropic: mean 0 and a multiple of the identity, within the margins."
    said = {
        "fails": "Not isotropic with mean 0",
        "inconclusive": "Isotropy is inconclusive",
        "not_defined": "Isotropy is not defined",
    }[found.status]
    parts = [
        f"{ISOTROPIC_PARTS[part.name]} {part.times_margin:.2g}"
        for part in found.parts
        if part.status == found.status
    ]
    return f"{said}: {_listed(parts)} times the margin." if parts else f"{said}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _two_digit_step(value: float) -> int:
    return int(10 ** max(int(log10(max(value, 1))) - 1, 0))
