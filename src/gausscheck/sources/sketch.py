"""Sketches: what the first pass takes from a stretch of rows, in a file that can be merged.

A sketch is a zip archive of .npy members and a JSON header, never a pickle. It holds the moments of
its rows (mean, scatter, per aligned stretch of leaves), a key and a norm for each row, the bad
rows, and those of its rows that belong to the random sample. The header carries a SHA-256 of the
members.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.reductions import Rows, Spread, merge_spread
from gausscheck.sources.base import Contents, Entry, check_file
from gausscheck.streaming import Node, TreeFold

FORMAT, VERSION = "gausscheck.sketch", (1, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """What was taken from leaves ``first`` to ``last`` of a source.

    Attributes
    ----------
    meta : dict
        Of the whole source: uri, n, d, dtype, eps, notes, leaf, and the options seed, rows, unit.
        Parts merge only where all of it is the same.
    first, last : int
        Leaves.
    rows : Rows
    nodes : tuple of Node
        Spreads of aligned stretches of leaves, in row order.
    slots, sample : arrays
        Places in the sample, and the stored rows that go there.
    """

    meta: dict[str, Any]
    first: int
    last: int
    rows: Rows
    nodes: tuple[Node[Spread], ...]
    slots: NDArray[np.int32]
    sample: NDArray[Any]


def merge_parts(parts: Sequence[Part]) -> Part:
    """Join parts that follow one another, in any order of the sequence.

    Raises
    ------
    GausscheckError
        If they are of different sources or options, overlap, or leave a gap.
    """
    ordered = sorted(parts, key=lambda part: part.first)
    first = ordered[0]
    fold: TreeFold[Spread] = TreeFold(merge_spread, first.first)
    end = first.first
    for part in ordered:
        other = sorted(k for k in first.meta if part.meta.get(k) != first.meta[k])
        if other:
            named = ", ".join(f"{k} {part.meta.get(k)} and {first.meta[k]}" for k in other)
            raise GausscheckError(f"sketches of different rows or options do not merge: {named}")
        if part.first != end:
            word = "overlap at" if part.first < end else "leave out rows from"
            row = min(part.first, end) * int(first.meta["leaf"])
            raise GausscheckError(f"sketches {word} row {row:,}; give each part once, and all")
        for node in part.nodes:
            fold.push(node.state, node.level)
        end = part.last
    rows = Rows(*(np.concatenate([getattr(p.rows, name) for p in ordered])
                  for name in ("non_finite", "zero", "keys", "norms")))  # fmt: skip
    return Part(
        first.meta,
        first.first,
        end,
        rows,
        tuple(fold.nodes),
        np.concatenate([p.slots for p in ordered]),
        np.concatenate([p.sample for p in ordered]),
    )


def save_part(part: Part, path: Path) -> None:
    """Write a sketch whole or not at all.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    spreads = [node.state for node in part.nodes]
    members: dict[str, NDArray[Any]] = {
        "rows/non_finite": part.rows.non_finite,
        "rows/zero": part.rows.zero,
        "rows/keys": part.rows.keys,
        "rows/norms": part.rows.norms,
        "nodes/place": np.array(
            [(n.level, n.index, n.state.n) for n in part.nodes], dtype=np.int64
        ),
        "nodes/mean": np.array([s.mean for s in spreads]),
        "nodes/scatter": np.array([s.scatter for s in spreads]),
        "nodes/largest": np.array([s.largest for s in spreads]),
        "sample/slots": part.slots,
        "sample/rows": part.sample,
    }
    header = {
        "format": FORMAT,
        "version": list(VERSION),
        "meta": part.meta,
        "first": part.first,
        "last": part.last,
        "sha256": _digest(members),
    }
    work = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(work, "w") as archive:
            archive.writestr("header.json", json.dumps(header))
            for name, value in members.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(value))
        os.replace(work, path)
    except OSError as err:
        raise GausscheckError(f"{path}: could not write the sketch: {err}") from err
    finally:
        work.unlink(missing_ok=True)


def _digest(members: dict[str, NDArray[Any]]) -> str:
    total = hashlib.sha256()
    for name, value in members.items():
        total.update(f"{name} {value.dtype.str} {value.shape}".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()


def load_part(path: Path) -> Part:
    """Read a sketch.

    Raises
    ------
    GausscheckError
        If it is missing, damaged, of another kind, or of a newer version.
    """
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read("header.json"))
            if header["format"] != FORMAT:
                raise ValueError("another format")
            if header["version"][0] > VERSION[0]:
                raise GausscheckError(
                    f"{path}: sketch version {header['version'][0]} is newer than {VERSION[0]}, "
                    "which this gausscheck reads; upgrade with pip install -U gausscheck"
                )
            members = {}
            for name in archive.namelist():
                if name.endswith(".npy"):
                    with archive.open(name) as member:
                        members[name.removesuffix(".npy")] = np.lib.format.read_array(
                            member, allow_pickle=False
                        )
        if _digest(members) != header["sha256"]:
            raise ValueError("its checksum differs")
        return _assemble(header, members)
    except GausscheckError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, IndexError, NotImplementedError,
            RuntimeError, zipfile.BadZipFile) as err:  # fmt: skip
        raise GausscheckError(
            f"{path}: expected a sketch, got a damaged or truncated file ({err}); sketch those "
            "rows again"
        ) from err


def _assemble(header: dict[str, Any], members: dict[str, NDArray[Any]]) -> Part:
    places = members["nodes/place"].tolist()
    spreads = zip(members["nodes/mean"], members["nodes/scatter"], members["nodes/largest"],
                  strict=True)  # fmt: skip
    nodes = tuple(
        Node(level, index, Spread(n, *found))
        for (level, index, n), found in zip(places, spreads, strict=True)
    )
    rows = Rows(*(members[f"rows/{k}"] for k in ("non_finite", "zero", "keys", "norms")))
    return Part(header["meta"], header["first"], header["last"], rows, nodes,
                members["sample/slots"], members["sample/rows"])  # fmt: skip


class SketchSource:
    """All rows of a source, as far as a merged sketch remembers them: analyze takes it."""

    def __init__(self, part: Part, uri: str) -> None:
        meta = part.meta
        leaves = -(-int(meta["n"]) // int(meta["leaf"]))
        if (part.first, part.last) != (0, leaves):
            raise GausscheckError(
                f"{uri}: expected a sketch of all {meta['n']:,} rows, got leaves {part.first} to "
                f"{part.last} of {leaves}; merge all parts: gausscheck merge *.sketch -o all.sketch"
            )
        self.part, self.uri = part, uri
        self.n, self.d = int(meta["n"]), int(meta["d"])
        self.dtype = np.dtype(meta["dtype"])
        self.eps = float(meta["eps"])
        self.notes: tuple[str, ...] = (
            *meta["notes"],
            f"a sketch of {meta['uri']}: moments of directions come from the sample",
        )

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Refuse: a sketch holds a sample, not every row."""
        raise GausscheckError(f"{self.uri}: a sketch holds no rows but its sample")


def open_sketch(path: Path, dataset: str | None) -> SketchSource:
    """Open a merged sketch; it holds one source, so ``dataset`` must be None."""
    if dataset is not None:
        raise GausscheckError(f"{path}: a sketch is of one array; leave --dataset out")
    return SketchSource(load_part(path), str(path))


def inspect_sketch(path: Path) -> Contents:
    """Say what the sketch is of."""
    part = load_part(path)
    meta = part.meta
    entry = Entry(str(meta["uri"]), (meta["n"], meta["d"]), str(meta["dtype"]))
    leaves = -(-int(meta["n"]) // int(meta["leaf"]))
    whole = (part.first, part.last) == (0, leaves)
    reason = (
        "all of it" if whole else f"leaves {part.first} to {part.last} of {leaves}: merge first"
    )
    size = path.stat().st_size
    return Contents(str(path), "sketch", size, (entry,), entry.key if whole else None, reason)
