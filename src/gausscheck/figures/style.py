"""How figures look: one palette, one set of sizes, a canvas that needs no display."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.3,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "gausscheck",
    "pdf.fonttype": 42,
}
"""Set while a figure is drawn and written."""


@contextmanager
def house() -> Iterator[None]:
    """Draw and write in the house style: a user's own style is for the user's own figures."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


INK, MUTED, BAND = "#222222", "#8a8a8a", "#d9d9d9"

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

STATUS = {
    "gaussian": "#2b8a3e",
    "gaussian_except": "#74a12e",
    "inconclusive": "#b8860b",
    "not_gaussian": "#c0392b",
}
WORDS = {
    "gaussian": "Gaussian",
    "gaussian_except": "on average, with exceptions",
    "inconclusive": "inconclusive",
    "not_gaussian": "not Gaussian",
}


def color(level: str) -> str:
    """Return the colour of a level, the same in every figure (after Okabe & Ito)."""
    return _LEVELS.get(level) or _MORE[sum(map(ord, level)) % len(_MORE)]


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
            fontsize=7, color=INK,
        )  # fmt: skip
    else:
        axes.axhline(value, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
        axes.text(
            0.0, value, text, transform=axes.get_yaxis_transform(), va="bottom", ha="left",
            fontsize=7, color=INK,
        )  # fmt: skip
