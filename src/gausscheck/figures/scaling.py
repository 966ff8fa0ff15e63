"""Statistics against a size, log-log, with the fitted law and those of theory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.scaling import TITLES, Scaling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXIS = {"d": "dimensions d", "k": "dimensions k of the subspace", "n": "rows n"}


def scaling(found: Scaling, page: Page) -> Figure | None:
    """Draw a panel for each statistic that has two points; values below 0 by their magnitude.

    Circles have the sign of the fit, open ones the other; an interval that reaches 0 runs off the
    lower edge.
    """
    names = [n for n in TITLES if np.isfinite(found.column(n)[:, 0]).sum() >= 2]
    if not names:
        return None
    across = page.across(2, 4)
    figure, panels = page.panels(len(names), across, 42)
    for axes, name in zip(panels, names, strict=True):
        _panel(axes, found, name)
    return figure


def _panel(axes: Any, found: Scaling, name: str) -> None:
    table, sizes = found.column(name), found.sizes
    keep = np.isfinite(table[:, 0])
    x, (value, low, high) = sizes[keep], table[keep].T
    fit, law = found.fits[name], found.theory.get(name, {})
    sign = np.sign(fit.get("constant", np.median(value))) or 1.0
    value, low, high = sign * value, *np.sort([sign * low, sign * high], axis=0)
    positive = value > 0
    floor = max(float(np.abs(value).max()) * 1e-5, float(np.abs(value[value != 0]).min()) / 5)
    for mine, fill in ((positive, style.color("axes")), (~positive, "white")):
        y = np.maximum(np.abs(value[mine]), floor)
        down = np.maximum(y - np.maximum(low[mine], floor / 10), 0)
        up = np.maximum(high[mine] - value[mine], 0)
        # lists: of arrays of one point an older Matplotlib makes numbers, which NumPy warns of
        axes.errorbar(
            x[mine], y, [down.tolist(), up.tolist()], fmt="o", ms=3.5, mfc=fill, lw=0.9,
            color=style.color("axes"),
        )  # fmt: skip
    span = np.geomspace(x.min(), x.max(), 50)
    title = TITLES[name] + (", negative" if sign < 0 else "")
    if "slope" in fit:
        line = np.abs(fit["constant"]) * span ** fit["slope"]
        axes.plot(span, line, color=style.color("axes"), lw=1)
        title += f": slope {fit['slope']:.2f}"
    if "constant" in law:
        line = np.abs(law["constant"]) * span ** law["slope"]
        label = f"{law['law']}: {law['slope']:g}"
        axes.plot(span, line, "--", color=style.INK, lw=0.9, label=label)
        axes.legend()
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_ylim(bottom=floor / 2)
    axes.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
    axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    axes.yaxis.set_minor_formatter(lambda v, _: "")
    axes.set(xlabel=AXIS[found.by], title=title)
    axes.title.set_fontsize(6)
