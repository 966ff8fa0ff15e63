"""What the types of a loaded report do not say: names that belong together, and what is there."""

from __future__ import annotations

from gausscheck.core import GausscheckError
from gausscheck.report.levels import DirectionalLevel, SubspaceLevel
from gausscheck.report.result import Report
from gausscheck.report.use import KEYS, Use


def check_report(report: Report) -> None:
    """Refuse a report in which something names what is not there.

    Raises
    ------
    GausscheckError
    """
    _check_outcomes(report)
    for name, level in report.levels.items():
        if isinstance(level, DirectionalLevel):
            _expect("ad_star" in level.table, f"levels.{name}.table: expected ad_star")
            both = (level.qq is None) == (level.qq_labels is None)
            _expect(both, f"levels.{name}: expected qq and qq_labels, or neither")
            sized = level.qq is None or level.qq.shape[1] > 0
            _expect(sized, f"levels.{name}.qq: expected quantiles")
            counted = len(level.rejected) <= level.directions
            _expect(counted, f"levels.{name}.rejected: expected {level.directions} at most")
        if isinstance(level, SubspaceLevel):
            tests = [set(point.pvalues) for point in level.curve]
            same = bool(tests) and all(one == tests[0] for one in tests)
            _expect(same, f"levels.{name}.curve: expected points with the same tests")
    if report.use is not None:
        _check_use(report.use)
    for label, group in (report.groups.shown if report.groups is not None else {}).items():
        _expect({"axes", "random"} <= set(group.levels), f"groups.{label}: expected axes, random")
    if report.isotropic is not None:
        sound = report.isotropic.parts and all(part.margin > 0 for part in report.isotropic.parts)
        _expect(bool(sound), "isotropic.parts: expected parts of positive margins")
    if report.preparation.mean.size != report.source.d:
        raise GausscheckError(f"preparation.mean: expected {report.source.d} numbers")


def _check_outcomes(report: Report) -> None:
    tests = [set(level) for level in report.outcomes.values()]
    named = set(report.outcomes) <= set(report.directional)
    _expect(named, "outcomes: expected names of levels of directions")
    same = all(one == tests[0] for one in tests)
    _expect(same, "outcomes: expected the same tests at every level")


def _check_use(use: Use) -> None:
    rates = [use.false_alarm, *(point.false_alarm for point in use.curve)]
    _expect(
        all(set(KEYS) <= set(one) for one in rates), f"use: expected rates at {', '.join(KEYS)}"
    )
    told = [use.weighted.false_alarm] if use.weighted is not None else []
    if use.shrunk is not None:
        told += [use.shrunk.shrunk]
        told += [use.shrunk.plain] if use.shrunk.plain is not None else []
    _expect(all(set(KEYS) <= set(one) for one in told), "use: expected shares at every level")
    _expect(bool(use.curve), "use.curve: expected points")


def _expect(sound: bool, what: str) -> None:
    if not sound:
        raise GausscheckError(what)
