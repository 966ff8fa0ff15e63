"""Data frames and Arrow tables in memory: columns of numbers, or a column of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import (
    KNOWN_NAMES,
    ArraySource,
    is_side,
    left_out,
    line_of,
)
from gausscheck.sources.labels import as_text

NUMBERS = "columns"
"""What the columns of numbers are called together."""


def is_frame(value: Any) -> bool:
    """Whether a value is a table with named columns: pandas, polars, Arrow."""
    return hasattr(value, "columns") and (
        hasattr(value, "to_numpy") or hasattr(value, "column_names")
    )


class FrameSource(ArraySource):
    """Rows of a data frame's columns; its other columns lie beside them.

    The chosen columns are copied into one array, unless the frame already holds it.

    Parameters
    ----------
    frame : pandas, polars or Arrow table
    dataset : str or None
        A column of vectors, or ``columns`` for those of numbers.
    """

    def __init__(self, frame: Any, dataset: str | None) -> None:
        uri = f"<{type(frame).__module__.split('.')[0]} {type(frame).__name__}>"
        self._frame = frame
        self._names = _names(frame)
        chosen, vectors = self._choose(dataset, uri)
        try:
            array = self._vectors(vectors) if vectors is not None else self._numbers(chosen)
        except (ValueError, TypeError) as err:
            raise GausscheckError(f"{uri}: cannot be read as rows: {line_of(err)}") from err
        taken = set(chosen) if vectors is None else {vectors}
        left = [str(name) for name in self._names if name not in taken]
        super().__init__(array, uri, left_out(left))

    def _choose(self, dataset: str | None, uri: str) -> tuple[list[Any], Any]:
        """Return the columns of numbers, or a column of vectors."""
        if dataset not in (None, NUMBERS):
            named = [name for name in self._names if str(name) == dataset]
            if not named:
                listed = ", ".join(map(str, self._names[:12]))
                raise GausscheckError(f"{uri}: expected a column {dataset!r}, got {listed}")
            return [], named[0]
        numbers, floats, vectors = [], [], []
        for name in self._names:
            values = self._column(name)
            if values.dtype.kind in "fiu" and not is_side(str(name)):
                numbers.append(name)
                floats += [name] if values.dtype.kind == "f" else []
            elif values.dtype.kind == "O" and _first(values) is not None:
                vectors.append(name)
        known = [name for key in KNOWN_NAMES for name in vectors if name == key]
        if dataset is None and (known or len(vectors) == 1):
            return [], (known or vectors)[0]
        if dataset is None and len(vectors) > 1:
            listed = ", ".join(map(str, vectors))
            raise GausscheckError(f"{uri}: several columns of vectors; choose one: {listed}")
        if len(numbers) < 2:
            listed = ", ".join(map(str, self._names[:12])) or "none"
            raise GausscheckError(
                f"{uri}: expected columns of numbers, or one of vectors, got {listed}"
            )
        # beside embeddings with fractions whole numbers are labels, counts or times
        return (floats if len(floats) > 1 else numbers), None

    def _column(self, name: Any) -> NDArray[Any]:
        held = self._frame[name]
        held = held.to_numpy() if hasattr(held, "to_numpy") else held
        return np.asarray(held)

    def _numbers(self, chosen: Sequence[Any]) -> NDArray[Any]:
        columns = [self._column(name) for name in chosen]
        floats = [c.dtype for c in columns if c.dtype.kind == "f"]
        dtype = np.result_type(*(floats or [c.dtype for c in columns]))
        if len(chosen) == len(self._names) and hasattr(self._frame, "to_numpy"):
            whole = np.asarray(self._frame.to_numpy())
            if whole.dtype == dtype:
                return whole
        return np.stack(columns, axis=1, dtype=dtype, casting="unsafe")

    def _vectors(self, name: Any) -> NDArray[Any]:
        values = self._column(name)
        if values.ndim == 2:
            return values
        first = _first(values)
        if first is None:
            raise ValueError(f"column {name} holds no vectors")
        out = np.full((len(values), first.size), np.nan, dtype=np.result_type(first.dtype, "f2"))
        for place, value in enumerate(values):
            if value is not None and np.ndim(value) == 1:
                if len(value) != first.size:
                    raise ValueError(f"row {place} has {len(value)} numbers, others {first.size}")
                out[place] = value
        return out

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return another column; None where there is none of single values."""
        named = [name for name in self._names if str(name) == key]
        if not named:
            return None
        values = self._column(named[0])
        if values.dtype.kind == "O":
            return None if _first(values) is not None else as_text(values, self.uri, key)
        return values


def _names(frame: Any) -> list[Any]:
    names = getattr(frame, "column_names", None)
    return list(frame.columns if names is None else names)


def _first(values: NDArray[Any]) -> NDArray[Any] | None:
    """Return the first vector of a column of objects; None where there is none of numbers."""
    for value in values:
        if value is None or (np.ndim(value) == 0 and not isinstance(value, str)):
            continue
        array = np.asarray(value)
        return array if array.ndim == 1 and array.size and array.dtype.kind in "fiu" else None
    return None
