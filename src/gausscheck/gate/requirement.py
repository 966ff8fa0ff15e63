"""Requirements in words, ``axes<0.9,status=gaussian``, to values; nothing is evaluated as code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, cast

from gausscheck.audit.verdict import LEVEL_WORDS
from gausscheck.core import GausscheckError
from gausscheck.gate.names import Target, find, shown

Operator = Literal["<", "<=", ">", ">=", "=", "!="]

_ITEM = re.compile(r"([^<>=!]+)(<=|>=|!=|==|=|<|>)([^<>=!]+)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*(%?)", re.ASCII)
_FLAGS = {"true": True, "false": False}

_KEYS = {words: key for key, words in LEVEL_WORDS.items()}
"""A rung may be written as the report prints it: ``whitened lengths<1``."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A value of the report, and what it is compared with.

    Attributes
    ----------
    name : str
        As written, such as ``axes`` or ``false_alarm_1``.
    operator : {"<", "<=", ">", ">=", "=", "!="}
    value : float, str or bool
    target : Target
        What the name means.
    """

    name: str
    operator: Operator
    value: float | str | bool
    target: Target

    def __str__(self) -> str:
        value = self.value
        if isinstance(value, bool):
            return f"{self.name}{self.operator}{str(value).lower()}"
        text = f"{value:.6g}" if isinstance(value, float) else value
        return f"{self.name}{self.operator}{text}"


def parse(text: str) -> tuple[Requirement, ...]:
    """Read requirements, separated by commas.

    Parameters
    ----------
    text : str
        ``NAME OPERATOR VALUE, ...``. Names: see :func:`gausscheck.gate.names.find`. Operators:
        ``< <= > >= = !=``; words and true or false take the last two. A number may end in ``%``.

    Raises
    ------
    GausscheckError
        One line: what was expected, and for a misspelt name or word the nearest ones.

    Examples
    --------
    >>> [str(r) for r in parse("axes < 0.9, false_alarm_1<2%, claims.sphere=holds")]
    ['axes<0.9', 'false_alarm_1<0.02', 'claims.sphere=holds']
    >>> [str(r) for r in parse("whitened lengths<1")]
    ['norms<1']
    """
    return tuple(_parse_one(item.strip()) for item in text.split(","))


def _parse_one(item: str) -> Requirement:
    match = _ITEM.fullmatch(item)
    if match is None or not match[1].strip() or not match[3].strip():
        raise GausscheckError(
            "require: expected NAME OPERATOR VALUE, such as axes<0.9 or status=gaussian, with one "
            f"of < <= > >= = !=, got {shown(item)}; separate several with commas"
        )
    name, sign, value = match[1].strip(), match[2].replace("==", "="), match[3].strip()
    name = _KEYS.get(name.lower(), name)
    operator = cast(Operator, sign)
    target = find(name)
    if target.kind == "number":
        return Requirement(name, operator, _number(name, value), target)
    if operator not in ("=", "!="):
        raise GausscheckError(
            f"require: {name} is {_KINDS[target.kind]}; expected {name}= or {name}!=, got "
            f"{shown(item)}"
        )
    if target.kind == "flag":
        if value not in _FLAGS:
            raise GausscheckError(f"require: {name}: expected true or false, got {shown(value)}")
        return Requirement(name, operator, _FLAGS[value], target)
    return Requirement(name, operator, _word(name, value, target.words), target)


_KINDS = {"word": "a word", "flag": "true or false"}


def _number(name: str, text: str) -> float:
    match = _NUMBER.fullmatch(text)
    value = float(text.rstrip("% ")) if match else float("inf")
    if match is None or abs(value) == float("inf"):
        raise GausscheckError(
            f"require: {name}: expected a number, such as 0.9 or 2%, got {shown(text)}"
        )
    return value / 100 if match[3] else value


def _word(name: str, text: str, words: tuple[str, ...]) -> str:
    if words and text not in words:
        near = get_close_matches(text, words, n=1)
        hint = f"; nearest: {near[0]}" if near else ""
        raise GausscheckError(
            f"require: {name}: expected one of {', '.join(words)}, got {shown(text)}{hint}"
        )
    return text
