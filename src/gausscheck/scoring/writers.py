"""Scores written a block at a time: Parquet, CSV or NumPy arrays; the file appears whole."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import atomic_path, scratch

COLUMNS = ("row", "distance2", "log_density", "p", "conformal_p")
"""Names of the columns: int64, and float64 for the others."""

Block = dict[str, NDArray[Any]]
Write = Callable[[Block], None]


def check_ending(path: Path) -> None:
    """Refuse a file that scores cannot be written to, before anything is worked out.

    Raises
    ------
    GausscheckError
    """
    if path.suffix.lower() not in WRITERS:
        raise GausscheckError(
            f"{path}: expected a file ending in {', '.join(WRITERS)}, got "
            f"{path.suffix or 'no ending'}"
        )
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401 - only whether it is there
        except ImportError as err:
            raise GausscheckError(
                f"{path}: expected pyarrow to be installed: pip install "
                '"gausscheck[parquet]"; or write .csv or .npz'
            ) from err


@contextmanager
def score_writer(path: Path, n: int) -> Iterator[Write]:
    """Give a function that takes blocks of at most n rows in all.

    ``path`` appears when all went well.

    Raises
    ------
    GausscheckError
        If it cannot be written.
    """
    with atomic_path(path) as work, WRITERS[path.suffix.lower()](work, n) as write:
        yield write


@contextmanager
def _parquet(path: Path, n: int) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = [(name, pa.int64() if name == "row" else pa.float64()) for name in COLUMNS]
    schema = pa.schema(kinds)
    with pq.ParquetWriter(path, schema) as writer:
        yield lambda block: writer.write_table(pa.table(block, schema=schema))


@contextmanager
def _csv(path: Path, n: int) -> Iterator[Write]:
    with path.open("w", encoding="ascii", newline="") as handle:
        handle.write(",".join(COLUMNS) + "\n")

        def write(block: Block) -> None:
            columns = [block[name].tolist() for name in COLUMNS]
            handle.writelines(",".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True))

        yield write


@contextmanager
def _npz(path: Path, n: int) -> Iterator[Write]:
    """Keep each column in an unnamed file until its length is known."""
    with ExitStack() as stack:
        files = {name: stack.enter_context(scratch(8 * n)) for name in COLUMNS}

        def write(block: Block) -> None:
            for name, file in files.items():
                file.write(np.ascontiguousarray(block[name]).data)

        yield write
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            for name, file in files.items():
                kind = "<i8" if name == "row" else "<f8"
                header = {"descr": kind, "fortran_order": False, "shape": (file.tell() // 8,)}
                file.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_1_0(member, header)
                    while piece := file.read(1 << 20):
                        member.write(piece)


WRITERS = {".parquet": _parquet, ".csv": _csv, ".npz": _npz}
"""By ending."""
