"""Sketches: what the first pass takes from a stretch of rows, in a file that can be merged.

A sketch is a zip archive of .npy members and a JSON header, never a pickle. It holds the moments of
its rows and of their norms (per aligned stretch of leaves), counts of norms in cells, keys of rows
(of more than a million not of all), the number of bad rows, and those of its rows that belong to
the random sample. The header carries a SHA-256 of the members.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import atomic_path, check_file, printable
from gausscheck.passes.fold import Node, TreeFold
from gausscheck.passes.reductions import Rows
from gausscheck.passes.row_keys import level_of
from gausscheck.passes.row_norms import NormSums
from gausscheck.passes.scatter import ScatterMatrix, packed, unpacked
from gausscheck.passes.sketch_archive import array_of, digest, member
from gausscheck.passes.sketch_moments import drawn_of, of_rows
from gausscheck.passes.sketch_rows import members_of, rows_from, rows_from_1
from gausscheck.passes.spread import Spread, merge_spread

FORMAT, VERSION = "gausscheck.sketch", (2, 0)
"""Version 1.1 counts the header into the checksum; 2.0 holds nothing that grows with the rows."""

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
    groups : int
        Of the jackknife of norms.
    level : int
        Of the keys that are held.
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
    groups: int
    level: int


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
    sums : tuple of NormSums
        Of the norms of the same stretches; ``rows.sums`` follow from them.
    slots, sample : arrays
        Places in the sample, and the stored rows that go there.
    """

    meta: PassMeta
    first: int
    last: int
    rows: Rows
    nodes: tuple[Node[Spread], ...]
    sums: tuple[NormSums, ...]
    slots: NDArray[np.int32]
    sample: NDArray[Any]

    @classmethod
    def of(
        cls,
        meta: PassMeta,
        first: int,
        last: int,
        nodes: Sequence[Node[tuple[Rows, Spread]]],
        slots: NDArray[np.int32],
        sample: NDArray[Any],
    ) -> KeptPass:
        """Keep what a fold over those leaves left."""
        rows = Rows.join([Rows.none(meta.groups, meta.level), *(node.state[0] for node in nodes)])
        spreads = tuple(Node(node.level, node.index, node.state[1]) for node in nodes)
        sums = tuple(node.state[0].sums for node in nodes)
        return cls(meta, first, last, _settled(rows, sums), spreads, sums, slots, sample)

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
    fold: TreeFold[tuple[Spread, NormSums]] = TreeFold(_merged, first.first)
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
        for node, sums in zip(part.nodes, part.sums, strict=True):
            fold.push((node.state, sums), node.level)
        end = part.last
    all_sums = tuple(node.state[1] for node in fold.nodes)
    return KeptPass(
        first.meta,
        first.first,
        end,
        _settled(Rows.join([part.rows for part in ordered]), all_sums),
        tuple(Node(node.level, node.index, node.state[0]) for node in fold.nodes),
        all_sums,
        np.concatenate([p.slots for p in ordered]),
        np.concatenate([p.sample for p in ordered]),
    )


def _merged(a: tuple[Spread, NormSums], b: tuple[Spread, NormSums]) -> tuple[Spread, NormSums]:
    return merge_spread(a[0], b[0]), NormSums.merge(a[1], b[1])


def _settled(rows: Rows, sums: Sequence[NormSums]) -> Rows:
    """Give rows the sums that the fold of those nodes ends with, whichever way they were joined."""
    if not sums:
        return rows
    total = sums[-1]
    for before in reversed(sums[:-1]):
        total = NormSums.merge(before, total)
    return replace(rows, sums=total)


def save_pass(part: KeptPass, path: Path) -> None:
    """Write a sketch whole or not at all.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    spreads, d = [node.state for node in part.nodes], part.meta.d
    members: dict[str, NDArray[Any]] = {
        **members_of(part.rows, part.sums),
        "nodes/place": np.array(
            [(n.level, n.index, n.state.n) for n in part.nodes], dtype=np.int64
        ).reshape(-1, 3),
        "nodes/mean": np.array([s.mean for s in spreads] or np.empty((0, d))),
        **packed([s.scatter for s in spreads], d),
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
    header["sha256"] = digest(members, header)
    with atomic_path(path) as work, zipfile.ZipFile(work, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        for name, value in members.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(value))


def load_pass(path: Path, groups: int = 20) -> KeptPass:
    """Read a sketch.

    Parameters
    ----------
    path : Path
    groups : int
        Of the jackknife of norms, for a file 1.x, which holds every norm.

    Raises
    ------
    GausscheckError
        If it is missing, damaged, of another kind, or of a newer version.
    """
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(member(archive, "header.json", _HEADER))
            if header["format"] != FORMAT:
                raise ValueError("another format")
            if header["version"][0] > VERSION[0]:
                raise GausscheckError(
                    f"{path}: sketch version {header['version'][0]} is newer than {VERSION[0]}, "
                    "which this gausscheck reads; upgrade with pip install -U gausscheck"
                )
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            members = {name.removesuffix(".npy"): array_of(archive, name) for name in names}
        if digest(members, header) != header["sha256"]:
            raise ValueError("its checksum differs")
        return _checked(_assemble(header, members, groups))
    except GausscheckError as err:
        raise GausscheckError(printable(err)) from err
    except Exception as err:  # zipfile and NumPy's header parser raise of every kind
        raise GausscheckError(
            f"{path}: expected a sketch, got a damaged or truncated file ({printable(err)}); "
            "sketch those rows again"
        ) from err


def _assemble(header: dict[str, Any], members: dict[str, NDArray[Any]], groups: int) -> KeptPass:
    places = members["nodes/place"].tolist()
    old = header["version"][0] == 1
    scatters = [*map(ScatterMatrix, members["nodes/scatter"])] if old else unpacked(members)
    spreads = zip(members["nodes/mean"], scatters, members["nodes/largest"], strict=True)
    nodes = tuple(
        Node(level, index, Spread(n, mean, scatter, largest))
        for (level, index, n), (mean, scatter, largest) in zip(places, spreads, strict=True)
    )
    meta, first, last = _meta(header["meta"], groups), header["first"], header["last"]
    _check_meta(meta, first, last)
    if not _cover(nodes, first, last):
        raise ValueError("its stretches do not follow one another")
    ends = [min(end * meta.leaf, meta.n) for end in (first, last)]
    if old:
        starts = [min((node.index << node.level) * meta.leaf, meta.n) for node in nodes]
        stretches = list(pairwise([*starts, ends[1]]))
        rows, sums = rows_from_1(members, stretches, meta.groups, meta.level)
    else:
        rows, sums = rows_from(members, meta.level, *ends)
    return KeptPass(meta, first, last, _settled(rows, sums), nodes, tuple(sums),
                    members["sample/slots"], members["sample/rows"])  # fmt: skip


def _check_meta(meta: PassMeta, first: int, last: int) -> None:
    """Refuse a header whose entries are of other types, or name leaves that are not there."""
    whole = (meta.n, meta.d, meta.leaf, meta.seed, meta.rows, meta.groups, meta.level, first, last)
    if not all(type(value) is int and value >= 0 for value in whole):
        raise ValueError("its numbers are not whole")
    if not (meta.n and meta.d and meta.leaf and first <= last <= -(-meta.n // meta.leaf)):
        raise ValueError(f"leaves {first} to {last} of {meta.n} rows")
    if not 2 <= meta.groups <= 1000 or meta.level > 63:
        raise ValueError(f"{meta.groups} groups, keys of level {meta.level}")
    dtype = np.dtype(meta.dtype)
    if dtype.kind not in "fiu" or not isinstance(meta.uri, str) or type(meta.eps) is not float:
        raise ValueError(f"rows of {meta.dtype}")
    if not 0 <= meta.eps < 1:
        raise ValueError(f"values {meta.eps} apart")
    if not all(isinstance(note, str) for note in meta.notes) or type(meta.unit) is not bool:
        raise ValueError("its notes are no text")


def _checked(part: KeptPass) -> KeptPass:
    """Refuse a sketch whose parts contradict one another, whoever computed its checksum.

    Raises
    ------
    ValueError
    """
    meta, d = part.meta, part.meta.d
    slots, sample = part.slots, part.sample
    sound = (
        slots.ndim == 1
        and slots.dtype == np.int32
        and np.unique(slots).size == slots.size
        and _within(slots, 0, min(meta.rows, meta.n))
        and sample.shape == (slots.size, d)
        and sample.dtype == part.dtype
        and all(
            (node.state.mean.shape, node.state.scatter.dim, node.state.largest.shape)
            == ((d,), d, (d,))
            for node in part.nodes
        )
        and all(of_rows(node.state) for node in part.nodes)
        and (not part.nodes or drawn_of(sample, part.spread, part.rows.bad, unit=meta.unit))
        and all(
            node.state.n == sums.n and sums.count.size == meta.groups
            for node, sums in zip(part.nodes, part.sums, strict=True)
        )
    )
    if not sound:
        raise ValueError("its arrays do not fit one another")
    return part


def _within(values: NDArray[Any], low: int, high: int) -> bool:
    return values.size == 0 or bool(low <= values.min() and values.max() < high)


def _cover(nodes: Sequence[Node[Spread]], first: int, last: int) -> bool:
    """Whether nodes follow one another over some leaves."""
    end = first
    for place, node in enumerate(nodes):
        if node.level not in range(64) or node.index << node.level != end:
            return False
        end += 1 << node.level
        if place == len(nodes) - 1:
            end = min(end, last)
    return end == last


def _meta(values: dict[str, Any], groups: int) -> PassMeta:
    told = {"groups": groups, "level": level_of(values["n"]), **values}
    return PassMeta(**{field.name: told[field.name] for field in fields(PassMeta)})
