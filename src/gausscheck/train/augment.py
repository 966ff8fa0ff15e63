"""Augmented images, a whole batch at once where it lies: every image has its own draw.

Nothing here asks the host for a value, so that a GPU never waits: chances are masks, not branches.
"""

from __future__ import annotations

from math import log, pi

import torch
from torch import Tensor
from torch.nn import functional as F

from gausscheck.train.dataset import Views

GREY = (0.299, 0.587, 0.114)
"""Weights of red, green, blue (ITU-R BT.601)."""


def augmented(*, scale: float, colour: bool, turn: float = 0.0) -> Views:
    """Return two views of each image of a batch.

    Parameters
    ----------
    scale : float
        Least share of the area that a crop keeps, up to all of it, of an aspect from 3/4 to 4/3.
    colour : bool
        Flips, jitter of brightness, contrast, saturation (0.8 each) and hue (0.2) of 80 % of the
        views, a fifth of them grey: those of SimCLR without blur, as in the paper.
    turn : float
        Largest rotation in degrees; with one, noise of 0.1 too.

    Returns
    -------
    callable
        ``(x, labels, generator) -> (u, v)``, uint8 ``(n, c, h, w)`` to float32 in [0, 1].
    """

    def views(x: Tensor, labels: Tensor | None, g: torch.Generator) -> tuple[Tensor, Tensor]:
        both = cropped(torch.cat([x, x]).float() / 255, scale, turn, flip=colour, g=g)
        if colour:
            both = jittered(both, g)
        if turn:
            both = (both + 0.1 * torch.empty_like(both).normal_(generator=g)).clamp(0, 1)
        u, v = both.chunk(2)
        return u, v

    return views


def _uniform(n: int, low: float, high: float, g: torch.Generator) -> Tensor:
    return torch.empty(n, device=g.device).uniform_(low, high, generator=g)


def cropped(x: Tensor, scale: float, turn: float, *, flip: bool, g: torch.Generator) -> Tensor:
    """Crop, flip and turn each image in one bilinear sampling, back to its size.

    Sides of a crop beyond those of the image are cut to them.
    """
    n = len(x)
    area = _uniform(n, scale, 1.0, g)
    aspect = _uniform(n, -log(4 / 3), log(4 / 3), g).exp()
    w, h = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    left, top = (1 - w) * _uniform(n, -1.0, 1.0, g), (1 - h) * _uniform(n, -1.0, 1.0, g)
    if flip:
        w = w * torch.where(_uniform(n, 0.0, 1.0, g) < 0.5, 1.0, -1.0)
    angle = _uniform(n, -turn, turn, g) * (pi / 180) if turn else torch.zeros_like(w)
    sine, cosine = angle.sin(), angle.cos()
    rows = (w * cosine, -w * sine, left, h * sine, h * cosine, top)
    grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(x.shape), align_corners=False)
    beyond = "zeros" if turn else "border"
    return F.grid_sample(x, grid, padding_mode=beyond, align_corners=False)


def grey(x: Tensor) -> Tensor:
    """Return the luminance, ``(n, 1, h, w)``."""
    red, green, blue = GREY
    return red * x[:, :1] + green * x[:, 1:2] + blue * x[:, 2:]


def jittered(x: Tensor, g: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue of 80 % of the images; a fifth go grey.

    In this order, each with a factor of its own from 0.2 to 1.8 (hue: up to 0.2 of a turn).
    """
    n = len(x)
    bright, contrast, saturation = (_uniform(n, 0.2, 1.8, g).view(n, 1, 1, 1) for _ in range(3))
    y = (x * bright).clamp(0, 1)
    y = blended(grey(y).mean(dim=(2, 3), keepdim=True), y, contrast)
    y = blended(grey(y), y, saturation)
    y = hue_turned(y, _uniform(n, -0.2, 0.2, g).view(n, 1, 1))
    y = torch.where(_uniform(n, 0.0, 1.0, g).view(n, 1, 1, 1) < 0.8, y, x)
    return torch.where(_uniform(n, 0.0, 1.0, g).view(n, 1, 1, 1) < 0.2, grey(y), y)


def blended(away: Tensor, x: Tensor, factor: Tensor) -> Tensor:
    """Return factor x + (1 − factor) away, within [0, 1]."""
    return (away + factor * (x - away)).clamp(0, 1)


def hue_turned(x: Tensor, turns: Tensor) -> Tensor:
    """Add to the hue of HSV, in turns; value and saturation stay.

    Parameters
    ----------
    x : (n, 3, h, w) tensor
        In [0, 1].
    turns : tensor
        Broadcasts with ``(n, h, w)``.
    """
    red, green, blue = x.unbind(1)
    value = x.amax(dim=1)
    chroma = value - x.amin(dim=1)
    safe = chroma.clamp_min(1e-12)
    sixth = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = sixth + 6 * turns
    channels = []
    for start in (5, 3, 1):
        k = (hue + start) % 6
        channels.append(value - chroma * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, dim=1)
