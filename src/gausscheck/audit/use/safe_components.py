"""On how many leading components a 1 % threshold can be used, and on how many it flags too few."""

from __future__ import annotations

from gausscheck.report.use import LEAST, MOST, ONE, SafeComponents, UseCurvePoint


def safe_components(curve: tuple[UseCurvePoint, ...]) -> SafeComponents:
    """Return the largest k such that the 1 % rate is at most 2 % there and at every smaller k.

    By the rates for the value, by the ends of their intervals for its interval; 0 where one
    component already exceeds it.
    """
    rates = [point.false_alarm[ONE] for point in curve]

    def reach(values: list[float]) -> int:
        largest = 0
        for point, value in zip(curve, values, strict=True):
            if value > MOST:
                break
            largest = point.k
        return largest

    ends = (reach([rate.ci[1] for rate in rates]), reach([rate.ci[0] for rate in rates]))
    return SafeComponents(reach([rate.value for rate in rates]), ends, curve[-1].k)


def too_few(curve: tuple[UseCurvePoint, ...]) -> tuple[int, ...]:
    """Return every k at which the 1 % rate is below .5 %, by the upper end of its interval."""
    return tuple(point.k for point in curve if point.false_alarm[ONE].ci[1] < LEAST)
