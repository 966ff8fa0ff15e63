"""Families of directions that come from the options: axes, random, principal, a user's own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import Directions, GausscheckError, whole
from gausscheck.files import check_file
from gausscheck.passes.scatter import ScatterMatrix
from gausscheck.preparation import Preparation
from gausscheck.rng import haar, stream
from gausscheck.sources.npy import whole_npy
from gausscheck.sources.untrusted import column_apart

MOST_RANDOM = 100_000
"""Random directions at most: an average over more says no more."""


@dataclass(frozen=True, slots=True)
class PreparedSpace:
    """The space of prepared rows, which families of directions are drawn from.

    Attributes
    ----------
    covariance : ScatterMatrix
        Of the prepared rows.
    axes : array of int
        Prepared coordinates that vary.
    names : tuple of str
        What each prepared coordinate is called.
    rank : int
    seed : int
    untrusted : bool
        Whether a child process with limits reads files of directions.
    """

    covariance: ScatterMatrix
    axes: NDArray[np.intp]
    names: tuple[str, ...]
    rank: int
    seed: int
    untrusted: bool = False

    @property
    def dim(self) -> int:
        """Dimensions of a prepared row."""
        return self.covariance.dim


def coordinates(prep: Preparation, live: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[str]]:
    """Return which coordinates of prepared rows vary, and what each of them is called.

    Parameters
    ----------
    prep : Preparation
    live : array of int
        Stored coordinates that vary. Standardised ones keep their names.
    """
    if prep.matrix is None:
        return live, [f"axis {j}" for j in range(prep.dim)]
    chosen = np.arange(prep.dim)
    word, labels = ("axis", live) if prep.kind == "standardize" else ("whitened", chosen)
    return chosen, [f"{word} {j}" for j in labels]


def axes(space: PreparedSpace, argument: str) -> Directions:
    """Coordinate axes that vary; a count takes that many at random."""
    chosen = space.axes
    if argument:
        count = count_of("axes", argument, chosen.size)
        chosen = np.sort(stream(space.seed, "axes").choice(chosen, count, replace=False))
    return Directions.of_axes(space.dim, chosen, tuple(space.names[j] for j in chosen))


def random(space: PreparedSpace, argument: str) -> Directions:
    """Haar-random orthonormal frames.

    More directions than dimensions come as several independent frames.
    """
    count = count_of("random", argument or "256", None)
    rng = stream(space.seed, "random")
    frames = []
    for start in range(0, count, space.dim):
        width = min(space.dim, count - start)
        frames.append(haar(rng, space.dim, width))
    labels = tuple(f"random {i}" for i in range(count))
    return Directions(np.hstack(frames), "random", labels, seed=space.seed)


def pca(space: PreparedSpace, argument: str) -> Directions:
    """Leading principal directions of the prepared rows, largest variance first."""
    count = min(count_of("pca", argument or "32", None), space.rank)
    _, vectors = space.covariance.eigh()
    lead = vectors[:, ::-1][:, :count]
    lead = lead * np.sign(lead[np.abs(lead).argmax(axis=0), np.arange(count)])
    labels = tuple(f"pc {i + 1}" for i in range(count))
    return Directions(np.ascontiguousarray(lead), "pca", labels, fit_rows="all")


def file(space: PreparedSpace, argument: str) -> Directions:
    """Read a user's own ``(dim, k)`` matrix from a .npy file; columns are scaled to unit length.

    Raises
    ------
    GausscheckError
        If it cannot be read, has another shape, or a column is zero or not finite.
    """
    where = f"directions file:{argument}"
    matrix = _matrix(Path(argument), space, where)
    if matrix.ndim != 2 or matrix.shape[0] != space.dim or matrix.dtype.kind not in "fiu":
        raise GausscheckError(
            f"{where}: expected a numeric matrix of shape ({space.dim}, k), one column a "
            f"direction, got {matrix.dtype} {matrix.shape}; transpose or choose another file"
        )
    matrix = matrix.astype(np.float64)
    length = np.linalg.norm(matrix, axis=0)
    if not np.all(np.isfinite(length) & (length > 0)):
        bad = int(np.flatnonzero(~(np.isfinite(length) & (length > 0)))[0])
        raise GausscheckError(f"{where}: column {bad} is zero or not finite; remove it")
    labels = tuple(f"column {i}" for i in range(matrix.shape[1]))
    return Directions(matrix / length, "file", labels)


def check_files(families: Collection[tuple[str, str]]) -> None:
    """Refuse, before rows are read, files of directions that are no files.

    Raises
    ------
    GausscheckError
    """
    for name, argument in families:
        if name == "file":
            try:
                check_file(Path(argument))
            except GausscheckError as err:
                raise GausscheckError(
                    f"directions file:{argument}: expected a readable .npy matrix: {err}"
                ) from err


def _matrix(path: Path, space: PreparedSpace, where: str) -> NDArray[Any]:
    """Read the array of a .npy file that is a file, whole, and of a size that can be held."""
    try:
        if space.untrusted:
            return np.asarray(column_apart(str(path), "array"))
        return whole_npy(path)
    except (OSError, ValueError) as err:
        raise GausscheckError(f"{where}: expected a readable .npy matrix: {err}") from err


FAMILIES: dict[str, Callable[[PreparedSpace, str], Directions]] = {
    "axes": axes,
    "random": random,
    "pca": pca,
    "file": file,
}
"""Families that ``--directions`` knows."""


def parse(text: str, known: Collection[str]) -> list[tuple[str, str]]:
    """Split ``axes,random:256`` into (family, argument) pairs.

    Raises
    ------
    GausscheckError
        On an unknown or repeated family, or an empty list.

    Examples
    --------
    >>> parse("axes, random:256", FAMILIES)
    [('axes', ''), ('random', '256')]
    """
    pairs: list[tuple[str, str]] = []
    for item in text.split(","):
        name, _, argument = item.strip().partition(":")
        if name not in known:
            raise GausscheckError(
                f"directions: expected families out of {', '.join(known)} with a count or "
                f"path after a colon, got {item.strip()!r}"
            )
        if name in (earlier for earlier, _ in pairs):
            raise GausscheckError(f"directions: {name} is named twice; give it once")
        if name == "file":
            if not argument:
                raise GausscheckError("directions: file needs a path: file:PATH")
        elif argument:
            count_of(name, argument, None)
        pairs.append((name, argument))
    return pairs


def count_of(name: str, text: str, most: int | None) -> int:
    """Read a family's count.

    Raises
    ------
    GausscheckError
        If it is not a positive integer.
    """
    count = whole(text)
    if not count:
        raise GausscheckError(
            f"directions: expected a positive count after {name}:, got {text!r:.60}"
        )
    if name == "random" and count > MOST_RANDOM:
        raise GausscheckError(
            f"directions: expected at most {MOST_RANDOM:,} random directions, got {count:,}"
        )
    return count if most is None else min(count, most)
