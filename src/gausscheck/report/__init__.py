"""The report of an audit: one frozen dataclass a section, saved and loaded."""

from gausscheck.report.report import SCHEMA, SCHEMA_VERSION, Report, load_report

__all__ = ["SCHEMA", "SCHEMA_VERSION", "Report", "load_report"]
