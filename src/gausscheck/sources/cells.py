"""Numbers as people write them down: lists as JSON, NumPy, torch or Postgres print them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

import numpy as np

from gausscheck.core import GausscheckError
from gausscheck.sources.base import line_of

_MISSING = ("", "na", "n/a", "nan", "null", "none", "\\n")

_SCALAR = re.compile(r"np\.(?:float|int|uint)\d+\(([^()]*)\)")
"""``np.float64(0.5)``, as NumPy 2 prints the members of a list."""

_CALL = re.compile(r"^(?:np\.|numpy\.|torch\.)?(?:array|tensor)\((?P<inner>\[[^\]]*\]).*\)$", re.S)
"""``array([0.5, 1.], dtype=float32)``, ``tensor([...])``."""

_BRACKETS = {"[": "]", "{": "}", "(": ")"}

_NUMBER = re.compile(r"\s*(?:[-+.\d]|nan|inf|np\.|\.\.\.)", re.I)

_LIST_CALL = re.compile(r"(?:np\.|numpy\.|torch\.)?(?:array|tensor)\(\[")


def missing(cell: str) -> bool:
    """Whether a cell stands for no value."""
    return cell.strip().lower() in _MISSING


def is_list(cell: str) -> bool:
    """Whether a cell is the text of a list of numbers.

    Examples
    --------
    >>> [is_list(cell) for cell in ("[0.5, 1]", "{0.5,1}", "(555) 01", '{"a": 1}')]
    [True, True, False, False]
    """
    text = cell.strip()
    if text.startswith("[") or _LIST_CALL.match(text):
        return text.endswith(("]", ")"))
    closing = _BRACKETS.get(text[:1])
    return closing is not None and text.endswith(closing) and bool(_NUMBER.match(text[1:]))


def numbers_of(value: Any, place: str) -> list[float] | None:
    """Turn a list, or the text of one, into numbers; None where there is no value.

    A null inside a list is NaN, so that the audit names its row.

    Parameters
    ----------
    value : list, str or None
    place : str
        What an error begins with, such as ``x.csv: line 7``.

    Raises
    ------
    GausscheckError
        If it is anything else.

    Examples
    --------
    >>> numbers_of("[np.float64(0.5), nan]", "x.csv: line 2"), numbers_of("null", "x.csv: line 3")
    ([0.5, nan], None)
    """
    if value is None or (isinstance(value, str) and missing(value)):
        return None
    try:
        values = _parsed(value) if isinstance(value, str) else value
        if not isinstance(values, list):
            raise ValueError(f"{type(values).__name__} {str(values)[:40]!r}")
        if len(values) == 1 and isinstance(values[0], list):
            values = values[0]  # [[0.1, 0.2]]: one text given to a model that takes several
        odd = [v for v in values if type(v) not in (int, float) and v is not None]
        if odd:
            raise ValueError(f"{json.dumps(odd[0])[:40]} in the list")
        return [np.nan if v is None else float(v) for v in values]
    except (ValueError, OverflowError, RecursionError) as err:
        raise GausscheckError(f"{place}: expected numbers, got {line_of(err)}") from err


def _parsed(text: str) -> Any:
    """Read the text of a list, with commas or, as NumPy prints arrays, with spaces.

    Examples
    --------
    >>> _parsed("[0.5, nan]"), _parsed("[1. 2.]"), _parsed("{1,2}"), _parsed("array([1., 2.])")
    ([0.5, nan], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0])
    """
    try:
        return json.loads(text)
    except ValueError:
        pass
    inner = _SCALAR.sub(r"\1", text).strip()
    called = _CALL.match(inner)
    inner = called["inner"] if called else inner
    if _BRACKETS.get(inner[:1]) != inner[-1:]:
        floats = _packed(inner)
        if floats is None:
            raise ValueError(f"{inner[:40]!r}, which is not a list")
        return floats
    if "..." in inner:
        raise ValueError("an array cut short as NumPy prints it (...): save it with tolist()")
    cells = inner[1:-1].replace(",", " ").split()
    return [np.nan if missing(cell) else float(cell) for cell in cells]


def _packed(text: str) -> list[float] | None:
    """Read float32 in base64, as embedding services send them; None where it is not that.

    Examples
    --------
    >>> _packed("AAAAPwAAgD8AAABAAACAvw==")
    [0.5, 1.0, 2.0, -1.0]
    """
    if len(text) < 16 or len(text) % 4:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return [float(v) for v in np.frombuffer(raw, "<f4")] if plausible(raw, "<f4") else None


def plausible(raw: bytes, dtype: str) -> bool:
    """Whether bytes read as floats of a type look like coordinates: neither huge nor tiny."""
    size = np.dtype(dtype).itemsize
    if not raw or len(raw) % size:
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.abs(np.frombuffer(raw, dtype).astype(np.float64))
    held = values[values > 0]
    if not np.isfinite(values).all() or not held.size:
        return False
    return bool(values.max() < 1e6 and np.median(held) > 1e-8)
