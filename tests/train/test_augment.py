"""Augmentations against other implementations, image by image; and none waits for the host."""

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from torch.utils._python_dispatch import TorchDispatchMode

from gausscheck.train import augment, loop
from gausscheck.train.dataset import generator
from gausscheck.train.settings import Settings


@pytest.fixture
def photo():
    return torch.randint(256, (6, 3, 12, 12), dtype=torch.uint8, generator=generator(0, "photo"))


def test_hue_turns_as_in_colorsys(photo):
    turns = torch.tensor([0.0, 0.2, -0.2, 0.13, 0.5, 1.0])
    got = augment.hue_turned(photo / 255, turns.view(-1, 1, 1)).numpy()
    for image, turn, out in zip(photo.numpy() / 255, turns.tolist(), got, strict=True):
        for pixel, found in zip(image.reshape(3, -1).T, out.reshape(3, -1).T, strict=True):
            h, s, v = colorsys.rgb_to_hsv(*pixel)
            np.testing.assert_allclose(found, colorsys.hsv_to_rgb((h + turn) % 1, s, v), atol=2e-5)


@pytest.mark.parametrize("factor", [0.2, 0.7, 1.8])
@pytest.mark.parametrize("kind", ["Contrast", "Color"])
def test_contrast_and_saturation_are_those_of_pillow(photo, kind, factor):
    x = photo[:1] / 255
    away = augment.grey(x)
    away = away.mean(dim=(2, 3), keepdim=True) if kind == "Contrast" else away
    got = augment.blended(away, x, torch.full((1, 1, 1, 1), factor))[0].permute(1, 2, 0) * 255
    image = Image.fromarray(photo[0].permute(1, 2, 0).numpy())
    want = np.asarray(getattr(ImageEnhance, kind)(image).enhance(factor)).astype(float)
    np.testing.assert_allclose(got.numpy(), want, atol=2)  # Pillow rounds grey and result


def test_crops_keep_their_shares_of_area_and_aspect_and_half_are_mirrored():
    """A ramp is sampled without error, so that its slopes are the sides of the crop."""
    ramp = (torch.arange(32) + 0.5) / 16 - 1
    across, down = ramp.expand(32, 32), ramp.view(32, 1).expand(32, 32)
    x = torch.stack([across, down]).expand(4000, 2, 32, 32)
    y = augment.cropped(x, 0.2, 0.0, flip=True, g=generator(0, "crops"))
    w, h = (y[:, 0, 16, 20] - y[:, 0, 16, 12]) * 2, (y[:, 1, 20, 16] - y[:, 1, 12, 16]) * 2
    area, aspect = (w * h).abs(), (w / h).abs()
    assert float((w < 0).float().mean()) == pytest.approx(0.5, abs=5 * 0.5 / 4000**0.5)
    assert (area.min(), area.max()) == (pytest.approx(0.2, abs=0.002), pytest.approx(1, abs=0.02))
    assert float(area.median()) == pytest.approx(0.6, abs=0.04)
    assert 0.74 < aspect.min() < 0.76
    assert 1.32 < aspect.max() < 1.34
    assert y.abs().max() <= ramp[-1]  # nothing from beyond the image


def test_a_turn_is_a_rotation():
    x = torch.zeros(1, 1, 33, 33)
    x[..., 16, 4] = 1  # left of the centre, in the middle
    y = torch.cat(
        [augment.cropped(x, 1.0, 90.0, flip=False, g=generator(i, "turns")) for i in range(20)]
    )
    rows, columns = (y.sum(dim=k).argmax(dim=-1)[:, 0].float() - 16 for k in (3, 2))
    radius = (rows.square() + columns.square()).sqrt()
    assert (radius - 12).abs().max() < 4  # a crop of this aspect stretches by 1.9, shifts by 2.5
    assert (rows > 4).any()
    assert (rows < -4).any()


class Waits(TorchDispatchMode):
    """Counts operations whose result the host must wait for."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "unique")

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.count += name in self.NAMES or name.startswith("_unique")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("kind", "encoder", "objective"),
    [
        ("digits", "resnet-small", "infonce"),
        ("digits", "mlp", "cross-entropy"),
        ("mixture", "linear", "ntxent"),
        ("power-laplace", "mlp", "sigreg"),
    ],
)
def test_an_epoch_waits_for_the_device_once_however_many_steps(kind, encoder, objective):
    counts = []
    for rows in (160, 320):
        s = Settings(data=kind, encoder=encoder, objective=objective, rows_train=rows, batch=32,
                     rows_test=100, width=4, dim=4)  # fmt: skip
        cpu = torch.device("cpu")
        held = loop.kinds.build(s, cpu)
        run = loop._start(s, held, cpu)
        with Waits() as waits:
            loop._epoch(run, s, held)
        counts.append(waits.count)
    assert counts == [1, 1]


def test_colour_views_wait_for_nothing(photo):
    views = augment.augmented(scale=0.2, colour=True)
    with Waits() as waits:
        u, v = views(photo, None, generator(0, "views"))
    assert waits.count == 0
    assert u.shape == photo.shape
    assert min(u.min(), v.min()) >= 0
    assert max(u.max(), v.max()) <= 1
