"""Mutants: sound files with a few bytes changed, cut, doubled or left out, through every parser."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import gausscheck
from gausscheck.normality.nulls import simulated
from gausscheck.passes.sketch import load_pass
from reliability import runner
from reliability.runner import Case, Wrong
from reliability.seeds import FILES, NEEDS, read, report, store
from sources.cases import CASES
from sources.odd_cases import ODD_CASES

WEIGHTS = {
    "npy": 16, "npy fortran": 4, "npz": 10, "npz packed": 8, "safetensors": 16, "faiss": 16,
    "csv": 4, "jsonl": 4, "sketch": 10, "torch": 3, "parquet": 4, "hdf5": 3, "h5ad": 2,
    "zarr 2": 2, "zarr 3": 2, "report.json": 2, "report.npz": 2, "draws": 6,
}  # fmt: skip
"""Shares of mutants; parsers that are quick get more."""

_LARGE = [0, 1, 0x7F, 0xFF, 0xFFFF, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 40, (1 << 63) - 1]


def mutate(raw: bytes, rng: np.random.Generator) -> bytes:
    """Change a file somewhere, most often near its ends, where headers are."""
    data = bytearray(raw)
    for _ in range(int(rng.integers(1, 4))):
        if not data:
            break
        size = len(data)
        near = int(min(size, 600))
        place = int(rng.integers(size))
        spot = rng.random()
        if spot < 0.4:
            place = int(rng.integers(near))
        elif spot < 0.6:
            place = size - 1 - int(rng.integers(near))
        length = int(rng.integers(1, 40))
        what = int(rng.integers(8))
        if what <= 1:
            data[place] ^= 1 << int(rng.integers(8))
        elif what == 2:
            data[place] = int(rng.integers(256))
        elif what == 3:
            width = int(rng.choice([2, 4, 8]))
            value = _LARGE[int(rng.integers(len(_LARGE)))] & ((1 << (8 * width)) - 1)
            data[place : place + width] = value.to_bytes(width, "little")
        elif what == 4:
            del data[place:]
        elif what == 5:
            del data[place : place + length]
        elif what == 6:
            data[place:place] = data[place : place + length]
        else:
            data[place : place + length] = rng.bytes(length)
    return bytes(data)


def cases(total: int, seed: int = 0) -> list[Case]:
    """Make mutants of every kind of file; each is written and read when its case runs."""
    home = runner.home(fast=True)
    found: list[Case] = []
    share = total / sum(WEIGHTS.values())
    for kind, weight in WEIGHTS.items():
        if kind in NEEDS and kind not in FILES:
            continue
        folder = home / kind.replace(" ", "_")
        folder.mkdir()
        _FOLDERS[kind] = folder
        make = _maker(kind, folder)
        found += [
            (f"{kind} {i}", _mutant(make, [seed, i])) for i in range(int(np.ceil(weight * share)))
        ]
    return found + _of_every_format(home, 0.15 * total, seed)


_FOLDERS: dict[str, Path] = {}
"""Where the mutants of each kind of file lie."""


def apart(name: str) -> Callable[[], str] | None:
    """Return how the mutant of a case is read in a child process; None but for HDF5, which loops.

    HDF5 itself never ends on some files, and what is promised is that ``--untrusted`` ends it.
    """
    kind = name.rsplit(" ", 1)[0]
    if kind not in ("hdf5", "h5ad"):
        return None
    path = _FOLDERS[kind] / FILES[kind][0]
    return lambda: read(path, untrusted=True)


def _of_every_format(home: Path, total: float, seed: int) -> list[Case]:
    """Mutants of the files that the readers' own cases write: every format has some."""
    kinds = [
        case
        for case in (*CASES, *ODD_CASES)
        if not isinstance(case.right, str) and find_spec(case.needs)
    ]
    found: list[Case] = []
    for place, case in enumerate(kinds):
        folder = home / f"case-{place}"
        folder.mkdir()
        path = folder / case.file
        case.write(path)
        if path.is_file():
            make = _file_mutants(path, case.options)
            found += [
                (f"{case.file} {i}", _mutant(make, [seed, place, i]))
                for i in range(int(np.ceil(total / len(kinds))))
            ]
    return found


def _file_mutants(path: Path, options: dict[str, Any]) -> Callable[[np.random.Generator], str]:
    raw = path.read_bytes()

    def act(rng: np.random.Generator) -> str:
        path.unlink(missing_ok=True)
        path.write_bytes(mutate(raw, rng))
        return read(path, **options)

    return act


def _mutant(make: Callable[[np.random.Generator], str], seed: list[int]) -> Callable[[], str]:
    return lambda: make(np.random.default_rng(seed))


def _maker(kind: str, folder: Path) -> Callable[[np.random.Generator], str]:
    if kind.startswith("zarr"):
        return _stores(folder, int(kind[-1]))
    if kind.startswith("report"):
        return _reports(folder, kind)
    if kind == "draws":
        return _draws(folder)
    name, write = FILES[kind]
    path = folder / name
    write(path)
    raw = path.read_bytes()
    want = repr(load_pass(path)) if kind == "sketch" else None

    def act(rng: np.random.Generator) -> str:
        path.unlink(missing_ok=True)  # a file that is mapped must not change under its reader
        path.write_bytes(mutate(raw, rng))
        ended = read(path)
        if want is not None and repr(load_pass(path)) != want:
            raise Wrong("silent wrong", "a sketch with other numbers was taken")
        return ended

    return act


def _stores(folder: Path, version: int) -> Callable[[np.random.Generator], str]:
    path = folder / "x.zarr"
    store(path, version)
    inside = {p: p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}

    def act(rng: np.random.Generator) -> str:
        for place, raw in inside.items():  # a case that crashed has put nothing back
            place.write_bytes(raw)
        changed = list(inside)[int(rng.integers(len(inside)))]
        changed.write_bytes(mutate(inside[changed], rng))
        return read(path)

    return act


def _reports(folder: Path, name: str) -> Callable[[np.random.Generator], str]:
    report(folder / "r")
    changed = folder / "r" / name
    raw = changed.read_bytes()
    want = gausscheck.load_report(folder / "r")
    numbers = repr(want.to_dict()) if name.endswith("npz") else None

    def act(rng: np.random.Generator) -> str:
        changed.write_bytes(mutate(raw, rng))
        loaded = gausscheck.load_report(folder / "r")
        if numbers is not None and repr(loaded.to_dict()) != numbers:
            raise Wrong("silent wrong", "arrays of another report were taken")
        return "read"

    return act


def _draws(folder: Path) -> Callable[[np.random.Generator], str]:
    path = folder / "v2" / "test-50-3.draws"
    want = np.random.default_rng(0).standard_normal(200)
    simulated._store(path, want)
    raw = path.read_bytes()

    def act(rng: np.random.Generator) -> str:
        changed = mutate(raw, rng)
        path.write_bytes(changed)
        found = simulated._load(path)
        if found.size and not np.array_equal(found, want):
            raise Wrong("silent wrong", "draws that were not simulated were taken")
        return "read" if found.size else "simulated anew"

    return act
