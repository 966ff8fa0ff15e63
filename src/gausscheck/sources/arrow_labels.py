"""A column of an Arrow table as labels: what one value a row is, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.sources.labels import LONGEST, check_beside, check_length, texts

BATCH = 1 << 16
"""Rows of a column of labels decoded at a time."""


def column_of(kind: Any, n: int, chunks: Iterable[Any], uri: str, key: str) -> NDArray[Any] | None:
    """Return a column of numbers, dates or texts; None where it holds lists, records or nothing.

    Parameters
    ----------
    kind : pyarrow.DataType
    n : int
        Rows that the table says it has.
    chunks : iterable of pyarrow.Array
        Decoded as they are asked for.
    uri, key : str

    Raises
    ------
    LabelsTooLarge
        If a text is too long to be a label, or all values do not fit.
    """
    import pyarrow.types as kinds

    kind = getattr(kind, "storage_type", kind)
    inner = kind.value_type if kinds.is_dictionary(kind) else kind
    if kinds.is_nested(inner) or kinds.is_null(inner) or kinds.is_run_end_encoded(inner):
        return None
    check_beside(8 * n, uri, key)
    parts = (getattr(chunk, "storage", chunk) for chunk in chunks)
    if kinds.is_primitive(inner):
        plain = (part if inner is kind else part.dictionary_decode() for part in parts)
        held = [part.to_numpy(zero_copy_only=False) for part in plain]
        values = np.concatenate(held) if held else np.empty(0)
        return texts(values, uri, key) if values.dtype == object else values
    return texts(_values(parts, uri, key), uri, key)


def _values(parts: Iterable[Any], uri: str, key: str) -> Iterator[object]:
    """Yield the values of texts, bytes, decimals or categories; none is copied for each row."""
    for part in parts:
        words = getattr(part, "dictionary", None)
        if words is None:
            _check_words(part, uri, key)
            yield from part.to_pylist()
            continue
        _check_words(words, uri, key)
        held = words.to_pylist()
        for place in part.indices.to_pylist():
            yield None if place is None else held[place]


def _check_words(words: Any, uri: str, key: str) -> None:
    """Refuse texts that are too long before they are decoded."""
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    if kinds.is_string(words.type) or kinds.is_large_string(words.type):
        longest = pc.max(pc.binary_length(words)).as_py() or 0
        check_length(longest if longest > 4 * LONGEST else 0, uri, key)
