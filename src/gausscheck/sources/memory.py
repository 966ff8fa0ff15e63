"""Arrays in memory: NumPy, and anything with ``__array__`` or DLPack (torch, jax)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import ArraySource, BaseSource, require, stored_eps

_WIDEN = "bfloat16 widened to float32"


def open_memory(value: Any) -> ArraySource | LazySource:
    """Wrap an array.

    torch tensors that require gradients are detached; bfloat16, which NumPy lacks, is widened to
    float32, exactly.

    Raises
    ------
    GausscheckError
        If it is not an array, or not one of embeddings.
    """
    if type(value).__module__.startswith("dask.array"):
        return LazySource(value)
    uri = f"<{type(value).__module__.split('.')[0]} {type(value).__name__}>"
    if not hasattr(value, "__array__") and not hasattr(value, "__dlpack__"):
        raise GausscheckError(
            f"expected a path or an array of shape (rows, dimensions), got {type(value).__name__}"
        )
    narrow = "bfloat16" in str(getattr(value, "dtype", ""))
    if hasattr(value, "detach"):  # torch: off the graph and onto the CPU
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
    if narrow:
        return ArraySource(array, uri, (_WIDEN,), eps=2.0**-7)
    return ArraySource(array, uri)


class LazySource(BaseSource):
    """Rows of a Dask array, computed as they are asked for.

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

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous, in native byte order."""
        rows = self._array[start:stop].compute(scheduler="synchronous")
        return np.ascontiguousarray(rows, dtype=self.dtype)
