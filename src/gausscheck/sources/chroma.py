"""Chroma's folders: vectors waiting in its queue, and those in a collection's HNSW segment.

The segment's own table of ids is a pickle, which is never loaded; where the two cannot be put
together without it, the refusal says how Chroma itself exports the collection.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import Contents, Entry, choose, contents_of
from gausscheck.sources.labels import texts
from gausscheck.sources.spool import Parsed, SpooledSource
from gausscheck.sources.sqlite import opened_sqlite, selected, tables_of

FILE = "chroma.sqlite3"

_UPDATED, _DELETED = 1, 3
"""Operations in the queue; 0 adds, 2 adds or replaces."""

_HEAD = struct.Struct("<i6Q")
"""Version, offset of level 0, room, elements, bytes of an element, places of label and vector."""

_PIECE = 4 << 20

_COLLECTIONS = (
    "SELECT c.id, c.name, c.dimension, m.id, v.id FROM collections c "
    "JOIN segments m ON m.collection = c.id AND m.scope = 'METADATA' "
    "JOIN segments v ON v.collection = c.id AND v.scope = 'VECTOR' ORDER BY c.name"
)


@dataclass(frozen=True, slots=True)
class _Collection:
    """A collection: its name, rows and dimensions, and the ids of its two segments."""

    key: str
    name: str
    n: int
    d: int
    vectors: str
    cosine: bool


class ChromaSource(SpooledSource):
    """Rows of one collection: those of its segment first, then those of the queue.

    Memory holds the ids in the queue and 4 MB of vectors.
    """

    _place = "row"

    def __init__(self, path: Path, collection: _Collection) -> None:
        self._collection = collection
        self._file_path = _base(path)
        self._ids: list[str] | None = None
        dtype = np.dtype(np.float32)
        super().__init__(path, f"{path}:{collection.name}", dtype, float(np.finfo(dtype).eps))
        said = "" if self._ids is not None else ", in the order of its index"
        self.notes: tuple[str, ...] = (f"a Chroma collection{said}",)

    def _rows(self) -> Iterator[Parsed]:
        held = self._collection
        with opened_sqlite(self._file_path) as base:
            queued = _replayed(base, held.key, 0)
            self._ids = None if queued is None else list(queued)
            inside: Iterator[NDArray[Any]] = iter(())
            if queued is None or len(queued) != held.n:
                saved = _saved(base, held.vectors)
                queued, self._ids = _replayed(base, held.key, saved), None
                inside = _segment(self._file_path.parent / held.vectors, held)
            if queued is None:
                raise self._refusal()
            place = 0
            for row in inside:
                yield place, row
                place += 1
            for seq in queued.values():
                sql = f"SELECT vector FROM embeddings_queue WHERE seq_id = {int(seq)}"
                yield place, np.frombuffer(next(selected(base, sql))[0], "<f4")
                place += 1
            if place != held.n:
                raise self._refusal()

    def _refusal(self) -> GausscheckError:
        name = self._collection.name
        return GausscheckError(
            f"{self.uri}: its index and its queue cannot be put together without its pickle, which "
            f"is never loaded; export it: col = chromadb.PersistentClient('{self.path.name}')"
            f".get_collection('{name}'); np.save('x.npy', col.get(include=['embeddings'])"
            "['embeddings'])"
        )

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return the ids where all rows come from the queue; None for another key."""
        if key not in ("name", "labels") or self._ids is None:
            return None
        return texts(self._ids, self.uri, key)


def _base(path: Path) -> Path:
    return path / FILE if path.is_dir() else path


def _collections(path: Path) -> list[_Collection]:
    with opened_sqlite(_base(path)) as base:
        found = []
        for key, name, d, metadata, vectors in list(selected(base, _COLLECTIONS)):
            sql = "SELECT count(*) FROM embeddings WHERE segment_id = ?"
            n = next(selected(base, sql, (metadata,)))[0]
            folder = str(vectors)
            if Path(folder).name != folder:
                raise GausscheckError(f"{path}: damaged: a segment called {folder!r}")
            found.append(_Collection(key, name, n, d or 0, folder, _is_cosine(base, key)))
    return found


def _is_cosine(base: sqlite3.Connection, key: str) -> bool:
    """Whether a collection's index is by cosine: one of its settings says so."""
    told = [str(row) for row in selected(base, "SELECT * FROM collections WHERE id = ?", (key,))]
    if "collection_metadata" in tables_of(base):
        sql = "SELECT * FROM collection_metadata WHERE collection_id = ?"
        told += [str(row) for row in selected(base, sql, (key,)) if "space" in str(row)]
    return any("cosine" in text for text in told)


def _saved(base: sqlite3.Connection, segment: str) -> int:
    """Return the last change that the vector segment holds."""
    found = list(selected(base, "SELECT seq_id FROM max_seq_id WHERE segment_id = ?", (segment,)))
    value = found[0][0] if found else 0
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)


def _replayed(base: sqlite3.Connection, key: str, after: int) -> dict[str, int] | None:
    """Replay the queue: return the places of what it adds; None if it changes what isn't in it."""
    sql = (
        "SELECT seq_id, operation, id, vector IS NOT NULL FROM embeddings_queue "
        "WHERE topic LIKE '%' || ? AND seq_id > ? ORDER BY seq_id"
    )
    live: dict[str, int] = {}
    for seq, operation, name, whole in selected(base, sql, (key, after)):
        if operation == _DELETED:
            if live.pop(name, None) is None:
                return None
        elif whole:
            if operation == _UPDATED and name not in live:
                return None
            live[name] = seq
    return live


def _segment(folder: Path, held: _Collection) -> Iterator[NDArray[Any]]:
    """Yield the vectors of an HNSW segment that are not marked as deleted.

    An index by cosine keeps unit vectors, and their lengths in a file of its own.
    """
    head, data, lengths = (folder / f"{n}.bin" for n in ("header", "data_level0", "length"))
    if not head.is_file() or not data.is_file() or (held.cosine and not lengths.is_file()):
        return
    raw = head.read_bytes()[: _HEAD.size]
    if len(raw) < _HEAD.size:
        raise GausscheckError(f"{head}: truncated; copy it again")
    _, start, _, count, size, label, place = _HEAD.unpack(raw)
    fits = place + 4 * held.d == label and label + 8 == size and start == 0
    if not fits or data.stat().st_size < count * size:
        raise GausscheckError(
            f"{data}: damaged: {count} elements of {size} bytes for {held.d} dimensions; copy it "
            "again"
        )
    step = max(1, _PIECE // size)
    for low in range(0, count, step):
        many = min(step, count - low)
        block = np.fromfile(data, np.uint8, many * size, offset=low * size).reshape(many, size)
        rows = np.ascontiguousarray(block[:, place:label]).view("<f4")
        if held.cosine:
            rows = rows * np.fromfile(lengths, "<f4", many, offset=4 * low)[:, None]
        yield from rows[(block[:, 2] & 1) == 0]


def _entries(path: Path) -> list[Entry]:
    return [
        Entry(held.name, (held.n, held.d), "float32", None if held.n else "it holds nothing")
        for held in _collections(path)
    ]


def open_chroma(path: Path, dataset: str | None) -> ChromaSource:
    """Open one collection; ``dataset`` is its name."""
    entry, _ = choose(_entries(path), dataset, str(path))
    held = next(c for c in _collections(path) if c.name == entry.key)
    return ChromaSource(path, held)


def inspect_chroma(path: Path) -> Contents:
    """Say which collections there are."""
    return contents_of(path, "Chroma", _entries(path))
