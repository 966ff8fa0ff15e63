"""Takes the vectors out of a faiss index, in a process of its own: an index can abort its reader.

    python -m gausscheck.sources.faiss_child INDEX VECTORS

writes raw float32 rows to VECTORS, and their number and width as JSON to standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_BYTES = 16 << 20
"""Bytes of vectors reconstructed at a time."""

_ROOM = 4 << 30
"""Address space that faiss and what it loads may take besides eight times the index."""


def extract(index_file: Path, out: Path) -> dict[str, Any]:
    """Write the vectors of an index; return how many of what width, and what kind it is."""
    import faiss

    index = faiss.read_index(str(index_file))
    kind = type(index).__name__
    inner = faiss.downcast_index(index.index) if kind.startswith("IndexIDMap") else index
    if hasattr(inner, "make_direct_map"):
        inner.make_direct_map()
    step = max(1, _BYTES // (4 * inner.d))
    with out.open("wb") as handle:
        for low in range(0, inner.ntotal, step):
            count = min(step, inner.ntotal - low)
            inner.reconstruct_n(low, count).astype("<f4").tofile(handle)
    return {"n": inner.ntotal, "d": inner.d, "kind": kind}


def _bounded(index_file: Path) -> None:
    """Let a damaged index that asks for endless memory fail here."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    most = _ROOM + 8 * index_file.stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    _bounded(Path(sys.argv[1]))
    try:
        print(json.dumps(extract(Path(sys.argv[1]), Path(sys.argv[2]))))
    except Exception as err:
        told = [line for line in str(err).splitlines() if line.strip()]
        print(json.dumps({"error": told[-1] if told else type(err).__name__}))
