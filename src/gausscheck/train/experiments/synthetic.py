"""Experiments on synthetic rows: Table 1, the sweeps, the confounds, the dynamics."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from gausscheck.audit.paper_table import column_of
from gausscheck.config import AD_THRESHOLD
from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.train import data as kinds
from gausscheck.train.experiments.lab import (
    TABLE,
    Lab,
    Table,
    embeddings,
    gaussian,
    lines,
    panel,
    table_values,
)
from gausscheck.train.settings import Settings

PUBLISHED = {
    "Laplace": {"CV": 0.08, "AD": 0.38, "AD pass": 1.0, "DP": 0.49, "DP pass": 1.0},
    "mixture": {"CV": 0.08, "AD": 0.39, "AD pass": 1.0, "DP": 0.46, "DP pass": 1.0},
    "binary, untrained": {"CV": 0.36, "AD": 1.64, "AD pass": 0.3, "DP": 0.02, "DP pass": 0.15},
    "binary, 50 epochs": {"CV": 0.12, "AD": 0.41, "AD pass": 0.93, "DP": 0.44, "DP pass": 0.89},
    "binary, 100 epochs": {"CV": 0.09, "AD": 0.42, "AD pass": 0.97, "DP": 0.46, "DP pass": 0.98},
}
"""Table 1 of the paper, unnormalised, but for CIFAR-10."""


def table1(lab: Lab) -> Table:
    """Table 1 of the paper on synthetic rows, and the power-law control beside it."""
    rows: list[tuple[str, str, dict[str, float]]] = []

    def add(label: str, measured: dict[str, float], d: int) -> None:
        if label in PUBLISHED:
            rows.append((label, "published", PUBLISHED[label]))
        rows.append((label, "measured", measured))
        rows.append((label, "null", gaussian(d)))

    few = lab.rows((0, 0), (4000, 2000))
    d = lab.pick(256, 128)
    plain = Settings(encoder="linear", dim=d, **few)
    _, m = lab.run("laplace", replace(plain, data="laplace", epochs=lab.pick(20, 2), dim=128))
    add("Laplace", table_values(m), 128)
    _, m = lab.run("mixture", replace(plain, data="mixture", epochs=lab.pick(50, 4)))
    add("mixture", table_values(m), d)
    _, m = lab.run(
        "mixture_far", replace(plain, data="mixture", epochs=lab.pick(50, 4), spread=1.0)
    )
    add("mixture, components far apart", table_values(m), d)
    bits = replace(plain, data="block-binary", epochs=lab.pick(100, 6), rows_test=1000)
    _, m = lab.run("binary", bits)
    half = lab.pick(50, 3)
    add("binary, untrained", table_values(m, 0), d)
    add("binary, 50 epochs", table_values(m, half), d)
    add("binary, 100 epochs", table_values(m, -1), d)
    for encoder, epochs in (("linear", lab.pick(10, 3)), ("mlp", lab.pick(15, 3))):
        one = Settings(encoder=encoder, epochs=epochs, **few)
        _, m = lab.run(f"power_{encoder}", one)
        add(f"power-law Laplace, {encoder}, untrained", table_values(m, 0), 128)
        add(f"power-law Laplace, {encoder}, InfoNCE", table_values(m), 128)
        _, m = lab.run(f"power_{encoder}_labels", replace(one, objective="cross-entropy"))
        add(f"power-law Laplace, {encoder}, cross-entropy", table_values(m), 128)
    notes = (
        "pass rates of 100 % need averages over several subsets; a single test of a true Gaussian "
        "passes 95 %",
        "iid Laplace is confounded by the central limit theorem: see confounds",
    )
    table = Table("table1-synthetic", "Table 1 on synthetic rows", TABLE, tuple(rows), notes)
    labels = [label for label, kind, _ in rows if kind == "measured"]
    figure, (axes,) = style.canvas(width=5.6, height=3.6)
    place = np.arange(len(labels))[::-1]
    value = [table.value(label, "measured", "AD") for label in labels]
    axes.barh(place, value, color=style.color("axes"), alpha=0.7, height=0.6)
    axes.set_yticks(place, labels)
    _log_places(axes)
    axes.axvline(A0, color=style.MUTED, ls=":", lw=1)
    style.threshold(axes, AD_THRESHOLD, f"{AD_THRESHOLD}", vertical=True)
    axes.set(xlabel="mean A*² of the coordinates", title="Dotted: a true Gaussian")
    return lab.write(table, figure)


def dimension_sweep(lab: Lab) -> Table:
    """Norms and cosines against d on iid Laplace rows: CV² = 1/(2d) + 3/(4D)."""
    dims = (16, 32, 64, 128)
    inputs = 1024
    few = lab.rows((0, 0), (4000, 2000))
    rows: list[tuple[str, str, dict[str, float]]] = []
    columns = ("CV", "AD", "AD untrained", "AD pass", "cosine sd")
    cosine, cv = [], []
    for d in dims:
        _, m = lab.run(
            f"laplace_{d}",
            Settings(data="laplace", encoder="linear", dim=d, epochs=lab.pick(10, 2), **few),
        )
        sd = float(m["cosine_sd_scaled"][-1]) / sqrt(d)
        cosine.append(sd)
        cv.append(float(m["cv"][-1]))
        values = {
            "CV": cv[-1], "AD": float(m["ad_raw"][-1]), "AD untrained": float(m["ad_raw"][0]),
            "AD pass": float(m["ad_pass_raw"][-1]), "cosine sd": sd,
        }  # fmt: skip
        rows.append((f"d = {d}", "measured", values))
        law = {"CV": sqrt(1 / (2 * d) + 3 / (4 * inputs)), "cosine sd": 1 / sqrt(d)}
        rows.append((f"d = {d}", "theory", law))
        rows.append((f"d = {d}", "null", {"CV": 1 / sqrt(2 * d), "AD": A0, "AD pass": 0.95}))
    slope = float(np.polyfit(np.log(dims), np.log(cosine), 1)[0])
    rows.append(("slope over d", "measured", {"cosine sd": slope}))
    rows.append(("slope over d", "theory", {"cosine sd": -0.5}))
    notes = ("trained and untrained agree: on iid inputs the axes say nothing about training",)
    x = np.array(dims)
    figure, panels = style.canvas(2, width=3.4)
    law_cv = np.sqrt(1 / (2 * x) + 3 / (4 * inputs))
    panel(panels[0], [("trained", x, np.array(cv))], x="d", y="CV of the norms", log=True,
          title="Norms", theory=[("sqrt(1/(2d) + 3/(4D))", x, law_cv)])  # fmt: skip
    panel(panels[1], [("trained", x, np.array(cosine))], x="d", y="sd of the cosine", log=True,
          title=f"Cosines: slope {slope:.2f}",
          theory=[("1/sqrt(d)", x, 1 / np.sqrt(x))])  # fmt: skip
    title = "Norms and cosines against dimension, iid Laplace, linear"
    return lab.write(Table("dimension-sweep", title, columns, tuple(rows), notes), figure)


def batch_sweep(lab: Lab) -> Table:
    """Norm CV against batch size: concentration by batch is not reproduced."""
    batches = (8, 16, 32, 64, 128)
    few = lab.rows((5000, 2500), (2000, 1000))
    rows: list[tuple[str, str, dict[str, float]]] = []
    series = []
    for d in (32, 128):
        cv = []
        for batch in batches:
            epochs = lab.pick(5, 1)
            settings = Settings(encoder="linear", dim=d, batch=batch, epochs=epochs, **few)
            _, m = lab.run(f"power_{d}_{batch}", settings)
            cv.append(float(m["cv"][-1]))
            rows.append((f"d = {d}, batch {batch}", "measured", table_values(m)))
        rows.append((f"d = {d}", "null", gaussian(d)))
        series.append((f"d = {d}", np.array(batches), np.array(cv)))
    notes = ("all runs see the same rows as often; small batches take more steps",)
    figure = lines(series, x="batch", y="CV of the norms", title="Norms against batch", log=True)
    title = "Norm CV against batch size, power-law Laplace, linear"
    return lab.write(Table("batch-sweep", title, TABLE, tuple(rows), notes), figure)


def confounds(lab: Lab) -> Table:
    """Compare untrained maps, whitening, labels and InfoNCE on iid and on power-law factors."""
    few = lab.rows((0, 0), (4000, 2000))
    rows: list[tuple[str, str, dict[str, float]]] = []
    for data in ("laplace", "power-laplace"):
        base = Settings(data=data, encoder="linear", epochs=lab.pick(10, 2), **few)
        _, m = lab.run(f"{data}_infonce", base)
        rows.append((f"{data}, untrained linear", "measured", table_values(m, 0)))
        rows.append((f"{data}, InfoNCE", "measured", table_values(m)))
        _, m = lab.run(f"{data}_labels", replace(base, objective="cross-entropy"))
        rows.append((f"{data}, cross-entropy", "measured", table_values(m)))
        held = kinds.build(base)
        x, y = held.train.numpy().astype(float), held.test.numpy().astype(float)
        x -= x.mean(axis=0)
        _, s, right = np.linalg.svd(x[: lab.pick(5000, 2000)], full_matrices=False)
        z = (y - y.mean(axis=0)) @ right[:128].T / s[:128]
        rows.append((f"{data}, whitened PCA, no training", "measured", _field(z)))
    rows.append(("any", "null", gaussian(128)))
    notes = (
        "on iid factors every linear map mixes its way to Gaussian axes, trained or not; on "
        "power-law factors only the contrastive objective gets there",
    )
    table = Table("confounds", "What is training, what is mixing", TABLE, tuple(rows), notes)
    labels = [label for label, kind, _ in rows if kind == "measured"]
    figure, (axes,) = style.canvas(width=5.0, height=2.8)
    place = np.arange(len(labels))[::-1]
    tints = [style.color("axes" if "power" in label else "random") for label in labels]
    axes.barh(place, [table.value(x, "measured", "AD") for x in labels], color=tints, height=0.6)
    axes.set_yticks(place, labels)
    _log_places(axes)
    style.threshold(axes, AD_THRESHOLD, f"{AD_THRESHOLD}", vertical=True)
    axes.set(xlabel="mean A*² of the coordinates", title="Mixing alone, and training")
    return lab.write(table, figure)


def _log_places(axes: Any) -> None:
    """Give bars of mean A*² a logarithmic axis with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(0.25, None)
    axes.set_xticks([0.3, 1, 3, 10, 30], labels=["0.3", "1", "3", "10", "30"])
    axes.minorticks_off()


def _field(z: np.ndarray) -> dict[str, float]:
    norms = np.linalg.norm(z, axis=1)
    row = column_of(z, float(norms.std() / norms.mean()))
    keys = {"CV": "cv", "AD": "ad_avg", "AD pass": "ad_pass", "DP": "dp_avg", "DP pass": "dp_pass"}
    return {column: float(getattr(row, key) or 0.0) for column, key in keys.items()}


def dynamics(lab: Lab) -> Table:
    """Draw Fig. 4: CV, A*² and the share of normal coordinates over epochs."""
    if lab.folder:
        settings = Settings(
            data="cifar10", encoder="mlp", epochs=lab.pick(100, 2), batch=256, weight_decay=1e-4,
            folder=lab.folder, rows_train=lab.pick(0, 2048),
        )  # fmt: skip
        name, title = "cifar10_mlp", "Dynamics on CIFAR-10, two-layer MLP"
    else:
        few = lab.rows((0, 0), (4000, 2000))
        settings = Settings(epochs=lab.pick(15, 4), **few)
        name, title = "power_mlp", "Dynamics on power-law Laplace, MLP"
    path, m = lab.run(name, settings)
    epochs = m["epoch"]
    rows = [(f"epoch {int(e)}", "measured", table_values(m, i)) for i, e in enumerate(epochs)]
    rows.append(("any", "null", gaussian(embeddings(path).shape[1])))
    figure, panels = style.canvas(3, width=2.6, height=2.4)
    null = gaussian(settings.dim)
    for axes, (key, column, word) in zip(
        panels,
        (("cv", "CV", "CV of the norms"), ("ad_raw", "AD", "mean A*²"),
         ("dp_pass_raw", "DP pass", "share of DP-normal coordinates")),
        strict=True,
    ):  # fmt: skip
        axes.plot(epochs, m[key], "o-", ms=2.5, color=style.color("axes"))
        axes.axhline(null[column], color=style.MUTED, ls=":", lw=1)
        axes.set(xlabel="epoch", title=word)
        if key == "ad_raw":
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    notes = ("dotted in the figure: a true Gaussian",)
    return lab.write(Table("dynamics", title, TABLE, tuple(rows), notes), figure)
