"""JSON read a value at a time, and where in a value the vectors are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from gausscheck.sources.base import KNOWN_NAMES, is_side
from gausscheck.sources.cells import is_list

_PIECE = 1 << 16
_SPACE = re.compile(r"[ \t\r\n]*")
_WORDLIKE = re.compile(r"[-+.\w]*")
"""What a number or a bare word goes on with: one at the end of a piece may not be whole."""

Path = tuple[str, ...]
"""Keys on the way to a value, ``*`` for every member of a list."""


class JsonStream:
    """Text of one JSON value, decoded piece by piece by the standard library's parser.

    Parameters
    ----------
    handle : text file
    most : int
        Characters of a value decoded at once, at most: what memory is bounded by.
    """

    def __init__(self, handle: TextIO, most: int) -> None:
        self._handle, self._most = handle, most
        self._text, self._at, self._ended = "", 0, False
        self._decode = json.JSONDecoder().raw_decode

    def _more(self) -> bool:
        """Read on; double what is held, so that a long value is not tried too often."""
        rest = self._text[self._at :]
        if len(rest) > self._most:
            raise ValueError(f"a value of over {self._most:,} characters")
        piece = self._handle.read(max(_PIECE, len(rest)))
        self._ended = not piece
        self._text, self._at = rest + piece, 0
        return bool(piece)

    def head(self, length: int = 1) -> str:
        """Return the next characters, spaces before them passed; fewer at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if len(self._text) - self._at >= length or self._ended or not self._more():
                return self._text[self._at : self._at + length]

    def take(self, character: str) -> None:
        """Pass one character.

        Raises
        ------
        ValueError
            If it is another.
        """
        found = self.head()
        if found != character:
            raise ValueError(f"expected {character!r}, got {found!r}")
        self._at += 1

    def value(self) -> Any:
        """Decode the next value whole."""
        while True:
            self.head()
            try:
                held, end = self._decode(self._text, self._at)
            except json.JSONDecodeError:
                if self._ended or not self._more():
                    raise
                continue
            word = _WORDLIKE.match(self._text, self._at)
            if word and word.end() == len(self._text) and not self._ended and self._more():
                continue  # a number that goes on in the next piece
            self._at = end
            return held

    def elements(self) -> Iterator[int]:
        """Walk a list: the caller takes one value each time."""
        self.take("[")
        count = 0
        while self.head() != "]":
            if count:
                self.take(",")
            yield count
            count += 1
        self.take("]")

    def members(self) -> Iterator[str]:
        """Walk an object: the caller takes the value of each key."""
        self.take("{")
        first = True
        while self.head() != "}":
            if not first:
                self.take(",")
            first = False
            key = self.value()
            if not isinstance(key, str):
                raise ValueError(f"expected a key, got {key!r}")
            self.take(":")
            yield key
        self.take("}")


@dataclass(frozen=True, slots=True)
class Fields:
    """Where in each item of a table its vector is.

    Attributes
    ----------
    path : tuple of str
        Keys down to the vector; empty where the item is the vector.
    columns : tuple of str
        Instead of it, the keys of single numbers.
    """

    path: Path = ()
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Dotted, as it can be asked for."""
        return "columns" if self.columns else ".".join(self.path) or "rows"

    def of(self, item: Any) -> Iterator[Any]:
        """Yield the vectors of an item: several where the path passes a list."""
        if not self.columns:
            yield from reach(item, self.path)
        elif isinstance(item, dict):
            yield [item.get(name) for name in self.columns]
        else:
            yield None


def reach(item: Any, path: Path) -> Iterator[Any]:
    """Yield what lies at the end of a path; None where the way ends before.

    Examples
    --------
    >>> list(reach({"data": [{"e": 1}, {"e": 2}]}, ("data", "*", "e")))
    [1, 2]
    >>> list(reach({"data": None}, ("data", "0", "e")))
    [None]
    """
    if not path:
        yield item
        return
    if isinstance(item, dict):
        whole = ".".join(path)  # a key may hold dots itself
        yield from [item[whole]] if whole in item else reach(item.get(path[0]), path[1:])
    elif isinstance(item, list) and path[0] == "*":
        for member in item:
            yield from reach(member, path[1:])
    elif isinstance(item, list) and path[0].isdigit() and int(path[0]) < len(item):
        yield from reach(item[int(path[0])], path[1:])
    else:
        yield None


def is_vector(value: Any) -> bool:
    """Whether a value is a list of numbers, nulls among them or not."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(v is None or type(v) in (int, float) for v in value)
        and any(v is not None for v in value)
    )


def vectors_in(item: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of all vectors in an item.

    Examples
    --------
    >>> list(vectors_in({"id": 1, "body": {"data": [{"embedding": [0.5, 1.0]}]}}))
    [('body', 'data', '*', 'embedding')]
    """
    known = bool(path) and path[-1] in KNOWN_NAMES
    if is_vector(item) or (known and isinstance(item, str) and (is_list(item) or len(item) > 64)):
        yield path
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from vectors_in(value, (*path, key))
    elif isinstance(item, list) and item:
        yield from vectors_in(item[0], (*path, "*"))


def fields_of(item: Any, wanted: str | None) -> Fields | None:
    """Decide where the vectors of a table's items are; None where this item holds none.

    The path asked for; else the one through a well-known name; else the only one; else single
    numbers under names of their own.

    Raises
    ------
    LookupError
        If there are several, with their names.
    """
    if wanted is not None and wanted not in ("rows", "columns"):
        fields = Fields(tuple(wanted.split(".")))
        return fields if any(value is not None for value in fields.of(item)) else None
    paths = list(dict.fromkeys(vectors_in(item)))
    for name in KNOWN_NAMES:
        named = [path for path in paths if name in path]
        if len(named) == 1:
            return Fields(named[0])
        paths = named or paths
    if len(paths) > 1:
        raise LookupError(", ".join(".".join(path) for path in paths[:12]))
    if paths:
        return Fields(paths[0])
    if not isinstance(item, dict):
        return None
    plain = [key for key, value in item.items() if type(value) in (int, float)]
    columns = tuple(key for key in plain if not is_side(key))
    return Fields(columns=columns) if len(columns) > 1 else None
