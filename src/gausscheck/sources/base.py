"""What all formats share: checks of arrays, the choice among several, a file's first bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.files import fingerprint_of

KNOWN_NAMES = ("embeddings", "embedding", "features", "feats", "emb", "X")
"""Names under which an array of embeddings usually goes, most telling first."""

LABEL_NAMES = ("labels", "label", "y", "target")
"""What labels usually go by in a container."""

LARGEST_PIECE = 1 << 30
"""Bytes that a reader may have to hold at once: a chunk unpacked, a column beside the rows."""

SIDE_NAMES = (*LABEL_NAMES, "id", "index", "", "Unnamed: 0")
"""Columns of a table of numbers that are not coordinates: labels, and indexes written along."""

_NAMED: ContextVar[frozenset[str]] = ContextVar("columns that are named as labels or groups")


def is_side(name: str) -> bool:
    """Whether a column of numbers is no coordinate: by its name, or since it is asked for."""
    return name in SIDE_NAMES or name in _NAMED.get(frozenset())


@contextmanager
def side_columns(names: Iterable[str]) -> Iterator[None]:
    """Let columns of these names be no coordinates of the tables that are opened within."""
    token = _NAMED.set(_NAMED.get(frozenset()) | frozenset(names))
    try:
        yield
    finally:
        _NAMED.reset(token)


@dataclass(frozen=True, slots=True)
class Entry:
    """One array in a file: its key, shape, element type, and why it can or cannot be analysed."""

    key: str
    shape: tuple[int, ...]
    dtype: str
    problem: str | None = None

    @property
    def usable(self) -> bool:
        """Whether analyze can take it."""
        return self.problem is None

    def __str__(self) -> str:
        """Key and shape, for error messages."""
        return f"{self.key} {self.dtype} {self.shape}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds and what analyze would take."""

    uri: str
    format: str
    size: int | None
    entries: tuple[Entry, ...]
    chosen: str | None
    reason: str


def problem_of(shape: Sequence[int], dtype: np.dtype[Any]) -> str | None:
    """Say why an array cannot be embeddings, or None where it can."""
    reason = dtype_problem(dtype)
    if reason is not None:
        return reason
    if len(shape) != 2:
        return f"shape {tuple(shape)}, not (rows, dimensions){_way_out(shape)}"
    if 0 in shape:
        return f"shape {tuple(shape)}, which holds nothing"
    return None


def _way_out(shape: Sequence[int]) -> str:
    """Say what makes a matrix of an array of more dimensions."""
    if len(shape) < 3:
        return ""
    if sum(size > 1 for size in shape) == 2:
        return ": take x.squeeze()"
    if len(shape) > 3:
        return ": take x.reshape(len(x), -1)"
    return (
        ": flatten takes tokens as rows; or save one vector a document (x[:, 0], x.mean(axis=1), "
        "x.reshape(len(x), -1))"
    )


def dtype_problem(dtype: np.dtype[Any]) -> str | None:
    """Say why an element type cannot be analysed, or None where it can."""
    if dtype.kind in "fiu" or dtype.name == "bfloat16":
        return None
    reasons = {
        "c": "complex numbers have no order to test; save real and imaginary parts as columns",
        "O": "Python objects are pickled, which is never loaded; save a numeric array",
        "b": "booleans are not embeddings; save the numbers before thresholding",
        "S": "strings are not numbers",
        "U": "strings are not numbers",
        "V": "a record type is not a matrix; save one numeric array",
        "M": "dates are not embeddings",
        "m": "time spans are not embeddings",
    }
    return f"{dtype}: {reasons.get(dtype.kind, 'not a numeric type')}"


def require(shape: Sequence[int], dtype: np.dtype[Any], uri: str) -> None:
    """Refuse an array that cannot be embeddings.

    Raises
    ------
    GausscheckError
    """
    reason = problem_of(shape, dtype)
    if reason is not None:
        raise GausscheckError(
            f"{uri}: expected a 2-D array of real numbers (rows, dimensions), got {reason}"
        )


def choose(entries: Sequence[Entry], wanted: str | None, uri: str) -> tuple[Entry, str]:
    """Pick the array to analyse, and say why.

    The one asked for; else the well-known names in order; else the only usable one.

    Raises
    ------
    GausscheckError
        If there is none, or several and none is well known: the message lists them.
    """
    listing = "; ".join(map(str, entries[:12])) + ("; ..." if len(entries) > 12 else "")
    if wanted is not None:
        for entry in entries:
            if entry.key == wanted.strip("/"):
                if entry.problem is not None:
                    raise GausscheckError(
                        f"{uri}:{entry.key}: expected a 2-D array of real numbers (rows, "
                        f"dimensions), got {entry.problem}"
                    )
                return entry, "asked for"
        raise GausscheckError(f"{uri}: expected an array {wanted!r}, got {listing or 'none'}")
    usable = [entry for entry in entries if entry.usable]
    for name in KNOWN_NAMES:
        named = [entry for entry in usable if re.split(r"[/.]", entry.key)[-1] == name]
        if len(named) == 1:
            return named[0], f"the well-known name {name!r}"
        if len(named) > 1:
            usable = named
            break
    if len(usable) == 1:
        return usable[0], "the only 2-D numeric array"
    if not usable:
        reasons = "; ".join(f"{entry.key}: {entry.problem}" for entry in entries[:12])
        raise GausscheckError(
            f"{uri}: expected a 2-D array of real numbers (rows, dimensions), got "
            f"{reasons or 'an empty container'}"
        )
    names = "; ".join(map(str, usable[:12]))
    raise GausscheckError(f"{uri}: several arrays could be meant; choose with dataset=: {names}")


def line_of(err: BaseException) -> str:
    """Return the first line of what a library's exception says, or its type where it is silent."""
    lines = str(err).strip().splitlines()
    return lines[0] if lines else type(err).__name__


def left_out(names: Sequence[str]) -> tuple[str, ...]:
    """Return the note on columns that are not taken as coordinates; none where all are taken."""
    if not names:
        return ()
    named = ", ".join(name or "(unnamed)" for name in names[:5])
    return (f"columns left out: {named}{', ...' if len(names) > 5 else ''}",)


def contents_of(path: Path, name: str, entries: Sequence[Entry]) -> Contents:
    """Say what a file of several arrays holds, and which one would be taken."""
    try:
        entry, reason = choose(entries, None, str(path))
        chosen: str | None = entry.key
    except GausscheckError as err:
        chosen, reason = None, str(err)
    return Contents(str(path), name, path.stat().st_size, tuple(entries), chosen, reason)


def stored_eps(dtype: np.dtype[Any]) -> float:
    """Return the relative spacing of a stored type; that of float64 for integers.

    Examples
    --------
    >>> stored_eps(np.dtype(np.float16))
    0.0009765625
    """
    if dtype.name == "bfloat16":
        return 2.0**-7
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


def read_stored(
    file: Path | IO[bytes], stored: np.dtype[Any], offset: int, first: int, count: int, uri: str
) -> NDArray[Any]:
    """Read ``count`` values from number ``first`` on, of a run that begins at ``offset``.

    Raises
    ------
    GausscheckError
        If the file ends before.
    """
    where = offset + first * stored.itemsize
    if isinstance(file, Path):
        values = np.fromfile(file, stored, count, offset=where)
    else:
        file.seek(where)
        values = np.fromfile(file, stored, count)
    if values.size != count:
        raise GausscheckError(f"{uri}: the file shrank while it was read")
    return values


class BaseSource:
    """What sources share: nothing beside the rows, no file to watch, nothing to close.

    A source of another make overrides what differs.
    """

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies beside the rows under a key, such as labels; None where nothing does."""
        return None

    def fingerprint(self) -> str | None:
        """Name the bytes behind the rows; None where a change of them cannot be seen."""
        return None

    def close(self) -> None:
        """Close files and forget what is held; a later read opens them again."""


class FileSource(BaseSource):
    """Rows of one file, or of one folder that is a store."""

    path: Path

    def fingerprint(self) -> str | None:
        """Name the file by place, size and time of change."""
        return fingerprint_of([self.path])


class ArraySource(BaseSource):
    """Rows of an array that is already in memory (or memory-mapped).

    Parameters
    ----------
    array : (n, d) array
        Checked by :func:`require`.
    uri : str
    notes : tuple of str
    eps : float, optional
        Of the precision the values were stored in, where it is coarser than the dtype.
    """

    def __init__(
        self, array: NDArray[Any], uri: str, notes: tuple[str, ...] = (), eps: float | None = None
    ) -> None:
        require(array.shape, array.dtype, uri)
        self._array = array
        self.uri = uri
        self.notes = notes
        self.n, self.d = array.shape
        self.dtype = array.dtype.newbyteorder("=")
        self.eps = stored_eps(self.dtype) if eps is None else eps

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        return np.ascontiguousarray(self._array[start:stop], dtype=self.dtype)


def need(package: str, extra: str, uri: str) -> None:
    """Refuse to go on where a reader's package is not installed.

    Raises
    ------
    GausscheckError
        Naming the extra to install.
    """
    if find_spec(package) is None:
        raise GausscheckError(
            f'{uri}: expected {package} to be installed: pip install "gausscheck[{extra}]"'
        )


_PACKED_WORDS = re.compile(r"(?<![a-z])(u?binary|packed|packbits)(?![a-z])")
"""In the name of a file or an array, these say that bytes hold bits."""

_PACKED_KURTOSIS = 2.05
"""Bytes of random bits have a kurtosis of 1.8, a bell of numbers 3."""

_NAMED_KURTOSIS = 2.5
"""Where the name says bits, values must crowd this much to be numbers all the same."""


def check_bytes(source: Source) -> str | None:
    """Look at vectors of one-byte integers: quantised ones are numbers, packed bits are not.

    The values of a quantised coordinate crowd around its middle; bytes of packed sign bits spread
    over all values alike, with a kurtosis of 1.8 and quartiles half the range apart. Fewer than 50
    rows do not show it: there the name of the file or array decides, which otherwise only makes
    the look stricter.

    Returns
    -------
    str or None
        A note on quantised vectors; None where values are wider than a byte.

    Raises
    ------
    GausscheckError
        On packed bits.
    """
    if source.dtype.itemsize != 1:
        return None
    rows = source.read(0, min(source.n, 2000)).astype(np.float64)
    low, high = np.quantile(rows, [0.25, 0.75], axis=0)
    spread = rows.std(axis=0)
    live = spread > 0
    centred = (rows - rows.mean(axis=0))[:, live] / spread[live]
    kurtosis = float(np.median((centred**4).mean(axis=0))) if live.any() else 0.0
    wide = live.any() and float(np.median((high - low)[live])) > 100
    named = _PACKED_WORDS.search(Path(source.uri).name.lower()) is not None
    if len(rows) < 50:
        packed = named
    else:
        packed = (named and kurtosis < _NAMED_KURTOSIS) or (wide and kurtosis < _PACKED_KURTOSIS)
    if packed:
        raise GausscheckError(
            f"{source.uri}: expected numbers, got {source.dtype} that looks like packed bits "
            "(binary embeddings), which have no Gaussian shape to test; save the vectors before "
            "binarising, or as int16 if these are numbers"
        )
    return f"{source.dtype}: quantised vectors, taken as numbers; steps of one show in every test"
