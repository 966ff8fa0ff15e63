"""Inputs of a figure: which belong to one setting, what it is called, what its name counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gausscheck.comparison import named
from gausscheck.core import GausscheckError, Source
from gausscheck.sources import open_source

SAMPLE = 5_000
"""Rows of an input that are looked at, unless more are asked for."""

LEAST = 40
"""Rows that an input needs."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The inputs of one setting.

    Attributes
    ----------
    name, series : str
        What it is called; which line or panel it is part of, empty where there is one.
    given : tuple
        As they were given: paths or arrays.
    """

    name: str
    series: str
    given: tuple[Any, ...]


def grouped(
    inputs: Sequence[Any], each: int, names: Sequence[str] | None, series: Sequence[str] | None
) -> list[Opened]:
    """Put ``each`` inputs after one another into one setting, and name it.

    Raises
    ------
    GausscheckError
        If inputs are left over, or there are not as many names or series as settings.
    """
    if not inputs or len(inputs) % each:
        wanted = "one file or more" if each == 1 else f"{each} inputs for each setting, in turn"
        raise GausscheckError(f"figure: expected {wanted}, got {len(inputs)}")
    parts = [tuple(inputs[i : i + each]) for i in range(0, len(inputs), each)]
    told = list(_names(parts) if names is None else names)
    lines = [""] * len(parts) if series is None else list(series)
    for what, found in (("names", told), ("series", lines)):
        if len(found) != len(parts):
            raise GausscheckError(
                f"{what}: expected {len(parts)}, one for each setting, got {len(found)}: "
                f"{', '.join(found)}"
            )
    if len(set(zip(told, lines, strict=True))) < len(parts):
        raise GausscheckError("names: expected names that differ within a series; give names=")
    return [Opened(*one) for one in zip(told, lines, parts, strict=True)]


def _names(parts: Sequence[tuple[Any, ...]]) -> list[str]:
    """Name settings by their files: by the file alone where both inputs lie in it."""
    shown = []
    for i, part in enumerate(parts):
        texts = [str(one) for one in part if isinstance(one, str) or hasattr(one, "__fspath__")]
        files = {text.rpartition(":")[0] for text in texts if ":" in text}
        whole = len(part) > 1 and len(texts) == len(part) and len(files) == 1
        shown.append(files.pop() if whole else texts[0] if texts else f"input {i + 1}")
    twice = len(set(shown)) < len(shown)
    return [f"{i + 1}" for i in range(len(shown))] if twice else list(named(shown, None))


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def numbers_of(names: Sequence[str]) -> tuple[list[float], str] | None:
    """Return the number in which names differ, and what stands before it; None where there is none.

    Examples
    --------
    >>> numbers_of(["epoch_5", "epoch_10"]), numbers_of(["clip", "dino"])
    (([5.0, 10.0], 'epoch'), None)
    >>> numbers_of(["run 2, d = 16", "run 2, d = 32"])
    ([16.0, 32.0], 'run 2, d')
    """
    found = [list(_NUMBER.finditer(name)) for name in names]
    if len({_NUMBER.sub("#", name) for name in names}) != 1 or not found[0]:
        return None
    differ = [i for i in range(len(found[0])) if len({one[i][0] for one in found}) > 1]
    if len(differ) != 1:
        return None
    (place,) = differ
    before = names[0][: found[0][place].start()]
    return [float(one[place][0]) for one in found], before.strip(" _-=.:,/")


def opened(one: Opened, untrusted: bool) -> list[Source]:
    """Open the rows of a setting."""
    return [open_source(given, untrusted=untrusted) for given in one.given]


def check_rows(rows: int, source: Source) -> None:
    """Refuse an input with too few usable rows.

    Raises
    ------
    GausscheckError
    """
    if rows < LEAST:
        raise GausscheckError(f"{source.uri}: expected {LEAST} usable rows or more, got {rows}")
