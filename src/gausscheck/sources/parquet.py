"""Parquet: a column of lists, or many columns of numbers; decoded in batches as rows are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.files import check_file
from gausscheck.sources.arrow_labels import BATCH, column_of
from gausscheck.sources.base import Contents, contents_of, line_of, need
from gausscheck.sources.columns import BatchedSource, Columns, columns_of

_BUFFER = 1 << 20
"""Bytes of a column read at a time; without it Arrow reads whole columns of a row group."""


class ParquetSource(BatchedSource):
    """Rows of one column, or of all columns of floats together.

    Memory holds a few decoded batches of about 1 MB, whatever the size of the row groups.
    """

    def __init__(self, path: Path, dataset: str | None) -> None:
        self._file: Any = None
        with _reader(path) as file:
            meta = file.metadata
            sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
        super().__init__(path, _columns(path), dataset, sizes)

    def __getstate__(self) -> dict[str, Any]:
        """Travel by path."""
        return {**super().__getstate__(), "_file": None}

    def close(self) -> None:
        """Close the file and forget decoded batches; the next read opens it again."""
        super().close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, part: int) -> Iterator[Any]:
        if self._file is None:
            self._file = _reader(self.path)
        batches: Iterator[Any] = self._file.iter_batches(
            batch_size=self._rows,
            row_groups=range(part, len(self._ends)),
            columns=self._columns,
            use_threads=False,
        )
        return batches

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none."""
        return column_parquet(self.path, key)


def column_parquet(path: Path, key: str) -> NDArray[Any] | None:
    """Return one plain column, text as text; None where there is none."""
    with _reader(path) as file:
        if key not in file.schema_arrow.names:
            return None
        kind = file.schema_arrow.field(key).type
    with _reader(path, [key] if _is_text(kind) else []) as file:
        batches = file.iter_batches(batch_size=BATCH, columns=[key], use_threads=False)
        chunks = (batch.column(0) for batch in batches)
        return column_of(kind, file.metadata.num_rows, chunks, str(path), key)


def _is_text(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_binary(kind))


def _reader(path: Path, words: Sequence[str] = ()) -> Any:
    """Open a file; texts of some columns come as numbers of what differs, not written out."""
    need("pyarrow", "parquet", str(path))
    import pyarrow.parquet as pq

    check_file(path)
    try:
        return pq.ParquetFile(
            path,
            read_dictionary=list(words),
            buffer_size=_BUFFER,
            pre_buffer=False,
            page_checksum_verification=True,
        )
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected a parquet file, got a damaged or truncated one ({line_of(err)}); "
            "copy or download it again"
        ) from err


def _columns(path: Path) -> Columns:
    """Return what the file holds."""
    with _reader(path) as file:

        def first(name: str) -> list[Any]:
            words = [name] if _is_text(file.schema_arrow.field(name).type) else []
            try:
                with _reader(path, words) as own:
                    for batch in own.iter_batches(batch_size=64, columns=[name], use_threads=False):
                        held = [item for item in batch.column(0) if item.is_valid]
                        if held:
                            return held
            except Exception as err:
                raise GausscheckError(
                    f"{path}:{name}: the first row cannot be read ({line_of(err)}); the file is "
                    "damaged"
                ) from err
            return []

        try:
            return columns_of(file.schema_arrow, file.metadata.num_rows, first)
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{path}: its first rows cannot be read ({line_of(err)}); the file is damaged"
            ) from err


def open_parquet(path: Path, dataset: str | None) -> ParquetSource:
    """Open one column of lists, or all columns of floats where there is none."""
    return ParquetSource(path, dataset)


def inspect_parquet(path: Path) -> Contents:
    """Say what the file holds."""
    return contents_of(path, "parquet", _columns(path).entries)
