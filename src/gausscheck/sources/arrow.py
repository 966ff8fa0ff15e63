"""Arrow IPC and Feather: files and streams, memory-mapped, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.arrow_labels import column_of
from gausscheck.sources.base import Contents, contents_of, line_of, need
from gausscheck.sources.columns import BatchedSource, Columns, columns_of

_MAGIC = b"ARROW1"
_OLD = b"FEA1"


class ArrowSource(BatchedSource):
    """Rows of one column, or of all columns of floats together.

    Batches that are not compressed are mapped, and memory holds a decoded piece of 1 MB; one that
    is compressed is held whole, as its writer made it.
    """

    def __init__(self, path: Path, dataset: str | None) -> None:
        columns, sizes = _columns(path)
        super().__init__(path, columns, dataset, sizes)

    def _begin(self, part: int) -> Iterator[Any]:
        for batch in _batches(self.path, self._columns, part):
            for low in range(0, batch.num_rows, self._rows):
                yield batch.slice(low, self._rows)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none."""
        return column_arrow(self.path, key)


def _opened(path: Path, names: list[str] | None = None) -> Any:
    """Open a file or a stream; with names, those columns alone are decoded."""
    need("pyarrow", "parquet", str(path))
    import pyarrow as pa

    check_file(path)
    try:
        with path.open("rb") as handle:
            magic = handle.read(6)
        if magic.startswith(_OLD):
            raise ValueError("version 1 of Feather: write it again with a current pyarrow")
        mapped = pa.memory_map(str(path))
        if names is None:
            open_any = pa.ipc.open_file if magic == _MAGIC else pa.ipc.open_stream
            return open_any(mapped)
        schema = _opened(path).schema
        options = pa.ipc.IpcReadOptions(
            included_fields=[schema.names.index(name) for name in names], use_threads=False
        )
        open_any = pa.ipc.open_file if magic == _MAGIC else pa.ipc.open_stream
        return open_any(mapped, options=options)
    except GausscheckError:
        raise
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected an Arrow file or stream, got a damaged or truncated one "
            f"({line_of(err)}); copy or download it again"
        ) from err


def _batches(path: Path, names: list[str], part: int = 0) -> Iterator[Any]:
    """Yield the record batches from one on: only a file can begin at a later one."""
    reader = _opened(path, names)
    if hasattr(reader, "num_record_batches"):
        for place in range(part, reader.num_record_batches):
            yield _checked(reader.get_batch(place))
    else:
        for place, batch in enumerate(reader):
            if place >= part:
                yield _checked(batch)


def _checked(batch: Any) -> Any:
    """Hold offsets against the buffers: Arrow trusts a file's, and would read beyond them."""
    batch.validate(full=True)
    return batch


def _columns(path: Path) -> tuple[Columns, list[int]]:
    """Return what the file holds, and the rows of each batch."""
    schema = _opened(path).schema

    def first(name: str) -> list[Any]:
        for batch in _batches(path, [name]):
            held = [item for item in batch.column(0)[:64] if item.is_valid]
            if held:
                return held
        return []

    try:
        sizes = [batch.num_rows for batch in _batches(path, schema.names[:1])]
        return columns_of(schema, sum(sizes), first), sizes
    except GausscheckError:
        raise
    except Exception as err:
        raise GausscheckError(
            f"{path}: its batches cannot be read ({line_of(err)}); the file is damaged or cut "
            "short: copy or download it again"
        ) from err


def column_arrow(path: Path, key: str) -> NDArray[Any] | None:
    """Return one plain column, text as text; None where there is none."""
    schema = _opened(path).schema
    if key not in schema.names:
        return None
    n = sum(batch.num_rows for batch in _batches(path, [key]))
    chunks = (batch.column(0) for batch in _batches(path, [key]))
    return column_of(schema.field(key).type, n, chunks, str(path), key)


def open_arrow(path: Path, dataset: str | None) -> ArrowSource:
    """Open one column of lists, or all columns of floats where there is none."""
    return ArrowSource(path, dataset)


def inspect_arrow(path: Path) -> Contents:
    """Say what the file holds."""
    return contents_of(path, "Arrow", _columns(path)[0].entries)
