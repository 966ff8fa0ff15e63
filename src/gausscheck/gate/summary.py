"""A report and its checks as Markdown, for the summary page of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from gausscheck.audit.verdict import LADDER, LEVEL_WORDS
from gausscheck.core import GausscheckError
from gausscheck.files import atomic_path
from gausscheck.gate.checks import STATUS_WORDS, Check
from gausscheck.gate.junit import legal
from gausscheck.report import Level, Report

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file which several steps append to."""

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#~&!@$])|(?<=:)(?=/)|(?<=www)(?=\.)", re.IGNORECASE)


def escape(text: str) -> str:
    r"""Make text that came from outside stand as it is in Markdown, in a table cell too.

    Examples
    --------
    >>> escape("a|b <i>*c*")
    'a\\|b \\<i\\>\\*c\\*'
    """
    return _MARKUP.sub(r"\\\1", " ".join(legal(text).split()))


def summary(report: Report, checks: Sequence[Check]) -> str:
    """Return the status, what follows for use, the ladder and the requirements as Markdown."""
    source = report.source
    status = STATUS_WORDS[report.verdict.status]
    parts = [
        f"## gausscheck: {escape(source.uri)}",
        f"{source.n:,} rows x {source.d:,}, {escape(source.dtype)}",
        f"**{status[0].upper()}{status[1:]}.** {escape(report.verdict.summary)}",
    ]
    if report.use is not None:
        parts.append(escape(report.use.sentence))
    parts += [f"- {escape(item.text)}" for item in report.noticed]
    parts.append(_table(
        ("rung", "times the limit", "interval", "status"),
        [_rung(name, report.levels[name]) for name in LADDER if name in report.levels],
    ))  # fmt: skip
    asked = [check for check in checks if check.kind == "requirement"]
    if asked:
        parts.append(_table(
            ("requirement", "outcome", "value"),
            [(escape(c.name), _OUTCOMES[c.outcome], escape(c.detail)) for c in asked],
        ))  # fmt: skip
    return "\n\n".join(parts) + "\n"


_OUTCOMES = {"met": "met", "failed": "**failed**", "inconclusive": "**inconclusive**"}


def summary_of_error(name: str, message: str) -> str:
    """Return Markdown that says why an audit could not be done."""
    return f"## gausscheck: {escape(name)}\n\n**No audit.** {escape(message)}\n"


def _rung(name: str, level: Level) -> tuple[str, ...]:
    ends = level.times_limit_ci
    return (
        LEVEL_WORDS[name],
        "" if level.times_limit is None else f"{level.times_limit:.3g}",
        "" if ends is None else f"{ends[0]:.3g} to {ends[1]:.3g}",
        STATUS_WORDS[level.status],
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def append_or_write(path: Path, text: str) -> None:
    """Write a file whole; append where it is the summary that the steps of a run share.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    shared = os.environ.get(STEP_SUMMARY)
    if not shared or path.absolute() != Path(shared).absolute():
        with atomic_path(path) as work:
            work.write_text(text, encoding="utf-8")
        return
    try:
        with path.open("a", encoding="utf-8") as handle:
            handle.write(f"{text}\n")
    except OSError as err:
        raise GausscheckError(
            f"{path}: cannot be written ({err.strerror or err}); choose another place"
        ) from err
