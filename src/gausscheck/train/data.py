"""Rows to train on, synthetic ones first: factors whose law is known, and two views of a row."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gausscheck.core import GausscheckError
from gausscheck.train.dataset import Dataset, Views, generator
from gausscheck.train.settings import OUTSIDE, Settings


def laplace_noise(shape: tuple[int, ...], g: torch.Generator) -> Tensor:
    """Draw standard Laplace values: the difference of two exponential ones."""
    first = torch.empty(shape, device=g.device).exponential_(generator=g)
    return first - torch.empty(shape, device=g.device).exponential_(generator=g)


def _sizes(s: Settings, train: int, test: int, inputs: int) -> tuple[int, int, int]:
    return s.rows_train or train, s.rows_test or test, s.inputs or inputs


def _or(value: float, default: float) -> float:
    return default if value < 0 else value


def _normal(like: Tensor, g: torch.Generator) -> Tensor:
    return torch.empty_like(like).normal_(generator=g)


def _keep(like: Tensor, dropped: float, g: torch.Generator) -> Tensor:
    return (torch.empty_like(like).uniform_(generator=g) >= dropped).to(like.dtype)


def shares(s: Settings, n: int, usual: int, place: str) -> tuple[int, int]:
    """Return how many of n rows are learned from, and how many are held out.

    Raises
    ------
    GausscheckError
        If there are not as many as were asked for.
    """
    train = s.rows_train or min(usual, n - s.rows_test)
    test = s.rows_test or n - train
    if not s.batch <= train < n or train + test > n:
        raise GausscheckError(
            f"{place}: expected at least {s.batch} rows to learn from (rows_train) and others held "
            f"out (rows_test), got {n} rows for {max(train, s.batch)} and {max(test, 1)}"
        )
    return train, test


def teacher_labels(x: Tensor, classes: int, g: torch.Generator) -> Tensor:
    """Label rows by the largest of several random linear scores."""
    scores = torch.empty(x.shape[1], classes).normal_(generator=g)
    return (x @ scores).argmax(dim=1)


def _split(
    x: Tensor, y: Tensor | None, n: int
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    if y is None:
        return x[:n], x[n:], None, None
    return x[:n], x[n:], y[:n], y[n:]


def _twice(view: Callable[[Tensor, torch.Generator], Tensor]) -> Views:
    def views(x: Tensor, labels: Tensor | None, g: torch.Generator) -> tuple[Tensor, Tensor]:
        return view(x, g), view(x, g)

    return views


def power_laplace(s: Settings, device: torch.device) -> Dataset:
    """Laplace factors of scale proportional to 1/i, mean square 1: few strong, many weak.

    A view adds noise of 0.3 of each factor's scale and drops a fifth of the coordinates. Labels
    come from a random linear teacher.
    """
    train, test, inputs = _sizes(s, 10_000, 5_000, 1024)
    g = generator(s.seed, "data")
    scale = 1 / torch.arange(1, inputs + 1, dtype=torch.float32)
    scale = scale / scale.square().mean().sqrt()
    x = laplace_noise((train + test, inputs), g) * scale
    labels = teacher_labels(x, 10, g)
    noise, dropout = _or(s.noise, 0.3) * scale.to(device), _or(s.dropout, 0.2)

    def view(rows: Tensor, g: torch.Generator) -> Tensor:
        return (rows + noise * _normal(rows, g)) * _keep(rows, dropout, g)

    return Dataset(*_split(x, labels, train), _twice(view), classes=10)


def laplace(s: Settings, device: torch.device) -> Dataset:
    """Independent Laplace(0, 1) coordinates, appendix E.1 of the paper.

    A view is A x + sqrt(1 − A²) times an independent copy, then noise 0.2, dropout 0.1 and a
    factor exp(N(0, 0.1²)).
    """
    train, test, inputs = _sizes(s, 20_000, 5_000, 1024)
    g = generator(s.seed, "data")
    x = laplace_noise((train + test, inputs), g)
    labels = teacher_labels(x, 10, g)
    noise, dropout, scale = _or(s.noise, 0.2), _or(s.dropout, 0.1), _or(s.scale, 0.1)
    rest = (1 - s.strength**2) ** 0.5

    def view(rows: Tensor, g: torch.Generator) -> Tensor:
        seen = s.strength * rows + rest * laplace_noise(tuple(rows.shape), g)
        seen = (seen + noise * _normal(rows, g)) * _keep(rows, dropout, g)
        factor = torch.empty(len(rows), 1, device=rows.device).normal_(generator=g)
        jittered: Tensor = seen * torch.exp(scale * factor)
        return jittered

    return Dataset(*_split(x, labels, train), _twice(view), classes=10)


def mixture(s: Settings, device: torch.device) -> Dataset:
    """25 equal Gaussian components; a row and another training row of its component are a pair."""
    train, test, inputs = _sizes(s, 10_000, 5_000, 1024)
    g = generator(s.seed, "data")
    means = s.spread * torch.empty(25, inputs).normal_(generator=g)
    labels = torch.randint(25, (train + test,), generator=g)
    x = means[labels] + torch.empty(train + test, inputs).normal_(generator=g)
    grouped = x[:train][labels[:train].argsort(stable=True)].to(device)
    counts = torch.bincount(labels[:train], minlength=25).to(device)
    missing = sorted(set(labels.tolist()) - set(labels[:train].tolist()))
    if missing:
        raise GausscheckError(
            f"rows_train: expected rows of each component of the mixture, got {train} rows and "
            f"none of component {missing[0]}; take more"
        )
    starts = counts.cumsum(0) - counts

    def views(rows: Tensor, y: Tensor | None, g: torch.Generator) -> tuple[Tensor, Tensor]:
        if y is None:
            raise LookupError("a mixture's views need components")
        place = torch.rand(len(rows), generator=g, device=g.device) * counts[y]
        return rows, grouped[starts[y] + place.long()]

    return Dataset(*_split(x, labels, train), views, classes=25)


def _flip_some_zeros(share: float) -> Views:
    def view(rows: Tensor, g: torch.Generator) -> Tensor:
        return torch.maximum(rows, 1 - _keep(rows, share, g))

    return _twice(view)


def block_binary(s: Settings, device: torch.device) -> Dataset:
    """Bits driven by 512 on/off factors: one bit each, the others in proportion to 1/i.

    A factor is on with probability 0.05; a positive flips 0.1 % of the zeros to ones.
    """
    train, test, inputs = _sizes(s, 10_000, 1_000, 1024)
    g = generator(s.seed, "data")
    weight = 1 / torch.arange(1, 513, dtype=torch.float32)
    more = torch.multinomial(weight, max(inputs - 512, 1), replacement=True, generator=g)
    driver = torch.cat([torch.arange(512), more])[:inputs]
    factors = torch.rand(train + test, 512, generator=g) < 0.05
    x = factors[:, driver].to(torch.float32)
    return Dataset(*_split(x, None, train), _flip_some_zeros(_or(s.noise, 1e-3)))


def binary(s: Settings, device: torch.device) -> Dataset:
    """Independent bits, on with probability 0.05; a positive flips 0.1 % of the zeros to ones."""
    train, test, inputs = _sizes(s, 10_000, 1_000, 1024)
    g = generator(s.seed, "data")
    x = (torch.rand(train + test, inputs, generator=g) < 0.05).to(torch.float32)
    return Dataset(*_split(x, None, train), _flip_some_zeros(_or(s.noise, 1e-3)))


def gaussian_channel(s: Settings, device: torch.device) -> Dataset:
    """Rows of N(0, I) seen through A x + sqrt(1 − A²) noise: eta² = A² exactly."""
    train, test, inputs = _sizes(s, 10_000, 5_000, 128)
    g = generator(s.seed, "data")
    x = torch.empty(train + test, inputs).normal_(generator=g)
    rest = (1 - s.strength**2) ** 0.5

    def view(rows: Tensor, g: torch.Generator) -> Tensor:
        seen: Tensor = s.strength * rows + rest * _normal(rows, g)
        return seen

    return Dataset(*_split(x, None, train), _twice(view), eta2=s.strength**2)


def from_file(s: Settings, device: torch.device) -> Dataset:
    """Rows of any file that gausscheck reads; four fifths are learned from.

    A view adds noise of 0.3 of each coordinate's standard deviation and drops a tenth of the
    coordinates.
    """
    import numpy as np

    from gausscheck.sources import open_source, read_labels

    if not s.file:
        raise GausscheckError("file: expected a path for data = file; name it in the TOML file")
    source = open_source(s.file, untrusted=s.untrusted)
    rows = source.read(0, source.n).astype(np.float32)
    if not np.isfinite(rows).all():
        raise GausscheckError(f"{source.uri}: expected finite rows, got NaN or infinity; drop them")
    order = torch.randperm(source.n, generator=generator(s.seed, "split"))
    x = torch.from_numpy(rows)[order]
    held = read_labels(source, None)
    labels, classes = None, 0
    if held is not None:
        names, codes = np.unique(held, return_inverse=True)
        labels, classes = torch.from_numpy(codes.astype(np.int64))[order], names.size
    train, test = shares(s, source.n, 4 * source.n // 5, source.uri)
    x, labels = x[: train + test], None if labels is None else labels[: train + test]
    noise = _or(s.noise, 0.3) * x[:train].std(dim=0).to(device)
    dropout = _or(s.dropout, 0.1)

    def view(rows: Tensor, g: torch.Generator) -> Tensor:
        return (rows + noise * _normal(rows, g)) * _keep(rows, dropout, g)

    return Dataset(*_split(x, labels, train), _twice(view), classes=classes)


def build(s: Settings, device: torch.device | None = None) -> Dataset:
    """Make or read the data that the settings name, and put them on the device once.

    Random numbers of the data themselves are drawn on the host: every device gets the same rows.
    """
    device = device or torch.device("cpu")
    from gausscheck.train import images

    kinds: dict[str, Callable[[Settings, torch.device], Dataset]] = {
        "power-laplace": power_laplace,
        "laplace": laplace,
        "mixture": mixture,
        "block-binary": block_binary,
        "binary": binary,
        "gaussian-channel": gaussian_channel,
        "digits": images.digits,
        "cifar10": images.cifar10,
        "file": from_file,
    }
    return kinds[s.data](s, device).to(device)


def fingerprint(s: Settings, data: Dataset) -> str:
    """Name the rows of data that come from elsewhere; "" where the settings name them already."""
    return data.fingerprint() if s.data in OUTSIDE else ""
