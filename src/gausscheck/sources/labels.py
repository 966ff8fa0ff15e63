"""What lies beside the rows: labels and names, of a length and number that memory holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.sources.base import LARGEST_PIECE

LONGEST = 4096
"""Characters of one label at most: a longer one is a text, and an array of labels is as wide as its
longest."""

_SMALL = 64 << 20
"""Bytes that labels may always take, however few they are, or however short most of them."""

_SPREAD = 256
"""Times that an array of labels may take what the labels themselves take."""


class LabelsTooLarge(GausscheckError):
    """What lies beside the rows cannot be their labels; nobody minds who has not asked for it."""


def check_beside(size: int, uri: str, key: str, rows: int | None = None) -> None:
    """Refuse an array beside the rows that is too large to be held, or to be a label a row.

    Parameters
    ----------
    size : int
        Bytes of it.
    uri, key : str
        Where it lies.
    rows : int, optional
        How many it lies beside, where that is known.

    Raises
    ------
    LabelsTooLarge
    """
    most = LARGEST_PIECE if rows is None else _most(4 * LONGEST * rows)
    if size > most:
        raise LabelsTooLarge(
            f"{uri}: {key} beside the rows takes {size:,} bytes, of which at most {most:,} are "
            "held; labels are one value a row"
        )


def _most(size: int) -> int:
    return min(LARGEST_PIECE, max(_SMALL, size))


def text_of(value: object) -> str:
    """Return a label as text; bytes are taken as UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def check_length(length: int, uri: str, key: str) -> None:
    """Refuse a label that is too long to be one.

    Raises
    ------
    LabelsTooLarge
    """
    if length > LONGEST:
        raise LabelsTooLarge(
            f"{uri}: {key} beside the rows has a text of {length:,} characters, of which a label "
            f"has at most {LONGEST:,}; name what identifies a row"
        )


def texts(values: Iterable[object], uri: str, key: str) -> NDArray[np.str_]:
    """Return labels as an array of texts, which is as wide as the longest.

    They are looked at one by one, so that no more is held than fits.

    Raises
    ------
    LabelsTooLarge
        If one is too long to be a label, or all of that width would not fit.

    Examples
    --------
    >>> texts(["a", 10], "x.csv", "class").tolist()
    ['a', '10']
    """
    told: list[str] = []
    widest = total = 0
    for value in values:
        told.append(text_of(value))
        length = len(told[-1])
        check_length(length, uri, key)
        widest, total = max(widest, length), total + length
        if 4 * total > LARGEST_PIECE:
            break
    check_texts(widest, total, len(told), uri, key)
    return np.array(told, dtype=np.str_)


def check_texts(widest: int, total: int, count: int, uri: str, key: str) -> None:
    """Refuse texts whose array would not fit, or is mostly room for the longest.

    Parameters
    ----------
    widest, total : int
        Characters of the longest, and of all.
    count : int
        How many there are.
    uri, key : str
        Where they lie.

    Raises
    ------
    LabelsTooLarge
    """
    size = 4 * max(widest, 1) * count
    most = _most(4 * _SPREAD * total)
    if size > most:
        raise LabelsTooLarge(
            f"{uri}: {key} beside the rows takes {size:,} bytes, {widest:,} characters for each of "
            f"{count:,} labels, of which at most {most:,} are held; shorten the longest"
        )


def as_text(values: NDArray[Any], uri: str, key: str) -> NDArray[np.str_]:
    """Return an array of any values as texts of its shape.

    Raises
    ------
    LabelsTooLarge
        As for :func:`texts`.
    """
    return texts(values.ravel(), uri, key).reshape(values.shape)


def one_a_row(values: NDArray[Any], n: int) -> bool:
    """Whether an array can be labels of n rows."""
    return values.ndim == 1 and values.size == n and values.dtype.kind in "biufSU"
