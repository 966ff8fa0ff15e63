"""The trainer beside a plain torch loop of the same model, loss and batches.

    python benchmarks/training.py [--encoder resnet18] [--rows 2048] [--width 8] [--device cpu] [--compile]

prints where the trainer's time goes. ``benchmarks/speed.py --only trainer`` (``trainer-gpu``) times
both. The plain loop is what one writes first: rows on the host, a batch sent at a time, float32,
channels first, each view encoded by itself, the loss read at every step. Both make the same views.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import torch

from gausscheck.train import data as kinds
from gausscheck.train import loop
from gausscheck.train.augment import augmented
from gausscheck.train.dataset import Dataset, generator
from gausscheck.train.encoders import ENCODERS
from gausscheck.train.objectives import infonce
from gausscheck.train.settings import Settings

Work = Callable[[], int]
WARM = 2
"""Batches that both learn from before the clock starts."""


def settings(
    encoder: str, rows: int, width: int, device: str, precision: str, compile: bool = False
) -> Settings:
    """Return the settings of both."""
    data, batch = ("cifar10", 256) if encoder == "resnet18" else ("power-laplace", 128)
    return Settings(
        data=data, encoder=encoder, width=width, batch=batch, weight_decay=1e-4,
        precision=precision, compile=compile, rows_train=rows, rows_test=512, device=device,
    )  # fmt: skip


def dataset(s: Settings) -> Dataset:
    """Return images for a ResNet, else rows of power-law Laplace factors."""
    if s.encoder != "resnet18":
        return kinds.build(s, torch.device(s.device))
    g = generator(0, "benchmark")
    x = torch.randint(256, (s.rows_train, 3, 32, 32), dtype=torch.uint8, generator=g)
    y = torch.randint(10, (s.rows_train,), generator=g)
    return Dataset(x, x[:512], y, y[:512], augmented(scale=0.2, colour=True), classes=10)


def few(data: Dataset, batch: int) -> Dataset:
    """Return the first batches alone."""
    labels = data.labels_train
    kept = None if labels is None else labels[: WARM * batch]
    return replace(data, train=data.train[: WARM * batch], labels_train=kept)


def ours(**given: object) -> Work:
    """Prepare an epoch of the trainer, which tells its views."""
    s = settings(**given)
    device = torch.device(s.device)
    data = dataset(s).to(device)
    run = loop._start(s, data, device)
    loop._epoch(run, s, few(data, s.batch))
    return lambda: loop._epoch(run, s, data)[1]


def plain(**given: object) -> Work:
    """Prepare an epoch of the plain loop, which tells its views."""
    s = settings(**given)
    device, data = torch.device(s.device), dataset(s)
    torch.manual_seed(s.seed)
    encoder = ENCODERS[s.encoder](s, tuple(data.train.shape[1:])).to(device)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=s.lr, weight_decay=s.weight_decay)
    g = generator(s.seed, "views", s.device)

    def epoch(data: Dataset) -> int:
        order = torch.randperm(len(data.train))
        steps = len(order) // s.batch
        for step in range(steps):
            rows = data.train[order[step * s.batch : (step + 1) * s.batch]].to(device)
            u, v = data.views(rows, None, g)
            loss = infonce(encoder(u)[1], encoder(v)[1], s.temperature)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
        return 2 * steps * s.batch

    epoch(few(data, s.batch))
    return lambda: epoch(data)


def has_cuda() -> Callable[[], bool]:
    """Whether torch finds a GPU."""
    return torch.cuda.is_available


def main() -> None:
    """Print where the trainer's time goes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="resnet18", choices=["mlp", "resnet18"])
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    work = ours(**vars(args))
    with torch.profiler.profile() as found:
        work()
    print(found.key_averages().table(sort_by="self_cpu_time_total", row_limit=12))


if __name__ == "__main__":
    main()
