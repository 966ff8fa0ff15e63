"""Lance data sets, LanceDB's tables among them: a batch at a time, by pylance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.arrow_labels import BATCH, column_of
from gausscheck.sources.base import Contents, contents_of, line_of, need
from gausscheck.sources.columns import BatchedSource, Columns, columns_of


class LanceSource(BatchedSource):
    """Rows of one column, or of all columns of floats together; memory holds a batch of 1 MB."""

    def __init__(self, path: Path, dataset: str | None) -> None:
        columns, sizes = _columns(path)
        super().__init__(path, columns, dataset, sizes)

    def _begin(self, part: int) -> Iterator[Any]:
        for fragment in _opened(self.path).get_fragments()[part:]:
            yield from fragment.to_batches(columns=self._columns, batch_size=self._rows)

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none."""
        return column_lance(self.path, key)


def _opened(path: Path) -> Any:
    need("lance", "lance", str(path))
    import lance

    try:
        return lance.dataset(str(path))
    except Exception as err:
        raise GausscheckError(
            f"{path}: expected a Lance data set, got what cannot be opened ({line_of(err)}); copy "
            "or download it again"
        ) from err


def _columns(path: Path) -> tuple[Columns, list[int]]:
    data = _opened(path)

    def first(name: str) -> list[Any]:
        for batch in data.to_batches(columns=[name], batch_size=64):
            held = [item for item in batch.column(0) if item.is_valid]
            if held:
                return held
        return []

    try:
        sizes = [fragment.count_rows() for fragment in data.get_fragments()]
        return columns_of(data.schema, sum(sizes), first), sizes
    except GausscheckError:
        raise
    except Exception as err:
        raise GausscheckError(
            f"{path}: its first rows cannot be read ({line_of(err)}); it is damaged: copy or "
            "download it again"
        ) from err


def column_lance(path: Path, key: str) -> NDArray[Any] | None:
    """Return one plain column, text as text; None where there is none."""
    data = _opened(path)
    if key not in data.schema.names:
        return None
    kind, n = data.schema.field(key).type, data.count_rows()
    chunks = (batch.column(0) for batch in data.to_batches(columns=[key], batch_size=BATCH))
    return column_of(kind, n, chunks, str(path), key)


def open_lance(path: Path, dataset: str | None) -> LanceSource:
    """Open one column of lists, or all columns of floats where there is none."""
    return LanceSource(path, dataset)


def inspect_lance(path: Path) -> Contents:
    """Say what the data set holds."""
    return contents_of(path, "Lance", _columns(path)[0].entries)
