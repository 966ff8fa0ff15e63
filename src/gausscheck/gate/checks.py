"""Is a requirement met, failed, or can it not be told? The exit code of the answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from gausscheck.audit.verdict import RANK
from gausscheck.gate.names import Target
from gausscheck.gate.requirement import Operator, Requirement
from gausscheck.report import Claim, DirectionalLevel, LearnedLevel, Level, Report, Status

PASSED, FAILED, INCONCLUSIVE = 0, 3, 4
"""Exit codes."""

Outcome = Literal["met", "failed", "inconclusive", "not_asked"]

FAIL_ON: tuple[Status, ...] = ("not_gaussian", "inconclusive", "gaussian_except")
"""Statuses to fail on, each with the worse ones: from the most lenient to the strictest."""

STATUS_WORDS: dict[Status, str] = {
    "gaussian": "Gaussian",
    "gaussian_except": "Gaussian on average",
    "inconclusive": "inconclusive",
    "not_gaussian": "not Gaussian",
}

_UNTOLD = {"inconclusive": "the report cannot tell", "not_defined": "not defined for these rows"}
"""Words that are no answer, and why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was asked of a report.

    Attributes
    ----------
    kind : {"requirement", "status"}
        Asked by ``require``, or by the statuses to fail on.
    name : str
        The requirement as text; a level, or ``verdict``.
    outcome : {"met", "failed", "inconclusive", "not_asked"}
        ``not_asked``: the status is told, and nothing rests on it.
    detail : str
        The value with its interval, and why, in one line.
    """

    kind: Literal["requirement", "status"]
    name: str
    outcome: Outcome
    detail: str

    def __str__(self) -> str:
        return f"{self.outcome.replace('_', ' ')}: {self.name} ({self.detail})"


def exit_code(checks: Iterable[Check]) -> int:
    """Return 3 if a check failed, else 4 if one is inconclusive, else 0."""
    outcomes = {check.outcome for check in checks}
    if "failed" in outcomes:
        return FAILED
    return INCONCLUSIVE if "inconclusive" in outcomes else PASSED


# --- statuses


def check_status(
    report: Report, fail_on: Status | None, levels: Sequence[str] | None = None
) -> tuple[Check, ...]:
    """Check the verdict and each level against the status to fail on.

    Parameters
    ----------
    report : Report
    fail_on : {"not_gaussian", "inconclusive", "gaussian_except"} or None
        This status and worse ones are no pass: an inconclusive one is ``inconclusive``, the others
        are ``failed``. None asks for nothing.
    levels : sequence of str, optional
        Check these levels, and not the verdict.

    Returns
    -------
    tuple of Check
        The verdict, every level, and the isotropic null where there is one. That no learned
        direction was found supports nothing and is not asked for.
    """
    checks = []
    if levels is None:
        verdict = report.verdict
        outcome = _outcome_of(verdict.status, fail_on)
        checks.append(Check("status", "verdict", outcome, verdict.summary))
    for name, level in report.levels.items():
        if levels is not None and name not in levels:
            continue
        empty = isinstance(level, LearnedLevel) and level.status == "inconclusive"
        outcome = "not_asked" if empty else _outcome_of(level.status, fail_on)
        checks.append(Check("status", name, outcome, level_text(level)))
    if report.isotropic is not None:
        status = _STATUS_OF[report.isotropic.status]
        text = f"the null with known mean and covariance {report.isotropic.status}"
        checks.append(Check("status", "isotropic", _outcome_of(status, fail_on), text))
    return tuple(checks)


_STATUS_OF: dict[Claim, Status] = {
    "holds": "gaussian",
    "fails": "not_gaussian",
    "inconclusive": "inconclusive",
    "not_defined": "inconclusive",
}


def _outcome_of(status: Status, fail_on: Status | None) -> Outcome:
    if fail_on is None:
        return "not_asked"
    if RANK[status] < RANK[fail_on]:
        return "met"
    return "inconclusive" if status == "inconclusive" else "failed"


def level_text(level: Level) -> str:
    """Say a level's status and its number, in times the limit."""
    number = "no value" if level.times_limit is None else f"{level.times_limit:.3g}"
    text = f"{STATUS_WORDS[level.status]}: {number}{_span(level.times_limit_ci)} times the limit"
    return "; ".join([text, *_exceptions(level), *([level.note] if level.note else [])])


def _exceptions(level: Level, most: int = 5) -> list[str]:
    """Name the directions beyond the limit."""
    if not isinstance(level, DirectionalLevel) or not level.rejected:
        return []
    named = ", ".join(level.rejected[:most]) + (", ..." if len(level.rejected) > most else "")
    return [f"{len(level.rejected)} of {level.directions} directions beyond it: {named}"]


# --- requirements


def check_requirements(report: Report, requirements: Iterable[Requirement]) -> tuple[Check, ...]:
    """Check requirements against a report.

    Parameters
    ----------
    report : Report
    requirements : iterable of Requirement

    Returns
    -------
    tuple of Check
        A value with an interval is ``met`` if the whole interval meets the requirement,
        ``failed`` if none of it does, else ``inconclusive``. So is what the report does not have,
        and what it calls inconclusive by rule: too few independent rows, more components than half
        the rows, learned directions, which support nothing.
    """
    data = report.to_dict()
    return tuple(_check_one(report, data, requirement) for requirement in requirements)


def _check_one(report: Report, data: dict[str, Any], requirement: Requirement) -> Check:
    target = requirement.target
    value = _at(data, target.path)
    outcome: Outcome
    if value is None:
        outcome, detail = "inconclusive", _absent(report, target)
    elif target.kind == "number":
        interval = None if target.interval is None else _at(data, target.interval)
        outcome, detail = _compare(value, interval, requirement)
        outcome, why = _overrule(report, target, outcome)
        detail = f"{detail}; {why}" if why else detail
    else:
        outcome, detail = _equal(value, requirement)
    return Check("requirement", str(requirement), outcome, detail)


def _at(data: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path, None where it ends before."""
    for key in path:
        if isinstance(data, list):
            data = data[int(key)] if int(key) < len(data) else None
        else:
            data = data.get(key) if isinstance(data, dict) else None
    return data


def _absent(report: Report, target: Target) -> str:
    """Say why a value is not there."""
    if target.path[0] == "levels":
        name = target.path[1]
        if name in report.not_applicable:
            return f"not measured: {report.not_applicable[name]}"
        if name not in report.levels:
            return f"not measured: the audit had no level {name}"
    return "not measured on these rows"


def _compare(
    value: float, interval: list[float | None] | None, requirement: Requirement
) -> tuple[Outcome, str]:
    """Compare a number, or all of its interval, with the bound."""
    bound = float(requirement.value)
    counted = interval is None and requirement.target.path[0] == "preflight"
    if requirement.target.interval is None or counted:
        low = high = float(value)
    elif interval is None:
        return "inconclusive", f"{value:.3g} without an interval"
    else:
        low = -inf if interval[0] is None else float(interval[0])
        high = inf if interval[1] is None else float(interval[1])
    return _side(low, high, requirement.operator, bound), _number_text(value, interval, bound)


def _side(low: float, high: float, operator: Operator, bound: float) -> Outcome:
    """Say whether all, none or some of an interval meets a bound."""
    every, none = {
        "<": (high < bound, low >= bound),
        "<=": (high <= bound, low > bound),
        ">": (low > bound, high <= bound),
        ">=": (low >= bound, high < bound),
        "=": (low == high == bound, not low <= bound <= high),
        "!=": (not low <= bound <= high, low == high == bound),
    }[operator]
    return "met" if every else "failed" if none else "inconclusive"


def _number_text(value: float, interval: list[float | None] | None, bound: float) -> str:
    """Write a value and its interval with digits enough to tell them from the bound."""
    numbers = [n for n in (value, *(interval or ())) if n is not None and n != bound]
    digits = next(
        (p for p in range(3, 12) if all(f"{n:.{p}g}" != f"{bound:.{p}g}" for n in numbers)), 12
    )
    ends = None if interval is None else (interval[0], interval[1])
    return f"{value:.{digits}g}{_span(ends, digits)}"


def _span(interval: tuple[float | None, float | None] | None, digits: int = 3) -> str:
    if interval is None:
        return ""
    low, high = ("?" if end is None else f"{end:.{digits}g}" for end in interval)
    return f" [{low}, {high}]"


def _overrule(report: Report, target: Target, outcome: Outcome) -> tuple[Outcome, str]:
    """Let what qualifies a number qualify what rests on it: no clean bill from it alone."""
    use = report.use
    if target.path[:2] == ("use", "false_alarm") and use is not None and use.masked:
        if outcome == "met":
            return "inconclusive", "over half as many components as rows: rates come out nominal"
        return outcome, ""
    if target.level is None:
        return outcome, ""
    level = report.levels[target.level]
    if isinstance(level, LearnedLevel):
        if outcome == "met":
            return "inconclusive", "a lower bound that rises with n supports nothing"
        return outcome, ""
    if level.status == "inconclusive" and _clear(level):
        return "inconclusive", level.note or "inconclusive by rule"
    exceptions = "; ".join(_exceptions(level))
    if level.status == "not_gaussian" and _clear(level) == "below" and outcome == "met":
        return "failed", exceptions or "not Gaussian by rule, whatever the average"
    return outcome, exceptions if level.status == "gaussian_except" else ""


def _clear(level: Level) -> Literal["below", "above"] | None:
    """Say on which side of the limit the interval lies, None where it reaches over it."""
    if level.times_limit_ci is None:
        return None
    low, high = level.times_limit_ci
    return "below" if high < 1 else "above" if low > 1 else None


def _equal(value: object, requirement: Requirement) -> tuple[Outcome, str]:
    """Compare a word or a flag; a word that is no answer meets nothing but itself."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    same = value == requirement.value
    if not same and requirement.target.words and text in _UNTOLD:
        return "inconclusive", f"{text}: {_UNTOLD[text]}"
    return ("met" if same == (requirement.operator == "=") else "failed"), text
