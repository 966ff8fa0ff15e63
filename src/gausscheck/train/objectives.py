"""Objectives on the projection outputs of two views: ``(u, v) (n, d) -> scalar``.

Those that live on the sphere divide rows by their length themselves. alpha = 1/temperature.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from gausscheck.train.entropy import ENTROPIES
from gausscheck.train.settings import Settings

Objective = Callable[[Tensor, Tensor], Tensor]


def infonce(u: Tensor, v: Tensor, temperature: float) -> Tensor:
    """−(1/n) Σ log[exp(α uᵢ·vᵢ) / Σⱼ exp(α uᵢ·vⱼ)]: anchors against the batch's positives.

    Eq. 2 of the paper; van den Oord, Li & Vinyals (2018).
    """
    logits = F.normalize(u, dim=1) @ F.normalize(v, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(u), device=u.device))


def clip(u: Tensor, v: Tensor, temperature: float) -> Tensor:
    """Mean of InfoNCE from u to v and from v to u (Radford et al. 2021)."""
    return (infonce(u, v, temperature) + infonce(v, u, temperature)) / 2


def ntxent(u: Tensor, v: Tensor, temperature: float) -> Tensor:
    """Take InfoNCE over all 2n rows, every other row a candidate (Chen et al. 2020)."""
    n = len(u)
    rows = F.normalize(torch.cat([u, v]), dim=1)
    logits = rows @ rows.T / temperature
    logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=u.device), -torch.inf)
    partner = torch.arange(2 * n, device=u.device).roll(n)
    return F.cross_entropy(logits, partner)


def potential(u: Tensor, v: Tensor, temperature: float) -> Tensor:
    """Φ = mean over i of log mean over j ≠ i of exp(α uᵢ·vⱼ): the positive is no candidate."""
    n = len(u)
    logits = F.normalize(u, dim=1) @ F.normalize(v, dim=1).T / temperature
    logits = logits.masked_fill(torch.eye(n, dtype=torch.bool, device=u.device), -torch.inf)
    return torch.logsumexp(logits, dim=1).mean() - log(n - 1)


def align_uniform(u: Tensor, v: Tensor, temperature: float) -> Tensor:
    """−α E[u·v] + Φ: population InfoNCE, estimated on a batch (Wang & Isola 2020; the paper)."""
    alignment = (F.normalize(u, dim=1) * F.normalize(v, dim=1)).sum(dim=1).mean()
    return potential(u, v, temperature) - alignment / temperature


def regularised(
    u: Tensor,
    v: Tensor,
    temperature: float,
    beta: float,
    radius_penalty: float,
    entropy: Callable[[Tensor], Tensor],
) -> Tensor:
    """J = Φ − α E[u·v] + β (−H(z) + λ E‖z‖²), z the outputs before division by their length.

    The bracket is the divergence of z from N(0, I/(2λ)) up to a constant (the paper, route 2).
    """
    z = torch.cat([u, v])
    pull = -entropy(z) + radius_penalty * z.square().sum(dim=1).mean()
    return align_uniform(u, v, temperature) + beta * pull


def epps_pulley(x: Tensor) -> Tensor:
    """N ∫ |φ_n(t) − exp(−t²/2)|² φ(t) dt of each column of ``(n, k)``, parameters known: N(0, 1).

    The trapezoid rule on [−7, 7] with a step that resolves samples within ±8 or so. On a
    standardised column it is the statistic of ``gausscheck.evaluate("epps_pulley", x)``, whose null
    has mean and variance estimated (Epps & Pulley 1983).
    """
    t = torch.linspace(0, 7, 36, device=x.device, dtype=x.dtype)
    phase = x[..., None] * t
    real, imaginary = phase.cos().mean(dim=0), phase.sin().mean(dim=0)
    normal = torch.exp(-t * t / 2)
    weight = normal / sqrt(2 * pi) * (t[1] - t[0])
    weight = torch.cat([weight[:1], 2 * weight[1:]])
    return x.shape[0] * (((real - normal) ** 2 + imaginary**2) @ weight)


def sigreg(u: Tensor, v: Tensor, weight: float, directions: int = 128) -> Tensor:
    """(1 − w) E‖u − v‖²/d + w mean Epps-Pulley over random directions (Balestriero & LeCun 2025).

    The contrast method: Gaussian by a penalty on z itself, without negatives. Directions are drawn
    anew at each call from torch's own stream.
    """
    z = torch.cat([u, v])
    ways = F.normalize(torch.randn(z.shape[1], directions, device=z.device, dtype=z.dtype), dim=0)
    invariance = (u - v).square().mean()
    return (1 - weight) * invariance + weight * epps_pulley(z @ ways).mean()


def objective(s: Settings) -> Objective:
    """Return the objective that the settings name.

    Raises
    ------
    KeyError
        For ``cross-entropy``, which needs labels and a classifier: the loop has them.
    """
    tau = s.temperature
    table: dict[str, Objective] = {
        "infonce": lambda u, v: infonce(u, v, tau),
        "clip": lambda u, v: clip(u, v, tau),
        "ntxent": lambda u, v: ntxent(u, v, tau),
        "align-uniform": lambda u, v: align_uniform(u, v, tau),
        "regularised": lambda u, v: regularised(
            u, v, tau, s.beta, s.radius_penalty, ENTROPIES[s.entropy]
        ),
        "sigreg": lambda u, v: sigreg(u, v, s.sigreg_weight),
    }
    return table[s.objective]
