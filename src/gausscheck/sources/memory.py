"""Arrays in memory: NumPy, ``__array__`` or DLPack (torch, jax), lists, frames, sparse matrices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import ArraySource, BaseSource, line_of, require, stored_eps
from gausscheck.sources.chunked import ChunkReader
from gausscheck.sources.documents import DocumentsSource
from gausscheck.sources.frames import FrameSource, is_frame
from gausscheck.sources.sparse import SparseArraySource

_WIDEN = "bfloat16 widened to float32"


def open_memory(value: Any, dataset: str | None = None, flatten: bool = False) -> Source:
    """Wrap an array, a list of vectors, a data frame, a sparse matrix; or pass a Source on.

    torch tensors that require gradients are detached; bfloat16, which NumPy lacks, is widened to
    float32, exactly.

    Parameters
    ----------
    value : object
    dataset : str, optional
        The column of a data frame; nothing else has names.
    flatten : bool
        Take the tokens of a (documents, tokens, d) array as rows.

    Raises
    ------
    GausscheckError
        If it is not an array, or not one of embeddings.
    """
    if is_frame(value) and not flatten:
        return FrameSource(value, dataset)
    if dataset is not None:
        raise GausscheckError("dataset: an array in memory holds no datasets; leave it out")
    if isinstance(value, Source):
        return value
    if type(value).__module__.startswith("dask.array"):
        return LazySource(value)
    if type(value).__module__.startswith("scipy.sparse"):
        return SparseArraySource(value)
    if isinstance(value, list | tuple):
        return open_memory(_listed(value), None, flatten)
    array, notes, eps = as_array(value)
    uri = _name(value)
    if flatten:
        if array.ndim != 3:
            raise GausscheckError(
                f"{uri}: expected (documents, tokens, dimensions) to flatten, got {array.shape}"
            )
        return DocumentsSource(uri, lambda: array)
    if array.dtype.kind == "O":
        way = "np.stack(list(x))" if array.ndim == 1 else "x.astype(float)"
        raise GausscheckError(
            f"{uri}: expected a 2-D array of real numbers (rows, dimensions), got Python objects "
            f"of shape {array.shape}; make numbers of them: {way}"
        )
    return ArraySource(array, uri, notes, eps)


def _listed(value: list[Any] | tuple[Any, ...]) -> NDArray[Any]:
    """Return a list of vectors as one array.

    Raises
    ------
    GausscheckError
        If they are of different lengths, or no vectors.
    """
    if not value:
        raise GausscheckError("<list>: expected rows, got an empty list")
    try:
        tensors = [hasattr(row, "__array__") or hasattr(row, "__dlpack__") for row in value]
        rows = [
            as_array(row)[0] if is_tensor else row
            for row, is_tensor in zip(value, tensors, strict=True)
        ]
        widths = {len(row) for row in rows if hasattr(row, "__len__")}
        if any(row is None for row in rows) and len(widths) == 1:
            rows = [np.full(max(widths), np.nan) if row is None else row for row in rows]
        return np.asarray(rows)
    except (ValueError, TypeError) as err:
        raise GausscheckError(
            f"<list>: expected vectors of one length, got what makes no array ({line_of(err)}); "
            "make all of one length"
        ) from err


def _name(value: Any) -> str:
    return f"<{type(value).__module__.split('.')[0]} {type(value).__name__}>"


def as_array(value: Any) -> tuple[NDArray[Any], tuple[str, ...], float | None]:
    """Return an array of another library as NumPy's.

    Returns
    -------
    array, notes, eps
        A note, and the spacing of the values as they were, where bfloat16 had to be widened.

    Raises
    ------
    GausscheckError
        If it is not an array.
    """
    uri = _name(value)
    if not hasattr(value, "__array__") and not hasattr(value, "__dlpack__"):
        raise GausscheckError(
            f"expected a path or an array of shape (rows, dimensions), got {type(value).__name__}"
            f"{'; take np.stack(list(x))' if isinstance(value, Iterator) else ''}"
        )
    narrow = "bfloat16" in str(getattr(value, "dtype", ""))
    if hasattr(value, "detach"):  # torch: off the graph and onto the CPU
        if getattr(value, "is_meta", False):
            raise GausscheckError(f"{uri}: expected values, got a meta tensor, which has none")
        value = value.detach().cpu()
        if narrow:
            value = value.float()
    elif narrow and hasattr(value, "astype"):  # jax, ml_dtypes
        value = value.astype(np.float32)
    array: NDArray[Any]
    try:
        array = np.asarray(value) if hasattr(value, "__array__") else np.from_dlpack(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as err:
        raise GausscheckError(f"{uri}: cannot be read as an array: {err}") from err
    return (array, (_WIDEN,), 2.0**-7) if narrow else (array, (), None)


class LazySource(BaseSource):
    """Rows of a Dask array, computed as they are asked for, whole chunks at a time.

    Parameters
    ----------
    array : dask.array.Array
    """

    def __init__(self, array: Any) -> None:
        self.uri = "<dask Array>"
        require(array.shape, array.dtype, self.uri)
        self._array = array
        self.n, self.d = (int(size) for size in array.shape)
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        self.eps = stored_eps(self.dtype)
        self.notes: tuple[str, ...] = ()
        self._reader: ChunkReader | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel without computed rows."""
        return {**self.__dict__, "_reader": None}

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        if self._reader is None:
            starts = list(accumulate(self._array.chunks[0][:-1], initial=0))
            self._reader = ChunkReader((self.n, self.d), self.dtype, starts)
        return self._reader.read(start, stop, self._fill)

    def _fill(self, out: NDArray[Any], low: int, high: int, columns: slice) -> None:
        """Compute some rows."""
        out[...] = self._array[low:high].compute(scheduler="synchronous")

    def close(self) -> None:
        """Forget computed rows."""
        self._reader = None
