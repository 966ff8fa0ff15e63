"""Experiments on synthetic rows: Table 1, the sweeps, the confounds."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.train import data as kinds
from gausscheck.train.experiments.lab import (
    TABLE,
    Experiment,
    Lab,
    field_of,
    gaussian,
    table_values,
)
from gausscheck.train.experiments.panels import draw_bars, draw_series, plain_log
from gausscheck.train.experiments.tables import MEASURED, NULL, PUBLISHED, THEORY, Row, Table, row
from gausscheck.train.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = list[Row]

PAPER = {
    "Laplace": {"CV": 0.08, "AD": 0.38, "AD pass": 1.0, "DP": 0.49, "DP pass": 1.0},
    "mixture": {"CV": 0.08, "AD": 0.39, "AD pass": 1.0, "DP": 0.46, "DP pass": 1.0},
    "binary, untrained": {"CV": 0.36, "AD": 1.64, "AD pass": 0.3, "DP": 0.02, "DP pass": 0.15},
    "binary, 50 epochs": {"CV": 0.12, "AD": 0.41, "AD pass": 0.93, "DP": 0.44, "DP pass": 0.89},
    "binary, 100 epochs": {"CV": 0.09, "AD": 0.42, "AD pass": 0.97, "DP": 0.46, "DP pass": 0.98},
}
"""Table 1 of the paper, unnormalised, but for CIFAR-10."""


def _table1(lab: Lab) -> tuple[Rows, Rows]:
    rows: Rows = []

    def add(label: str, measured: dict[str, float], d: int) -> None:
        if label in PAPER:
            rows.append(row(label, PUBLISHED, PAPER[label]))
        rows.append(row(label, MEASURED, measured))
        rows.append(row(label, NULL, gaussian(d)))

    few = lab.rows((0, 0), (4000, 2000))
    d = lab.pick(256, 128)
    plain = Settings(encoder="linear", dim=d, **few)
    _, m = lab.run("laplace", replace(plain, data="laplace", epochs=lab.pick(20, 2), dim=128))
    add("Laplace", table_values(m), 128)
    near = replace(plain, data="mixture", epochs=lab.pick(50, 4))
    _, m = lab.run("mixture", near)
    add("mixture", table_values(m), d)
    _, m = lab.run("mixture_far", replace(near, spread=1.0))
    add("mixture, components far apart", table_values(m), d)
    bits = replace(plain, data="block-binary", epochs=lab.pick(100, 6), rows_test=1000)
    _, m = lab.run("binary", bits, every=bits.epochs // 2)
    add("binary, untrained", table_values(m, 0), d)
    add("binary, 50 epochs", table_values(m, 1), d)
    add("binary, 100 epochs", table_values(m, -1), d)
    for encoder, epochs in (("linear", lab.pick(10, 3)), ("mlp", lab.pick(15, 3))):
        one = Settings(encoder=encoder, epochs=epochs, **few)
        _, m = lab.run(f"power_{encoder}", one)
        add(f"power-law Laplace, {encoder}, untrained", table_values(m, 0), 128)
        add(f"power-law Laplace, {encoder}, InfoNCE", table_values(m), 128)
        _, m = lab.run(f"power_{encoder}_labels", replace(one, objective="cross-entropy"))
        add(f"power-law Laplace, {encoder}, cross-entropy", table_values(m), 128)
    return rows, []


def _draw_table1(table: Table, lab: Lab) -> Figure:
    labels = table.labels()
    figure, (axes,) = style.canvas(width=5.6, height=3.6)
    tints = ["random" if "cross-entropy" in x or "untrained" in x else "axes" for x in labels]
    draw_bars(axes, table, labels, tints)
    axes.set_title("Contrastive training induces Gaussian coordinates (blue)")
    return figure


TABLE1 = Experiment(
    "table1-synthetic", "Table 1 on synthetic rows", TABLE, _table1, _draw_table1,
    pairs=tuple(
        (f"power-law Laplace, {encoder}, InfoNCE", f"power-law Laplace, {encoder}, {other}")
        for encoder in ("linear", "mlp")
        for other in ("untrained", "cross-entropy")
    ),
    notes=(
        "pass rates of 100 % need averages over several subsets; a single test of a true Gaussian "
        "passes 95 %",
        "iid Laplace is confounded by the central limit theorem: see confounds",
    ),
    own=("dim", "epochs", "spread"),
)  # fmt: skip

DIMS = (16, 32, 64, 128)
INPUTS = 1024


def _dimensions(lab: Lab) -> tuple[Rows, Rows]:
    few = lab.rows((0, 0), (4000, 2000))
    rows: Rows = []
    cosine = []
    for d in DIMS:
        _, m = lab.run(
            f"laplace_{d}",
            Settings(data="laplace", encoder="linear", dim=d, epochs=lab.pick(10, 2), **few),
        )
        cosine.append(float(m["cosine_sd_scaled"][-1]) / sqrt(d))
        values = {
            "CV": float(m["cv"][-1]), "AD": float(m["ad_raw"][-1]),
            "AD untrained": float(m["ad_raw"][0]), "AD pass": float(m["ad_pass_raw"][-1]),
            "cosine sd": cosine[-1],
        }  # fmt: skip
        rows.append(row(f"d = {d}", MEASURED, values, "trained", d))
        law = {"CV": sqrt(1 / (2 * d) + 3 / (4 * INPUTS)), "cosine sd": 1 / sqrt(d)}
        rows.append(row(f"d = {d}", THEORY, law))
        rows.append(row(f"d = {d}", NULL, {"CV": 1 / sqrt(2 * d), "AD": A0, "AD pass": 0.95}))
    slope = float(np.polyfit(np.log(DIMS), np.log(cosine), 1)[0])
    rows.append(row("slope over d", MEASURED, {"cosine sd": slope}))
    rows.append(row("slope over d", THEORY, {"cosine sd": -0.5}))
    return rows, []


def _draw_dimensions(table: Table, lab: Lab) -> Figure:
    x = np.array(DIMS, dtype=float)
    figure, panels = style.canvas(2, width=3.4)
    law = np.sqrt(1 / (2 * x) + 3 / (4 * INPUTS))
    for axes, column, words, line in (
        (panels[0], "CV", "CV of the norms", ("sqrt(1/(2 d) + 3/(4 D))", x, law)),
        (panels[1], "cosine sd", "standard deviation of the cosine",
         ("1/sqrt(d)", x, 1 / np.sqrt(x))),
    ):  # fmt: skip
        draw_series(axes, table, ["trained"], column, laws=[line])
        plain_log(axes, "x", 2)
        plain_log(axes, "y")
        axes.set(xlabel="d, dimensions of the output", ylabel=words)
        axes.legend()
    panels[0].set_title("Norms concentrate")
    slope = table.find("slope over d").mean("cosine sd")
    panels[1].set_title(f"Cosines concentrate (slope {slope:.2f})")
    return figure


DIMENSION_SWEEP = Experiment(
    "dimension-sweep", "Norms and cosines against dimension, iid Laplace, linear",
    ("CV", "AD", "AD untrained", "AD pass", "cosine sd"), _dimensions, _draw_dimensions,
    notes=("trained and untrained agree: on iid inputs the axes say nothing about training",),
    own=("dim", "inputs"),
)  # fmt: skip

BATCHES = (8, 16, 32, 64, 128)


def _batches(lab: Lab) -> tuple[Rows, Rows]:
    few = lab.rows((5000, 2500), (2000, 1000))
    rows: Rows = []
    for d in (32, 128):
        cv = []
        for batch in BATCHES:
            epochs = lab.pick(5, 1)
            settings = Settings(encoder="linear", dim=d, batch=batch, epochs=epochs, **few)
            _, m = lab.run(f"power_{d}_{batch}", settings)
            cv.append(float(m["cv"][-1]))
            label = f"d = {d}, batch {batch}"
            rows.append(row(label, MEASURED, table_values(m), f"d = {d}", batch))
        slope = float(np.polyfit(np.log2(BATCHES), cv, 1)[0])
        rows.append(row(f"d = {d}, a doubling of the batch adds", MEASURED, {"CV": slope}))
        rows.append(row(f"d = {d}", NULL, gaussian(d)))
    return rows, []


def _draw_batches(table: Table, lab: Lab) -> Figure:
    figure, (axes,) = style.canvas(width=4.2)
    draw_series(axes, table, ["d = 32", "d = 128"], "CV")
    plain_log(axes, "x", 2)
    axes.set(xlabel="batch, rows", ylabel="CV of the norms",
             title="Norms barely concentrate with batch size")  # fmt: skip
    axes.legend()
    return figure


BATCH_SWEEP = Experiment(
    "batch-sweep", "Norm CV against batch size, power-law Laplace, linear", TABLE, _batches,
    _draw_batches,
    pairs=tuple(
        (f"d = {d}, batch {large}", f"d = {d}, batch {small}")
        for d in (32, 128)
        for large, small in ((32, 8), (128, 32))
    ),
    notes=("all runs see the same rows as often; small batches take more steps",),
    own=("batch", "dim"),
)  # fmt: skip


def _confounds(lab: Lab) -> tuple[Rows, Rows]:
    few = lab.rows((0, 0), (4000, 2000))
    rows: Rows = []
    for data in ("laplace", "power-laplace"):
        base = Settings(data=data, encoder="linear", epochs=lab.pick(10, 2), **few)
        d = lab.settled(base).dim
        _, m = lab.run(f"{data}_infonce", base)
        rows.append(row(f"{data}, untrained linear", MEASURED, table_values(m, 0)))
        rows.append(row(f"{data}, InfoNCE", MEASURED, table_values(m)))
        _, m = lab.run(f"{data}_labels", replace(base, objective="cross-entropy"))
        rows.append(row(f"{data}, cross-entropy", MEASURED, table_values(m)))
        held = kinds.build(lab.settled(base))
        x, y = held.train.numpy().astype(float), held.test.numpy().astype(float)
        values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
        top = vectors[:, -d:] / np.sqrt(values[-d:])
        z = (y - x.mean(axis=0)) @ top
        rows.append(row(f"{data}, whitened PCA, no training", MEASURED, field_of(z)))
    rows.append(row("any", NULL, gaussian(d)))
    return rows, []


def _draw_confounds(table: Table, lab: Lab) -> Figure:
    labels = table.labels()
    figure, (axes,) = style.canvas(width=5.0, height=2.8)
    draw_bars(axes, table, labels, ["axes" if "power" in x else "random" for x in labels])
    axes.set_title("Mixing is enough for iid factors, not for power-law ones")
    return figure


CONFOUNDS = Experiment(
    "confounds", "What is training, what is mixing", TABLE, _confounds, _draw_confounds,
    pairs=tuple(
        (f"{data}, InfoNCE", f"{data}, {other}")
        for data in ("laplace", "power-laplace")
        for other in ("untrained linear", "cross-entropy", "whitened PCA, no training")
    ),
    notes=(
        "iid factors: any map that mixes many of them has Gaussian coordinates",
        "power-law factors: of maps of the same shape, with the same labels and rows, only the "
        "contrastive objective gets there",
    ),
)  # fmt: skip
