"""What each remedy does to false alarms on held-out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gausscheck.report.use import KEYS, ONE, percent_digits
from gausscheck.terminal.console import console, indented, table, text

if TYPE_CHECKING:  # remedies take scikit-learn, whose import costs as much as SciPy's
    from gausscheck.remedies import Remedy, Repair

_SPLITS = {
    "random": "rows held out at random",
    "blocks": "blocks of neighbouring rows held out",
    "groups": "whole groups held out",
}


def show_repair(found: Repair) -> None:
    """Print the answer, and each remedy's rates on held-out rows."""
    out = console()
    out.print(text(found.uri, style="bold"))
    times = f", {found.repeats} times" if found.repeats > 1 else ""
    out.print(text(f"{found.n:,} rows x {found.d:,}; {_SPLITS[found.split]}, a fifth each{times}"))
    out.print()
    out.print(text(found.sentence, style="bold"))
    out.print()
    made = table("held-out rows flagged", "5 %", "1 %", "0.1 %", "change at 1 %")
    for remedy in found.remedies:
        change = remedy.change[ONE]
        made.add_row(
            remedy.title,
            *(_rate(remedy, key) for key in KEYS),
            f"{_points(change.value)} [{_points(change.ci[0])}, {_points(change.ci[1])}]"
            if remedy.kind != "none" else "",
            style="bold" if remedy.name == found.recommended else "",
        )  # fmt: skip
    out.print(made)
    out.print()
    legend = [_HOLDS, *([_MASKED] if any(one.masked for one in found.remedies) else [])]
    for note in (*legend, *found.notes, *_next(found)):
        out.print(indented(f"- {note}"))


_HOLDS = "* holds: within a factor of 2 of the level, or the level is in its interval"
_MASKED = "? too few rows for so many components"


def _rate(remedy: Remedy, key: str) -> str:
    """Write a rate in percent, marked where it holds; at 1 % with its interval."""
    rate = remedy.false_alarm[key]
    if key not in remedy.told:
        return "-"
    mark = "?" if remedy.masked else "*" if key in remedy.holds_at else ""
    told = percent_digits(rate.value) + mark
    if key != ONE:
        return told
    return f"{told} [{', '.join(percent_digits(end) for end in rate.ci)}]"


def _points(value: float) -> str:
    """Write a change in points of percent.

    Examples
    --------
    >>> _points(-0.1758), _points(0.0004)
    ('-17.6', '+0.0')
    """
    return f"{100 * value:+.1f}".replace("-0.0", "+0.0")


def _next(found: Repair) -> tuple[str, ...]:
    if found.recommended == "conformal":
        return ("conformal ranks: gausscheck score REFERENCE NEW, gausscheck.GaussianScorer",)
    if found.recommended is not None and found.recommended.startswith("keep"):
        k = found.recommended.removeprefix("keep_")
        return (f"so many components: gausscheck score --components {k}",)
    return ()
