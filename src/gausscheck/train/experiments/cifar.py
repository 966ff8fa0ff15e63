"""Experiments on real images: contrastive against supervised ResNet-18, and an MLP over epochs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gausscheck.figures import style
from gausscheck.train.experiments.lab import (
    TABLE,
    Experiment,
    Lab,
    embeddings,
    field_of,
    gaussian,
    table_values,
)
from gausscheck.train.experiments.panels import draw_series, gaussian_line, plain_log
from gausscheck.train.experiments.tables import MEASURED, NULL, PUBLISHED, Row, Table, row
from gausscheck.train.experiments.usable import (
    COLUMNS,
    audit,
    draw_use,
    gaussian_use,
    use_curve,
    use_values,
)
from gausscheck.train.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER = {
    "supervised": {"CV": 0.5, "AD": 3.3, "AD pass": 0.062, "DP": 0.041, "DP pass": 0.039},
    "contrastive": {"CV": 0.09, "AD": 0.43, "AD pass": 0.961, "DP": 0.39, "DP pass": 0.945},
}
"""Table 1 of the paper, CIFAR-10; its supervised encoder starts from ImageNet weights."""

REDUCED: dict[str, Any] = {
    "width": 8, "rows_train": 5_000, "epochs": 10, "precision": "auto", "compile": False,
}  # fmt: skip
"""What a CPU can do: a narrower ResNet-18, a tenth of the images, fewer epochs."""

OBJECTIVES = {"contrastive": "infonce", "supervised": "cross-entropy"}


def settings_of(lab: Lab) -> Settings:
    """Return the paper's settings on a GPU, :data:`REDUCED` on a CPU."""
    import torch

    base = Settings(
        data="cifar10", encoder="resnet18", folder=lab.folder, batch=256, epochs=100,
        weight_decay=1e-4, features=True, snapshots=True,
    )  # fmt: skip
    if not torch.cuda.is_available() or lab.quick:
        base = replace(base, **REDUCED)
    if lab.quick:
        base = replace(base, rows_train=1024, rows_test=1000, epochs=1)
    return replace(base, **lab.given)


def _cifar(lab: Lab) -> tuple[list[Row], list[Row]]:
    rows: list[Row] = []
    curves: list[Row] = []
    base = settings_of(lab)
    for label, objective in OBJECTIVES.items():
        path, m = lab.run(f"resnet18_{label}", replace(base, objective=objective), every=5)
        if not rows:
            start = audit(f"{path}:snapshots/0")
            rows.append(row("untrained", MEASURED, table_values(m, 0) | use_values(start)))
            curves += use_curve(start, "untrained")
        report = audit(path)
        rows.append(row(label, PUBLISHED, PAPER[label]))
        rows.append(row(label, MEASURED, table_values(m) | use_values(report)))
        rows.append(row(f"{label}, features h", MEASURED, use_values(audit(f"{path}:features"))))
        curves += use_curve(report, label) + _over_epochs(path, label)
    rows.append(row("any", NULL, gaussian_use(base.dim)))
    return rows, curves


def _over_epochs(path: Path, label: str) -> list[Row]:
    """Return what was measured, and what an audit says of the z that was kept, epoch by epoch."""
    import h5py

    with h5py.File(path, "r") as file:
        m = {k: np.asarray(v[()]) for k, v in file["metrics"].items()}
        kept = sorted(map(int, file["snapshots"]))
    rows = [
        row(f"{label}, epoch {e:.0f}", MEASURED, table_values(m, i), label, e)
        for i, e in enumerate(m["epoch"])
    ]
    for epoch in kept:
        values = use_values(audit(f"{path}:snapshots/{epoch}"))
        rows.append(row(f"{label}, kept at epoch {epoch}", MEASURED,
                        {"usable": values["usable components"], "flags": values["flags at 1 %"]},
                        label, epoch))  # fmt: skip
    return rows


def _draw_cifar(table: Table, lab: Lab) -> Figure:
    base = settings_of(lab)
    null = gaussian(base.dim)
    figure, panels = style.canvas(3, width=2.7, height=2.7)
    names = list(OBJECTIVES)
    for axes, column, words, log in (
        (panels[0], "AD", "mean A*² of the coordinates of z", True),
        (panels[1], "CV", "CV of the norms of z", False),
    ):
        draw_series(axes, table, names, column)
        gaussian_line(axes, null[column])
        if log:
            plain_log(axes, "y")
        axes.set(xlabel="epoch", ylabel=words)
        axes.locator_params(axis="x", integer=True)
    panels[0].set_title("Coordinates")
    panels[1].set_title("Norms")
    panels[0].legend()
    draw_use(panels[2], table, ["contrastive", "supervised", "untrained"],
             ["contrastive", "supervised", "untrained"])  # fmt: skip
    panels[2].set(ylabel="rows beyond the 1 % threshold, %", title="Use")
    panels[2].legend()
    return figure


CIFAR10 = Experiment(
    "cifar10", "CIFAR-10, contrastive against supervised ResNet-18", COLUMNS, _cifar, _draw_cifar,
    pairs=(("contrastive", "supervised"), ("contrastive", "untrained")),
    notes=(
        "z, the projection output, and h, the pooled features before it, of held-out images",
        "both start from the same random weights; the paper's supervised encoder starts from "
        "ImageNet weights",
    ),
    few=True, own=("features", "snapshots"),
)  # fmt: skip

WIDTHS = (512, 1024, 2048)
"""Hidden units; the paper does not state its own."""


def _series(lab: Lab) -> dict[str, Settings]:
    if not lab.folder:
        few = lab.rows((0, 0), (4000, 2000))
        return {"power-law Laplace, MLP": Settings(epochs=lab.pick(15, 4), features=True, **few)}
    base = Settings(
        data="cifar10", encoder="mlp", epochs=lab.pick(100, 2), batch=256, weight_decay=1e-4,
        folder=lab.folder, rows_train=lab.pick(0, 2048), features=True,
    )  # fmt: skip
    plain = {f"width {w}": replace(base, width=w) for w in WIDTHS}
    return plain | {"width 512, standardised": replace(base, width=512, standardised=True)}


def _dynamics(lab: Lab) -> tuple[list[Row], list[Row]]:
    rows: list[Row] = []
    for name, settings in _series(lab).items():
        every = 5 if settings.epochs > 50 else 1
        path, m = lab.run(name.replace(" ", "_").replace(",", ""), settings, every)
        for i, epoch in enumerate(m["epoch"]):
            values = table_values(m, i) | {"rank": float(m["effective_rank"][i])}
            rows.append(row(f"{name}, epoch {epoch:.0f}", MEASURED, values, name, epoch))
        hidden = field_of(embeddings(path, "features"))
        rows.append(row(f"{name}, hidden units h", MEASURED, hidden))
    rows.append(row("any", NULL, gaussian(embeddings(path).shape[1])))
    return rows, []


def _draw_dynamics(table: Table, lab: Lab) -> Figure:
    figure, panels = style.canvas(3, width=2.6, height=2.4)
    names = list(_series(lab))
    null = table.find("any", NULL)
    for axes, column, words, factor in zip(
        panels, ("CV", "AD", "DP pass"),
        ("CV of the norms", "mean A*² of the coordinates", "DP-normal coordinates, %"),
        (1, 1, 100), strict=True,
    ):  # fmt: skip
        draw_series(axes, table, names, column, factor=factor)
        gaussian_line(axes, factor * null.mean(column))
        axes.set(xlabel="epoch", ylabel=words)
        axes.locator_params(axis="x", integer=True)
    plain_log(panels[1], "y")
    for axes, words in zip(panels, ("Norms", "Coordinates", "Normal coordinates"), strict=True):
        axes.set_title(words)
    panels[0].legend()
    return figure


DYNAMICS = Experiment(
    "dynamics", "Dynamics over epochs (Fig. 4), two-layer MLP", (*TABLE, "rank"), _dynamics,
    _draw_dynamics,
    notes=(
        "dotted in the figure: Gaussian rows",
        "rank: effective rank of z",
        "standardised: each channel of each image at mean 0 and standard deviation 1",
    ),
    own=("features", "standardised", "width"),
)  # fmt: skip
