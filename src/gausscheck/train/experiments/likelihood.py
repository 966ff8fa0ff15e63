"""Fig. 11: log p(data) against the Gaussian log p(embedding), and what it takes to correlate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.figures import style
from gausscheck.train import data as kinds
from gausscheck.train.experiments.lab import Experiment, Lab, embeddings
from gausscheck.train.experiments.tables import MEASURED, PUBLISHED, THEORY, Row, Table, row
from gausscheck.train.loop import held_out_views
from gausscheck.train.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRENGTHS = (0.2, 0.5, 0.8)

Values = NDArray[np.float64]


def mixing(d: int, inputs: int) -> float:
    """Correlation of Σ|xᵢ| with ‖Px‖² for iid Laplace x and P onto a random d-dimensional space.

    Cov = 4 d, Var Σ|xᵢ| = D and Var ‖Px‖² = 8 d + 12 d²/D, from the moments of Laplace(0, 1).

    Examples
    --------
    >>> round(mixing(256, 1024), 3), round(mixing(1024, 1024), 3)
    (0.603, 0.894)
    """
    return float(4 * np.sqrt(d / (inputs * (8 + 12 * d / inputs))))


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """Log densities up to constants, nats, ``(n,)``: Laplace of the data, Gaussian of z."""

    rows: Values
    rows_z: Values
    views: Values
    views_z: Values
    isotropic_z: Values


def _gaussian(z: Values) -> Values:
    """Return log densities under a Gaussian with the rows' own mean and covariance."""
    z = z - z.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(z.T @ z / len(z)), z.T)
    return -0.5 * np.asarray(np.einsum("ij,ij->j", white, white))


def likelihoods(lab: Lab, name: str, settings: Settings) -> Likelihoods:
    """Train, and take log densities of held-out rows and of one view of each."""
    import torch

    path, _ = lab.run(name, settings)
    settings = lab.settled(settings)
    data, cpu = kinds.build(settings), torch.device("cpu")
    view, _ = held_out_views(settings, data, cpu)
    z = embeddings(path)
    return Likelihoods(
        rows=-np.abs(data.test.numpy().astype(float)).sum(axis=1),
        rows_z=_gaussian(z),
        views=-np.abs(view.numpy().astype(float)).sum(axis=1),
        views_z=_gaussian(embeddings(path, "anchor")),
        isotropic_z=-0.5 * np.square(z).sum(axis=1),
    )


def _pearson(a: Values, b: Values) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def correlations(found: Likelihoods) -> dict[str, float]:
    """Return Pearson's r of log densities, of their ranks and logarithms, of rows and of views."""
    ranks = [np.argsort(np.argsort(v)).astype(float) for v in (found.rows, found.rows_z)]
    return {
        "r": _pearson(found.rows, found.rows_z),
        "r of ranks": _pearson(*ranks),
        "r of logs": _pearson(np.log(-found.rows), np.log(-found.rows_z)),
        "r, isotropic": _pearson(found.rows, found.isotropic_z),
        "r of views": _pearson(found.views, found.views_z),
    }


def _cases(lab: Lab) -> list[tuple[str, str, Settings]]:
    full = lab.rows((0, 0), (4000, 2000))
    base = Settings(
        data="laplace", encoder="linear", dim=256, epochs=lab.pick(10, 2), **full
    )  # fmt: skip
    cases = [(f"A = {a}", f"laplace_{a}", replace(base, strength=a)) for a in STRENGTHS]
    small: dict[str, Any] = {**lab.rows((6000, 5000), (3000, 2000)), "epochs": lab.pick(6, 2)}
    other = replace(base, strength=0.5, **small)
    dims = (64, 512) if lab.quick else (32, 64, 128, 512, 768)
    return [
        *cases,
        *((f"A = 0.5, d = {d}", f"dim_{d}", replace(other, dim=d)) for d in dims),
        ("A = 0.5, D = 256 inputs", "inputs", replace(other, inputs=256)),
        ("A = 0.5, views without a factor", "factor", replace(other, scale=0.0)),
        ("A = 0.5, two-layer MLP", "mlp", replace(other, encoder="mlp")),
    ]


def _pushforward(lab: Lab) -> tuple[list[Row], list[Row]]:
    rows: list[Row] = []
    for label, name, settings in _cases(lab):
        if name.startswith("laplace"):
            rows.append(row(label, PUBLISHED, {"r": 0.87}))
        series = "linear" if settings.encoder == "linear" and name.startswith("dim") else ""
        values = correlations(likelihoods(lab, name, settings))
        rows.append(row(label, MEASURED, values, series, settings.dim))
        if settings.encoder == "linear":
            law = mixing(settings.dim, settings.inputs or 1024)
            rows.append(row(label, THEORY, {"r": law}))
    return rows, []


def _draw(table: Table, lab: Lab) -> Figure:
    figure, panels = style.canvas(2, width=2.9, height=2.7)
    _, name, settings = _cases(lab)[1]
    found = likelihoods(lab, name, settings)
    for axes, x, y, column, words in (
        (panels[0], found.rows, found.rows_z, "r", "rows"),
        (panels[1], found.views, found.views_z, "r of views", "views"),
    ):
        axes.plot(x, y, ".", ms=1, alpha=0.4, color=style.color("axes"), rasterized=True)
        mean = table.find("A = 0.5").mean(column)
        axes.set(xlabel=f"log p of the {words}, nats", title=f"Held-out {words}: r = {mean:.2f}")
        axes.locator_params(axis="x", nbins=4)
    panels[0].set_ylabel("log p of the embedding, nats")
    return figure


PUSHFORWARD = Experiment(
    "pushforward", "Likelihood of data and of embeddings (Fig. 11), iid Laplace",
    ("r", "r of ranks", "r of logs", "r, isotropic", "r of views"), _pushforward, _draw,
    notes=(
        "densities up to constants; the embedding's is a Gaussian with its own mean and "
        "covariance, or isotropic",
        "theory: an orthonormal map of D iid Laplace factors to d dimensions gives "
        "r = 4 sqrt(d/(D (8 + 12 d/D))): 0.60 at d = 256 of 1,024, 0.89 at d = D",
        "views: x and z of the same view. The factor exp(N(0, 0.1²)) of a view moves both "
        "densities alike, which takes r from 0.6 to 0.9; without it r of views is that of rows",
    ),
    own=("dim", "inputs", "scale", "strength"),
)  # fmt: skip
