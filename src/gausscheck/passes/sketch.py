"""Sketches: what the first pass takes from a stretch of rows, in a file that can be merged.

A sketch is a zip archive of .npy members and a JSON header, never a pickle. It holds the moments of
its rows (mean, scatter, per aligned stretch of leaves), a key and a norm for each row, the bad
rows, and those of its rows that belong to the random sample. The header carries a SHA-256 of the
members.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import atomic_path, check_file, printable
from gausscheck.passes.fold import Node, TreeFold
from gausscheck.passes.reductions import Rows, Spread, merge_spread
from gausscheck.passes.scatter import ScatterMatrix

FORMAT, VERSION = "gausscheck.sketch", (1, 1)
"""Version 1.1 counts the header into the checksum."""

_HEADER = 1 << 20
"""Bytes of a header at most."""


@dataclass(frozen=True, slots=True)
class PassMeta:
    """The source and the options of a first pass; parts merge only where all of it is the same.

    Attributes
    ----------
    uri : str
    n, d : int
        Of the whole source.
    dtype : str
    eps : float
    notes : list of str
    leaf : int
        Rows in a leaf.
    seed, rows : int
        Of the random sample.
    unit : bool
        Whether rows are divided by their norms before the spread is taken.
    """

    uri: str
    n: int
    d: int
    dtype: str
    eps: float
    notes: list[str]
    leaf: int
    seed: int
    rows: int
    unit: bool


@dataclass(frozen=True, slots=True)
class KeptPass:
    """What was taken from leaves ``first`` to ``last`` of a source.

    One of all leaves can be audited in the place of a source: it has no rows but its sample.

    Attributes
    ----------
    meta : PassMeta
    first, last : int
        Leaves.
    rows : Rows
    nodes : tuple of Node
        Spreads of aligned stretches of leaves, in row order.
    slots, sample : arrays
        Places in the sample, and the stored rows that go there.
    """

    meta: PassMeta
    first: int
    last: int
    rows: Rows
    nodes: tuple[Node[Spread], ...]
    slots: NDArray[np.int32]
    sample: NDArray[Any]

    @property
    def uri(self) -> str:
        """What messages call it."""
        return self.meta.uri

    @property
    def n(self) -> int:
        """Rows of the source."""
        return self.meta.n

    @property
    def d(self) -> int:
        """Dimensions."""
        return self.meta.d

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored element type."""
        return np.dtype(self.meta.dtype)

    @property
    def eps(self) -> float:
        """Relative spacing of the stored values."""
        return self.meta.eps

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of the reader, and that this is a sketch."""
        return (*self.meta.notes, "a sketch: moments of directions come from the sample")

    @property
    def leaves(self) -> int:
        """Leaves of the whole source."""
        return -(-self.meta.n // self.meta.leaf)

    @property
    def whole(self) -> bool:
        """Whether all leaves are here."""
        return (self.first, self.last) == (0, self.leaves)

    @property
    def spread(self) -> Spread:
        """Mean and scatter of all its rows."""
        total = self.nodes[-1].state
        for node in reversed(self.nodes[:-1]):
            total = merge_spread(node.state, total)
        return total

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return nothing: labels do not travel in a sketch."""
        return None

    def without_sample(self) -> KeptPass:
        """Return it without the sampled rows."""
        return replace(self, slots=self.slots[:0], sample=self.sample[:0])


def merge_passes(parts: Sequence[KeptPass]) -> KeptPass:
    """Join parts that follow one another, in any order of the sequence.

    Raises
    ------
    GausscheckError
        If they are of different sources or options, overlap, or leave a gap.
    """
    ordered = sorted(parts, key=lambda part: (part.first, part.last))
    first = ordered[0]
    fold: TreeFold[Spread] = TreeFold(merge_spread, first.first)
    end = first.first
    for part in ordered:
        has, want = asdict(part.meta), asdict(first.meta)
        other = sorted(name for name in want if has[name] != want[name])
        if other:
            named = ", ".join(f"{name} {has[name]} and {want[name]}" for name in other)
            raise GausscheckError(f"sketches of different rows or options do not merge: {named}")
        if part.first != end:
            word = "overlap at" if part.first < end else "leave out rows from"
            row = min(part.first, end) * first.meta.leaf
            raise GausscheckError(f"sketches {word} row {row:,}; give each part once, and all")
        for node in part.nodes:
            fold.push(node.state, node.level)
        end = part.last
    rows = Rows.concatenate([part.rows for part in ordered])
    return KeptPass(
        first.meta,
        first.first,
        end,
        rows,
        tuple(fold.nodes),
        np.concatenate([p.slots for p in ordered]),
        np.concatenate([p.sample for p in ordered]),
    )


def save_pass(part: KeptPass, path: Path) -> None:
    """Write a sketch whole or not at all.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    spreads, d = [node.state for node in part.nodes], part.meta.d
    members: dict[str, NDArray[Any]] = {
        "rows/non_finite": part.rows.non_finite,
        "rows/zero": part.rows.zero,
        "rows/keys": part.rows.keys,
        "rows/norms": part.rows.norms,
        "nodes/place": np.array(
            [(n.level, n.index, n.state.n) for n in part.nodes], dtype=np.int64
        ).reshape(-1, 3),
        "nodes/mean": np.array([s.mean for s in spreads] or np.empty((0, d))),
        "nodes/scatter": np.array([s.scatter.dense() for s in spreads] or np.empty((0, d, d))),
        "nodes/largest": np.array([s.largest for s in spreads] or np.empty((0, d))),
        "sample/slots": part.slots,
        "sample/rows": part.sample,
    }
    header = {
        "format": FORMAT,
        "version": list(VERSION),
        "meta": asdict(part.meta),
        "first": part.first,
        "last": part.last,
    }
    header["sha256"] = _digest(members, header)
    with atomic_path(path) as work, zipfile.ZipFile(work, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        for name, value in members.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(value))


def _digest(members: dict[str, NDArray[Any]], header: dict[str, Any]) -> str:
    """Return the checksum of members, and of the header but for the checksum itself."""
    total = hashlib.sha256()
    if header["version"] != [1, 0]:
        told = {key: value for key, value in header.items() if key != "sha256"}
        total.update(json.dumps(told, sort_keys=True).encode())
    for name, value in members.items():
        total.update(f"{name} {value.dtype.str} {value.shape}".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()


def load_pass(path: Path) -> KeptPass:
    """Read a sketch.

    Raises
    ------
    GausscheckError
        If it is missing, damaged, of another kind, or of a newer version.
    """
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(_member(archive, "header.json", _HEADER))
            if header["format"] != FORMAT:
                raise ValueError("another format")
            if header["version"][0] > VERSION[0]:
                raise GausscheckError(
                    f"{path}: sketch version {header['version'][0]} is newer than {VERSION[0]}, "
                    "which this gausscheck reads; upgrade with pip install -U gausscheck"
                )
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            members = {name.removesuffix(".npy"): _array(archive, name) for name in names}
        if _digest(members, header) != header["sha256"]:
            raise ValueError("its checksum differs")
        return _checked(_assemble(header, members))
    except GausscheckError as err:
        raise GausscheckError(printable(err)) from err
    except Exception as err:  # zipfile and NumPy's header parser raise of every kind
        raise GausscheckError(
            f"{path}: expected a sketch, got a damaged or truncated file ({printable(err)}); "
            "sketch those rows again"
        ) from err


def _member(archive: zipfile.ZipFile, name: str, most: int | None = None) -> bytes:
    """Return the bytes of a member: as many as the file holds, for nothing is packed."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError(f"{name} is packed")
    if most is not None and info.file_size > most:
        raise ValueError(f"{name} has {info.file_size:,} bytes")
    return archive.read(info)  # checks its CRC


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return an array whose header promises what is there."""
    raw = io.BytesIO(_member(archive, name))
    major, minor = np.lib.format.read_magic(raw)
    if (major, minor) != (1, 0):
        raise ValueError(f"{name} has version {major}.{minor}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(raw)
    rest = raw.getbuffer()[raw.tell() :]
    if fortran or dtype.hasobject or math.prod(shape) * dtype.itemsize != len(rest):
        raise ValueError(f"{name} does not hold {dtype} {shape}")
    return np.frombuffer(rest, dtype).reshape(shape).copy()


def _assemble(header: dict[str, Any], members: dict[str, NDArray[Any]]) -> KeptPass:
    places = members["nodes/place"].tolist()
    spreads = zip(members["nodes/mean"], members["nodes/scatter"], members["nodes/largest"],
                  strict=True)  # fmt: skip
    nodes = tuple(
        Node(level, index, Spread(n, mean, ScatterMatrix(scatter), largest))
        for (level, index, n), (mean, scatter, largest) in zip(places, spreads, strict=True)
    )
    rows = Rows(*(members[f"rows/{k}"] for k in ("non_finite", "zero", "keys", "norms")))
    return KeptPass(_meta(header["meta"]), header["first"], header["last"], rows, nodes,
                    members["sample/slots"], members["sample/rows"])  # fmt: skip


def _checked(part: KeptPass) -> KeptPass:
    """Refuse a sketch whose parts contradict one another, whoever computed its checksum.

    Raises
    ------
    ValueError
    """
    meta, d = part.meta, part.meta.d
    whole = (meta.n, d, meta.leaf, meta.seed, meta.rows, part.first, part.last)
    if not all(type(value) is int and value >= 0 for value in whole):
        raise ValueError("its numbers are not whole")
    if not (meta.n and d and meta.leaf and part.first <= part.last <= part.leaves):
        raise ValueError(f"leaves {part.first} to {part.last} of {meta.n} rows")
    if part.dtype.kind not in "fiu" or not isinstance(meta.uri, str) or type(meta.eps) is not float:
        raise ValueError(f"rows of {meta.dtype}")
    if not all(isinstance(note, str) for note in meta.notes) or type(meta.unit) is not bool:
        raise ValueError("its notes are no text")
    low, high = (min(leaf * meta.leaf, meta.n) for leaf in (part.first, part.last))
    slots, sample, rows = part.slots, part.sample, part.rows
    sound = (
        rows.keys.shape == rows.norms.shape == (high - low,)
        and rows.keys.dtype == np.uint64
        and all(
            bad.ndim == 1 and bad.dtype == np.int64 and _within(bad, low, high)
            for bad in (rows.non_finite, rows.zero)
        )
        and slots.ndim == 1
        and slots.dtype == np.int32
        and np.unique(slots).size == slots.size
        and _within(slots, 0, min(meta.rows, meta.n))
        and sample.shape == (slots.size, d)
        and sample.dtype == part.dtype
        and all(
            (node.state.mean.shape, node.state.scatter.held.shape, node.state.largest.shape)
            == ((d,), (d, d), (d,))
            for node in part.nodes
        )
        and _cover(part)
    )
    if not sound:
        raise ValueError("its arrays do not fit one another")
    return part


def _within(values: NDArray[Any], low: int, high: int) -> bool:
    return values.size == 0 or bool(low <= values.min() and values.max() < high)


def _cover(part: KeptPass) -> bool:
    """Whether the nodes follow one another over the leaves of the part."""
    end = part.first
    for node in part.nodes:
        if node.level not in range(64) or node.index << node.level != end:
            return False
        end = (
            min(end + (1 << node.level), part.last)
            if node is part.nodes[-1]
            else end + (1 << node.level)
        )
    return end == part.last


def _meta(values: dict[str, Any]) -> PassMeta:
    return PassMeta(**{field.name: values[field.name] for field in fields(PassMeta)})
