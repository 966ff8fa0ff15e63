"""The gate: requirements on a report, three-way, and what continuous integration reads of them."""

from gausscheck.gate.checks import (
    FAIL_ON,
    FAILED,
    INCONCLUSIVE,
    PASSED,
    Check,
    Outcome,
    check_requirements,
    check_status,
    exit_code,
)
from gausscheck.gate.junit import junit, junit_of_error
from gausscheck.gate.requirement import Requirement, parse
from gausscheck.gate.summary import append_or_write, summary, summary_of_error

__all__ = [
    "FAILED",
    "FAIL_ON",
    "INCONCLUSIVE",
    "PASSED",
    "Check",
    "Outcome",
    "Requirement",
    "append_or_write",
    "check_requirements",
    "check_status",
    "exit_code",
    "junit",
    "junit_of_error",
    "parse",
    "summary",
    "summary_of_error",
]
