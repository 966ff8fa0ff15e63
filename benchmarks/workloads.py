"""What is timed: audits, the least that they can cost (floors), and what others do (peers).

Each function prepares and returns the work, which ``timing.call`` runs in a process of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 8192
TILE = 64
"""Directions of one product."""

Work = Callable[[], Any]


# --- ours


def audit(path: str, **options: Any) -> Work:
    """Audit a file. A small audit comes first, so that imports are left out of the time."""
    first = _warm(options)

    def work() -> str:
        return str(first(path, **options).verdict.status)

    return work


def directions(path: str, **options: Any) -> Work:
    """Test directions as an audit does: read, clean and fit, one-dimensional tests, intervals.

    Nothing else that an audit answers: neither what follows for thresholds, nor what is noticed,
    nor claims, the paper's table and the spectrum.
    """
    from gausscheck.audit.analyze import open_rows
    from gausscheck.audit.directional_level import audit_directions
    from gausscheck.audit.grouping import Grouping
    from gausscheck.audit.inputs import LevelInputs
    from gausscheck.audit.preflight import eigenbasis, preflight_section
    from gausscheck.audit.projector import Projector
    from gausscheck.audit.reading import read_rows
    from gausscheck.audit.repeats import find_repeats
    from gausscheck.audit.second_pass import Prepared
    from gausscheck.config import Config
    from gausscheck.passes.run import Workers
    from gausscheck.threads import worker_pool

    _warm(options)
    config = Config.from_options(options)

    def work() -> list[float]:
        quiet = lambda stage, share: None  # noqa: E731
        with (
            worker_pool(config.workers) as pool,
            read_rows(open_rows(path, config), config, Workers(pool, quiet, None, None)) as read,
        ):
            repeats = find_repeats(read)
            live = np.arange(read.source.d)
            basis = eigenbasis(read.spread, live)
            prepared = Prepared.of(read, live, basis, config)
            found = preflight_section(
                read.rows, repeats, read.spread, basis, live[:0], str(read.source.dtype),
                read.source.eps, unit=False, confidence=config.confidence,
            )  # fmt: skip
            projector = Projector(
                read.sample, prepared.preparation, read.spread.mean, prepared.double,
                config.memory_bytes, pool,
            )  # fmt: skip
            inputs = LevelInputs(
                config, projector, prepared.space, found, quiet, Grouping("random", config.groups),
                live[:0],
            )  # fmt: skip
            return [audit_directions(inputs, one, None).level.value for one in prepared.given]

    return work


def idle(**options: Any) -> Work:
    """Prepare as an audit does, and do nothing: what the interpreter itself holds."""
    _warm(options)
    return lambda: None


def _warm(options: dict[str, Any]) -> Any:
    import gausscheck

    rows = np.random.default_rng(0).standard_normal((400, 8))
    taken = {name: options[name] for name in ("directions", "levels") if name in options}
    gausscheck.analyze(rows, threads=1, **taken)
    return gausscheck.analyze


# --- floors


def frame(d: int, k: int) -> np.ndarray:
    ways = np.random.default_rng(0).standard_normal((d, k), dtype=np.float32)
    return ways / np.linalg.norm(ways, axis=0)


def battery_floor(path: str, k: int, threads: int) -> Work:
    """Read, one product for the covariance, one for k directions, and sort axes and directions.

    Products are made in float32, one thread each, side by side in as many threads as asked for.
    Returns the trace of the covariance and the sum of the medians, so that nothing is left out.
    """

    def work() -> list[float]:
        x = np.load(path)
        n, d = x.shape
        ways, tall = frame(d, k), x.T

        def scatter(start: int) -> np.ndarray:
            block = x[start : start + BLOCK]
            return block.T @ block

        def medians(tile: np.ndarray | slice) -> float:
            rows = tall[tile].copy() if isinstance(tile, slice) else tile.T @ tall
            for row in rows:
                row.sort()
            return float(rows[:, n // 2].sum(dtype=np.float64))

        with ThreadPoolExecutor(threads) as pool:
            total = np.zeros((d, d))
            for part in pool.map(scatter, range(0, n, BLOCK)):
                total += part
            tiles = [slice(low, low + TILE) for low in range(0, d, TILE)]
            tiles += [ways[:, low : low + TILE] for low in range(0, k, TILE)]
            middle = sum(pool.map(medians, tiles))
        mean = x.mean(axis=0, dtype=np.float64)
        return [float(np.trace(total) / n - mean @ mean), middle]

    return work


def stored_blocks(path: str) -> Iterator[np.ndarray]:
    """Yield the rows of a file once, read by the format's own library."""
    place = Path(path)
    if place.is_dir():
        for part in sorted(place.glob("*.npy")):
            x = np.load(part, mmap_mode="r")
            yield from (x[low : low + BLOCK] for low in range(0, len(x), BLOCK))
    elif place.suffix == ".h5":
        import h5py

        with h5py.File(place) as file:
            data = file["embeddings"]
            yield from (data[low : low + BLOCK] for low in range(0, len(data), BLOCK))
    elif place.suffix == ".parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(place).iter_batches(BLOCK):
            column = batch.column(0)
            flat = column.flatten().to_numpy(zero_copy_only=False)
            yield flat.reshape(len(column), -1)
    else:
        x = np.load(place, mmap_mode="r")
        yield from (x[low : low + BLOCK] for low in range(0, len(x), BLOCK))


def read_and_project(path: str, k: int) -> Work:
    """Read once, and one float32 product with the matrix of k directions."""

    def work() -> int:
        rows, ways, out = 0, None, np.empty((k, BLOCK), dtype=np.float32)
        for stored in stored_blocks(path):
            block = stored.astype(np.float32)
            if ways is None:
                ways = frame(block.shape[1], k).T.copy()
            np.matmul(ways, block.T, out=out[:, : len(block)])
            rows += len(block)
        return rows

    return work


def read(path: str) -> Work:
    """Read all bytes once."""

    def work() -> int:
        held, total = bytearray(8 << 20), 0
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(held):
                total += count
        return total

    return work


def gram(path: str) -> Work:
    """Read, centre, one n x n product and its eigenvalues and eigenvectors."""

    def work() -> float:
        x = np.load(path).astype(np.float64)
        x -= x.mean(axis=0)
        values, _ = np.linalg.eigh(x @ x.T)
        return float(values.sum())

    return work


def decode(path: str) -> Work:
    """Decode a file once into memory, by the format's own library."""

    def work() -> list[int]:
        return list(_decoded(Path(path)).shape)

    return work


def _decoded(path: Path) -> np.ndarray:
    if path.suffix == ".h5":
        import h5py

        with h5py.File(path) as file:
            return np.asarray(file["embeddings"][:])
    if path.suffix == ".zarr":
        import zarr

        return np.asarray(zarr.open_array(str(path), mode="r")[:])
    if path.suffix == ".gz":
        return np.loadtxt(path, delimiter=",", dtype=np.float32)
    return np.ascontiguousarray(np.load(path))


# --- peers


def scipy_tests(path: str) -> Work:
    """``anderson`` in a loop over the coordinates and ``normaltest``, of rows held in memory."""
    from scipy import stats

    x = np.load(path)

    def work() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for column in x.T:
                stats.anderson(column, dist="norm")
            stats.normaltest(x, axis=0)

    return work


def sigreg_statistic(path: str, k: int, threads: int) -> Work:
    """SIGReg's statistic in plain torch along k directions, of rows held in memory."""
    import torch

    torch.set_num_threads(threads)
    x = torch.from_numpy(np.load(path))
    tile = max(1, (1 << 22) // (KNOTS * len(x)))

    def work() -> float:
        ways = torch.from_numpy(frame(x.shape[1], k))
        with torch.inference_mode():
            y = x @ ways
            parts = [epps_pulley(y[:, low : low + tile]) for low in range(0, k, tile)]
        return float(torch.cat(parts).mean())

    return work


KNOTS, REACH = 17, 3.0
"""Points and largest frequency that are published for SIGReg (Balestriero & LeCun 2025)."""


def epps_pulley(y: Any) -> Any:
    """N ∫ |φ_n(t) − exp(−t²/2)|² exp(−t²/2) dt of each column, |t| to 3, by the trapezoid rule."""
    import torch

    t = torch.linspace(0, REACH, KNOTS, dtype=y.dtype)
    normal = torch.exp(-t * t / 2)
    phase = y[..., None] * t
    real, imaginary = phase.cos().mean(dim=0), phase.sin().mean(dim=0)
    gap = (real - normal).square() + imaginary.square()
    return 2 * y.shape[0] * torch.trapezoid(gap * normal, t, dim=-1)
