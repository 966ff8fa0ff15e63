"""Sketches as files: what one is of. Their rows cannot be read: an audit takes the sketch whole."""

from __future__ import annotations

from pathlib import Path

from gausscheck.core import GausscheckError, Source
from gausscheck.passes.sketch import load_pass
from gausscheck.sources.base import Contents, Entry


def open_sketch(path: Path, dataset: str | None) -> Source:
    """Refuse: a sketch holds a sample, not every row."""
    raise GausscheckError(
        f"{path}: a sketch holds no rows but its sample: analyze takes it, other calls want the "
        "file it was taken from"
    )


def inspect_sketch(path: Path) -> Contents:
    """Say what the sketch is of."""
    kept = load_pass(path)
    entry = Entry(kept.uri, (kept.n, kept.d), kept.meta.dtype)
    reason = (
        "all of it"
        if kept.whole
        else f"leaves {kept.first} to {kept.last} of {kept.leaves}: merge first"
    )
    size = path.stat().st_size
    return Contents(str(path), "sketch", size, (entry,), entry.key if kept.whole else None, reason)
