"""Views a second of the trainer beside a plain torch loop, ResNet-18 on images of 32 x 32.

    python benchmarks/training.py [--width 8] [--rows 2048] [--device cpu] [--compile] [--profile]

The plain loop is what one writes first: rows on the host, a batch sent at a time, float32, channels
first, the loss read at every step. Both augment alike. With --profile: where the trainer's time goes.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import torch

from gausscheck.train import loop
from gausscheck.train.augment import augmented
from gausscheck.train.dataset import Dataset, generator
from gausscheck.train.encoders import ENCODERS
from gausscheck.train.metrics import measure
from gausscheck.train.objectives import infonce
from gausscheck.train.settings import Settings


def clock() -> float:
    """Return seconds: of the processor on one thread of a CPU, where others' work would count."""
    return time.perf_counter() if torch.cuda.is_available() else time.process_time()


def images(rows: int) -> Dataset:
    g = generator(0, "benchmark")
    x = torch.randint(256, (rows, 3, 32, 32), dtype=torch.uint8, generator=g)
    y = torch.randint(10, (rows,), generator=g)
    return Dataset(x, x[:512], y, y[:512], augmented(scale=0.2, colour=True), classes=10)


def plain(s: Settings, data: Dataset, device: torch.device) -> tuple[int, float]:
    encoder = ENCODERS[s.encoder](s, (3, 32, 32)).to(device)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=s.lr, weight_decay=s.weight_decay)
    g = generator(s.seed, "views", str(device))
    began, total = clock(), 0.0
    order = torch.randperm(len(data.train))
    steps = len(order) // s.batch
    for step in range(steps):
        rows = data.train[order[step * s.batch : (step + 1) * s.batch]].to(device)
        u, v = data.views(rows, None, g)
        a, b = encoder(u)[1], encoder(v)[1]
        loss = infonce(a, b, s.temperature)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()
    return 2 * steps * s.batch, clock() - began


def trainer(s: Settings, data: Dataset, device: torch.device) -> tuple[int, float]:
    held = data.to(device)
    run = loop._start(s, held, device)
    if s.compile:
        loop._epoch(run, s, held)
    began = clock()
    _, views = loop._epoch(run, s, held)
    return views, clock() - began


def profile(s: Settings, data: Dataset, device: torch.device) -> None:
    held = data.to(device)
    run = loop._start(s, held, device)
    with torch.profiler.profile() as found:
        loop._epoch(run, s, held)
    print(found.key_averages().table(sort_by="self_cpu_time_total", row_limit=12))
    z = np.random.default_rng(0).standard_normal((5000, s.dim)).astype(np.float32)
    began = clock()
    measure(z, z, z, None)
    print(f"measuring 5,000 x {s.dim}: {clock() - began:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    s = Settings(data="cifar10", encoder="resnet18", width=args.width, batch=256,
                 weight_decay=1e-4, precision="float32")  # fmt: skip
    data = images(args.rows)
    mixed = replace(s, precision="bfloat16")
    cases = [
        ("plain loop", plain, s),
        ("trainer, float32", trainer, s),
        ("trainer, bfloat16", trainer, mixed),
        ("trainer, bfloat16, labels", trainer, replace(mixed, objective="cross-entropy")),
    ]
    if args.compile:
        cases.append(("trainer, bfloat16, compiled", trainer, replace(mixed, compile=True)))
    first = 0.0
    print(f"{'':<30}{'views/s':>10}{'ratio':>8}")
    for name, run, settings in cases:
        rates = [n / t for n, t in (run(settings, data, device) for _ in range(2))]
        first = first or max(rates)
        print(f"{name:<30}{max(rates):>10,.0f}{max(rates) / first:>8.2f}", flush=True)
    if args.profile:
        profile(mixed, data, device)


if __name__ == "__main__":
    main()
