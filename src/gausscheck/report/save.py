"""A report to disk: report.json of plain values, report.npz of arrays; ``load.py`` reads both."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gausscheck.files import save_result
from gausscheck.report.codec import Arrays, arrays_of, encode

if TYPE_CHECKING:
    from gausscheck.report.result import Report

SCHEMA = "gausscheck.report"
SCHEMA_VERSION = (2, 0)


def save_report(report: Report, directory: str | Path) -> Path:
    """Write report.json and report.npz: both or neither appear.

    Raises
    ------
    GausscheckError
        If the directory cannot be written.
    """
    return save_result(directory, "report", plain_values(report), named_arrays(report))


def plain_values(report: Report) -> dict[str, Any]:
    """Return the content of report.json: plain values; what is not finite becomes None."""
    return {
        "schema": SCHEMA,
        "schema_version": list(SCHEMA_VERSION),
        "gausscheck_version": report.version,
        **{f.name: encode(getattr(report, f.name)) for f in fields(report) if f.name != "version"},
    }


def named_arrays(report: Report) -> Arrays:
    """Return the content of report.npz: each array by the path of its field."""
    found: Arrays = {}
    for f in fields(report):
        found |= arrays_of(getattr(report, f.name), f.name)
    return found
