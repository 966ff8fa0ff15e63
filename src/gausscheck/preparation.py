"""Maps of rows fitted once and applied to any rows: centre, unit length, standardise, whiten."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.config import NORMALIZE
from gausscheck.core import F64, GausscheckError, Source, printable
from gausscheck.files import atomic_path, read_arrays
from gausscheck.passes.leaf import unit_rows
from gausscheck.passes.spread import Spread


@dataclass(frozen=True, slots=True)
class Eigenbasis:
    """Eigenvalues (ascending) and eigenvectors (columns) of the covariance of live coordinates.

    ``rank`` counts eigenvalues above ``tolerance`` times the largest.
    """

    values: F64
    vectors: F64
    rank: int
    tolerance: float

    def whitening(self, k: int | None = None) -> F64:
        """Return the map of centred live coordinates to k leading whitened components, (live, k).

        Eigenvectors over the roots of their eigenvalues, largest first; all within the rank by
        default.
        """
        kept = slice(None, self.rank if k is None else min(k, self.rank))
        return np.asarray(self.vectors[:, ::-1][:, kept] / np.sqrt(self.values[::-1][kept]))

    def whitening_of_all(self, live: NDArray[np.intp], d: int, k: int | None = None) -> F64:
        """Return the same of centred rows of all d coordinates, (d, k): dead ones count nothing."""
        matrix = self.whitening(k)
        if live.size == d:
            return matrix
        out = np.zeros((d, matrix.shape[1]))
        out[live] = matrix
        return out


@dataclass(frozen=True, slots=True)
class Preparation:
    """A fitted map from stored rows to prepared rows: ``(row(x) - mean) @ matrix``.

    Attributes
    ----------
    kind : {"raw", "center", "unit", "standardize", "whiten"}
    mean : (d,) array
        Subtracted after the row map; zeros for ``raw``.
    matrix : (d, r) array or None
        None is the identity. ``standardize``: the inverse standard deviations of live
        coordinates; ``whiten``: eigenvectors of the covariance over the roots of their
        eigenvalues, within the numerical rank r.
    """

    kind: str
    mean: NDArray[np.float64]
    matrix: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Refuse what maps no rows, whichever file it is read from."""
        mean, matrix = self.mean, self.matrix
        if self.kind not in NORMALIZE:
            raise GausscheckError(f"preparation: expected a kind, got {printable(self.kind[:40])}")
        if mean.ndim != 1 or not mean.size or not _numbers(mean):
            raise GausscheckError("preparation: expected a mean, one finite number a dimension")
        if matrix is None:
            return
        shaped = matrix.ndim == 2 and len(matrix) == mean.size
        if not shaped or not 0 < matrix.shape[1] <= mean.size or not _numbers(matrix):
            raise GausscheckError(
                f"preparation: expected a matrix of finite numbers, {mean.size} rows and as many "
                f"columns at most, got shape {matrix.shape} of {matrix.dtype}"
            )

    @property
    def dim(self) -> int:
        """Dimensions of a prepared row."""
        return int(self.mean.size if self.matrix is None else self.matrix.shape[1])

    def mapped(self, block: NDArray[Any]) -> NDArray[Any]:
        """Apply the row map alone; rows that it leaves alone stay as they are stored."""
        return unit_rows(block) if self.kind == "unit" else block

    def rows(self, block: NDArray[Any]) -> F64:
        """Apply the row map alone (unit length, or nothing) and upcast."""
        return unit_rows(block) if self.kind == "unit" else block.astype(np.float64)

    def apply(self, block: NDArray[Any]) -> NDArray[np.float64]:
        """Map stored rows ``(n, d)`` to prepared rows ``(n, dim)`` in float64.

        Raises
        ------
        GausscheckError
            If the rows do not have the dimension of the fit.

        Examples
        --------
        >>> import numpy as np
        >>> Preparation("center", np.array([1.0, 2.0])).apply(np.array([[1.0, 5.0]]))
        array([[0., 3.]])
        """
        block = np.asarray(block)
        if block.ndim != 2 or block.shape[1] != self.mean.size:
            raise GausscheckError(
                f"expected rows of {self.mean.size} dimensions, as the map was fitted on, "
                f"got shape {block.shape}"
            )
        x: NDArray[np.float64] = self.rows(block) - self.mean
        return x if self.matrix is None else x @ self.matrix

    def save(self, path: str | Path) -> None:
        """Write the map as an .npz file."""
        matrix = np.zeros((0, 0)) if self.matrix is None else self.matrix
        with atomic_path(Path(path)) as work, work.open("wb") as handle:
            np.savez(handle, kind=np.array(self.kind), mean=self.mean, matrix=matrix)

    @classmethod
    def load(cls, path: str | Path) -> Preparation:
        """Read a map that :meth:`save` wrote.

        Raises
        ------
        GausscheckError
            If the file is missing or is not such a map.
        """
        try:
            arrays = read_arrays(Path(path))
            kind, mean, matrix = str(arrays["kind"]), arrays["mean"], arrays["matrix"]
            return cls(kind, mean, None if matrix.shape == (0, 0) else matrix)
        except (GausscheckError, ValueError, KeyError, TypeError) as err:
            raise GausscheckError(f"{path}: expected a saved preparation (.npz): {err}") from err


def _numbers(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "fiu" and bool(np.isfinite(values).all())


def fit(kind: str, spread: Spread, basis: Eigenbasis, live: NDArray[np.intp]) -> Preparation:
    """Fit the map on the statistics of the first pass.

    Parameters
    ----------
    kind : str
        One of ``raw``, ``center``, ``unit``, ``standardize``, ``whiten``.
    spread : Spread
        Of the rows after the row map (for ``unit``, of the unit rows).
    basis : Eigenbasis
        Of the live coordinates.
    live : array of int
        Coordinates that vary.

    Returns
    -------
    Preparation
        Cost O(d²).
    """
    d = spread.mean.size
    if kind in ("raw", "unit"):
        return Preparation(kind, np.zeros(d))
    if kind == "center":
        return Preparation(kind, spread.mean)
    if kind == "standardize":
        matrix = np.zeros((d, live.size))
        matrix[live, np.arange(live.size)] = 1 / np.sqrt(spread.covariance.diagonal()[live])
        return Preparation(kind, spread.mean, matrix)
    matrix = np.zeros((d, basis.rank))
    matrix[live] = basis.whitening()
    return Preparation("whiten", spread.mean, matrix)


def apply_to_file(
    preparation: Preparation, source: Source, path: Path, *, on_bad_rows: str = "error"
) -> tuple[int, int]:
    """Write prepared rows as a float32 .npy, 4,096 rows at a time; nothing is left on failure.

    Parameters
    ----------
    preparation : Preparation
    source : Source
    path : Path
    on_bad_rows : {"error", "drop"}
        What to do with rows that have no finite image: not finite, or all zero under ``unit``.

    Returns
    -------
    (n, dim)
        Rows written.

    Raises
    ------
    GausscheckError
        If the rows have another dimension than the fit, some have no finite image, or the file
        cannot be written.
    """
    written = 0
    with atomic_path(path) as work, work.open("wb") as handle:
        _write_header(handle, (source.n, preparation.dim))
        for start in range(0, source.n, 4096):
            with np.errstate(all="ignore"):  # what is not finite is looked for
                rows = preparation.apply(source.read(start, min(start + 4096, source.n)))
                mapped = np.ascontiguousarray(rows, "<f4")
            good = np.isfinite(mapped).all(axis=1)
            if not good.all() and on_bad_rows == "error":
                raise _no_image(source, start + np.flatnonzero(~good)[:5])
            handle.write(mapped[good].data)
            written += int(good.sum())
        if written < source.n:
            handle.seek(0)
            _write_header(handle, (written, preparation.dim))  # as long: room is left for the count
        if not written:
            raise GausscheckError(f"{source.uri}: expected rows to map, got none that is finite")
    return written, preparation.dim


def _write_header(handle: IO[bytes], shape: tuple[int, int]) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(handle, header)


def _no_image(source: Source, rows: NDArray[np.intp]) -> GausscheckError:
    named = ", ".join(f"{row:,}" for row in rows.tolist())
    return GausscheckError(
        f"{source.uri}: expected rows that the map gives finite numbers, got others (not finite, "
        f'or of length 0), the first {named}; mend the file, or drop them with on_bad_rows="drop"'
    )
