"""Experiments on the paper's theory: the bound, the regulariser, norms, the pushforward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gausscheck.figures import style
from gausscheck.normality import A0
from gausscheck.train import data as kinds
from gausscheck.train.experiments.lab import Lab, Table, embeddings, panel
from gausscheck.train.settings import Settings


def alignment_bound(lab: Lab) -> Table:
    """E[u·v] ≤ eta² + (1 − eta²) ‖m‖² over Gaussian channels, eta² = A² known."""
    rows: list[tuple[str, str, dict[str, float]]] = []
    columns = ("eta2", "alignment", "mean square", "bound", "slack")
    points: dict[int, list[tuple[float, float]]] = {}
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
            rows.append((f"d = {d}, A = {a}", "measured", values))
            points.setdefault(d, []).append((bound, aligned))
    figure, (axes,) = style.canvas(width=3.4, height=3.2)
    for d, tint in ((16, "axes"), (64, "random")):
        x, y = np.array(points[d]).T
        axes.plot(x, y, "o", ms=4, color=style.color(tint), label=f"d = {d}")
    axes.plot([0, 1], [0, 1], ls="--", lw=1, color=style.INK, label="the bound")
    axes.set(xlabel="eta² + (1 − eta²) ‖m‖²", ylabel="alignment E[u·v]", title="No point above")
    axes.legend()
    table = Table("alignment-bound", "Alignment and its bound, MLP", columns, tuple(rows))
    return lab.write(table, figure)


def regulariser(lab: Lab) -> Table:
    """Show the tilt of InfoNCE at A = 0.2, and entropy terms that remove it."""
    rows: list[tuple[str, str, dict[str, float]]] = []
    columns = ("mean square", "alignment", "CV", "AD")
    few = lab.rows((5000, 2500), (2000, 1000))
    series = []
    for d in (16, 32):
        base = Settings(data="gaussian-channel", strength=0.2, dim=d, epochs=lab.pick(10, 3), **few)
        cases = [("none", 0.0, replace(base, objective="align-uniform"))]
        regular = replace(base, objective="regularised")
        cases += [("logdet", beta, replace(regular, beta=beta)) for beta in (0.03, 0.1, 0.3)]
        cases += [(name, 0.3, replace(regular, entropy=name)) for name in ("knn", "radial")]
        tilt = []
        for entropy, beta, settings in cases:
            _, m = lab.run(f"tilt_{d}_{entropy}_{beta}", settings)
            label = f"d = {d}, " + (f"{entropy}, beta {beta}" if beta else "no regulariser")
            values = {
                "mean square": float(m["mean_square"][-1]),
                "alignment": float(m["alignment"][-1]),
                "CV": float(m["cv"][-1]),
                "AD": float(m["ad_raw"][-1]),
            }
            rows.append((label, "measured", values))
            if entropy in ("none", "logdet"):
                tilt.append((beta, values["mean square"]))
        x, y = np.array(tilt).T
        series.append((f"d = {d}", x, y))
        rows.append((f"d = {d}", "null", {"mean square": 0.0, "AD": A0, "CV": (2 * d) ** -0.5}))
    figure, (axes,) = style.canvas(width=3.6)
    panel(axes, series, x="beta of the log-det term", y="‖m‖² of the views",
          title="The tilt goes with the regulariser")  # fmt: skip
    title = "Tilt of the views at A = 0.2, MLP, Gaussian channel"
    return lab.write(Table("regulariser", title, columns, tuple(rows)), figure)


def norm_blindness(lab: Lab) -> Table:
    """InfoNCE does not see norms: a free radial output, without and with its entropy."""
    few = lab.rows((0, 0), (4000, 2000))
    base = Settings(radial=True, epochs=lab.pick(10, 3), **few)
    rows: list[tuple[str, str, dict[str, float]]] = []
    columns = ("CV", "AD", "AD unit")
    norms = []
    for label, settings in (
        ("no radial output", replace(base, radial=False)),
        ("free norm, InfoNCE", base),
        ("free norm, radial entropy", replace(base, objective="regularised", entropy="radial")),
    ):
        path, m = lab.run(label.replace(" ", "_").replace(",", ""), settings)
        values = {"CV": float(m["cv"][-1]), "AD": float(m["ad_raw"][-1]),
                  "AD unit": float(m["ad_unit"][-1])}  # fmt: skip
        rows.append((label, "measured", values))
        r = np.linalg.norm(embeddings(path), axis=1)
        norms.append((label, r / np.median(r)))
    rows.append(("any", "null", {"CV": (2 * base.dim) ** -0.5, "AD": A0, "AD unit": A0}))
    figure, (axes,) = style.canvas(width=4.2)
    edges = np.geomspace(1e-2, 1e2, 81)
    for (label, r), tint in zip(norms, ("axes", "random", "pca"), strict=True):
        counts, _ = np.histogram(r, edges)
        axes.stairs(counts / counts.sum(), edges, fill=True, alpha=0.5, color=style.color(tint),
                    label=label)  # fmt: skip
    axes.set_xscale("log")
    axes.set(xlabel="norm over its median", ylabel="share of rows", title="Norms are not seen")
    axes.legend()
    title = "Free norms under InfoNCE, power-law Laplace, MLP"
    return lab.write(Table("norm-blindness", title, columns, tuple(rows)), figure)


def _mixing(d: int, inputs: int) -> float:
    """Correlation of Σ|xᵢ| with ‖Px‖² for iid Laplace x and P onto a random d-dimensional space.

    Cov = 4 d, Var Σ|xᵢ| = D and Var ‖Px‖² = 8 d + 12 d²/D, from the moments of Laplace(0, 1).
    """
    return float(4 * np.sqrt(d / (inputs * (8 + 12 * d / inputs))))


def pushforward(lab: Lab) -> Table:
    """Fig. 11: log p(data) against the Gaussian log p(embedding), iid Laplace."""
    few = lab.rows((0, 0), (4000, 2000))
    rows: list[tuple[str, str, dict[str, float]]] = []
    figure, panels = style.canvas(3, width=2.4, height=2.4)
    for axes, a in zip(panels, (0.2, 0.5, 0.8), strict=True):
        settings = Settings(
            data="laplace", encoder="linear", strength=a, epochs=lab.pick(10, 2), dim=256, **few
        )
        path, _ = lab.run(f"laplace_{a}", settings)
        x = kinds.build(settings).test.numpy().astype(float)
        data = -np.abs(x).sum(axis=1)
        z = embeddings(path)
        z -= z.mean(axis=0)
        cholesky = np.linalg.cholesky(z.T @ z / len(z))
        white = np.linalg.solve(cholesky, z.T)
        embedded = -0.5 * np.einsum("ij,ij->j", white, white)
        r = float(np.corrcoef(data, embedded)[0, 1])
        rows.append((f"A = {a}", "published", {"Pearson": 0.87}))
        rows.append((f"A = {a}", "measured", {"Pearson": r}))
        rows.append((f"A = {a}", "theory", {"Pearson": _mixing(z.shape[1], x.shape[1])}))
        axes.plot(data, embedded, ".", ms=1, alpha=0.4, color=style.color("axes"), rasterized=True)
        axes.set(xlabel="log p(data)", title=f"A = {a}: r = {r:.2f}")
        axes.locator_params(axis="x", nbins=3)
    panels[0].set_ylabel("log p(embedding)")
    notes = (
        "both up to constants; the embedding's law is a Gaussian with its own mean and covariance",
        "theory: an orthonormal map of D iid Laplace factors to d dimensions gives "
        "r = 4 sqrt(d / (D (8 + 12 d / D))), 0.89 at d = D: the published value wants d near D",
    )
    table = Table("pushforward", "Likelihood of data and of embeddings", ("Pearson",), tuple(rows),
                  notes)  # fmt: skip
    return lab.write(table, figure)
