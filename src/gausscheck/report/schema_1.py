"""Reports of schema 1.0 and 1.1, put into the shape of 2.0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gausscheck.config import AD_THRESHOLD, Config
from gausscheck.core import GausscheckError
from gausscheck.normality import A0
from gausscheck.report.codec import Arrays

SECTIONS = (
    "source",
    "config",
    "preflight",
    "paper_table",
    "norms",
    "levels",
    "outcomes",
    "verdict",
)

_RENAMED = {
    "value": "ad_at_reference",
    "value_ci": "ad_at_reference_ci",
    "discrepancy": "ad_discrepancy",
    "discrepancy_ci": "ad_discrepancy_ci",
    "statistic_mean": "ad_mean",
    "global_test": "global",
}
"""What keys of a level were called."""

_STATISTICS = {"marginals": "shell A²", "norms": "shell A²", "sphere": "energy N"}


def upgrade(data: Mapping[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
    """Return the content of report.json and report.npz as schema 2.0 has it.

    What 1.x did not record is absent; no number changes.

    Raises
    ------
    GausscheckError
        If a section is missing.
    """
    missing = [name for name in SECTIONS if name not in data]
    if missing:
        raise GausscheckError(f"the report lacks {', '.join(missing)}")
    new = dict(data)
    new["config"] = _config(data["config"])
    new["levels"] = {name: _level(name, level) for name, level in data["levels"].items()}
    new["norms"] = {"note": "", **data["norms"]}
    new["spectrum"] = data.get("spectrum") or {}
    new["not_applicable"] = data.get("not_applicable", {})
    new["groups"] = _groups(data.get("groups"))
    new["preparation"] = {"kind": str(arrays["preparation/kind"])}
    return new, _arrays(arrays)


def _config(old: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"cache": "null_cache", "keep": "resume"}
    known = {f.name for f in fields(Config)}
    named = {renamed.get(name, name): value for name, value in old.items()}
    return {name: value for name, value in named.items() if name in known}


def _level(name: str, old: Mapping[str, Any]) -> dict[str, Any]:
    level = dict(old)
    for new_name, old_name in _RENAMED.items():
        if old_name in level:
            level[new_name] = level.pop(old_name)
    joint = old.get("kind") == "joint"
    level["kind"] = ("subspaces" if "curve" in old else "joint") if joint else "directional"
    level["statistic"] = _STATISTICS.get(name, "mean A*²")
    level.setdefault("null_mean", A0)
    level.setdefault("limit", AD_THRESHOLD)
    level["times_limit"] = _times_limit(level, level["value"])
    level["times_limit_ci"] = [_times_limit(level, end) for end in level["value_ci"]]
    if not joint:
        level.setdefault("rejected", [])
    if "curve" in old:
        level["curve"] = [_point(point) for point in old["curve"]]
    return level


def _point(old: Mapping[str, Any]) -> dict[str, Any]:
    point = dict(old)
    point["value"], point["value_ci"] = old["ad_at_reference"], old["ad_at_reference_ci"]
    point["discrepancy"] = old["ad_discrepancy"]
    point["times_limit"] = _times_limit(old, point["value"])
    return point


def _times_limit(level: Mapping[str, Any], value: float | None) -> float | None:
    if value is None:
        return None
    return float((value - level["null_mean"]) / (level["limit"] - level["null_mean"]))


def _groups(old: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not old:
        return None
    shown = {}
    for label, group in old["shown"].items():
        levels = {
            name: {
                "status": level["status"],
                "value": level["ad_at_reference"],
                "value_ci": level["ad_at_reference_ci"],
            }
            for name, level in group["levels"].items()
        }
        shown[label] = {**group, "levels": levels}
    return {"labels": old["labels"], "shown": shown}


_PATHS = (
    (r"^(\w+)/direction/(\w+)$", r"levels/\1/table/\2"),
    (r"^(\w+)/(growth|qq|matrix)$", r"levels/\1/\2"),
    (r"^(\w+)/qq_label$", r"levels/\1/qq_labels"),
)


def _arrays(old: Arrays) -> Arrays:
    """Name arrays by the path of their field."""
    new: Arrays = {}
    for name, values in old.items():
        if name.startswith(("norms/", "preparation/")):
            if name != "preparation/kind" and values.size:
                new[name] = values
            continue
        for pattern, path in _PATHS:
            if re.match(pattern, name):
                new[re.sub(pattern, path, name)] = values
    return new
