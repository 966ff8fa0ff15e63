"""Whether contrastive training makes rows usable as Gaussian, and up to how many components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gausscheck.audit.analyze import analyze
from gausscheck.core import GausscheckError
from gausscheck.figures import style
from gausscheck.report import Report
from gausscheck.report.use import MOST, ONE
from gausscheck.train.experiments.lab import Experiment, Lab, gaussian, table_values
from gausscheck.train.experiments.panels import MARKS, TINTS, errors
from gausscheck.train.experiments.tables import MEASURED, NULL, Row, Table, row
from gausscheck.train.settings import Settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = {"0.05": "flags at 5 %", "0.01": "flags at 1 %", "0.001": "flags at 0.1 %"}
USE = (
    *LEVELS.values(), "usable components", "nats lost",
    "projections hold", "norms hold", "sphere holds",
)  # fmt: skip
"""False-alarm rates, safe components, loss in the radius, whether a claim holds."""

COLUMNS = ("CV", "AD", "AD pass", "DP pass", *USE)


def audit(uri: Any) -> Report:
    """Audit rows as far as use and the paper's claims need."""
    return analyze(uri, directions="axes,random", levels="none")


def use_values(report: Report) -> dict[str, float]:
    """Return what thresholds do on the rows, and whether the paper's claims hold."""
    found = report.use
    if found is None:
        raise GausscheckError(f"{report.source.uri}: expected rows whose use can be measured")
    values = {name: found.false_alarm[key].value for key, name in LEVELS.items()}
    safe = found.safe_components
    values |= {
        "usable components": float(safe.value),
        "nats lost": found.radial_kl.value,
    }
    claims = report.verdict.claims
    return values | {
        column: float(getattr(claims, column.split()[0]) == "holds") for column in USE[-3:]
    }


def use_curve(report: Report, series: str) -> list[Row]:
    """Return the 1 % rate among the k leading components."""
    found = report.use
    points = () if found is None else found.curve
    return [
        row(f"{series}, k = {p.k}", MEASURED, {LEVELS[ONE]: p.false_alarm[ONE].value}, series, p.k)
        for p in points
    ]


def draw_use(axes: Axes, table: Table, names: Sequence[str], labels: Sequence[str]) -> None:
    """Draw the 1 % rate against the components kept, a line an encoder, with bands over seeds."""
    low, right = 1e-3, 2.0
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        k, points = table.series(name, LEVELS[ONE])
        mean, error = errors(points, LEVELS[ONE])
        tint = style.color(TINTS[i % 7])
        right = max(right, float(k[-1]))
        shown = np.maximum(mean, low)
        axes.fill_between(k, np.maximum(mean - error[0], low), np.maximum(mean + error[1], low),
                          color=tint, alpha=0.2, lw=0)  # fmt: skip
        axes.plot(k, shown, MARKS[i % 7] + "-", ms=2.6, color=tint, label=label)
    axes.axhline(0.01, color=style.MUTED, ls=":", lw=1)
    axes.axhline(MOST, color=style.INK, lw=0.8, ls=(0, (4, 2)))
    style.set_log(axes, "y", low, 1.0)
    ticks = [0.001, 0.01, 0.02, 0.05, 0.1, 0.3, 1]
    axes.yaxis.set_ticks(ticks, [f"{100 * t:g}" for t in ticks])
    style.set_log(axes, "x", 0.9, right * 1.1)
    some = [4**e for e in range(8) if 4**e <= right]
    axes.xaxis.set_ticks(some, [str(v) for v in some])
    axes.set_xlabel("leading components k")


ENCODERS = ("linear", "mlp")
NAMES = ("untrained", "supervised", "SIGReg", "contrastive")


def _usable(lab: Lab) -> tuple[list[Row], list[Row]]:
    rows: list[Row] = []
    curves: list[Row] = []
    few = lab.rows((0, 0), (4000, 2000))
    for encoder in ENCODERS:
        epochs = lab.pick(10 if encoder == "linear" else 15, 3)
        base = Settings(encoder=encoder, epochs=epochs, **few)
        for name, settings in (
            ("untrained", replace(base, epochs=0)),
            ("supervised", replace(base, objective="cross-entropy")),
            ("SIGReg", replace(base, objective="sigreg")),
            ("contrastive", base),
        ):
            path, m = lab.run(f"{encoder}_{name}", settings)
            report = audit(path)
            label = f"{encoder}, {name}"
            rows.append(row(label, MEASURED, table_values(m) | use_values(report)))
            curves += use_curve(report, label)
        rows.append(row(encoder, NULL, gaussian_use(lab.settled(base).dim)))
    return rows, curves


def gaussian_use(d: int) -> dict[str, float]:
    """Return what true Gaussian rows give."""
    return gaussian(d) | {
        "flags at 5 %": 0.05, "flags at 1 %": 0.01, "flags at 0.1 %": 0.001,
        "usable components": float(d), "nats lost": 0.0,
        "projections hold": 1.0, "norms hold": 1.0,
    }  # fmt: skip


def _draw(table: Table, lab: Lab) -> Figure:
    figure, panels = style.canvas(2, width=3.3, height=2.9)
    for axes, encoder, words in zip(panels, ENCODERS, ("linear", "two-layer MLP"), strict=True):
        draw_use(axes, table, [f"{encoder}, {name}" for name in NAMES], NAMES)
        axes.set_title(words)
    panels[0].set_ylabel("rows beyond the 1 % threshold, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


USABLE = Experiment(
    "usable", "Usable as Gaussian? Power-law Laplace", COLUMNS, _usable, _draw,
    pairs=tuple(
        (f"{encoder}, contrastive", f"{encoder}, {name}")
        for encoder in ENCODERS
        for name in NAMES[:3]
    ),
    notes=(
        "flags: share of held-out rows beyond the Gaussian 5, 1 and 0.1 % thresholds",
        "usable components: the most leading ones up to which the 1 % threshold flags at most 2 %",
        "nats lost: likelihood a row that a Gaussian model loses in the radius alone",
        "hold: in how many seeds the paper's claim holds (projections Gaussian, norms on a thin "
        "shell, unit rows uniform on the sphere)",
    ),
    own=("epochs",),
)  # fmt: skip
