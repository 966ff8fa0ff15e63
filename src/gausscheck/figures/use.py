"""The use curve: what Gaussian thresholds flag among the k leading components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.figures.style import Page
from gausscheck.report import Report, Use
from gausscheck.report.use import KEYS, ONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TINTS = dict(zip(KEYS, ("#56B4E9", "#0072B2", "#222222"), strict=True))
MARKERS = dict(zip(KEYS, ("o", "s", "^"), strict=True))


def use(report: Report, page: Page) -> Figure | None:
    """Draw the share of rows beyond the 5, 1 and 0.1 % thresholds against the components kept.

    Bands are the intervals, thin dashed lines what Gaussian rows give, dotted ones what a
    normalised Gaussian twin gives where that differs. An open mark at the lower edge is a rate of
    0. The upright line is ``safe_components``, crosses at the foot are ``too_few``.
    """
    found = report.use
    if found is None or not found.curve:
        return None
    figure, (axes,) = page.panels(1, 1, 62 if page.width == "single" else 80, style.about(report))
    k = np.array([point.k for point in found.curve])
    low, high = _limits(found)
    for key in KEYS:
        _rate(axes, found, key, k, low)
    right = float(k[-1])
    style.set_log(axes, "y", low, high, 8)
    ticks = [t for t in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
             if low <= t / 100 <= high]  # fmt: skip
    axes.yaxis.set_ticks([t / 100 for t in ticks], [f"{t:g}" for t in ticks])
    style.set_log(axes, "x", 0.9, max(right, 2) * 1.06, 7)
    axes.xaxis.set_ticks(_ks(k), [f"{v:,}" for v in _ks(k)])
    _marks(axes, found, low)
    axes.set(xlabel="leading components k", ylabel="rows beyond the threshold, %")
    _legend(figure, axes)
    return figure


def _ks(k: np.ndarray) -> list[int]:
    """Return powers of four and the last k."""
    last = int(k[-1])
    return [4**e for e in range(12) if 4**e < last / 1.7] + [last]


def _limits(found: Use) -> tuple[float, float]:
    rates = [point.false_alarm[key] for point in found.curve for key in KEYS]
    seen = [rate.value for rate in rates if rate.value > 0]
    low = max(min([0.0005, *(v / 1.6 for v in seen)]), 1e-5)
    return low, min(1.0, max([0.3, *(v * 1.8 for v in seen)]))


def _rate(axes: Axes, found: Use, key: str, k: np.ndarray, low: float) -> None:
    rates = [point.false_alarm[key] for point in found.curve]
    value = np.array([rate.value for rate in rates])
    ends = np.array([rate.ci for rate in rates])
    gaussian = np.array([rate.gaussian for rate in rates])
    tint, mark, nominal = TINTS[key], MARKERS[key], float(key)
    axes.fill_between(k, np.maximum(ends[:, 0], low), np.maximum(ends[:, 1], low), color=tint,
                      alpha=0.1 if tint == style.INK else 0.2, lw=0)  # fmt: skip
    axes.plot(k, np.maximum(value, low), color=tint, lw=1.1, zorder=3)
    axes.plot(k, np.where(value > 0, value, np.nan), mark, ms=3, color=tint, zorder=4,
              label=f"{100 * nominal:g} % threshold")  # fmt: skip
    none = k[value == 0]
    if none.size:
        axes.plot(none, np.full(none.size, low), mark, ms=3.4, mfc="white", mec=tint, mew=0.8,
                  clip_on=False, zorder=5)  # fmt: skip
    axes.axhline(nominal, color=tint, lw=0.7, ls=(0, (4, 2)), zorder=2,
                 label="Gaussian rows" if key == ONE else None)  # fmt: skip
    if np.any(np.abs(gaussian / nominal - 1) > 0.02):
        drawn = np.where(gaussian > 0, gaussian, np.nan)
        axes.plot(k, drawn, color=tint, lw=0.9, ls=(0, (1, 1.3)), zorder=2,
                  label="Gaussian, normalised" if key == ONE else None)  # fmt: skip


def _legend(figure: Figure, axes: Axes) -> None:
    """Put thresholds in a first line, what they are compared with in a second."""
    handles, labels = axes.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    first = [label for label in labels if "threshold" in label]
    second = [label for label in labels if label not in first]
    order = [label for pair in zip(first, second, strict=False) for label in pair]
    order += first[len(second) :]
    figure.legend(
        [named[label] for label in order], order, loc="outside upper center", ncols=3,
        columnspacing=1.0, handletextpad=0.4, handlelength=1.6, fontsize=6,
    )  # fmt: skip


def _marks(axes: Axes, found: Use, low: float) -> None:
    safe = found.safe_components
    if safe.value > 0:
        axes.axvline(safe.value, color=style.STATUS["gaussian"], lw=1, zorder=1)
        axes.axvspan(max(safe.ci[0], 0.5), safe.ci[1], color=style.STATUS["gaussian"], alpha=0.1,
                     lw=0, zorder=0)  # fmt: skip
        left = safe.value > np.sqrt(found.curve[-1].k)
        axes.annotate(
            f"1 % flags ≤ 2 %\nup to {safe.value} of {safe.of}", (safe.value, 1), (-3 if left else
            3, -2), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
            ha="right" if left else "left", fontsize=6.5, color=style.STATUS["gaussian"],
        )  # fmt: skip
    few = found.too_few
    if few:
        axes.plot(few, np.full(len(few), 0.025), "x", ms=3.2, mew=0.9, color=style.STATUS[
            "not_gaussian"], transform=axes.get_xaxis_transform(), clip_on=False, zorder=6,
            label="1 % flags too few")  # fmt: skip
