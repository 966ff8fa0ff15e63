"""Estimators of the differential entropy of projection outputs, up to constants, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log, pi

import torch
from torch import Tensor


def logdet(z: Tensor) -> Tensor:
    """½ log det of the covariance (plus 1e-4 of its mean variance): exact for a Gaussian, in nats.

    Parameters
    ----------
    z : (n, d) tensor

    Returns
    -------
    scalar tensor
        H = ½ log det(2πe Σ). Cost O(n d² + d³).
    """
    n, d = z.shape
    centred = z - z.mean(dim=0)
    covariance = centred.T @ centred / max(n - 1, 1)
    ridge = 1e-4 * covariance.diagonal().mean().detach() + 1e-12
    eye = torch.eye(d, device=z.device, dtype=z.dtype)
    return 0.5 * (torch.logdet(covariance + ridge * eye) + d * log(2 * pi * torch.e))


def knn(z: Tensor) -> Tensor:
    """Kozachenko-Leonenko estimate from nearest-neighbour distances (1987), in nats.

    H = (d/n) Σ log ε_i + log V_d + log(n − 1) + γ, ε_i the distance of row i from its nearest
    neighbour and V_d the volume of the unit ball. Cost O(n² d). Rows are centred first: float32
    products of rows far from 0 would leave nothing of small distances.
    """
    n, d = z.shape
    z = z - z.mean(dim=0)
    distance = torch.cdist(z, z)
    distance = distance + torch.diag(torch.full((n,), float("inf"), device=z.device))
    nearest = distance.min(dim=1).values.clamp_min(1e-12)
    volume = d / 2 * log(pi) - lgamma(d / 2 + 1)
    return d * nearest.log().mean() + volume + log(n - 1) + 0.5772156649015329


def radial(z: Tensor) -> Tensor:
    """Entropy of the norm's part alone: direction uniform, radius estimated by spacings.

    With directions uniform, H(z) = H(r) + (d − 1) E log r + log |S^(d−1)|; H(r) by m-spacings
    (Vasicek 1976) with m = sqrt(n). Cost O(n d + n log n).
    """
    n, d = z.shape
    r = z.norm(dim=1).clamp_min(1e-12)
    ordered = r.sort().values
    m = max(1, int(n**0.5))
    place = torch.arange(n, device=z.device)
    gap = ordered[(place + m).clamp(max=n - 1)] - ordered[(place - m).clamp(min=0)]
    spacing = (gap.clamp_min(1e-12) * n / (2 * m)).log().mean()
    surface = log(2) + d / 2 * log(pi) - lgamma(d / 2)
    entropy: Tensor = spacing + (d - 1) * r.log().mean() + surface
    return entropy


ENTROPIES: dict[str, Callable[[Tensor], Tensor]] = {"logdet": logdet, "knn": knn, "radial": radial}
"""By name."""
