"""Names of values in a report: short ones and dotted paths, found before there is a report.

The classes of the report say which names there are, what each may be compared with and where its
interval stands, so that a misspelt name is refused before hours of reading.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin

from gausscheck.audit.verdict import LADDER
from gausscheck.core import GausscheckError, whole
from gausscheck.report import (
    DirectionalLevel,
    JointLevel,
    LearnedLevel,
    Level,
    Report,
    SubspaceLevel,
)
from gausscheck.report.codec import hints_of, is_array
from gausscheck.report.use import KEYS

SHORT = {
    "false_alarm_5": "use.false_alarm.0.05",
    "false_alarm_1": "use.false_alarm.0.01",
    "false_alarm_01": "use.false_alarm.0.001",
}
"""Names that stand for a path."""

ROOTS = ((), ("levels",), ("verdict",), ("preflight",), ("use",))
"""Where a name is looked for, in this order: first as a whole path."""

ENDS = {"ci_low": 0, "ci_high": 1}
"""Last parts of a name that mean an end of the interval of what comes before."""

LEVEL_CLASSES: dict[str, type[Level]] = {
    "marginals": SubspaceLevel,
    "norms": JointLevel,
    "sphere": JointLevel,
    "learned": LearnedLevel,
}
"""The classes of levels that are not plain families of directions."""

_CLOSED = {"levels": LADDER, "false_alarm": KEYS}
"""Tables whose keys are known before there is a report."""

Kind = Literal["number", "word", "flag"]


@dataclass(frozen=True, slots=True)
class Target:
    """A value of a report.

    Attributes
    ----------
    path : tuple of str
        Where it stands in ``Report.to_dict()``.
    interval : tuple of str or None
        Where its interval stands; None for what is known exactly.
    kind : {"number", "word", "flag"}
    words : tuple of str
        All that a word can be; empty where it can be anything.
    level : str or None
        The level whose status qualifies the number.
    """

    path: tuple[str, ...]
    interval: tuple[str, ...] | None
    kind: Kind
    words: tuple[str, ...] = ()
    level: str | None = None


def find(name: str) -> Target:
    """Find what a name means.

    Parameters
    ----------
    name : str
        A level (its times the limit), a field of the sections use, verdict or preflight, one of
        :data:`SHORT`, or a path of ``Report.to_dict()`` with dots. ``.ci_low`` and ``.ci_high``
        are the ends of an interval.

    Raises
    ------
    GausscheckError
        If it names nothing, or a section instead of a value; with the nearest names.

    Examples
    --------
    >>> find("axes").path
    ('levels', 'axes', 'times_limit')
    >>> find("false_alarm_1").interval
    ('use', 'false_alarm', '0.01', 'ci')
    >>> find("safe_components.ci_low").path
    ('use', 'safe_components', 'ci', '0')
    """
    head, dot, rest = name.partition(".")
    parts = (SHORT.get(head, head) + dot + rest).split(".")
    end = ENDS.get(parts[-1])
    if end is not None:
        parts = parts[:-1]
    found = _first(tuple(parts))
    if found is None:
        raise GausscheckError(_unknown(name, tuple(parts)))
    if found.interval is not None and found.path[0] == "levels":
        found = replace(found, level=found.path[1])
    if end is None:
        return found
    if found.interval is None:
        raise GausscheckError(
            f"require: {name}: {'.'.join(parts)} has no interval; leave .{name.split('.')[-1]} out"
        )
    return replace(found, path=(*found.interval, str(end)), interval=None)


def _first(parts: tuple[str, ...]) -> Target | None:
    walks = (_walk(Report, (*root, *parts), ()) for root in ROOTS)
    return next((found for found in walks if found is not None), None)


def _walk(
    hint: Any, parts: tuple[str, ...], path: tuple[str, ...], beside: tuple[str, ...] | None = None
) -> Target | None:
    """Follow the parts of a path through the classes of the report."""
    hint = _one(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return _through_section(hint, parts or _main(hint), path)
    if get_origin(hint) is dict:
        return _through_table(hint, parts, path)
    if get_origin(hint) is tuple:
        return _through_tuple(hint, parts, path)
    return None if parts else _leaf(hint, path, beside)


def _through_section(cls: type, parts: tuple[str, ...], path: tuple[str, ...]) -> Target | None:
    hints = _shown(cls)
    if not parts or parts[0] not in hints:
        return None
    name = parts[0]
    interval = "ci" if name == "value" and "ci" in hints else f"{name}_ci"
    beside = (*path, interval) if interval in hints else None
    return _walk(hints[name], parts[1:], (*path, name), beside)


def _through_table(hint: Any, parts: tuple[str, ...], path: tuple[str, ...]) -> Target | None:
    """Try one part as the key, then two, ...: keys may have dots."""
    inner, closed = get_args(hint)[1], _CLOSED.get(path[-1])
    for size in range(1, len(parts) + 1):
        key = ".".join(parts[:size])
        if closed is not None and key not in closed:
            continue
        value = LEVEL_CLASSES.get(key, DirectionalLevel) if inner is Level else inner
        found = _walk(value, parts[size:], (*path, key))
        if found is not None:
            return found
    return None


def _through_tuple(hint: Any, parts: tuple[str, ...], path: tuple[str, ...]) -> Target | None:
    inner = get_args(hint)
    found = whole(parts[0]) if parts else None
    if found is None:
        return None
    place = 0 if inner[-1] is Ellipsis else found
    if place >= len(inner):
        return None
    return _walk(inner[place], parts[1:], (*path, parts[0]))


def _leaf(hint: Any, path: tuple[str, ...], beside: tuple[str, ...] | None) -> Target:
    if get_origin(hint) is Literal:
        return Target(path, None, "word", tuple(map(str, get_args(hint))))
    if hint is bool:
        return Target(path, None, "flag")
    if hint in (int, float):
        return Target(path, beside, "number")
    return Target(path, None, "word")


def _one(hint: Any) -> Any:
    """Drop None from a union; a number or a word is taken as the number."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    return next(option for option in get_args(hint) if option is not type(None))


def _main(cls: type) -> tuple[str, ...]:
    """Return the field that a section's own name means, if there is one."""
    if issubclass(cls, Level):
        return ("times_limit",)
    return ("value",) if {"value", "ci"} <= set(_shown(cls)) else ()


def _shown(cls: type) -> dict[str, Any]:
    """Return the hints of the fields that stand in the JSON, by name."""
    hints = hints_of(cls)
    hidden = {"version"} if cls is Report else set()
    names = [f.name for f in fields(cls) if f.name not in hidden]
    return {name: hints[name] for name in names if not is_array(hints[name])}


# --- what to say of a name that is none


def _unknown(name: str, parts: tuple[str, ...]) -> str:
    inside = [n for n in known_names() if n.startswith(f"{'.'.join(parts)}.")]
    if inside:
        return f"require: {name} is a section; name a value in it, such as {', '.join(inside[:5])}"
    near = [n for n in known_names() if n.startswith(name)][:4] or get_close_matches(
        name, known_names(), n=4, cutoff=0.5
    )
    nearest = f"nearest: {', '.join(near)}" if near else f"such as {', '.join(LADDER[:3])}"
    return f"require: expected a name of a value in the report, got {shown(name)}; {nearest}"


@lru_cache(maxsize=1)
def known_names() -> tuple[str, ...]:
    """Return every name of a value that does not depend on the rows, shortest form first."""
    roots: dict[str, type] = {level: LEVEL_CLASSES.get(level, DirectionalLevel) for level in LADDER}
    names = [*LADDER, *SHORT]
    for root in ("verdict", "preflight", "use"):
        names += _names_in(_one(hints_of(Report)[root]), "")
    for level, cls in roots.items():
        names += _names_in(cls, f"{level}.")
    names += _names_in(Report, "")
    return tuple(dict.fromkeys(names))


def _names_in(cls: type, prefix: str) -> Iterator[str]:
    for name, hint in _shown(cls).items():
        inner = _one(hint)
        if is_dataclass(inner) and isinstance(inner, type):
            if _main(inner):
                yield prefix + name
            yield from _names_in(inner, f"{prefix}{name}.")
        elif get_origin(inner) not in (dict, tuple):
            yield prefix + name


def shown(text: str) -> str:
    """Quote what somebody wrote, cut where it is long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
