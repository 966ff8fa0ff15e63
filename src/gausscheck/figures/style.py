"""How figures look: one palette, two widths, two styles, a canvas that needs no display."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from gausscheck.audit.verdict import LEVEL_WORDS
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Width = Literal["single", "double"]
Style = Literal["paper", "screen"]
WIDTHS = get_args(Width)
STYLES = get_args(Style)

_INCHES = {"single": 85 / 25.4, "double": 178 / 25.4}

RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # where it would be moved to, without looking for what is in its way
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.labelspacing": 0.3,
    "lines.linewidth": 1.1,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "svg.fonttype": "path",
    "svg.hashsalt": "gausscheck",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a name from a file is a name, not a formula
}
"""Set while a figure is drawn and written. Fonts are embedded, as journals ask."""

_SCREEN: Any = {"svg.fonttype": "none", "savefig.dpi": 200}
"""On a screen text stays text: it can be selected, and takes the page's font."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a figure is drawn for.

    Attributes
    ----------
    width : {"single", "double"}
        A journal's column of 85 mm, or its page of 178 mm.
    style : {"paper", "screen"}
        ``paper``: fonts embedded, with name, n and d below. ``screen``: text as text in SVG.
    caption : bool
        Whether name, n and d stand below; a page that says so itself does without.
    """

    width: Width = "double"
    style: Style = "paper"
    caption: bool = True

    @property
    def inches(self) -> float:
        """Width in inches."""
        return _INCHES[self.width]

    def across(self, single: int, double: int) -> int:
        """Return how many panels stand side by side, by the width."""
        return single if self.width == "single" else double

    def panels(
        self, count: int, across: int, height: float, caption: str = "", *, letters: bool = True
    ) -> tuple[Figure, list[Axes]]:
        """Return a figure of ``count`` panels, ``across`` a row, each row ``height`` mm high."""
        from matplotlib.figure import Figure

        across = min(count, across)
        down = -(-count // across)
        below = 4.5 if caption and self.caption else 0.0
        figure = Figure(figsize=(self.inches, (down * height + below) / 25.4), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)  # type: ignore[union-attr,call-arg]
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for axes in grid[count:]:
            figure.delaxes(axes)
        used = list(grid[:count])
        if letters and count > 1:
            for axes, letter in zip(used, "abcdefghijklmnopqrstuvwxyz" * 4, strict=False):
                axes.annotate(
                    letter, (0, 1), (-15, 3.5), xycoords="axes fraction", fontweight="bold",
                    textcoords="offset points", fontsize=8,
                )  # fmt: skip
        if below:
            figure.supxlabel(caption, x=0.01, ha="left", fontsize=6, color=MUTED)
        return figure, used


@contextmanager
def house(style: Style = "paper") -> Iterator[None]:
    """Draw and write in the house style: a user's own style is for the user's own figures."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC | (_SCREEN if style == "screen" else {}))
        yield


INK, MUTED, BAND = "#222222", "#6f6f6f", "#d9d9d9"

_LEVELS = {
    "axes": "#0072B2",
    "random": "#D55E00",
    "pca": "#009E73",
    "file": "#CC79A7",
    "learned": "#7A5195",
    "marginals": "#E69F00",
    "norms": "#56B4E9",
    "sphere": "#5C4A3D",
}
_MORE = ("#B5651D", "#3B7A57", "#4B5D9A")

LADDER = ("axes", "random", "pca", "file", "norms", "marginals", "sphere", "learned")
"""Levels from weak to strong."""

STATUS = {
    "gaussian": "#1b7837",
    "gaussian_except": "#5a8f1e",
    "inconclusive": "#9a6a00",
    "not_gaussian": "#b5281c",
}
MARKS = {"gaussian": "o", "gaussian_except": "D", "inconclusive": "o", "not_gaussian": "s"}
"""Colour is never alone: an inconclusive mark is open too."""

WORDS = {
    "gaussian": "Gaussian",
    "gaussian_except": "Gaussian on average, with exceptions",
    "inconclusive": "inconclusive",
    "not_gaussian": "not Gaussian",
}
LINES: Sequence[Any] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
"""Line styles in the order of use: told apart without colour."""


TINTS = (
    "#0072B2", "#D55E00", "#009E73", "#7A5195", "#E69F00", "#56B4E9", "#5C4A3D", "#CC79A7",
)  # fmt: skip
MARKERS = "os^Dvp*X"
"""Of models and series: colour is never alone."""

Look = tuple[str, str, Any]
"""Colour, marker and line style."""


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Give each model or series a colour, a marker and a line style.

    Examples
    --------
    >>> looks(["a", "b"])["a"]
    ('#0072B2', 'o', '-')
    """
    distinct = dict.fromkeys(names)
    return {
        name: (TINTS[i % len(TINTS)], MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])
        for i, name in enumerate(distinct)
    }


def color(level: str) -> str:
    """Return the colour of a level, the same in every figure (after Okabe & Ito)."""
    return _LEVELS.get(level) or _MORE[sum(map(ord, level)) % len(_MORE)]


def name(level: str) -> str:
    """Return what figures call a level: ``pca`` is ``principal components``."""
    return LEVEL_WORDS.get(level) or label(level, 24)


def ladder(levels: Iterable[str]) -> list[str]:
    """Return levels from weak to strong; those of no known strength come last.

    Examples
    --------
    >>> ladder(["sphere", "mine", "axes"])
    ['axes', 'sphere', 'mine']
    """
    place = {level: i for i, level in enumerate(LADDER)}
    return sorted(levels, key=lambda level: place.get(level, len(place)))


def label(text: object, most: int = 40) -> str:
    r"""Make a text of a file fit to be drawn: printable, in the font, no longer than ``most``.

    Examples
    --------
    >>> label("column\n\x00 7"), label("x" * 50, 9)
    ('column 7', 'xxxx…xxxx')
    """
    known = _glyphs()
    words = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in str(text))).strip()
    drawn = "".join(c if ord(c) in known else "\N{WHITE SQUARE}" for c in words)
    if len(drawn) <= most:
        return drawn
    head = (most - 1) // 2
    return f"{drawn[:head]}…{drawn[len(drawn) - (most - 1 - head) :]}"


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(RC["font.family"]))
    return frozenset(font.get_charmap())


def file_name(uri: str) -> str:
    """Return the last part of a path, with the name of the array in the file.

    Examples
    --------
    >>> file_name("/data/emb.h5:/embeddings"), file_name("s3://bucket/emb.npy")
    ('emb.h5:/embeddings', 'emb.npy')
    """
    path, mark, key = uri.replace("\\", "/").rpartition(":/")
    if not mark or key.startswith("/"):
        return uri.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{path.rsplit('/', 1)[-1]}:/{key}"


def sizes(measured: Iterable[tuple[int, int]]) -> str:
    """Return what stands below a figure of several inputs: their rows and dimensions.

    Examples
    --------
    >>> sizes([(5000, 64), (4000, 128)]), sizes([(5000, 64)])
    ('n = 4,000 to 5,000 · d = 64 to 128', 'n = 5,000 · d = 64')
    """
    n, d = zip(*measured, strict=True)

    def span(values: Sequence[int]) -> str:
        low, high = min(values), max(values)
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"

    return f"n = {span(n)} · d = {span(d)}"


def about(report: Report) -> str:
    """Return what stands below each figure: file, n and d."""
    name = label(file_name(report.source.uri), 48)
    return f"{name} · n = {report.source.n:,} · d = {report.source.d:,}"


def canvas(columns: int = 1, *, width: float = 3.4, height: float = 2.6) -> tuple[Figure, Any]:
    """Return a figure and its axes ``(columns,)`` side by side, sizes in inches per panel."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height), layout="constrained")
    panels = figure.subplots(1, columns, squeeze=False)
    return figure, panels[0]


def threshold(axes: Axes, value: float, text: str, *, vertical: bool = False) -> None:
    """Draw a labelled threshold across the axes."""
    if vertical:
        axes.axvline(value, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
        axes.text(
            value, 1.0, f" {text}", transform=axes.get_xaxis_transform(), va="top", ha="left",
            fontsize=6.5, color=INK,
        )  # fmt: skip
    else:
        axes.axhline(value, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
        axes.text(
            0.0, value, text, transform=axes.get_yaxis_transform(), va="bottom", ha="left",
            fontsize=6.5, color=INK,
        )  # fmt: skip


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from ``low`` to ``high`` for a logarithmic axis, ``most`` at most.

    Examples
    --------
    >>> log_ticks(0.3, 40), log_ticks(1, 384, 4)
    ([0.5, 1.0, 2.0, 5.0, 10.0, 20.0], [1.0, 10.0, 100.0])
    """
    from math import ceil, floor, log10

    if not 0 < low < high:
        return [low] if low > 0 else []
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [float(f"{s}e{e}") for e in decades for s in steps]
        found = [t for t in found if low <= t <= high]
        if len(found) <= most:
            return found
    return found[:: -(-len(found) // most)]


def set_log(axes: Axes, which: Literal["x", "y"], low: float, high: float, most: int = 6) -> None:
    """Make an axis logarithmic from ``low`` to ``high``, with plain numbers at round ticks."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    ticks = log_ticks(low, high, most)
    axis.set_ticks(ticks, [number(t) for t in ticks])
    axis.set_ticks([], minor=True)


def number(value: float) -> str:
    """Write a tick: plain digits from .001 to 99,999, a power of ten beyond.

    Examples
    --------
    >>> number(0.01), number(20000.0), number(1e-6)
    ('0.01', '20,000', '1e-6')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"
