"""Experiments on the paper's theory: the bound, the regulariser, norms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.train.experiments.lab import Experiment, Lab, embeddings
from gausscheck.train.experiments.panels import draw_series
from gausscheck.train.experiments.tables import MEASURED, NULL, Row, Table, row
from gausscheck.train.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = list[Row]


def _bound(lab: Lab) -> tuple[Rows, Rows]:
    rows: Rows = []
    few = lab.rows((5000, 2500), (2000, 1000))
    for d in (16, 64):
        for a in (0.2, 0.5, 0.8, 0.95):
            settings = Settings(
                data="gaussian-channel", strength=a, dim=d, epochs=lab.pick(10, 2), **few
            )
            _, m = lab.run(f"channel_{d}_{a}", settings)
            eta2, mean, aligned = a * a, float(m["mean_square"][-1]), float(m["alignment"][-1])
            bound = eta2 + (1 - eta2) * mean
            values = {"eta2": eta2, "alignment": aligned, "mean square": mean, "bound": bound,
                      "slack": bound - aligned}  # fmt: skip
            rows.append(row(f"d = {d}, A = {a}", MEASURED, values, f"d = {d}", a))
    return rows, []


def _draw_bound(table: Table, lab: Lab) -> Figure:
    figure, (axes,) = style.canvas(width=3.4, height=3.2)
    for d, tint, mark in ((16, "axes", "o"), (64, "random", "s")):
        _, points = table.series(f"d = {d}", "bound")
        x, y = (np.concatenate([p.values[c] for p in points]) for c in ("bound", "alignment"))
        axes.plot(x, y, mark, ms=3, mew=0, alpha=0.7, color=style.color(tint), label=f"d = {d}")
    axes.plot([0, 1], [0, 1], ls="--", lw=1, color=style.INK, label="the bound")
    axes.set(xlabel="bound, eta² + (1 − eta²) ‖m‖² (cosine)", ylabel="alignment, E[u·v] (cosine)",
             title="Alignment stays below the bound")  # fmt: skip
    axes.legend()
    return figure


ALIGNMENT_BOUND = Experiment(
    "alignment-bound", "Alignment and its bound, MLP",
    ("eta2", "alignment", "mean square", "bound", "slack"), _bound, _draw_bound,
    own=("dim", "strength"),
)  # fmt: skip


def _regulariser(lab: Lab) -> tuple[Rows, Rows]:
    rows: Rows = []
    few = lab.rows((5000, 2500), (2000, 1000))
    for d in (16, 32):
        base = Settings(data="gaussian-channel", strength=0.2, dim=d, epochs=lab.pick(10, 3), **few)
        cases = [("none", 0.0, replace(base, objective="align-uniform"))]
        regular = replace(base, objective="regularised")
        cases += [("logdet", beta, replace(regular, beta=beta)) for beta in (0.03, 0.1, 0.3)]
        cases += [(name, 0.3, replace(regular, entropy=name)) for name in ("knn", "radial")]
        for entropy, beta, settings in cases:
            _, m = lab.run(f"tilt_{d}_{entropy}_{beta}", settings)
            label = f"d = {d}, " + (f"{entropy}, beta {beta}" if beta else "no regulariser")
            values = {
                "mean square": float(m["mean_square"][-1]),
                "alignment": float(m["alignment"][-1]),
                "CV": float(m["cv"][-1]),
                "AD": float(m["ad_raw"][-1]),
            }
            drawn = entropy in ("none", "logdet")
            rows.append(row(label, MEASURED, values, f"d = {d}" if drawn else "", beta))
        rows.append(row(f"d = {d}", NULL, {"mean square": 0.0, "AD": A0, "CV": (2 * d) ** -0.5}))
    return rows, []


def _draw_regulariser(table: Table, lab: Lab) -> Figure:
    figure, (axes,) = style.canvas(width=3.6)
    draw_series(axes, table, ["d = 16", "d = 32"], "mean square")
    axes.set(xlabel="beta of the log-det entropy", ylabel="tilt, ‖m‖² of the unit views",
             title="The regulariser makes the uniform law optimal")  # fmt: skip
    axes.legend()
    return figure


REGULARISER = Experiment(
    "regulariser", "Tilt of the views at A = 0.2, MLP, Gaussian channel",
    ("mean square", "alignment", "CV", "AD"), _regulariser, _draw_regulariser,
    pairs=tuple(
        (f"d = {d}, {entropy}, beta 0.3", f"d = {d}, no regulariser")
        for d in (16, 32)
        for entropy in ("logdet", "knn", "radial")
    ),
    own=("beta", "dim", "entropy", "strength"),
)  # fmt: skip

FREE = ("no radial output", "free norm, InfoNCE", "free norm, radial entropy")


def _free_norms(lab: Lab) -> dict[str, Settings]:
    few = lab.rows((0, 0), (4000, 2000))
    base = Settings(radial=True, epochs=lab.pick(10, 3), **few)
    repaired = replace(base, objective="regularised", entropy="radial")
    return dict(zip(FREE, (replace(base, radial=False), base, repaired), strict=True))


def _run_name(label: str) -> str:
    return label.replace(" ", "_").replace(",", "")


def _blindness(lab: Lab) -> tuple[Rows, Rows]:
    rows: Rows = []
    for label, settings in _free_norms(lab).items():
        _, m = lab.run(_run_name(label), settings)
        values = {"CV": float(m["cv"][-1]), "AD": float(m["ad_raw"][-1]),
                  "AD unit": float(m["ad_unit"][-1])}  # fmt: skip
        rows.append(row(label, MEASURED, values))
    d = lab.settled(settings).dim
    rows.append(row("any", NULL, {"CV": (2 * d) ** -0.5, "AD": A0, "AD unit": A0}))
    return rows, []


def _draw_blindness(table: Table, lab: Lab) -> Figure:
    figure, (axes,) = style.canvas(width=4.2)
    edges = np.geomspace(0.25, 4, 81)
    for (label, settings), tint in zip(
        _free_norms(lab).items(), ("axes", "random", "pca"), strict=True
    ):
        path, _ = lab.run(_run_name(label), settings)
        r = np.linalg.norm(embeddings(path), axis=1)
        counts, _ = np.histogram(r / np.median(r), edges)
        axes.stairs(100 * counts / counts.sum(), edges, fill=True, alpha=0.5,
                    color=style.color(tint),
                    label=f"{label}: CV {table.find(label).mean('CV'):.3f}")  # fmt: skip
    axes.set_xscale("log")
    ticks = [0.25, 0.5, 1, 2, 4]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set(xlabel="norm over its median (no unit), seed 0", ylabel="rows, % a bin",
             title="InfoNCE is blind to norms; radial entropy puts them on a shell")  # fmt: skip
    axes.legend()
    return figure


NORM_BLINDNESS = Experiment(
    "norm-blindness", "Free norms under InfoNCE, power-law Laplace, MLP", ("CV", "AD", "AD unit"),
    _blindness, _draw_blindness, pairs=((FREE[1], FREE[0]), (FREE[2], FREE[1])),
    own=("entropy", "radial"),
)  # fmt: skip
