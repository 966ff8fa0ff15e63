"""Word vectors: word2vec, GloVe and fastText as text, with a header or none; word2vec binary.

Other tables in ``.txt`` are read as :mod:`gausscheck.sources.text` reads them.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import Contents, Entry, contents_of, line_of
from gausscheck.sources.labels import texts
from gausscheck.sources.spool import Parsed, SpooledSource
from gausscheck.sources.text import BLANK, TEXT_EPS, cut_note, inspect_text, is_packed, open_text

WORDS = ("word", "name", "labels")
"""What the words are asked for by."""

_HEADER = re.compile(rb"\s*(\d+)[ \t]+(\d+)\s*")
_LOOK = 64
_LINE = 1 << 25
"""Bytes of a line at most."""
_WIDEST = 1 << 16
"""Numbers behind a word that are looked for: a line of more is no word vector."""

_WORD = 1 << 16
"""Bytes of a word in the binary format at most."""


class WordSource(SpooledSource):
    """A word and its vector a line. Memory holds a line and a piece of the numbers."""

    def __init__(self, path: Path, rows: int | None, d: int) -> None:
        self._header, self._d = rows is not None, d
        super().__init__(path, str(path), np.dtype(np.float64), TEXT_EPS)
        if rows is not None and rows != self.n:
            raise GausscheckError(
                f"{path}: its first line promises {rows:,} words, found {self.n:,}: cut short or "
                "damaged; copy or download it again"
            )
        self.notes: tuple[str, ...] = (
            f"word vectors as text, {'no' if rows is None else 'with a'} header line, parsed once "
            "into a temporary file",
            *cut_note(path),
        )

    def _lines(self) -> Iterator[tuple[int, list[bytes]]]:
        """Yield line numbers, and the word and the numbers of each: a word may hold blanks."""
        with _opened(self.path) as handle:
            last = 0
            for number, line in enumerate(iter(lambda: handle.readline(_LINE), b""), 1):
                if (number == 1 and self._header) or not line.strip():
                    if number - last > BLANK:
                        raise GausscheckError(f"{self.path}: over {BLANK:,} blank lines on end")
                    continue
                last = number
                yield number, line.strip(b" \t\r\n").rsplit(maxsplit=self._d)

    def _rows(self) -> Iterator[Parsed]:
        for number, cells in self._lines():
            if len(cells) < self._d + 1:
                raise GausscheckError(
                    f"{self.path}: line {number} has {len(cells) - 1} numbers behind its word, "
                    f"expected {self._d}"
                )
            if len(cells[0].split(maxsplit=self._d)) > self._d:
                raise GausscheckError(
                    f"{self.path}: line {number} is too long: two lines in one; download it again"
                )
            try:
                yield number, np.array(cells[1:], dtype=np.float64)
            except ValueError as err:
                raise GausscheckError(
                    f"{self.path}: line {number}: expected numbers, got {line_of(err)}"
                ) from err

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return the words; None for another key."""
        if key not in WORDS:
            return None
        return texts((cells[0] for _, cells in self._lines()), self.uri, key)


class BinaryWordSource(SpooledSource):
    """word2vec binary: a header line, then a word, a blank and float32 values each.

    Memory holds a row and a piece of the numbers.
    """

    _place = "word"

    def __init__(self, path: Path) -> None:
        super().__init__(path, str(path), np.dtype(np.float32), float(np.finfo(np.float32).eps))
        self.notes: tuple[str, ...] = ("word2vec binary, copied once into a temporary file",)

    def _pairs(self) -> Iterator[tuple[bytes, NDArray[Any]]]:
        with _opened(self.path) as handle:
            header = _HEADER.fullmatch(handle.readline(64))
            if header is None:
                raise GausscheckError(f"{self.path}: expected word2vec binary, got no header line")
            n, d = map(int, header.groups())
            for row in range(n):
                word = _until_blank(handle)
                raw = handle.read(4 * d)
                if not word or len(raw) < 4 * d:
                    raise GausscheckError(
                        f"{self.path}: damaged or truncated: {n:,} vectors promised, {row:,} found;"
                        " copy or download it again"
                    )
                yield word, np.frombuffer(raw, "<f4")
            if handle.read(2).strip():
                raise GausscheckError(
                    f"{self.path}: damaged: more follows {n:,} vectors of {d}; download it again"
                )

    def _rows(self) -> Iterator[Parsed]:
        yield from enumerate(values for _, values in self._pairs())

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return the words; None for another key."""
        if key not in WORDS:
            return None
        return texts((word for word, _ in self._pairs()), self.uri, key)


def _until_blank(handle: BinaryIO) -> bytes:
    """Read a word, the line break before it passed; nothing where none ends."""
    word = bytearray()
    while len(word) < _WORD:
        byte = handle.read(1)
        if byte in (b" ", b""):
            return bytes(word) if byte else b""
        if byte != b"\n" or word:
            word += byte
    return b""


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    opener: Callable[..., Any] = gzip.open if is_packed(path) else open
    try:
        with opener(path, "rb") as handle:
            yield handle
    except (EOFError, OSError, zlib.error) as err:
        raise GausscheckError(f"{path}: cannot be read: {line_of(err)}") from err


def is_binary_words(path: Path) -> bool:
    """Whether a file begins as word2vec binary does, and is no longer than that says."""
    with _opened(path) as handle:
        header = _HEADER.fullmatch(handle.readline(64))
        if header is None:
            return False
        n, d = map(int, header.groups())
        line = handle.readline(_LINE)
    if _behind(line.rsplit(maxsplit=2)) > 1:  # of text, in whatever language its words are
        return False
    head = line[: min(4 * d, 4096) + 64]
    return n > 0 and d > 0 and b" " in head and any(byte < 9 or byte > 126 for byte in head)


def _look(path: Path) -> tuple[int | None, int] | None:
    """Return the words that a header line promises, and dimensions; None if these aren't words."""
    with _opened(path) as handle:
        lines: list[bytes] = []
        while len(lines) < _LOOK and sum(len(held) for held in lines) < _LINE:
            lines.append(handle.readline(_LINE))
    rows = [line.rsplit(maxsplit=_WIDEST) for line in lines if line.strip()]
    if len(rows) < 2:
        return None
    header = _HEADER.fullmatch(lines[0])
    told = int(header.groups()[1]) if header else 0
    body = rows[1:] if header else rows
    d = Counter(map(_behind, body)).most_common(1)[0][0]
    if d == _WIDEST:
        return None
    if header and told == d + 1:  # numbers without words
        return None
    if header and 2 <= told < d and all(row[-1 - told :][:1][0].isdigit() for row in body):
        d = told  # the words end in whole numbers
    if d < 2 or (header and told != d):
        return None
    words = sum(not _is_number(row[0]) for row in body)
    promised = int(header.groups()[0]) if header else None
    return (promised, d) if header or 2 * words > len(body) else None


def _behind(cells: list[bytes]) -> int:
    """Count the numbers behind a word: it may hold blanks, and may be a number itself."""
    count = 0
    while count < len(cells) - 1 and _is_number(cells[-1 - count]):
        count += 1
    return count


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def open_words(path: Path, dataset: str | None) -> Source:
    """Parse the file: words and vectors, or else a table."""
    if is_binary_words(path):
        return BinaryWordSource(_alone(path, dataset))
    found = _look(path)
    if found is None:
        return open_text(path, dataset)
    return WordSource(_alone(path, dataset), *found)


def column_words(path: Path, key: str) -> NDArray[Any] | None:
    """Return the words, or a column of a table; None where there is none."""
    return open_words(path, None).beside(key)


def _alone(path: Path, dataset: str | None) -> Path:
    if dataset not in (None, "vectors"):
        raise GausscheckError(f"{path}: word vectors hold one array; leave dataset out")
    return path


def inspect_words(path: Path) -> Contents:
    """Say what the file holds: it has to be parsed for that."""
    if not is_binary_words(path) and _look(path) is None:
        return inspect_text(path)
    source = open_words(path, None)
    entries = [
        Entry("vectors", (source.n, source.d), str(source.dtype)),
        Entry("word", (source.n,), "text", "beside the rows"),
    ]
    return contents_of(path, "word vectors", entries)
