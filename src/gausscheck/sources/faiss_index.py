"""Faiss indexes that are not flat: their vectors as faiss gives them back, in another process."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import weakref
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.processes import import_paths, python
from gausscheck.sources.base import FileSource, line_of

EXACT = ("IwFl", "IHNf", "INSf", "INNf")
"""Kinds that keep vectors as they are: inverted lists, graphs."""

ROUNDED = ("IxSQ", "IwSQ", "IwSq", "IHNs")
"""Kinds that round each number by a scalar quantiser."""

_MAPS = ("IxMp", "IxM2")
_SECONDS = 1800
_GIVEN = "numbers were rounded by a scalar quantiser: steps of its size show in every test"


def inner_kind(path: Path) -> str:
    """Return the four letters of an index, or of that inside of its maps of ids."""
    with path.open("rb") as handle:
        for _ in range(3):
            letters = handle.read(4).decode("latin-1")
            if letters not in _MAPS:
                return letters
            head = handle.read(33)  # dimensions, vectors, two reserved, trained, metric
            if len(head) == 33 and int.from_bytes(head[29:], "little") > 1:
                handle.read(4)
    return letters


def by_faiss(path: Path) -> bool:
    """Whether an index is one that faiss has to give back, and faiss is installed."""
    known = inner_kind(path) in (*EXACT, *ROUNDED)
    return known and find_spec("faiss") is not None


class FaissIndexSource(FileSource):
    """Vectors of an index, in the order they were added.

    A process of its own holds the index and writes its vectors to a temporary file, 16 MB at a
    time; rows are read from there.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.uri = path, str(path)
        self._file: Any = None
        told = self._extract()
        self.n, self.d, self.kind = int(told["n"]), int(told["d"]), str(told["kind"])
        self.dtype = np.dtype(np.float32)
        self.eps = float(np.finfo(np.float32).eps)
        rounded = (_GIVEN,) if inner_kind(path) in ROUNDED else ()
        self.notes: tuple[str, ...] = (f"{self.kind}, given back by faiss", *rounded)

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**self.__dict__, "_file": None}

    def _extract(self) -> dict[str, Any]:
        handle, name = tempfile.mkstemp(prefix="gausscheck-")
        os.close(handle)
        out = Path(name)
        try:
            told = _run(self.path, out)
            if out.stat().st_size != 4 * int(told["n"]) * int(told["d"]) or not told["n"]:
                raise GausscheckError(f"{self.path}: expected vectors, the index gives none back")
            self._file = out.open("rb")
            weakref.finalize(self, self._file.close)
        finally:
            out.unlink(missing_ok=True)
        return told

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        if self._file is None:
            self._extract()
        self._file.seek(4 * start * self.d)
        flat = np.fromfile(self._file, "<f4", (stop - start) * self.d)
        return flat.reshape(stop - start, self.d).astype(np.float32, copy=False)


def _run(path: Path, out: Path) -> dict[str, Any]:
    """Let another process take the vectors out.

    Raises
    ------
    GausscheckError
        If it fails, is killed, or aborts.
    """
    command = python("-m", "gausscheck.sources.faiss_child", str(path), str(out))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = import_paths()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, env=environment, check=False
        )
        told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, OSError, ValueError, IndexError) as err:
        told = {"error": f"faiss broke off ({line_of(err)})"}
    if "error" in told:
        reason = str(told["error"]).rsplit("Error: ", 1)[-1].rsplit(".cpp:", 1)[-1][:160]
        raise GausscheckError(
            f"{path}: faiss cannot give its vectors back ({reason}); write the index again, "
            "or save the vectors: np.save('x.npy', index.reconstruct_n(0, index.ntotal))"
        )
    return told
