"""What a person reads in a terminal, at 80 columns."""

from __future__ import annotations

from gausscheck.report import Report
from gausscheck.terminal.comparison import show_comparison
from gausscheck.terminal.console import console
from gausscheck.terminal.details import show_details
from gausscheck.terminal.explain import show_terms
from gausscheck.terminal.first_screen import show_first_screen
from gausscheck.terminal.listing import show_contents, show_tests
from gausscheck.terminal.pairs import show_pairs
from gausscheck.terminal.repair import show_repair
from gausscheck.terminal.scaling import show_scaling
from gausscheck.terminal.scoring import show_scores

__all__ = [
    "show_comparison",
    "show_contents",
    "show_pairs",
    "show_repair",
    "show_report",
    "show_scaling",
    "show_scores",
    "show_terms",
    "show_tests",
]


def show_report(report: Report, *, verbose: bool = False) -> None:
    """Print the first screen of a report, and with ``verbose`` all of it."""
    out = console()
    show_first_screen(report, out)
    if verbose:
        show_details(report, out)
