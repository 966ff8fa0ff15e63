"""An assertion for test suites: these rows are Gaussian, along the rungs that are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from gausscheck.audit.analyze import analyze
from gausscheck.audit.directions import FAMILIES
from gausscheck.audit.learned_directions import LEARNED
from gausscheck.config import JOINT_LEVELS
from gausscheck.core import GausscheckError
from gausscheck.gate import Check, Requirement, check_requirements, check_status, parse
from gausscheck.report import DirectionalLevel, Report

LEVELS = ("axes", "random")
"""Rungs that are looked at where none is named."""


def assert_gaussian(
    x: Any,
    *,
    levels: Sequence[str] = LEVELS,
    false_alarm: float | None = None,
    require: str | None = None,
    inconclusive: Literal["fail", "pass"] = "fail",
    **options: Any,
) -> Report:
    """Assert that rows are Gaussian along some rungs, on average and along each direction.

    Parameters
    ----------
    x : path, array, DataFrame or Source
        What :func:`gausscheck.analyze` takes: n rows, d dimensions.
    levels : sequence of str
        Rungs that must be ``gaussian``, with a count where a family takes one: ``axes``,
        ``random:64``, ``pca:8``, ``ica:5``, ``norms``, ``marginals``, ``sphere``. Nothing else is
        computed. None at all leaves the decision to the other arguments.
    false_alarm : float, optional
        The most that a Gaussian outlier threshold set for 1 % may flag, as a share of rows: the
        whole interval must lie at or below it.
    require : str, optional
        More requirements, as :func:`gausscheck.gate.parse` reads them.
    inconclusive : {"fail", "pass"}
        What to do where these rows cannot tell.
    **options
        Other keywords of :func:`gausscheck.analyze`, such as ``normalize`` or ``seed``.

    Returns
    -------
    Report

    Raises
    ------
    AssertionError
        With each rung's value, interval and limit, the directions beyond it, and what follows for
        use.
    GausscheckError
        If the rows or the arguments cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> report = assert_gaussian(rng.standard_normal((4000, 16)), false_alarm=0.02)
    >>> assert_gaussian(rng.laplace(size=(4000, 16)), levels=["axes"])
    Traceback (most recent call last):
        ...
    AssertionError: not Gaussian: ...
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    if inconclusive not in ("fail", "pass"):
        raise GausscheckError(f"inconclusive: expected fail or pass, got {inconclusive!r}")
    if isinstance(levels, str):
        raise GausscheckError(f"levels: expected a list of rungs, got {levels!r}; put it in a list")
    bound = None if false_alarm is None else f"false_alarm_1<={float(false_alarm)!r}"
    requirements = [one for text in (bound, require) if text for one in parse(text)]
    asked = [_name(level) for level in levels]
    directions, joint = _split([*levels, *_needed(requirements, asked)])
    report = analyze(x, directions=directions or "random:1", levels=joint or "none", **options)
    checks = [
        *check_status(report, "gaussian_except", asked),
        *_left_out(report, asked),
        *check_requirements(report, requirements),
    ]
    failed = [check for check in checks if check.outcome == "failed"]
    supported = any(check.outcome == "met" for check in checks)
    open_ones = ("inconclusive",) if supported else ("inconclusive", "not_asked")
    untold = [check for check in checks if check.outcome in open_ones]
    if failed or (untold and inconclusive == "fail"):
        raise AssertionError(_message(report, failed, untold))
    return report


def _name(level: str) -> str:
    """Return the level that a family of directions is reported as."""
    family = level.partition(":")[0].strip()
    return "learned" if family in LEARNED else family


def _needed(requirements: Sequence[Requirement], asked: Sequence[str]) -> list[str]:
    """Return the rungs that requirements speak of, beside those asked for by name."""
    needed: list[str] = []
    for requirement in requirements:
        path = requirement.target.path
        if path[:3] == ("verdict", "claims", "projections"):
            needed += LEVELS
        elif path[0] == "levels" and path[1] in (*FAMILIES, *JOINT_LEVELS):
            needed.append(path[1])
    return [name for name in dict.fromkeys(needed) if name not in asked and name != "file"]


def _split(levels: Sequence[str]) -> tuple[str, str]:
    """Part rungs into families of directions and joint levels."""
    joint = [level for level in levels if level in JOINT_LEVELS]
    return ",".join(level for level in levels if level not in joint), ",".join(joint)


def _left_out(report: Report, asked: Sequence[str]) -> list[Check]:
    """Say which rungs these rows do not allow: that is no pass."""
    return [
        Check("status", name, "inconclusive", f"not measured: {why}")
        for name, why in report.not_applicable.items()
        if name in asked
    ]


def _message(report: Report, failed: list[Check], untold: list[Check]) -> str:
    """Say what a developer wants to read first: what failed, by how much, and where to look."""
    source = report.source
    head = "not Gaussian" if failed else "inconclusive"
    lines = [f"{head}: {source.uri}, {source.n:,} rows x {source.d:,}, {source.dtype}"]
    for check in (*failed, *untold):
        lines.append(f"  {check}")
        lines += _about(report, check)
    lines += [f"  noticed: {item.text}" for item in report.noticed]
    if report.use is not None:
        lines.append(f"  {report.use.sentence}")
    return "\n".join(lines)


def _about(report: Report, check: Check) -> list[str]:
    """Add a level's value beside its limit, its worst directions, and the rows that would do."""
    level = report.levels.get(check.name)
    if level is None or level.value is None:
        return []
    span = "" if level.value_ci is None else f" [{level.value_ci[0]:.3g}, {level.value_ci[1]:.3g}]"
    lines = [
        f"    {level.statistic} at {level.reference:,} rows {level.value:.3g}{span}, limit "
        f"{level.limit:.3g}, Gaussian {level.null_mean:.3g}"
    ]
    if isinstance(level, DirectionalLevel) and check.outcome == "failed":
        lines += [
            f"    {worst.direction}: A*² {worst.ad_star:.3g}, {worst.shape}; rows at its ends "
            f"{', '.join(map(str, (*worst.lowest_rows[:1], *worst.highest_rows[:1])))}"
            for worst in level.worst
            if worst.direction in level.rejected or not level.rejected
        ]
    if check.outcome == "inconclusive" and level.rows_needed is not None:
        lines.append(f"    about {level.rows_needed:,} rows would tell")
    return lines
