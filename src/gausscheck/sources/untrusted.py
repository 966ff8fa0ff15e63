"""Files that nobody vouches for: read by a child process with limits on memory and time.

HDF5, Arrow, torch and the codecs of zarr are large libraries in C; a file made to do harm can make
them loop, crash or take all memory. Here that happens to a child. It gets requests as lines of
JSON and answers in JSON, which is checked; rows arrive in memory that both share. It is no sandbox:
the child runs as the same user.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import printable
from gausscheck.processes import import_paths, python
from gausscheck.sources.base import LARGEST_PIECE, BaseSource, Contents, Entry
from gausscheck.sources.labels import LabelsTooLarge

MEMORY = 4 << 30
"""Bytes that the child may take beyond what it starts with."""

SECONDS = 60.0
"""How long one answer may take: a header, or a block of rows."""

ANSWER = 1 << 20
"""Bytes of an answer at most."""

Kind = TypeVar("Kind")

_PROGRAM = "from gausscheck.sources.untrusted_child import serve; serve()"


class UntrustedSource(BaseSource):
    """Rows of a file that a child process reads.

    Parameters
    ----------
    path : path
        A file, ``FILE:KEY``, a folder or a pattern.
    dataset : str or None
    memory : int, optional
        Bytes that the child may take; :data:`MEMORY` unless given.
    seconds : float, optional
        How long one answer may take; :data:`SECONDS` unless given.
    **options
        Those of :func:`gausscheck.open_source` that say how a file is to be taken.

    Raises
    ------
    GausscheckError
        What the reader of that format says; or that it took too long, too much, or died.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        dataset: str | None = None,
        memory: int | None = None,
        seconds: float | None = None,
        **options: Any,
    ) -> None:
        if os.name != "posix":
            raise GausscheckError(f"{path}: files are read apart on Linux and macOS alone")
        self.path = Path(path)
        self._memory = MEMORY if memory is None else memory
        self._seconds = SECONDS if seconds is None else seconds
        self._question = {"path": str(self.path), "dataset": dataset, "options": options}
        self._child: _Child | None = None
        told = self._ask("open")
        with _checked(self.path, self.close):
            self.uri = printable(_of(told["uri"], str))
            self.n, self.d = _of(told["n"], int), _of(told["d"], int)
            self.dtype = np.dtype(_of(told["dtype"], str))
            self.eps = _of(told["eps"], float)
            self.notes: tuple[str, ...] = (
                *(printable(_of(note, str)) for note in told["notes"]),
                "read by a child process with limits",
            )
            if not (0 < self.n < 2**60 and 0 < self.d < 2**40 and self.dtype.kind in "fiu"):
                raise ValueError

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path: another child reads where it arrives."""
        return {**self.__dict__, "_child": None}

    def _ask(self, act: str, **words: Any) -> dict[str, Any]:
        if self._child is None:
            self._child = _Child(self.path, self._memory, self._seconds)
            weakref.finalize(self, self._child.close)
            if act != "open":
                self._child.ask({"act": "open", **self._question})
        try:
            if act == "open":
                words = self._question
            return self._child.ask({"act": act, **words})
        except GausscheckError:
            if not self._child.alive:
                self._child = None
            raise

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        step = max(1, LARGEST_PIECE // (self.d * self.dtype.itemsize))
        if stop - start <= step:
            self._ask("read", start=start, stop=stop)
            with _checked(self.path, self.close):
                return self._living().array((stop - start, self.d), self.dtype)
        spans = [(low, min(low + step, stop)) for low in range(start, stop, step)]
        return np.concatenate([self.read(*span) for span in spans])

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies beside the rows, such as labels; None where nothing does."""
        told = self._ask("beside", key=key)
        with _checked(self.path, self.close):
            return self._living().column(told)

    def _living(self) -> _Child:
        assert self._child is not None
        return self._child

    def fingerprint(self) -> str | None:
        """Name the bytes behind the rows."""
        stamp = self._ask("stamp").get("stamp")
        return stamp if isinstance(stamp, str) else None

    def close(self) -> None:
        """End the child; a later read starts another."""
        if self._child is not None:
            self._child.close()
            self._child = None


def column_apart(wanted: str, act: Literal["column", "array"] = "column") -> NDArray[Any] | None:
    """Return what a file of labels or directions holds, read by a child process.

    Parameters
    ----------
    wanted : str
        A .npy file or ``FILE:KEY``.
    act : {"column", "array"}
        Labels, or the array of a .npy file.

    Returns
    -------
    array or None
        None where the file has nothing under that key.

    Raises
    ------
    GausscheckError
        What the reader says; or that it took too long, too much, or died.
    """
    child = _Child(Path(wanted), MEMORY, SECONDS)
    try:
        told = child.ask({"act": act, "path": wanted})
        with _checked(Path(wanted), child.close):
            return child.column(told)
    finally:
        child.close()


def contents_apart(path: str | PathLike[str]) -> Contents:
    """Say what a file holds, as :func:`gausscheck.inspect_source` does, by a child process.

    Raises
    ------
    GausscheckError
        What the reader says; or that it took too long, too much, or died.
    """
    child = _Child(Path(path), MEMORY, SECONDS)
    try:
        told = child.ask({"act": "inspect", "path": str(path)})
        with _checked(Path(path), child.close):
            held = told["contents"]
            entries = tuple(
                Entry(
                    _of(entry["key"], str),
                    tuple(_of(size, int) for size in entry["shape"]),
                    _of(entry["dtype"], str),
                    None if entry["problem"] is None else _of(entry["problem"], str),
                )
                for entry in held["entries"]
            )
            chosen = None if held["chosen"] is None else _of(held["chosen"], str)
            size = None if held["size"] is None else _of(held["size"], int)
            words = (_of(held[name], str) for name in ("uri", "format", "reason"))
            uri, form, reason = words
            return Contents(uri, form, size, entries, chosen, reason)
    finally:
        child.close()


@contextlib.contextmanager
def _checked(path: Path, close: Callable[[], None]) -> Iterator[None]:
    """Take nonsense in an answer as what it is: the child may no longer be ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as err:
        if isinstance(err, GausscheckError):
            raise
        close()
        raise GausscheckError(f"{path}: the process that read it answered what cannot be") from err


def _of(value: Any, kind: type[Kind]) -> Kind:
    """Return a value that must be of a kind. Raises TypeError where it is not."""
    if type(value) is not kind:
        raise TypeError
    return value


class _Child:
    """The process that reads, and the memory shared with it."""

    def __init__(self, path: Path, memory: int, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        self._file = _shared_file()
        limits = {"memory": memory, "shared": self._file.fileno()}
        self._process = subprocess.Popen(
            python("-c", _PROGRAM, json.dumps(limits)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[self._file.fileno()],
            env=_environment(),
            start_new_session=True,  # Ctrl-C is ours: the child ends with its pipe
        )

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Send a line and wait for one.

        Raises
        ------
        GausscheckError
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            line = self._line()
        except OSError:
            line = b""
        if not line:
            raise self._ended()
        try:
            told = json.loads(line)
            error = told["error"]
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            self.close()
            raise GausscheckError(
                f"{self._path}: the process that read it answered what cannot be"
            ) from err
        if error is not None:
            kind = LabelsTooLarge if told.get("labels") is True else GausscheckError
            raise kind(printable(error))
        return dict(told)

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        handle, until, line = self._process.stdout.fileno(), time.monotonic() + self._seconds, b""
        while not line.endswith(b"\n"):
            left = until - time.monotonic()
            ready = select.select([handle], [], [], max(left, 0))[0]
            if not ready or len(line) > ANSWER:
                self.close()
                raise GausscheckError(
                    f"{self._path}: the process that read it gave no answer in {self._seconds:g} "
                    "seconds and was ended; the file is damaged or made to do harm"
                )
            piece = os.read(handle, 1 << 16)
            if not piece:
                return b""
            line += piece
        return line

    def _ended(self) -> GausscheckError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.returncode
        self.close()
        return GausscheckError(
            f"{self._path}: the process that read it died (exit code {code}); the file is damaged "
            "or made to do harm"
        )

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Copy what the child has put there. Raises ValueError where that cannot be."""
        size = math.prod(shape) * dtype.itemsize
        if size > LARGEST_PIECE or size > os.fstat(self._file.fileno()).st_size:
            raise ValueError
        self._file.seek(0)
        return np.fromfile(self._file, np.uint8, size).view(dtype).reshape(shape)

    def column(self, told: dict[str, Any]) -> NDArray[Any] | None:
        """Copy the array that an answer describes; None where it says that there is none."""
        if told.get("dtype") is None:
            return None
        dtype, shape = np.dtype(_of(told["dtype"], str)), tuple(told["shape"])
        if dtype.kind not in "biufSU" or not all(_of(size, int) >= 0 for size in shape):
            raise ValueError
        return self.array(shape, dtype)

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for handle in (self._process.stdin, self._process.stdout, self._file):
            if handle is not None:
                with contextlib.suppress(OSError):
                    handle.close()


def _shared_file() -> Any:
    """Open a file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("gausscheck-rows"), "w+b")
    return tempfile.TemporaryFile(prefix="gausscheck-")


def _environment() -> dict[str, str]:
    """Return what the child sees of our environment: nothing secret, no plug-ins, one thread."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": import_paths(),
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_PLUGIN_PATH": os.devnull,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ARROW_IO_THREADS": "1",
    }
