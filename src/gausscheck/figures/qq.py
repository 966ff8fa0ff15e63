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
    levels = {k: v for k, v in report.directional.items() if v.qq is not None}
    if not levels:
        return None
    figure, panels = style.canvas(len(levels), width=2.6, height=2.8)
    for axes, (level, found) in zip(panels, levels.items(), strict=True):
        if found.qq is None or found.qq_labels is None:
            continue
        theory, *samples = found.qq
        labels = [str(label) for label in found.qq_labels]
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
