"""Remote files by fsspec: fetched piece by piece into a temporary file, then read as local ones."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import need

_PIECE = 8 << 20


def is_remote(source: str) -> bool:
    """Whether a path names a protocol: ``s3://``, ``https://``, ``memory://``, ``file://``."""
    return "://" in source


def fetch(url: str, owner: object) -> Path:
    """Copy a remote file into a temporary folder that goes when its owner does.

    Raises
    ------
    GausscheckError
        If fsspec or the protocol's own package is missing, or the file cannot be fetched.
    """
    need("fsspec", "remote", url)
    import fsspec

    folder = tempfile.mkdtemp(prefix="gausscheck-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    try:
        with fsspec.open(url, "rb") as handle, path.open("wb") as out:
            shutil.copyfileobj(handle, out, _PIECE)
    except ImportError as err:
        raise GausscheckError(f"{url}: {err}; install the package for that protocol") from err
    except Exception as err:
        said = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise GausscheckError(f"{url}: cannot be fetched: {said}") from err
    return path


class RemoteSource:
    """Rows of a fetched file; it travels by its address and is fetched again where it arrives."""

    def __init__(self, url: str, opener: Callable[[Path], Source]) -> None:
        self._url, self._opener = url, opener
        self._inner: Any = None
        inner = self._fetched()
        self.uri = url
        self.n, self.d, self.dtype = inner.n, inner.d, inner.dtype
        self.eps = float(getattr(inner, "eps", np.finfo(np.float64).eps))
        self.notes: tuple[str, ...] = (*inner.notes, "fetched into a temporary file")

    def __getstate__(self) -> dict[str, Any]:
        """Travel by address."""
        return {**self.__dict__, "_inner": None}

    def _fetched(self) -> Any:
        if self._inner is None:
            path = fetch(self._url, self)
            try:
                self._inner = self._opener(path)
            except GausscheckError as err:
                raise GausscheckError(str(err).replace(str(path), self._url)) from err
        return self._inner

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        rows: NDArray[Any] = self._fetched().read(start, stop)
        return rows

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return labels that lie beside the rows; None where there are none."""
        found = getattr(self._fetched(), "beside", None)
        return None if found is None else found(key)
