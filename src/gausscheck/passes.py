"""The passes over all rows: here, on a Dask cluster, or taken from what was kept.

Rows are cut into leaves that depend on nothing but their width; states of leaves are folded by one
tree. So the same plan gives the same bits wherever a leaf is worked on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.blas import one_thread
from gausscheck.config import Config
from gausscheck.core import GausscheckError, Moments, Source
from gausscheck.preprocess import Preparation
from gausscheck.projections import TILE
from gausscheck.reductions import (
    FirstPass,
    PowerSums,
    Rows,
    Spread,
    hashed_order,
    merge_spread,
)
from gausscheck.sample import RowSample
from gausscheck.sources.sketch import Part, SketchSource, load_part, merge_parts, save_part
from gausscheck.streaming import Node, Plan, TreeFold, fold_blocks, plan

Report = Callable[[str, float], None]

PARTS = 32
"""Stretches that an interruptible or distributed pass is cut into, about."""


@dataclass(frozen=True, slots=True)
class Job:
    """A first pass: what is read, how it is cut, what is sampled.

    Attributes
    ----------
    source : Source
    blocks : Plan
    seed, rows : int
        Of the random sample.
    unit : bool
        Whether rows are divided by their norms before the spread is taken.
    """

    source: Source
    blocks: Plan
    seed: int
    rows: int
    unit: bool

    @property
    def meta(self) -> dict[str, Any]:
        """What a sketch says of its source and options."""
        return {
            "uri": self.source.uri,
            "n": self.source.n,
            "d": self.source.d,
            "dtype": str(self.source.dtype),
            "eps": float(getattr(self.source, "eps", np.finfo(np.float64).eps)),
            "notes": list(self.source.notes),
            "leaf": self.blocks.leaf,
            "seed": self.seed,
            "rows": self.rows,
            "unit": self.unit,
        }


def sketch_part(job: Job, leaves: range, slots: NDArray[np.int32]) -> Part:
    """Take the first pass over some leaves, one after another.

    Parameters
    ----------
    job : Job
    leaves : range
    slots : array
        Places in the sample of the rows of those leaves, -1 for rows outside it.
    """
    reduction, size = FirstPass(job.unit), job.blocks.leaf
    fold: TreeFold[Spread] = TreeFold(merge_spread, leaves.start)
    found: list[Rows] = []
    places, kept = [], []
    first = leaves.start * size
    with one_thread():
        for leaf in leaves:
            low, high = leaf * size, min((leaf + 1) * size, job.source.n)
            block = job.source.read(low, high)
            rows, spread = reduction.of(block, low)
            found.append(rows)
            fold.push(spread)
            mine = slots[low - first : high - first]
            places.append(mine[mine >= 0])
            kept.append(block[mine >= 0])
    rows = Rows(*(np.concatenate([getattr(r, name) for r in found])
                  for name in ("non_finite", "zero", "keys", "norms")))  # fmt: skip
    return Part(job.meta, leaves.start, leaves.stop, rows, tuple(fold.nodes),
                np.concatenate(places), np.concatenate(kept))  # fmt: skip


def sketch_rows(source: Source, part: int, of: int, config: Config, *, unit: bool) -> Part:
    """Sketch part ``part`` (from 0) of ``of`` of a source's rows.

    Raises
    ------
    GausscheckError
        If there are fewer stretches of rows than parts.
    """
    blocks = plan(source.n, source.d, source.dtype.itemsize, config.memory_bytes // 4)
    low, high = part * blocks.count // of, (part + 1) * blocks.count // of
    if low == high:
        raise GausscheckError(
            f"{source.uri}: expected at most {blocks.count} parts of {source.n:,} rows, got {of}"
        )
    leaves = range(low, high)
    job = Job(source, blocks, config.seed, config.rows, unit)
    sample = hashed_order(source.n, config.seed)[: config.rows]
    first, last = low * blocks.leaf, min(high * blocks.leaf, source.n)
    slots = np.full(last - first, -1, dtype=np.int32)
    mine = np.flatnonzero((sample >= first) & (sample < last))
    slots[sample[mine] - first] = mine
    return sketch_part(job, leaves, slots)


def first_pass(
    job: Job,
    sample: RowSample,
    pool: ThreadPoolExecutor,
    report: Report,
    *,
    client: Any = None,
    keep: Path | None = None,
) -> tuple[Rows, Spread]:
    """Count, check and take the moments of all rows, and fill the sample.

    Parameters
    ----------
    job : Job
    sample : RowSample
    pool : ThreadPoolExecutor
    report : callable
    client : dask.distributed.Client, optional
        Whose workers read and reduce; states and sampled rows alone come back.
    keep : Path, optional
        A folder where what was taken is kept, part by part: an interrupted pass goes on, and a
        second one reads nothing.
    """
    if isinstance(job.source, SketchSource):
        return _from_part(job.source.part, job, sample)
    if client is None and keep is None:
        reduction = FirstPass(job.unit)

        def leaf(block: NDArray[Any], row0: int) -> tuple[Rows, Spread]:
            sample.put(block, row0)
            return reduction.of(block, row0)

        state = fold_blocks(
            job.source.read, job.blocks, leaf, reduction.merge, pool,
            lambda done: report("reading", done),
        )  # fmt: skip
        return reduction.finish(state)
    whole = None if keep is None else keep / f"{_key(job)}.sketch"
    if whole is not None and whole.exists():
        return _from_part(load_part(whole), job, sample)
    ranges = job.blocks.parts(PARTS)
    size, n = job.blocks.leaf, job.source.n
    parts: list[Part] = []
    paths = [None if keep is None else keep / f"{_key(job)}-{r.start}.sketch" for r in ranges]

    def arguments(leaves: range) -> tuple[Job, range, NDArray[np.int32]]:
        return job, leaves, sample.slots(leaves.start * size, min(leaves.stop * size, n))

    todo = [r for r, path in zip(ranges, paths, strict=True) if path is None or not path.exists()]
    fresh = iter(_spread_out(client, pool, [arguments(r) for r in todo]))
    for done, (leaves, path) in enumerate(zip(ranges, paths, strict=True)):
        if leaves in todo:
            part = next(fresh)
            if path is not None:
                save_part(part, path)
        else:
            part = load_part(path) if path is not None else next(fresh)
        sample.fill(part.slots, part.sample)
        empty = part.sample[:0]
        parts.append(part if keep is not None else Part(
            part.meta, part.first, part.last, part.rows, part.nodes, part.slots[:0], empty
        ))  # fmt: skip
        report("reading", (done + 1) / len(ranges))
    merged = merge_parts(parts)
    if whole is not None:
        save_part(merged, whole)
        for path in paths:
            if path is not None:
                path.unlink(missing_ok=True)
    return merged.rows, _total(merged)


def _spread_out(client: Any, pool: ThreadPoolExecutor, arguments: list[Any]) -> Any:
    """Sketch parts on the cluster, or here a few at a time; yield them in order."""
    if client is not None:
        futures = [client.submit(sketch_part, *a, pure=False) for a in arguments]
        for place in range(len(futures)):
            yield futures[place].result()
            futures[place] = None
        return
    yield from (sketch_part(*a) for a in arguments)


def _from_part(part: Part, job: Job, sample: RowSample) -> tuple[Rows, Spread]:
    """Take the first pass from a sketch of the whole source."""
    for name in ("seed", "rows", "unit", "leaf"):
        want = job.meta[name]
        if part.meta[name] != want:
            raise GausscheckError(
                f"{job.source.uri}: sketched with {name} = {part.meta[name]}, asked for {want}; "
                "analyze with the options of the sketch, or sketch again"
            )
    sample.fill(part.slots, part.sample)
    return part.rows, _total(part)


def _total(part: Part) -> Spread:
    total = part.nodes[-1].state
    for node in reversed(part.nodes[:-1]):
        total = merge_spread(node.state, total)
    return total


def _key(job: Job) -> str:
    """Name a source and the options of its first pass: a changed file has another key."""
    stamp = []
    path = getattr(job.source, "_path", None)
    for place in [path] if path is not None else getattr(job.source, "_parts", []):
        held = getattr(place, "_path", place)
        if isinstance(held, str | os.PathLike) and os.path.exists(held):
            told = os.stat(held)
            stamp.append([str(held), told.st_size, told.st_mtime_ns])
    if not stamp:
        raise GausscheckError(
            f"{job.source.uri}: --cache expected rows of a file, whose change can be seen"
        )
    return hashlib.sha256(repr((job.meta, stamp)).encode()).hexdigest()[:20]


# --- moments of directions


@dataclass(frozen=True, slots=True)
class Look:
    """Rows seen along directions.

    Attributes
    ----------
    prep : Preparation
    center : (d,) array
    ways : tuple of arrays
        One a family: a matrix ``(d, k)`` to multiply by, or the numbers of coordinates, which need
        no product.
    dtype : numpy.dtype
        Float32 or float64: what products are made in.
    bad : array of int
        Rows left out.
    """

    prep: Preparation
    center: NDArray[np.float64]
    ways: tuple[NDArray[Any], ...]
    dtype: np.dtype[Any]
    bad: NDArray[np.int64]

    def moments(self, block: NDArray[Any], row0: int) -> Moments:
        """Return the moments of one leaf along every direction."""
        sums = PowerSums()
        skip = self.bad[(self.bad >= row0) & (self.bad < row0 + block.shape[0])] - row0
        rows = self.prep.rows(np.delete(block, skip, axis=0) if skip.size else block)
        rows -= self.center
        tall = rows.astype(self.dtype).T
        parts = []
        for way in self.ways:
            for low in range(0, way.shape[-1], TILE):
                mine = way[..., low : low + TILE]
                parts.append(sums.of(tall[mine] if way.ndim == 1 else mine.T @ tall))
        joined = {
            name: np.concatenate([getattr(p, name) for p in parts])
            for name in ("mean", "m2", "m3", "m4")
        }
        return Moments(n=parts[0].n, **joined)


def moments_part(
    source: Source, blocks: Plan, leaves: range, look: Look
) -> tuple[Node[Moments], ...]:
    """Take the second pass over some leaves, one after another."""
    fold: TreeFold[Moments] = TreeFold(PowerSums().merge, leaves.start)
    with one_thread():
        for leaf in leaves:
            low = leaf * blocks.leaf
            fold.push(look.moments(source.read(low, min(low + blocks.leaf, source.n)), low))
    return tuple(fold.nodes)


def second_pass(
    job: Job,
    look: Look,
    pool: ThreadPoolExecutor,
    report: Report,
    *,
    client: Any = None,
    keep: Path | None = None,
) -> Moments | None:
    """Take the moments of every direction over all rows; None where a sketch has no rows."""
    if isinstance(job.source, SketchSource):
        return None
    held = None
    if keep is not None:
        seen = hashlib.sha256(look.center.tobytes() + look.bad.tobytes())
        for way in look.ways:
            seen.update(way.tobytes())
        held = keep / f"{_key(job)}-{seen.hexdigest()[:20]}.npz"
        if held.exists():
            with np.load(held, allow_pickle=False) as archive:
                return Moments(int(archive["n"]), *(archive[k] for k in ("mean", "m2", "m3", "m4")))
    sums = PowerSums()
    said = "moments over all rows"
    if client is None:
        total = fold_blocks(
            job.source.read,
            job.blocks,
            look.moments,
            sums.merge,
            pool,
            lambda done: report(said, done),
        )
    else:
        fold: TreeFold[Moments] = TreeFold(sums.merge)
        shared = client.scatter(look, broadcast=True)
        ranges = job.blocks.parts(PARTS)
        futures = [
            client.submit(moments_part, job.source, job.blocks, leaves, shared, pure=False)
            for leaves in ranges
        ]
        for done, future in enumerate(futures):
            for node in future.result():
                fold.push(node.state, node.level)
            report(said, (done + 1) / len(ranges))
        total = fold.result()
    if held is not None:
        work = held.with_name(f".{held.name}.{os.getpid()}.npz")
        np.savez(work, n=total.n, mean=total.mean, m2=total.m2, m3=total.m3, m4=total.m4)
        os.replace(work, held)
    return total
