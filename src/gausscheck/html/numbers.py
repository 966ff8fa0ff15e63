"""How the page writes numbers and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from gausscheck.audit.use.words import percent as _percent
from gausscheck.figures.verdict import short as _short

if TYPE_CHECKING:
    from markupsafe import Markup

NONE = "–"
"""Where there is no number."""


def printable(value: Any) -> Any:
    r"""Take out of a text what no reader sees but a page would act on: controls, bidi marks.

    Examples
    --------
    >>> printable("a\x00b\u202ec"), printable(3)
    ('abc', 3)
    """
    if value is None:
        return NONE
    if type(value) is str:
        shown = "".join(c for c in value if c.isprintable() or c in "\n\t")
        return shown.replace(" %", "\N{NO-BREAK SPACE}%")
    return value


def short(value: float | None) -> str:
    """Write a number with three digits or so.

    Examples
    --------
    >>> short(1.04), short(None)
    ('1.04', '–')
    """
    return NONE if value is None or not isfinite(value) else _short(value)


def three(value: float | None) -> str:
    """Write a number with three digits at least, so that a value can be told from its limit.

    Examples
    --------
    >>> three(0.5491), three(0.5288), three(107.13), three(None)
    ('0.549', '0.529', '107', '–')
    """
    if value is None or not isfinite(value):
        return NONE
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"
    return digits.rstrip(".").replace("-", "−")


def first_upper(text: str) -> str:
    """Make the first letter a capital, and leave the others: ``Not Gaussian``."""
    return text[:1].upper() + text[1:]


def without(text: str, start: str) -> str:
    """Leave out what a heading has said already.

    Examples
    --------
    >>> without("Not Gaussian. Its norms are not.", "not Gaussian")
    'Its norms are not.'
    """
    said = text.lower().startswith(f"{start.lower()}. ")
    return text[len(start) + 2 :] if said else text


def span(ends: Sequence[float] | None) -> str:
    """Write an interval.

    Examples
    --------
    >>> span((0.9, 12.345)), span(None)
    ('[0.90, 12.3]', '')
    """
    return "" if ends is None else f"[{short(ends[0])}, {short(ends[1])}]"


def percent(share: float | None) -> str:
    """Write a share in percent.

    Examples
    --------
    >>> percent(0.1862), percent(0.00003), percent(None)
    ('18.6 %', '0.003 %', '–')
    """
    return NONE if share is None or not isfinite(share) else _percent(share)


def percent_span(ends: Sequence[float]) -> str:
    """Write an interval of shares.

    Examples
    --------
    >>> percent_span((0.176, 0.197))
    '[17.6, 19.7] %'
    """
    low, high = (percent(end).removesuffix(" %") for end in ends)
    return f"[{low}, {high}] %"


def listed(values: Sequence[int] | None, most: int = 8) -> str:
    """Write row numbers or columns, ``most`` of them.

    Examples
    --------
    >>> listed((3, 17), 8), listed(range(10), 2), listed(None)
    ('3, 17', '0, 1, …', '')
    """
    if not values:
        return ""
    return ", ".join(f"{value}" for value in values[:most]) + (", …" if len(values) > most else "")


def whole(cell: str) -> Markup:
    """Keep an interval on one line where a cell breaks.

    Examples
    --------
    >>> whole("1.0 [0.5, 1.5] yes")
    Markup('1.0 <span>[0.5, 1.5]</span> yes')
    """
    from markupsafe import Markup, escape

    text = str(escape(printable(cell)))
    return Markup(re.sub(r"\[[^\]]*\]", lambda found: f"<span>{found[0]}</span>", text))
