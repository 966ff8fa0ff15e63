"""Figures of the paper over runs, checkpoints and models: lengths, A*² and p-values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.normality import A0
from gausscheck.paper import Setting, Settings
from gausscheck.paper.inputs import numbers_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CURVES = 4
"""Histograms in one panel: evenly chosen among more, of series the last setting."""


def radii(found: Settings, page: Page) -> Figure:
    """Draw the lengths of the rows of several models over their mean, a panel each.

    Dashed: the normal curve with the spread that Gaussian rows of the same mean and covariance
    would have. A model whose rows have one length has an empty panel that says so.
    """
    models = found.settings
    across = page.across(2, 4)
    said = "dashed: Gaussian rows of the same mean and covariance"
    figure, panels = page.panels(len(models), across, 40, said, letters=False)
    spread = max([0.05, *(m.cv for m in models if m.cv is not None)])
    for axes, model in zip(panels, models, strict=True):
        _radius(axes, model, spread)
    for axes in panels[::across]:
        axes.set_ylabel("density")
    for axes in panels[-across:]:
        axes.set_xlabel("length / mean length")
    return figure


def _radius(axes: Axes, model: Setting, spread: float) -> None:
    title = style.label(" ".join(part for part in (model.series, model.name) if part), 26)
    axes.set_title(f"{title}\nn = {model.n:,} · d = {model.d:,}", fontsize=6.5)
    low, high = 1 - 4 * spread, 1 + 4 * spread
    axes.set_xlim(max(low, 0), high)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4, steps=[1, 2, 5, 10])
    if model.cv is None:
        axes.axvline(1, color=style.color("axes"), lw=1.4)
        axes.text(0.03, 0.96, "one length", transform=axes.transAxes, va="top", fontsize=6.2)
        return
    density = model.counts / max(model.counts.sum(), 1) / np.diff(model.edges)
    tint = style.color("axes")
    axes.stairs(density, model.edges, fill=True, color=tint, alpha=0.45, lw=0)
    axes.stairs(density, model.edges, color=tint, lw=0.8)
    top = float(density.max())
    said = f"CV {model.cv:.3f}"
    if model.cv_gaussian:
        x = np.linspace(max(low, 0), high, 241)
        z = (x - 1) / model.cv_gaussian
        curve = np.exp(-z * z / 2) / (model.cv_gaussian * np.sqrt(2 * np.pi))
        axes.plot(x, curve, color=style.INK, lw=0.8, ls=style.LINES[1])
        top = max(top, float(curve.max()))
        said += f"\nGaussian {model.cv_gaussian:.3f}"
    axes.set_ylim(0, top * 1.35)
    axes.text(0.03, 0.98, said, transform=axes.transAxes, va="top", fontsize=6.2)


def settings(found: Settings, page: Page) -> Figure:
    """Draw lengths, mean A*² and mean p-value against the setting, a line a series.

    a: coefficient of variation of the lengths, with intervals; dotted: of Gaussian rows with the
    same mean and covariance. b: lengths over their mean, of
    4 settings at most, of each series the last. c: mean A*², with
    the limit .752 and, dotted, its mean under normality. d: mean D'Agostino-Pearson p-value.
    """
    said = _about(found)
    figure, panels = page.panels(4, page.across(1, 2), 44, said)
    _spread(panels[0], found)
    _lengths(panels[1], found)
    _ad(panels[2], found)
    _line(panels[3], found, lambda s: s.table.dp_avg, "mean DP p-value")
    panels[3].axhline(0.5, color=style.MUTED, lw=0.8, ls=style.LINES[2])
    panels[3].set_ylim(-0.015, 0.56)
    _legend(figure, panels[0])
    return figure


def training(found: Settings, page: Page) -> Figure:
    """Draw lengths, mean A*² and the share of normal coordinates against checkpoints.

    a: coefficient of variation of the lengths, dotted that of Gaussian rows; b: mean A*², with the
    limit .752 and, dotted, its mean under normality; c: coordinates that pass D'Agostino-Pearson
    at 5 %, dotted 95 %.
    """
    said = _about(found)
    figure, panels = page.panels(3, page.across(1, 3), 48, said)
    _spread(panels[0], found)
    _ad(panels[1], found)
    _line(panels[2], found, lambda s: 100 * s.table.dp_pass, "DP-normal, %")
    panels[2].axhline(95, color=style.MUTED, lw=0.8, ls=style.LINES[2])
    panels[2].set_ylim(-3, 103)
    _legend(figure, panels[0])
    return figure


def _about(found: Settings) -> str:
    mark = "dotted" if _numeric(found) else "dotted and –"
    return f"{style.sizes((s.n, s.d) for s in found.settings)} · {mark}: Gaussian rows"


def _spread(axes: Axes, found: Settings) -> None:
    if all(s.cv is None for s in found.settings):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, "rows have one length", transform=axes.transAxes, ha="center")
        return
    _line(axes, found, lambda s: s.cv, "CV of the lengths", ends=lambda s: s.cv_ci)
    for members in _series(found).values():
        x = _places(found, members)
        gaussian = [np.nan if s.cv_gaussian is None else s.cv_gaussian for s in members]
        line = style.LINES[2] if _numeric(found) else "none"
        axes.plot(x, gaussian, color=style.MUTED, lw=0.8, ls=line, marker="_", ms=5)
    axes.set_ylim(bottom=0)


def _ad(axes: Axes, found: Settings) -> None:
    _line(axes, found, lambda s: s.table.ad_avg, "mean A*²")
    values = [s.table.ad_avg for s in found.settings]
    style.set_log(axes, "y", min(0.25, min(values) / 1.2), max(1.0, max(values)) * 1.5, 6)
    axes.axhline(AD_THRESHOLD, color=style.INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
    axes.axhline(A0, color=style.MUTED, lw=0.8, ls=style.LINES[2])


def _lengths(axes: Axes, found: Settings) -> None:
    lines = _series(found).values()
    last = [members[-1] for members in lines] if len(lines) > 1 else found.settings
    shown = [s for s in last if s.cv is not None]
    step = max(1, -(-len(shown) // MOST_CURVES))
    shown = shown[::-1][::step][::-1]
    names = [_full(s, found.axis) for s in shown]
    look = style.looks(names)
    top = 0.0
    for one, name in zip(shown, names, strict=True):
        density = one.counts / max(one.counts.sum(), 1) / np.diff(one.edges)
        tint, _, line = look[name]
        axes.stairs(density, one.edges, color=tint, ls=line, lw=1, label=style.label(name, 24))
        top = max(top, float(density.max()))
    axes.set(xlabel="length / mean length", ylabel="density")
    axes.locator_params(nbins=5)
    if shown:
        axes.set_ylim(0, top * 1.15)
        axes.set_xlim(*_seen(shown))
        axes.legend(fontsize=5.6, loc="upper right", handlelength=1.8, borderaxespad=0.1)


def _seen(shown: Sequence[Setting]) -> tuple[float, float]:
    """Return where all but one row in a thousand of each setting lie."""
    ends = []
    for one in shown:
        share = np.cumsum(one.counts) / one.counts.sum()
        low, high = np.searchsorted(share, [0.001, 0.999])
        ends += [one.edges[low], one.edges[min(high + 1, len(one.edges) - 1)]]
    return float(min(ends)), float(max(ends))


def _full(one: Setting, axis: str) -> str:
    name = f"{axis} {one.name}" if axis else one.name
    return f"{one.series}, {name}" if one.series else name


def _series(found: Settings) -> dict[str, list[Setting]]:
    lines: dict[str, list[Setting]] = {}
    for one in found.settings:
        lines.setdefault(one.series, []).append(one)
    return lines


def places(names: Sequence[str], axis: str) -> tuple[dict[str, float], str, bool]:
    """Return where names stand on an axis, what it counts, and whether they are numbers."""
    distinct = list(dict.fromkeys(names))
    counted = numbers_of(distinct)
    if counted is None:
        return {name: float(i) for i, name in enumerate(distinct)}, axis, False
    numbers, said = counted
    return dict(zip(distinct, numbers, strict=True)), axis or said, True


def _numeric(found: Settings) -> bool:
    return places([s.name for s in found.settings], found.axis)[2]


def _places(found: Settings, members: Sequence[Setting]) -> list[float]:
    where, _, _ = places([s.name for s in found.settings], found.axis)
    return [where[s.name] for s in members]


def _line(
    axes: Axes,
    found: Settings,
    value: Callable[[Setting], float | None],
    said: str,
    ends: Callable[[Setting], tuple[float, float] | None] = lambda _: None,
) -> None:
    look = style.looks(s.series for s in found.settings)
    numeric = _numeric(found)
    for series, members in _series(found).items():
        tint, mark, line = look[series]
        x, y = _places(found, members), [value(s) for s in members]
        order = np.argsort(x, kind="stable")
        points = np.array([(x[i], np.nan if y[i] is None else y[i]) for i in order], dtype=float)
        axes.plot(points[:, 0], points[:, 1], color=tint, marker=mark, ms=3.4, lw=1.1,
                  ls=line if numeric else "none",
                  label=style.label(series, 24) if series else None)  # fmt: skip
        for place, member in zip(x, members, strict=True):
            span = ends(member)
            if span is not None:
                axes.plot([place, place], span, color=tint, lw=1)
    ticked(axes, [s.name for s in found.settings], found.axis)
    axes.set_ylabel(said)


def ticked(axes: Axes, names: Sequence[str], axis: str, *, spaced: bool = False) -> None:
    """Tick an axis with names, or with the numbers in them, logarithmic where they span decades.

    ``spaced``: things stand side by side, whatever their numbers.
    """
    where, said, numeric = places(names, axis)
    if spaced and numeric:
        told = [style.number(value) for value in where.values()]
        where, numeric = {name: float(i) for i, name in enumerate(told)}, False
    x = np.array(sorted(set(where.values())))
    axes.set_xlabel(said)
    if not numeric:
        axes.set_xlim(-0.5, len(where) - 0.5)
        most = max(16, 40 // len(where))
        tilt = 30 if sum(min(len(name), most) for name in where) > 40 else 0
        axes.set_xticks(list(where.values()), [style.label(n, most) for n in where], rotation=tilt,
                        ha="right" if tilt else "center")  # fmt: skip
        return
    if len(x) > 2 and x[0] > 0 and x[-1] / x[0] >= 8:
        style.set_log(axes, "x", x[0] / 1.25, x[-1] * 1.25)
    if len(x) <= 7:
        kept = x if axes.get_xscale() == "log" else _apart(x)
        axes.set_xticks(kept, [style.number(v) for v in kept])
        axes.set_xticks([], minor=True)


def _apart(x: np.ndarray) -> list[float]:
    """Leave out ticks whose numbers would touch the one before."""
    kept = [float(x[0])]
    kept += [float(v) for v, before in zip(x[1:], x[:-1], strict=True)
             if v - before > 0.08 * (x[-1] - x[0])]  # fmt: skip
    return kept


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4),
                      fontsize=6.5)  # fmt: skip
