"""Encoders: rows or images to features h and the projection output z."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gausscheck.train.settings import Settings


class Encoder(nn.Module):
    """A backbone and a projection head.

    ``forward(x)`` gives features h and projection output z, ``(n, dim)``. With ``radial`` the norm
    of z is a free output exp(r(h)) and its direction that of the head: objectives on unit rows see
    the direction alone.
    """

    def __init__(
        self, backbone: nn.Module, features: int, head: nn.Module, dim: int, radial: bool
    ) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.radius = nn.Linear(features, 1) if radial else None
        if self.radius is not None:  # begin near the norm of N(0, I): a step moves a bias by lr
            nn.init.constant_(self.radius.bias, 0.5 * log(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and projection output."""
        h = self.backbone(x)
        z = self.head(h)
        if self.radius is not None:
            z = F.normalize(z, dim=1) * torch.exp(self.radius(h))
        return h, z


class Flat(nn.Module):
    """Images as rows: bytes to numbers of mean 0 and standard deviation about 1."""

    def __init__(self, standardised: bool = False) -> None:
        super().__init__()
        self.standardised = standardised

    def forward(self, x: Tensor) -> Tensor:
        """Map a batch."""
        return as_floats(x, self.standardised).flatten(1)


def as_floats(x: Tensor, standardised: bool = False) -> Tensor:
    """Turn images in [0, 1] (or bytes) into numbers about 0; rows stay as they are.

    With ``standardised`` each channel of each image has mean 0 and standard deviation 1 (0 where it
    does not vary).
    """
    if x.dtype == torch.uint8:
        x = x.float() / 255
    if x.dim() == 2:
        return x
    if not standardised:
        return (x - 0.5) / 0.25
    sd, mean = torch.std_mean(x, dim=(2, 3), keepdim=True)
    return (x - mean) / sd.clamp_min(1e-3)


def linear(s: Settings, shape: tuple[int, ...]) -> Encoder:
    """One linear map: h is the row itself."""
    inputs = torch.Size(shape).numel()
    return Encoder(Flat(s.standardised), inputs, nn.Linear(inputs, s.dim), s.dim, s.radial)


def mlp(s: Settings, shape: tuple[int, ...]) -> Encoder:
    """``depth`` hidden layers of ``width`` with ReLU, then a linear map."""
    width = s.width or 512
    inputs = torch.Size(shape).numel()
    layers: list[nn.Module] = [Flat(s.standardised)]
    for _ in range(s.depth):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return Encoder(nn.Sequential(*layers), width, nn.Linear(width, s.dim), s.dim, s.radial)


class Block(nn.Module):
    """Basic residual block (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.two = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm_one, self.norm_two = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.short: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                               nn.BatchNorm2d(outputs))
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Map a batch."""
        y = F.relu(self.norm_one(self.one(x)))
        return F.relu(self.norm_two(self.two(y)) + self.short(x))


class Convolutional(nn.Module):
    """Residual stages after a 3 x 3 stem of stride 1 without pooling, as for small images."""

    def __init__(
        self, channels: int, width: int, blocks: tuple[int, ...], standardised: bool
    ) -> None:
        super().__init__()
        self.standardised = standardised
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        ]  # fmt: skip
        inputs = width
        for stage, count in enumerate(blocks):
            outputs = width << stage
            for block in range(count):
                layers.append(Block(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map a batch."""
        pixels: Tensor = self.body(as_floats(x, self.standardised))
        return pixels.mean(dim=(2, 3))


def _projector(features: int, dim: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, dim))


def resnet_small(s: Settings, shape: tuple[int, ...]) -> Encoder:
    """Three stages of one block, for 8 x 8 to 32 x 32 pixels; two-layer projection head."""
    width = s.width or 32
    body = Convolutional(shape[0], width, (1, 1, 1), s.standardised)
    return Encoder(body, 4 * width, _projector(4 * width, s.dim), s.dim, s.radial)


def resnet18(s: Settings, shape: tuple[int, ...]) -> Encoder:
    """ResNet-18 with the CIFAR stem (Chen et al. 2020, appendix B.9); two-layer projection head."""
    width = s.width or 64
    body = Convolutional(shape[0], width, (2, 2, 2, 2), s.standardised)
    return Encoder(body, 8 * width, _projector(8 * width, s.dim), s.dim, s.radial)


ENCODERS: dict[str, Callable[[Settings, tuple[int, ...]], Encoder]] = {
    "linear": linear,
    "mlp": mlp,
    "resnet-small": resnet_small,
    "resnet18": resnet18,
}
"""(settings, shape of a row) -> encoder, by name."""
