"""The JSON Schema of report.json and its page, made from the sections and their docstrings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gausscheck.report.codec import hints_of, is_array, json_schema
from gausscheck.report.levels import (
    Level,
)
from gausscheck.report.result import KINDS, Report
from gausscheck.report.save import SCHEMA, SCHEMA_VERSION

_FIELD = re.compile(r"^(\*?\w[\w, *]*?) : (.+)$")


def described(cls: type) -> dict[str, str]:
    """Return what each field of a section means: the Attributes of its and its bases' docstrings.

    Examples
    --------
    >>> described(KINDS["joint"])["k"]
    'Dimensions.'
    """
    words: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        words |= _attributes(base.__doc__ or "")
    return words


def _attributes(doc: str) -> dict[str, str]:
    """Read the Attributes section of a numpydoc docstring."""
    if "Attributes\n" not in doc:
        return {}
    words: dict[str, str] = {}
    names: list[str] = []
    for line in doc.split("Attributes\n", 1)[1].splitlines()[1:]:
        stripped = line.strip()
        found = _FIELD.match(stripped) if line.startswith("    ") else None
        indent = len(line) - len(line.lstrip())
        if found and indent == 4:
            names = [name.strip() for name in found[1].split(",")]
            words |= dict.fromkeys(names, "")
        elif stripped and names and indent > 4:
            for name in names:
                words[name] = f"{words[name]} {stripped}".strip()
        elif not stripped:
            names = []
    return words


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of report.json."""
    kinds: Mapping[type, list[type]] = {Level: list(KINDS.values())}
    _, definitions = json_schema(Report, described, kinds)
    body = definitions.pop("Report")
    body["properties"].pop("version")
    body["required"].remove("version")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "What gausscheck analyze writes as report.json; arrays lie in report.npz.",
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA},
            "schema_version": {
                "type": "array",
                "prefixItems": [{"const": SCHEMA_VERSION[0]}, {"type": "integer"}],
            },
            "gausscheck_version": {"type": "string"},
            **body["properties"],
        },
        "required": ["schema", "schema_version", "gausscheck_version", *body["required"]],
        "$defs": definitions,
    }


def schema_page() -> str:
    """Return docs/report-schema.md: each section with its fields, and the arrays beside them."""
    version = ".".join(map(str, SCHEMA_VERSION))
    lines = [
        "# The report, field by field",
        "",
        f"Written by `make docs` from the classes of `gausscheck.report`: schema {version}. The",
        "same as JSON Schema: [report.schema.json](report.schema.json). A later minor version may",
        "add fields; none is renamed or removed before the next major one. Fields marked *npz* are",
        "arrays: they lie in report.npz under the path of their field, such as",
        "`levels/axes/table/ad_star`.",
        "",
    ]
    for cls in _sections():
        lines += [f"## {cls.__name__}", "", (cls.__doc__ or "").strip().splitlines()[0], ""]
        lines += ["| field | type | meaning |", "|---|---|---|"]
        hints, words = hints_of(cls), described(cls)
        for f in fields(cls):
            kind = "*npz*" if is_array(hints[f.name]) else _written(hints[f.name])
            meaning = words.get(f.name, "").replace("|", "\\|")
            lines.append(f"| `{f.name}` | {kind} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def _sections() -> list[Any]:
    """Return the report's class and all that it is made of, each once, in the order of use."""
    found: list[Any] = []

    def walk(hint: Any) -> None:
        for inner in getattr(hint, "__args__", ()):
            walk(inner)
        if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__") and hint not in found:
            found.append(hint)
            for other in KINDS.values() if hint is Level else ():
                walk(other)
            for value in hints_of(hint).values():
                walk(value)

    walk(Report)
    return [cls for cls in found if cls.__name__ != "Level"]


def _written(hint: Any) -> str:
    """Write a type hint as a person would."""
    text = str(hint) if hasattr(hint, "__args__") else getattr(hint, "__name__", str(hint))
    text = re.sub(r"\b(?:gausscheck\.[\w.]+\.|typing\.)(\w+)", r"\1", text)
    return text.replace("|", "or").replace("NoneType", "None")
