"""Checks as JUnit XML, which continuous integration shows beside other tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from gausscheck.gate.checks import Check
from gausscheck.report import Report

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
"""Characters that XML 1.0 has no way to write, and those that act on who prints it."""


def legal(text: str) -> str:
    """Replace control characters, halves of surrogate pairs, marks that turn the direction."""
    return _FORBIDDEN.sub("\ufffd", text)


def junit(report: Report, checks: Sequence[Check]) -> str:
    """Return checks as JUnit XML: one test case each.

    A check that failed is a ``failure``, an inconclusive one an ``error``, and one that nothing
    rests on is ``skipped``, so that failures and errors are there exactly where the exit code is
    not 0.
    """
    suite = _suite(report.source.uri, {
        "rows": f"{report.source.n}", "dimensions": f"{report.source.d}",
        "status": report.verdict.status, "gausscheck": report.version,
    })  # fmt: skip
    for check in checks:
        case = _case(suite, f"gausscheck.{check.kind}", check.name)
        tag = _TAGS.get(check.outcome)
        if tag is not None:
            kind = {} if tag == "skipped" else {"type": check.outcome}
            ET.SubElement(case, tag, {"message": legal(check.detail), **kind})
        ET.SubElement(case, "system-out").text = legal(check.detail)
    if report.use is not None:
        ET.SubElement(suite, "system-out").text = legal(report.use.sentence)
    return _text(suite)


_TAGS = {"failed": "failure", "inconclusive": "error", "not_asked": "skipped"}


def junit_of_error(name: str, message: str) -> str:
    """Return JUnit XML of an audit that could not be done: one test case with an error."""
    suite = _suite(name, {})
    case = _case(suite, "gausscheck", "audit")
    ET.SubElement(case, "error", {"message": legal(message), "type": "data"})
    return _text(suite)


def _suite(name: str, properties: dict[str, str]) -> ET.Element:
    suite = ET.Element("testsuite", {"name": legal(f"gausscheck {name}")})
    if properties:
        inside = ET.SubElement(suite, "properties")
        for key, value in properties.items():
            ET.SubElement(inside, "property", {"name": key, "value": legal(value)})
    return suite


def _case(suite: ET.Element, group: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", {"classname": group, "name": legal(name), "time": "0"})


def _text(suite: ET.Element) -> str:
    """Count the outcomes, and write."""
    counts = {"tests": len(suite.findall("testcase"))}
    for tag, word in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        counts[word] = len(suite.findall(f"testcase/{tag}"))
    root = ET.Element("testsuites")
    for element in (root, suite):
        element.attrib.update({word: str(count) for word, count in counts.items()})
    suite.set("time", "0")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
