"""The nouns of gausscheck: frozen types, two protocols and the error class.

Everything here is data. Nothing in this module reads a file, draws a number or keeps state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:  # the command line starts without NumPy
    import numpy as np
    from numpy.typing import NDArray

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
"""A floating-point array of any width."""

F64: TypeAlias = "NDArray[np.float64]"
"""An array of float64."""

I64: TypeAlias = "NDArray[np.int64]"
"""An array of int64: row numbers."""


Progress: TypeAlias = "Callable[[str, float], None]"
"""Called with a stage's name and the share of it that is done, from 0 to 1."""


class Stage(str):
    """The name of a stage that says what moves in it; :data:`Progress` takes it as any name.

    Attributes
    ----------
    total : int
        How many there are.
    unit : str
        Of what, such as ``rows``.
    """

    __slots__ = ("total", "unit")
    total: int
    unit: str

    def __new__(cls, name: str, total: int, unit: str) -> Stage:
        """Name a stage."""
        made = super().__new__(cls, name)
        made.total, made.unit = total, unit
        return made

    def __getnewargs__(self) -> tuple[str, int, str]:  # type: ignore[override]
        """Travel with what is counted."""
        return str(self), self.total, self.unit


def within(name: str, stage: str) -> str:
    """Return the name of a stage within something, which counts what the stage counts."""
    told = f"{name}: {stage}"
    return Stage(told, stage.total, stage.unit) if isinstance(stage, Stage) else told


__version__ = "0.2.0"


_SHOWN = 2000
"""Characters of a foreign text that are shown at most."""


def printable(text: object) -> str:
    r"""Return a foreign text (a name, a label, a key, an address) as one line that shows itself.

    Control characters, escape sequences, line breaks, marks that turn the direction of writing and
    bytes that are not UTF-8 come as escapes; a very long text is cut.

    Examples
    --------
    >>> print(printable("a\x1b[31m\nb"))
    a\x1b[31m\nb
    """
    told = str(text)
    cut = told if len(told) <= _SHOWN else f"{told[:_SHOWN]}..."
    return cut if cut.isprintable() else "".join(map(_shown, cut))


def printable_lines(text: str) -> str:
    r"""Return a text of several lines as :func:`printable` does each; nothing is cut.

    Examples
    --------
    >>> printable_lines("a\nb\x1b[31m")
    'a\nb\\x1b[31m'
    """
    return "\n".join("".join(map(_shown, line)) for line in text.split("\n"))


def _shown(character: str) -> str:
    return character if character.isprintable() else _escaped(character)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # how Python holds a byte of a name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def whole(text: str) -> int | None:
    """Return a number that is written in up to 18 plain digits, else None.

    Examples
    --------
    >>> whole("12"), whole("²"), whole("9" * 5000)
    (12, None, None)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


class GausscheckError(ValueError):
    """Bad input, said in one line: what was expected, what came, where, and what to do.

    Names and values of others that the line quotes are shown by :func:`printable`.
    """

    def __str__(self) -> str:
        """Return the line."""
        return printable(super().__str__())


@runtime_checkable
class Source(Protocol):
    """Rows of an embedding matrix that can be read again, in any order.

    Attributes
    ----------
    uri : str
        What error messages and the report call it, e.g. ``emb.h5:/embeddings``.
    n, d : int
        Rows and dimensions.
    dtype : numpy.dtype
        The stored element type, in native byte order.
    eps : float
        Relative spacing of the values as they were stored, which may be coarser than ``dtype``.
    notes : tuple of str
        What the reader had to say about the container (quantised vectors, skipped keys).
    """

    @property
    def uri(self) -> str:
        """What messages call it."""
        ...

    @property
    def n(self) -> int:
        """Rows."""
        ...

    @property
    def d(self) -> int:
        """Dimensions."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored element type."""
        ...

    @property
    def eps(self) -> float:
        """Relative spacing of the stored values."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of the reader."""
        ...

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop`` as a C-contiguous ``(stop - start, d)`` array in ``dtype``."""
        ...

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies beside the rows under a key, such as labels; None where nothing does."""
        ...

    def fingerprint(self) -> str | None:
        """Name the bytes behind the rows: a change of the file changes it; None if unseen."""
        ...

    def close(self) -> None:
        """Close files and forget what is held; a later read opens them again."""
        ...


@dataclass(frozen=True, slots=True)
class Directions:
    """Unit columns to project on, and where they came from.

    Attributes
    ----------
    matrix : (d, k) float64 array
        Unit columns in the prepared space; (d, 0) where ``axes`` says what they are.
    kind : str
        ``axes``, ``random``, ``pca``, ``file``, ``ica``, ``pursuit`` or ``lda``; the level's name.
    labels : tuple of str
        One name a direction, e.g. ``axis 17`` or ``random 3``.
    seed : int or None
        The seed of the stream that drew them, None where nothing was drawn.
    fit_rows : str
        ``none`` when no row was looked at, ``all`` when every row was (second moments only),
        ``half`` when one random half was: such directions are tested on the other half alone.
    axes : (k,) int array or None
        The coordinates, where directions are coordinate axes: d of them take no d x d matrix.
    """

    matrix: NDArray[np.float64]
    kind: str
    labels: tuple[str, ...]
    seed: int | None = None
    fit_rows: str = "none"
    axes: NDArray[np.intp] | None = None

    @classmethod
    def of_axes(cls, dim: int, axes: NDArray[np.intp], labels: tuple[str, ...]) -> Directions:
        """Return coordinate axes of a space of so many dimensions."""
        import numpy as np

        return cls(np.empty((dim, 0)), "axes", labels, axes=axes)

    @property
    def dim(self) -> int:
        """Dimensions of the space."""
        return int(self.matrix.shape[0])

    @property
    def k(self) -> int:
        """The number of directions."""
        return int(self.matrix.shape[1] if self.axes is None else self.axes.size)

    def take(self, picked: NDArray[np.intp] | slice) -> Directions:
        """Return some of the directions."""
        import numpy as np

        labels = tuple(self.labels[j] for j in np.arange(self.k)[picked])
        if self.axes is None:
            return replace(self, matrix=self.matrix[:, picked], labels=labels)
        return replace(self, axes=self.axes[picked], labels=labels)

    def columns(self) -> NDArray[np.float64]:
        """Return the unit columns, (d, k), written out where they are axes."""
        import numpy as np

        if self.axes is None:
            return self.matrix
        out = np.zeros((self.dim, self.k))
        out[self.axes, np.arange(self.k)] = 1
        return out

    def seen_through(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``matrix @ columns``: directions in the space a linear map starts from."""
        return matrix @ self.matrix if self.axes is None else matrix[:, self.axes]


@dataclass(frozen=True, slots=True)
class Moments:
    """Biased (1/n) central moments of k one-dimensional samples; every array has shape (k,)."""

    n: int
    mean: FloatArray
    m2: FloatArray
    m3: FloatArray
    m4: FloatArray

    @classmethod
    def concatenate(cls, parts: Sequence[Moments]) -> Moments:
        """Put the moments of different samples of one size after one another."""
        import numpy as np

        names = ("mean", "m2", "m3", "m4")
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(n=parts[0].n, **joined)

    def pick(self, part: slice) -> Moments:
        """Return the moments of some of the samples."""
        return Moments(self.n, self.mean[part], self.m2[part], self.m3[part], self.m4[part])
