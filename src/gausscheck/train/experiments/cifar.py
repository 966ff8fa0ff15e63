"""The experiment on real images: contrastive against supervised ResNet-18."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gausscheck.audit.analyze import analyze
from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.train.experiments.lab import (
    TABLE,
    Lab,
    Metrics,
    Table,
    gaussian,
    table_values,
)
from gausscheck.train.settings import Settings

PUBLISHED = {
    "supervised": {"CV": 0.5, "AD": 3.3, "AD pass": 0.062, "DP": 0.041, "DP pass": 0.039},
    "contrastive": {"CV": 0.09, "AD": 0.43, "AD pass": 0.961, "DP": 0.39, "DP pass": 0.945},
}
"""Table 1 of the paper, CIFAR-10."""

REDUCED: dict[str, Any] = {"width": 8, "rows_train": 5_000, "epochs": 10}
"""What a CPU can do: a narrower ResNet-18, a tenth of the images, fewer epochs."""


def cifar10(lab: Lab) -> Table:
    """Train ResNet-18 by InfoNCE and by cross-entropy from the same weights; audit z of both.

    On a GPU with the paper's settings, on a CPU with :data:`REDUCED`.
    """
    import torch

    full = torch.cuda.is_available() and not lab.quick
    base = Settings(
        data="cifar10", encoder="resnet18", folder=lab.folder, batch=256, epochs=100,
        weight_decay=1e-4, features=True,
    )  # fmt: skip
    if not full:
        base = replace(base, **REDUCED)
    if lab.quick:
        base = replace(base, rows_train=1024, rows_test=1000, epochs=1, width=8)
    rows: list[tuple[str, str, dict[str, float]]] = []
    columns = (*TABLE, "A*² at 5,000", "low", "high")
    told: list[tuple[str, Metrics]] = []
    for label, objective in (("contrastive", "infonce"), ("supervised", "cross-entropy")):
        path, m = lab.run(f"resnet18_{label}", replace(base, objective=objective))
        if not told:
            rows.append(("untrained", "measured", table_values(m, 0)))
        level = analyze(path, directions="axes", levels="none").levels["axes"]
        low, high = level.value_ci or (float("nan"), float("nan"))
        value = float("nan") if level.value is None else level.value
        values = {**table_values(m), "A*² at 5,000": value, "low": low, "high": high}
        rows.append((label, "published", PUBLISHED[label]))
        rows.append((label, "measured", values))
        told.append((label, m))
    rows.append(("any", "null", gaussian(base.dim)))
    size = (
        "the paper's settings" if full
        else f"ResNet-18 of width {base.width}, {base.rows_train:,} images, {base.epochs} epochs"
    )  # fmt: skip
    figure, panels = style.canvas(2, width=3.2)
    for label, m in told:
        tint = style.color("axes" if label == "contrastive" else "random")
        panels[0].plot(m["epoch"], m["ad_raw"], "o-", ms=2.5, color=tint, label=label)
        panels[1].plot(m["epoch"], m["cv"], "o-", ms=2.5, color=tint, label=label)
    panels[0].set_yscale("log")
    panels[0].yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    panels[0].yaxis.set_minor_formatter(lambda v, _: "")
    panels[0].axhline(A0, color=style.MUTED, ls=":", lw=1)
    panels[1].axhline(float(np.sqrt(1 / (2 * base.dim))), color=style.MUTED, ls=":", lw=1)
    panels[0].set(xlabel="epoch", title="mean A*² of the coordinates of z")
    panels[1].set(xlabel="epoch", title="CV of the norms")
    panels[0].legend()
    table = Table("cifar10", "CIFAR-10, contrastive against supervised", columns, tuple(rows),
                  (size, "z, the projection output, of 5,000 test images"))  # fmt: skip
    return lab.write(table, figure)
