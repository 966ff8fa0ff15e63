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
import mmap
import os
import select
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.files import printable
from gausscheck.sources.base import LARGEST_PIECE, BaseSource

MEMORY = 4 << 30
"""Bytes that the child may take beyond what it starts with."""

SECONDS = 60.0
"""How long one answer may take: a header, or a block of rows."""

ANSWER = 1 << 20
"""Bytes of an answer at most."""

Kind = TypeVar("Kind")

_PROGRAM = "from gausscheck.sources.untrusted import serve; serve()"


class UntrustedSource(BaseSource):
    """Rows of a file that a child process reads.

    Parameters
    ----------
    path : path
        A file, ``FILE:KEY``, a folder or a pattern.
    dataset : str or None
    memory : int
        Bytes that the child may take.
    seconds : float
        How long one answer may take.
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
        memory: int = MEMORY,
        seconds: float = SECONDS,
        **options: Any,
    ) -> None:
        if os.name != "posix":
            raise GausscheckError(f"{path}: files are read apart on Linux and macOS alone")
        self.path = Path(path)
        self._memory, self._seconds = memory, seconds
        self._question = {"path": str(self.path), "dataset": dataset, "options": options}
        self._child: _Child | None = None
        told = self._ask("open")
        with self._checked():
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

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        """Take nonsense in an answer as what it is: the child may no longer be ours."""
        try:
            yield
        except (KeyError, TypeError, ValueError, OverflowError) as err:
            if isinstance(err, GausscheckError):
                raise
            self.close()
            raise GausscheckError(
                f"{self.path}: the process that read it answered what cannot be"
            ) from err

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
            return self._rows((stop - start, self.d), self.dtype)
        spans = [(low, min(low + step, stop)) for low in range(start, stop, step)]
        return np.concatenate([self.read(*span) for span in spans])

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies beside the rows, such as labels; None where nothing does."""
        told = self._ask("beside", key=key)
        if told.get("dtype") is None:
            return None
        with self._checked():
            dtype, shape = np.dtype(_of(told["dtype"], str)), tuple(told["shape"])
            if dtype.kind not in "biufSU" or not all(_of(size, int) >= 0 for size in shape):
                raise ValueError
        return self._rows(shape, dtype)

    def _rows(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        assert self._child is not None
        with self._checked():
            size = math.prod(shape) * dtype.itemsize
            if size > LARGEST_PIECE or size > self._child.shared_size():
                raise ValueError
            return self._child.shared(size).view(dtype).reshape(shape)

    def fingerprint(self) -> str | None:
        """Name the bytes behind the rows."""
        stamp = self._ask("stamp").get("stamp")
        return stamp if isinstance(stamp, str) else None

    def close(self) -> None:
        """End the child; a later read starts another."""
        if self._child is not None:
            self._child.close()
            self._child = None


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
            [sys.executable, "-c", _PROGRAM, json.dumps(limits)],
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
            raise GausscheckError(printable(error))
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

    def shared_size(self) -> int:
        """Bytes that the child has put there."""
        return os.fstat(self._file.fileno()).st_size

    def shared(self, size: int) -> NDArray[np.uint8]:
        """Copy what the child has put there."""
        self._file.seek(0)
        return np.fromfile(self._file, np.uint8, size)

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
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV",
            "LD_LIBRARY_PATH")  # fmt: skip
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_PLUGIN_PATH": os.devnull,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ARROW_IO_THREADS": "1",
    }


# the child --------------------------------------------------------------------------------------


def serve() -> None:
    """Answer requests on standard input until it ends: what the child runs."""
    limits = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    _limit(limits["memory"])
    source: list[Source] = []
    acts: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "open": lambda told: _opened(source, told),
        "stamp": lambda told: {"stamp": source[0].fingerprint()},
        "read": lambda told: _share(source[0].read(told["start"], told["stop"]), limits["shared"]),
        "beside": lambda told: _share(source[0].beside(told["key"]), limits["shared"]),
    }
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"error": None, **acts[question["act"]](question)}
        except MemoryError:
            answer = {"error": f"{question.get('path', 'the file')}: reading it takes more than "
                      f"the {limits['memory']:,} bytes allowed"}  # fmt: skip
        except Exception as err:
            answer = {"error": str(err) or type(err).__name__}
        print(json.dumps(answer), file=answers, flush=True)


def _limit(memory: int) -> None:
    """Limit this process: memory beyond what it has, no core files."""
    import resource

    held = 0
    with contextlib.suppress(OSError), Path("/proc/self/statm").open() as told:
        held = int(told.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    for kind, most in ((resource.RLIMIT_AS, held + memory + (1 << 30)), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # a limit that is stricter already
            resource.setrlimit(kind, (most, most))


def _opened(source: list[Source], told: dict[str, Any]) -> dict[str, Any]:
    from gausscheck.sources import open_source

    opened = open_source(told["path"], dataset=told["dataset"], **told["options"])
    source[:] = [opened]
    return {
        "uri": opened.uri,
        "n": opened.n,
        "d": opened.d,
        "dtype": opened.dtype.str,
        "eps": opened.eps,
        "notes": list(opened.notes),
    }


def _share(values: NDArray[Any] | None, handle: int) -> dict[str, Any]:
    """Put an array where the parent reads it."""
    if values is None:
        return {"dtype": None, "shape": None}
    held = np.ascontiguousarray(values)
    if held.dtype.kind not in "biufSU":
        return {"dtype": None, "shape": None}
    if held.nbytes:
        if os.fstat(handle).st_size < held.nbytes:
            os.ftruncate(handle, held.nbytes)
        with mmap.mmap(handle, held.nbytes) as place:
            place[:] = held.view(np.uint8).reshape(-1).data
    return {"dtype": held.dtype.str, "shape": list(held.shape)}
