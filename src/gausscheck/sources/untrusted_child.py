"""The process that reads a file which nobody vouches for: what runs in it."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import Source
from gausscheck.sources.labels import LabelsTooLarge


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
        "column": lambda told: _share(_column(told["path"]), limits["shared"]),
        "array": lambda told: _share(_array(told["path"]), limits["shared"]),
        "inspect": lambda told: {"contents": _contents(told["path"])},
    }
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"error": None, **acts[question["act"]](question)}
        except MemoryError:
            answer = {"error": f"{question.get('path', 'the file')}: reading it takes more than "
                      f"the {limits['memory']:,} bytes allowed"}  # fmt: skip
        except Exception as err:
            answer = {
                "error": str(err) or type(err).__name__,
                "labels": isinstance(err, LabelsTooLarge),
            }
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


def _column(wanted: str) -> NDArray[Any] | None:
    from gausscheck.sources import label_column

    return label_column(wanted)


def _array(path: str) -> NDArray[Any]:
    from gausscheck.sources.npy import whole_npy

    return whole_npy(Path(path))


def _contents(path: str) -> dict[str, Any]:
    from gausscheck.sources import inspect_source

    return asdict(inspect_source(path))


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
