"""Q-Q plots of the median and the worst directions of each level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def qq(report: Report) -> Figure | None:
    """Draw standardised quantiles against normal ones, a panel a level."""
    levels = [name for name in report.levels if f"{name}/qq" in report.arrays]
    if not levels:
        return None
    figure, panels = style.canvas(len(levels), width=2.6, height=2.8)
    for axes, level in zip(panels, levels, strict=True):
        theory, *samples = report.arrays[f"{level}/qq"]
        labels = [str(label) for label in report.arrays[f"{level}/qq_label"]]
        reach = float(np.abs(theory).max())
        axes.plot([-reach, reach], [-reach, reach], color=style.MUTED, lw=0.8, zorder=1)
        shades = np.linspace(1.0, 0.45, max(len(samples) - 1, 1))
        for sample, label, shade in zip(samples[:-1], labels[:-1], shades, strict=True):
            axes.plot(
                theory, sample, ".-", ms=2.5, lw=0.7, color=style.color(level), alpha=shade,
                label=label,
            )  # fmt: skip
        axes.plot(theory, samples[-1], ".", ms=2.5, color=style.INK, label=f"median: {labels[-1]}")
        low = min(float(np.min(s)) for s in samples)
        high = max(float(np.max(s)) for s in samples)
        axes.set_ylim(min(low, -reach) * 1.08, max(high, reach) * 1.08)
        axes.set(xlabel="normal quantile", title=level)
        axes.legend(loc="upper left", handlelength=1.0, borderaxespad=0.1)
    panels[0].set_ylabel("standardised quantile")
    return figure
