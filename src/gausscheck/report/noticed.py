"""What was noticed before any number: cause, effect on the report, remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "collapse",
    "sparse_columns",
    "serial_dependence",
    "sorted_rows",
    "duplicates",
    "near_duplicates",
    "deciding_rows",
    "far_rows",
    "grid",
    "unit_rows",
    "dead_columns",
    "rank",
]
"""What can be noticed, in the order in which it is printed: what spoils most comes first."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something in the data that changes what the numbers of a report mean.

    Attributes
    ----------
    kind : str
        One of :data:`Kind`.
    text : str
        The cause, with its numbers, in one sentence.
    rows : tuple of int or None
        Row ids in the file, the telling ones first, at most 20; None where rows are
        not what it is about.
    columns : tuple of int or None
        Column numbers, at most 20; None where columns are not what it is about.
    effect : str or None
        What it does to this report.
    remedy : str
        What to do about it.
    """

    kind: Kind
    text: str
    rows: tuple[int, ...] | None
    columns: tuple[int, ...] | None
    effect: str | None
    remedy: str
