"""Scores of new rows: how many lie beyond thresholds, and which p-values to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gausscheck.report.use import Rate, percent_digits
from gausscheck.terminal.console import console, indented, table, text

if TYPE_CHECKING:  # scoring takes scikit-learn, whose import costs as much as SciPy's
    from gausscheck.scoring import Scores


def show_scores(found: Scores) -> None:
    """Print shares beyond 5, 1 and .1 % by both p-values, and which to believe."""
    out = console()
    out.print(text(f"{found.new}, by {found.reference}", style="bold"))
    out.print(text(_sizes(found)))
    out.print()
    out.print(text(found.sentence, style="bold"))
    out.print()
    made = table("share of new rows", "Gaussian law", "conformal ranks", "if like reference")
    for key, rate in found.gaussian.items():
        expected = found.expected[key]
        made.add_row(
            f"beyond {100 * float(key):g} %",
            share(rate),
            share(found.conformal[key]),
            "" if expected is None else " to ".join(percent_digits(end) for end in expected) + " %",
        )
    out.print(made)
    if found.notes:
        out.print()
    for note in found.notes:
        out.print(indented(f"- {note}"))


def _sizes(found: Scores) -> str:
    ranked = f"{found.calibration_rows:,} to rank among"
    if found.calibration_groups is not None:
        ranked += f" ({found.calibration_groups:,} groups)"
    shrunk = f", shrunk by {found.shrinkage:.2g}" if found.shrinkage else ""
    return (
        f"{found.n:,} rows x {found.d:,}; {found.fit_rows:,} fitted in {found.components:,} "
        f"components{shrunk}, {ranked}"
    )


def share(rate: Rate | None) -> str:
    """Write a share in percent with its interval; a dash where it cannot be told."""
    if rate is None:
        return "-"
    low, high = (percent_digits(end) for end in rate.ci)
    return f"{percent_digits(rate.value)} % [{low}, {high}]"
