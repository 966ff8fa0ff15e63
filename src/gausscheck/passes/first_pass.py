"""The first pass: count, check, take the moments of all rows, and fill the sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source, Stage
from gausscheck.passes.fold import TreeFold, fold_blocks, map_ahead
from gausscheck.passes.plan import Plan, check_budget, check_sample, plan
from gausscheck.passes.reductions import FirstPass, Rows
from gausscheck.passes.row_keys import level_of
from gausscheck.passes.run import STRETCHES, Workers, submit
from gausscheck.passes.sample import Places, RowSample
from gausscheck.passes.sketch import KeptPass, PassMeta, load_pass, merge_passes, save_pass
from gausscheck.passes.spread import Spread
from gausscheck.passes.watch import check_unchanged, stamp_of
from gausscheck.rng import hashed_sample
from gausscheck.threads import one_thread


@dataclass(frozen=True, slots=True)
class FirstPassJob:
    """What a first pass reads, how it is cut, what is sampled.

    Attributes
    ----------
    source : Source
    blocks : Plan
    seed, rows : int
        Of the random sample.
    unit : bool
        Whether rows are divided by their norms before the spread is taken.
    groups : int
        Of the jackknife of norms.
    level : int
        Of the keys that are held, from the number of rows alone.
    stamp : str or None
        Names the bytes of the source before the first row is read.
    """

    source: Source
    blocks: Plan
    seed: int
    rows: int
    unit: bool
    groups: int
    level: int = field(init=False)
    stamp: str | None = field(init=False)

    def __post_init__(self) -> None:
        """Look at the file once, so that later passes can tell whether it is the same."""
        object.__setattr__(self, "level", level_of(self.source.n))
        object.__setattr__(self, "stamp", stamp_of(self.source))

    def check_unchanged(self) -> None:
        """Refuse to go on if the file is not what it was before the first row was read.

        Raises
        ------
        GausscheckError
        """
        check_unchanged(self.source, self.stamp)

    @property
    def meta(self) -> PassMeta:
        """What a sketch says of its source and options."""
        source = self.source
        return PassMeta(
            uri=source.uri, n=source.n, d=source.d, dtype=str(source.dtype), eps=source.eps,
            notes=list(source.notes), leaf=self.blocks.leaf, seed=self.seed, rows=self.rows,
            unit=self.unit, groups=self.groups, level=self.level,
        )  # fmt: skip

    @property
    def reduction(self) -> FirstPass:
        """What is taken from each leaf."""
        return FirstPass(self.unit, self.groups, self.level)

    @property
    def key(self) -> str:
        """Name the bytes of the source and the options of the pass: a changed file has another."""
        if self.stamp is None:
            raise GausscheckError(
                f"{self.source.uri}: a kept pass expected rows of a file, whose change can be seen"
            )
        return hashlib.sha256(repr((self.meta, self.stamp)).encode()).hexdigest()[:20]


@contextmanager
def watched(job: FirstPassJob | None) -> Iterator[None]:
    """Say of what the system refuses while rows are read, whenever that is, that the file changed.

    Raises
    ------
    GausscheckError
        If the file is gone or not what it was; else what was raised.
    """
    try:
        yield
    except OSError:
        if job is not None:
            job.check_unchanged()
        raise


def take_stretch(
    job: FirstPassJob, leaves: range, places: Places, pool: Executor | None = None
) -> KeptPass:
    """Take the first pass over some leaves.

    Parameters
    ----------
    job : FirstPassJob
    leaves : range
    places : Places
        Of those of their rows that belong to the sample.
    pool : Executor, optional
        Where leaves are worked on side by side; one after another without it.
    """
    reduction, size = job.reduction, job.blocks.leaf

    def work(leaf: int, block: NDArray[Any]) -> tuple[tuple[Rows, Spread], NDArray[Any]]:
        low = leaf * size
        mine = places.within(low, low + len(block))
        return reduction.of(block, low), block[mine.rows - low]

    blocks = (
        (leaf, job.source.read(leaf * size, min((leaf + 1) * size, job.source.n)))
        for leaf in leaves
    )
    fold: TreeFold[tuple[Rows, Spread]] = TreeFold(reduction.merge, leaves.start)
    kept: list[NDArray[Any]] = [np.empty((0, job.source.d), dtype=job.source.dtype)]
    with one_thread():
        for found, sampled in map_ahead(work, blocks, pool):
            fold.push(found)
            kept.append(sampled)
    return KeptPass.of(
        job.meta, leaves.start, leaves.stop, fold.nodes, places.places, np.concatenate(kept)
    )


def sketch_rows(
    source: Source,
    part: int,
    of: int,
    *,
    memory: int,
    seed: int,
    rows: int,
    unit: bool,
    groups: int = 20,
) -> KeptPass:
    """Sketch part ``part`` (from 0) of ``of`` of a source's rows.

    Where there are fewer stretches of rows than parts, some parts are empty.
    """
    check_budget(source.n, source.d, memory, source.uri)
    check_sample(min(rows, source.n), memory, source.uri)
    blocks = plan(source.n, source.d, source.dtype.itemsize, memory)
    low, high = part * blocks.count // of, (part + 1) * blocks.count // of
    job = FirstPassJob(source, blocks, seed, rows, unit, groups)
    places = Places.of(hashed_sample(source.n, rows, seed))
    return take_stretch(job, range(low, high), _within(places, job, range(low, high)))


def _within(places: Places, job: FirstPassJob, leaves: range) -> Places:
    size = job.blocks.leaf
    return places.within(leaves.start * size, min(leaves.stop * size, job.source.n))


def first_pass(job: FirstPassJob, sample: RowSample, workers: Workers) -> tuple[Rows, Spread]:
    """Count, check and take the moments of all rows, and fill the sample.

    Parameters
    ----------
    job : FirstPassJob
    sample : RowSample
        Receives its rows.
    workers : Workers
        With a cluster, states and sampled rows alone come back; with a folder to keep what was
        taken, an interrupted pass goes on and a second one reads nothing.
    """
    if workers.client is None and workers.keep is None:
        reduction = job.reduction

        def leaf(block: NDArray[Any], row0: int) -> tuple[Rows, Spread]:
            sample.put(block, row0)
            return reduction.of(block, row0)

        found = fold_blocks(
            job.source.read, job.blocks, leaf, reduction.merge, workers.pool,
            lambda done: workers.progress(Stage("reading", job.source.n, "rows"), done),
        )  # fmt: skip
        job.check_unchanged()
        return found
    kept = _by_stretches(job, sample, workers)
    return kept.rows, kept.spread


def recall(kept: KeptPass, job_meta: PassMeta, sample: RowSample) -> tuple[Rows, Spread]:
    """Take the first pass from a sketch of the whole source.

    Raises
    ------
    GausscheckError
        If it was taken with other options than those asked for.
    """
    for name in ("seed", "rows", "unit", "groups", "level"):
        has, want = getattr(kept.meta, name), getattr(job_meta, name)
        if has != want:
            raise GausscheckError(
                f"{kept.meta.uri}: sketched with {name} = {has}, asked for {want}; analyze with "
                "the options of the sketch, or sketch again"
            )
    sample.fill(kept.slots, kept.sample)
    return kept.rows, kept.spread


def _by_stretches(job: FirstPassJob, sample: RowSample, workers: Workers) -> KeptPass:
    """Take the pass stretch by stretch, each kept as soon as it is done."""
    keep = workers.keep
    whole = None if keep is None else keep / f"{job.key}.sketch"
    kept = _kept(whole)
    if kept is not None:
        recall(kept, job.meta, sample)
        return kept
    ranges = job.blocks.parts(STRETCHES)
    paths = [None if keep is None else keep / f"{job.key}-{r.start}.sketch" for r in ranges]
    old = [_kept(path) for path in paths]
    jobs = [
        (job, r, _within(sample.places, job, r))
        for r, had in zip(ranges, old, strict=True)
        if had is None
    ]
    fresh: Iterator[KeptPass]
    if workers.client is None:
        fresh = (take_stretch(*arguments, workers.pool) for arguments in jobs)
    else:
        fresh = submit(workers.client, take_stretch, jobs)
    parts = []
    for place, (path, had) in enumerate(zip(paths, old, strict=True)):
        part = next(fresh) if had is None else had
        if path is not None and had is None:
            job.check_unchanged()  # what is kept under this name is of these bytes
            save_pass(part, path)
        sample.fill(part.slots, part.sample)
        parts.append(part if keep is not None else part.without_sample())
        workers.progress(Stage("reading", job.source.n, "rows"), (place + 1) / len(ranges))
    job.check_unchanged()
    merged = merge_passes(parts)
    if whole is not None:
        save_pass(merged, whole)
        for path in paths:
            Path(str(path)).unlink(missing_ok=True)
    return merged


def _kept(path: Path | None) -> KeptPass | None:
    """Return what was kept; None where it is missing or damaged, and is taken anew."""
    if path is None or not path.exists():
        return None
    try:
        return load_pass(path)
    except GausscheckError:
        return None
