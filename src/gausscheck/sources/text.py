"""CSV, TSV and tables of text: columns of numbers, or a column of lists written as text.

A file is parsed once, a line at a time, into an unnamed temporary file that rows are read from.
Memory holds a line (of 32 Mi characters at most) and a piece of the numbers.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.base import Contents, Entry, contents_of, left_out, line_of
from gausscheck.sources.cells import missing, numbers_of
from gausscheck.sources.dialect import Dialect, dialect_of
from gausscheck.sources.labels import texts
from gausscheck.sources.layout import Layout, layout_of, peek
from gausscheck.sources.spool import Parsed, SpooledSource

_USUAL = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
"""What parts cells in a file of an ending, where its lines don't say otherwise."""

_COMMENT = re.compile(r'[#%](?![,;\t|])|"?sep=.')
"""What a line before the first row begins with that is no row: np.savetxt's header, Excel's sep=;.

A mark that is a cell itself is a word of a table."""

BLANK = 1 << 20
"""Lines on end that hold nothing, at most: packed, a thousand of them are a byte."""

FIELD = 1 << 25
"""Characters of one cell, or of one value of JSON, at most."""

TEXT_EPS = float(np.finfo(np.float32).eps)
"""Text usually keeps the digits of float32."""


class TextSource(SpooledSource):
    """Rows parsed from a table of text."""

    def __init__(self, path: Path, dataset: str | None) -> None:
        self._wanted = dataset
        self._dialect = Dialect()
        self._layout = Layout([], False, None, [], ())
        super().__init__(path, str(path), np.dtype(np.float64), TEXT_EPS)
        usual = _USUAL.get(kind_of(path), ",")
        self.notes: tuple[str, ...] = (
            "text, parsed once into a temporary file",
            *([] if self._dialect == Dialect(usual) else [str(self._dialect)]),
            *_counted_note(self._layout),
            *left_out([name for name in self._layout.left if name != self._layout.counted]),
            *self._gap_note(),
            *cut_note(path),
        )

    def _rows(self) -> Iterator[Parsed]:
        with opened_text(self.path) as handle:
            reader, layout, first, self._dialect = _peeked(handle, self.path, self._wanted)
            self._layout = layout
            for line, row in _whole(reader, first, layout, self.path):
                if layout.column is not None:
                    yield line, numbers_of(row[layout.column], f"{self.path}: line {line}")
                else:
                    cells = [row[i] for i in layout.plain]
                    yield line, _cells(cells, self._dialect, self.path, line)

    @property
    def taken(self) -> str:
        """The column of lists, or ``columns`` for those of numbers."""
        return self._layout.taken

    @property
    def left(self) -> tuple[str, ...]:
        """The columns that are not taken."""
        return self._layout.left

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none."""
        return column_text(self.path, key)


def _counted_note(layout: Layout) -> tuple[str, ...]:
    if layout.counted is None:
        return ()
    named = layout.counted if layout.headed else f"column {layout.counted}"
    return (
        f"{named} holds whole numbers where all others have fractions: taken as ids of classes or "
        'rows and left out (dataset "columns" takes it too)',
    )


def column_text(path: Path, key: str) -> NDArray[Any] | None:
    """Return one column as text, read from the file anew; None where there is none."""
    with opened_text(path) as handle:
        reader, layout, rows, _ = _peeked(handle, path, None)
        if key not in layout.names:
            return None
        place = layout.names.index(key)
        held = (row[place] for _, row in _whole(reader, rows, layout, path))
        return texts(held, str(path), key)


def kind_of(path: Path) -> str:
    """Return the ending that says what is inside, ``.gz`` aside."""
    inner = Path(path.stem) if path.suffix.lower() == ".gz" else path
    return inner.suffix.lower()


def cut_note(path: Path) -> tuple[str, ...]:
    """Return the note on a text that ends within a line; none on a packed one."""
    if is_packed(path):
        return ()  # an archive that is cut cannot be read at all
    with path.open("rb") as handle:
        handle.seek(-1, 2)
        whole = handle.read(1) in b"\r\n"
    return () if whole else ("the last line has no line break: the file may be cut short",)


def is_packed(path: Path) -> bool:
    """Whether a file is packed by gzip, whatever its name: browsers unpack and keep the name."""
    check_file(path)
    with path.open("rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


@contextmanager
def opened_text(path: Path) -> Iterator[TextIO]:
    """Open a text file, unpacked on the way; damage met while it is open is one line."""
    opener: Callable[..., Any] = gzip.open if is_packed(path) else open
    try:
        with opener(path, "rb") as handle:
            wide = handle.read(2) in (b"\xff\xfe", b"\xfe\xff")
        encoding = "utf-16" if wide else "utf-8-sig"
        with opener(path, "rt", encoding=encoding, newline="") as handle:
            yield handle
    except UnicodeError as err:
        raise GausscheckError(
            f"{path}: cannot be read as text: expected UTF-8 or UTF-16, got {line_of(err)}; save "
            "it as UTF-8"
        ) from err
    except (csv.Error, EOFError, OSError, zlib.error) as err:
        raise GausscheckError(f"{path}: cannot be read as text: {line_of(err)}") from err


def _peeked(
    handle: TextIO, path: Path, wanted: str | None
) -> tuple[Any, Layout, list[tuple[int, list[str]]], Dialect]:
    """Return a reader, what its first rows say of the columns, and those rows that are data."""
    csv.field_size_limit(FIELD)
    dialect = dialect_of(_lines(handle, path), _USUAL.get(kind_of(path), ","))
    handle.seek(0)
    reader = dialect.rows(_lines(handle, path))
    rows = peek(reader)
    if not rows:
        raise GausscheckError(f"{path}: expected rows of numbers, found none")
    layout = layout_of(rows, wanted, path, dialect)
    return reader, layout, rows[1:] if layout.headed else rows, dialect


def _lines(handle: TextIO, path: Path) -> Iterator[str]:
    """Yield lines, those of comments before the first row as blank ones; refuse one without end."""
    begun, empty = False, 0
    while line := handle.readline(FIELD):
        empty = 0 if line.strip() and (begun or not _COMMENT.match(line)) else empty + 1
        begun = begun or not empty
        if empty > BLANK:
            raise GausscheckError(f"{path}: over {BLANK:,} lines on end without a row: not a table")
        if empty:
            yield "\n"
            continue
        if len(line) == FIELD and not line.endswith("\n"):
            raise GausscheckError(f"{path}: a line of over {FIELD:,} characters: not a table")
        yield line


def _whole(
    reader: Any, rows: list[tuple[int, list[str]]], layout: Layout, path: Path
) -> Iterator[tuple[int, list[str]]]:
    """Yield the first rows and the others, each with as many cells as there are columns."""

    def all_rows() -> Iterator[tuple[int, list[str]]]:
        yield from rows
        for row in reader:
            if row:
                yield reader.line_num, row

    for line, row in all_rows():
        if len(row) != len(layout.names):
            raise GausscheckError(
                f"{path}: line {line} has {len(row)} cells, the first has {len(layout.names)}"
            )
        yield line, row


def _cells(cells: list[str], dialect: Dialect, path: Path, line: int) -> list[float]:
    """Turn cells into numbers; an empty one is NaN, which the audit refuses or drops by row."""
    number = dialect.number if dialect.comma else float
    try:
        return list(map(number, cells))
    except ValueError:
        pass
    try:
        return [np.nan if missing(cell) else number(cell) for cell in cells]
    except ValueError as err:
        raise GausscheckError(f"{path}: line {line}: expected numbers, got {line_of(err)}") from err


def open_text(path: Path, dataset: str | None) -> TextSource:
    """Parse the file."""
    return TextSource(path, dataset)


def inspect_text(path: Path) -> Contents:
    """Say what the file holds: it has to be parsed for that."""
    source = TextSource(path, None)
    entries = [Entry(source.taken, (source.n, source.d), "text")]
    entries += [Entry(k, (source.n,), "text", "beside the rows") for k in source.left if k]
    return contents_of(path, f"text {kind_of(path)}", entries)
