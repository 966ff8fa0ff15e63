"""The section ``use`` in words: what was measured, and what to do about thresholds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Literal

from gausscheck.audit.use.jackknife import jeffreys
from gausscheck.report.use import LEAST, MASKED, MOST, ONE, Use, UseCurvePoint, percent_digits

Advice = Literal["as_is", "truncate", "shrink", "calibrate"]

USEFUL_SHARE = 0.1
"""The least share of components that truncation is advised to keep."""


def sentence(curve: tuple[UseCurvePoint, ...], n: int, *, unit: bool) -> str:
    """Say what a 1 % threshold does with all components, and among the leading ones.

    Parameters
    ----------
    curve : tuple of UseCurvePoint
        The last has all components.
    n : int
        Rows.
    unit : bool
        Whether ``gaussian`` of each rate is a normalised twin's.
    """
    last = curve[-1].false_alarm[ONE]
    low, high = (percent_digits(end) for end in last.ci)
    parts = [
        f"A Gaussian outlier threshold set for 1 % flags {percent(last.value)} [{low}, {high}] of "
        f"these rows{_judged(curve)}."
    ]
    if unit:
        parts.append(
            "Gaussian rows with this mean and covariance, divided by their lengths, would give "
            f"{percent(last.gaussian)}."
        )
    masked = curve[-1].k > MASKED * n
    if masked:
        parts.append(
            f"{curve[-1].k} components are fitted on {n:,} rows: beyond {int(MASKED * n)} of them "
            "the fit itself pulls rates towards 1 %."
        )
    if len(curve) > 1:
        parts.append(f"It flags {leading(curve)}.")
        parts += [words for words in (_few(curve),) if words]
    return " ".join(parts)


def _judged(curve: tuple[UseCurvePoint, ...]) -> str:
    return ": too few" if _is_few(curve[-1]) else ""


def _is_few(point: UseCurvePoint) -> bool:
    return point.false_alarm[ONE].ci[1] < LEAST


def leading(curve: tuple[UseCurvePoint, ...], ends: tuple[int, int] | None = None) -> str:
    """Say among how many leading components a 1 % threshold flags at most 2 %.

    ``ends`` is the interval of the number up to which it does.
    """
    of = curve[-1].k
    runs = _runs(curve, lambda point: point.false_alarm[ONE].value > MOST)
    if not runs:
        return f"at most 2 % among any number of its {of} leading components"
    if len(runs) == 1 and runs[0] == list(curve):
        return f"more than 2 % among any number of its {of} leading components"
    if len(runs) == 1 and runs[0][-1].k == of:
        most = curve[curve.index(runs[0][0]) - 1].k
        told = "" if ends is None else f" [{ends[0]}, {ends[1]}]"
        return f"at most 2 % up to {most} of {of} leading components{told}"
    which = f"the first {_listed(runs)} of {of} leading components"
    if _listed(runs) == "1":
        which = f"the first of {of} leading components alone"
    return f"more than 2 % with {which} ({_rates(runs)}), at most 2 % with other numbers"


def _few(curve: tuple[UseCurvePoint, ...]) -> str:
    """Say among how many leading components it flags too few."""
    runs = _runs(curve[:-1], _is_few)
    if not runs:
        return ""
    listed = _listed(runs)
    if listed == "1":
        return f"With the first component alone it flags too few ({_rates(runs)})."
    return f"With {listed} leading components it flags too few ({_rates(runs)})."


def _runs(
    curve: tuple[UseCurvePoint, ...], asked: Callable[[UseCurvePoint], bool]
) -> list[list[UseCurvePoint]]:
    """Return the stretches of points of which something is true."""
    return [list(run) for true, run in groupby(curve, asked) if true]


def _listed(runs: list[list[UseCurvePoint]]) -> str:
    ks = [f"{run[0].k} to {run[-1].k}" if len(run) > 1 else f"{run[0].k}" for run in runs]
    return ks[0] if len(ks) == 1 else ", ".join(ks[:-1]) + " and " + ks[-1]


def _rates(runs: list[list[UseCurvePoint]]) -> str:
    values = [point.false_alarm[ONE].value for run in runs for point in run]
    low, high = percent_digits(min(values)), percent_digits(max(values))
    return f"{high} %" if low == high else f"{low} to {high} %"


def advice(use: Use) -> tuple[Advice, str]:
    """Say what to do about thresholds on rows like these.

    Returns
    -------
    (kind, sentence)
        ``as_is``: the 1 % threshold of the exact law flags .5 to 2 % with all components, of
        which there are n/2 at most.
        ``shrink``: that of the Ledoit-Wolf covariance does, on held-out rows, where the other
        does not or cannot be had. ``truncate``: the threshold flags .5 to 2 % among the leading
        components, a tenth of them or more. ``calibrate``: none of these.
    """
    rate, of = use.false_alarm[ONE].value, use.safe_components.of
    plain = None if use.shrunk is None else use.shrunk.plain
    unfitted = use.masked or (use.shrunk is not None and plain is None)
    usual = rate <= MOST and not use.false_alarm[ONE].ci[1] < LEAST
    if usual and not unfitted:
        words = f"As it is: all components ({of}), thresholds from the exact law (F for new rows)."
        if plain is not None and plain[ONE] > MOST:
            words = (
                words[:-1] + f"; chi-square thresholds would flag {percent(plain[ONE])} of them."
            )
        return "as_is", words
    if use.shrunk is not None and _usable(use.shrunk.shrunk[ONE], use.n):
        return "shrink", (
            "Shrink: with the Ledoit-Wolf covariance a chi-square threshold of 1 % flags "
            f"{percent(use.shrunk.shrunk[ONE])} of held-out rows."
        )
    kept = [
        point.k
        for point in use.curve[:-1]
        if point.k <= use.safe_components.value and point.k not in use.too_few
    ]
    if rate > MOST and kept and kept[-1] >= USEFUL_SHARE * of:
        point = next(point for point in use.curve if point.k == kept[-1])
        low, high = use.safe_components.ci
        return "truncate", (
            f"Truncate to the {kept[-1]} leading components (interval {low} to {high}), where the "
            f"1 % threshold flags {percent(point.false_alarm[ONE].value)}; gausscheck repair tells "
            "5 and 0.1 % too, on held-out rows. Or calibrate by conformal ranks: gausscheck score."
        )
    why = "too many" if rate > MOST else "too few"
    if usual:
        why = "a share that so few rows cannot tell"
    return "calibrate", (
        f"Calibrate: with all components a Gaussian threshold flags {why} of such rows; take "
        "ranks among held-out rows (conformal p-values) in its place: gausscheck score."
    )


def _usable(share: float, n: int) -> bool:
    return share <= MOST and jeffreys(share, n, design=1.0)[1] >= LEAST


def percent(share: float) -> str:
    """Return a share in percent, with digits enough to tell small ones apart.

    Examples
    --------
    >>> percent(0.1862), percent(0.02), percent(0.00082), percent(0.0)
    ('18.6 %', '2.0 %', '0.082 %', '0 %')
    """
    return f"{percent_digits(share)} %"
