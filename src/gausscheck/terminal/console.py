"""What every screen shares: a console of 80 columns, tables, numbers, words of statuses.

Whatever comes from a file (labels, addresses, notes) is shown as text: markup and control
characters in it do nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, isfinite, log10

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from gausscheck.core import printable, printable_lines

WIDTH = 80

STYLE = {
    "gaussian": "bold green",
    "gaussian_except": "bold yellow",
    "inconclusive": "bold yellow",
    "not_gaussian": "bold red",
}
WORDS = {
    "gaussian": "Gaussian",
    "gaussian_except": "Gaussian on average, with exceptions",
    "inconclusive": "inconclusive",
    "not_gaussian": "not Gaussian",
}


class Screen(Console):
    """A console on which no text does anything, whoever made it and wherever it is put."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Return what is written: whatever a terminal would obey is spelled out."""
        for segment in super().render(renderable, options):
            said, style, control = segment
            safe = control or said == "\n" or said.isprintable()
            yield segment if safe else Segment(printable_lines(said), style)


class _Table(Table):
    """A table each of whose cells is one line."""

    def add_row(
        self,
        *renderables: RenderableType | None,
        style: StyleType | None = None,
        end_section: bool = False,
    ) -> None:
        cells = [text(cell) if isinstance(cell, str) else cell for cell in renderables]
        super().add_row(*cells, style=style, end_section=end_section)


def console() -> Console:
    """Return the console that screens are printed on."""
    found = Screen(highlight=False, markup=False, emoji=False)
    if found.width > 100 or not found.is_terminal:
        found.width = WIDTH if not found.is_terminal else 100
    return found


def table(*columns: str) -> Table:
    """Return a table with a left-aligned first column and right-aligned others."""
    made = _Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return made


def text(value: object, style: str = "") -> Text:
    """Return what came from a file or a person as text that does nothing."""
    return Text(printable(str(value)), style=style)


def indented(value: object, left: int = 2) -> Padding:
    """Return a paragraph that begins further in."""
    return Padding(text(value), (0, 0, 0, left))


def number(value: float | None) -> str:
    """Write a number with two decimals, or none where it is large."""
    if value is None or not isfinite(value):
        return "n/a"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def beside_limit(value: float | None, limit: float = 1.0, least: int = 1) -> str:
    """Write a value with digits enough to tell it from its limit.

    Examples
    --------
    >>> beside_limit(0.43), beside_limit(1.004), beside_limit(9.31), beside_limit(569.2)
    ('0.4', '1.004', '9.3', '569')
    """
    if value is None or not isfinite(value):
        return "n/a"
    for digits in range(least, 5):
        if abs(value) >= 100:
            return f"{value:,.0f}"
        written = f"{value:z.{digits}f}"
        if float(written) != limit or value == limit:
            return written
    return written


def two_digits(value: float) -> int:
    """Round to two digits.

    Examples
    --------
    >>> two_digits(18_147)
    18000
    """
    step = 10 ** max(floor(log10(max(value, 1))) - 1, 0)
    return int(round(value / step) * step)


def pvalue(value: float, draws: int) -> str:
    """Write a p-value; a simulated one that no draw reached is only bounded."""
    if not draws:
        return f"= {value:.2g}" if value >= 1e-300 else "< 1e-300"
    floor_ = 1 / (draws + 1)
    return f"≤ {floor_:.3f}" if value <= floor_ * 1.0001 else f"= {value:.2f}"
