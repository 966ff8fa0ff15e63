"""The training loop: plain, seeded, and never more than an epoch lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gausscheck.core import GausscheckError, Stage
from gausscheck.train import data as kinds
from gausscheck.train.checkpoint import Run, diverged, load_into, save
from gausscheck.train.dataset import Dataset, generator
from gausscheck.train.encoders import ENCODERS
from gausscheck.train.metrics import NAMES, measure
from gausscheck.train.objectives import Objective, objective
from gausscheck.train.output import write_run
from gausscheck.train.settings import Settings

Progress = Callable[[str, float], None]

_ENCODE = 1024
"""Rows encoded at a time."""

_SAVE_AFTER = 30.0
"""Seconds after which an epoch's end is saved; shorter epochs share a checkpoint."""


@dataclass(slots=True)
class Pace:
    """How fast encoders learned: added to by each run that is given it.

    Attributes
    ----------
    views : int
        Views that the encoder learned from: two a row, one under cross-entropy.
    seconds : float
        Of the passes over the training rows alone, without measuring and writing.
    """

    views: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """Say views a second, or that nothing was learned."""
        if not self.views:
            return "nothing was trained"
        rate = self.views / max(self.seconds, 1e-9)
        return f"{rate:,.0f} views/s ({self.views:,} in {self.seconds:,.1f} s of training)"


def train(
    settings: Settings,
    out: str | Path,
    *,
    resume: bool = False,
    stop_after: float | None = None,
    progress: Progress | None = None,
    pace: Pace | None = None,
) -> Path | None:
    """Train an encoder and write its embeddings.

    Parameters
    ----------
    settings : Settings
    out : path
        The .h5 to write. Beside it ``out.ckpt`` holds the state until it is done, written at the
        end of an epoch, at most every half minute.
    resume : bool
        Go on from the checkpoint where there is one. On a CPU the numbers are those of an
        uninterrupted run.
    stop_after : float, optional
        Minutes after which training stops at the end of an epoch, to be resumed.
    progress : callable, optional
        ``progress(stage, share)``.
    pace : Pace, optional
        Told how fast it went.

    Returns
    -------
    Path or None
        The file, None if it stopped before the last epoch. Cost an epoch: one pass over the
        training rows, which lie on the device, without waiting for it before the end; one
        :func:`gausscheck.train.metrics.measure` of the held-out ones where one is due.

    Raises
    ------
    GausscheckError
        On settings that do not fit the data or the memory, a device that is not there, a checkpoint
        that is damaged, of another run, other data, another kind of device or more epochs, or a
        loss that is not finite.
    """
    out = Path(out)
    began = time.monotonic()
    report = progress or (lambda stage, share: None)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = _device(settings)
    with _memory(settings):
        data = kinds.build(settings, device)
    _check(settings, data)
    with torch.random.fork_rng(), _memory(settings):
        run = _start(settings, data, device)
        checkpoint = out.with_name(f"{out.name}.ckpt")
        if resume and checkpoint.exists():
            load_into(run, checkpoint, settings, data)
        done = len(run.losses)
        if settings.measures(done) and (not run.history or run.history[-1]["epoch"] != done):
            _measure(run, settings, data)
            save(checkpoint, run, settings)
        saved = time.monotonic()
        while len(run.losses) < settings.epochs:
            epoch = _advance(run, settings, data, pace, out)
            stage = Stage(f"epoch {epoch} of {settings.epochs}", settings.epochs, "epochs")
            report(stage, epoch / settings.epochs)
            now = time.monotonic()
            late = stop_after is not None and now - began > 60 * stop_after
            if late or now - saved > _SAVE_AFTER:
                save(checkpoint, run, settings)
                saved = time.monotonic()
            if late and epoch < settings.epochs:
                return None
        write_run(out, settings, _outputs(run, settings, data), _history(run), run.data)
    checkpoint.unlink(missing_ok=True)
    return out


def _advance(run: Run, s: Settings, data: Dataset, pace: Pace | None, out: Path) -> int:
    """Train an epoch, measure where that is due, and return the epoch."""
    began = time.monotonic()
    loss, views = _epoch(run, s, data)
    if pace is not None:
        pace.views += views
        pace.seconds += time.monotonic() - began
    run.losses.append(loss)
    epoch = len(run.losses)
    if not np.isfinite(loss) or diverged(run.encoder):
        raise GausscheckError(
            f"{out}: the loss is {loss:g} in epoch {epoch} and weights diverge; lower lr "
            "or raise temperature"
        )
    if s.measures(epoch):
        _measure(run, s, data)
    return epoch


def _device(s: Settings) -> torch.device:
    if s.device == "cuda" and not torch.cuda.is_available():
        raise GausscheckError("device: expected a CUDA device, found none; use --device cpu")
    if s.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(s.device)


@contextmanager
def _memory(s: Settings) -> Iterator[None]:
    """Say in one line that sizes are beyond the memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as err:
        known = isinstance(err, MemoryError | torch.OutOfMemoryError)
        if not known and "allocate memory" not in str(err) and "overflow" not in str(err):
            raise
        raise GausscheckError(
            f"data: {s.data} rows and {s.encoder} of these sizes are beyond the memory; lower "
            "width, inputs, rows or batch"
        ) from err


def _check(s: Settings, data: Dataset) -> None:
    if s.objective == "cross-entropy" and (data.labels_train is None or data.classes < 2):
        raise GausscheckError(
            f"objective: cross-entropy expected labels, {s.data} has none; choose another objective"
        )
    if len(data.train) < s.batch or len(data.test) < 20:
        raise GausscheckError(
            f"data: expected at least {s.batch} rows to learn from and 20 held out, got "
            f"{len(data.train)} and {len(data.test)}; lower batch or take more rows"
        )


def _start(s: Settings, data: Dataset, device: torch.device) -> Run:
    torch.manual_seed(s.seed)
    encoder = ENCODERS[s.encoder](s, tuple(data.train.shape[1:])).to(device)
    if data.train.dim() == 4:  # convolutions are fastest with channels last
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    if s.compile:
        encoder.compile()
    classifier = None
    if s.objective == "cross-entropy":
        classifier = nn.Linear(s.dim, data.classes).to(device)
    parameters = [*encoder.parameters(), *(classifier.parameters() if classifier else ())]
    optimiser = torch.optim.Adam(parameters, lr=s.lr, weight_decay=s.weight_decay, fused=True)
    streams = {
        "order": generator(s.seed, "order"),
        "views": generator(s.seed, "views", str(device)),
    }
    mixed = s.precision == "bfloat16" or (s.precision == "auto" and device.type == "cuda")
    named = kinds.fingerprint(s, data)
    return Run(encoder, classifier, optimiser, streams, device, precise=not mixed, data=named)


def _epoch(run: Run, s: Settings, data: Dataset) -> tuple[float, int]:
    """Pass over the training rows; a last batch that is not full is left out.

    Returns the mean loss, read once at the end, and how many views were learned from.
    """
    run.encoder.train()
    loss_of = None if run.classifier is not None else objective(s)
    order = torch.randperm(len(data.train), generator=run.streams["order"]).to(run.device)
    steps = len(order) // s.batch
    total = torch.zeros((), device=run.device)
    for index in order[: steps * s.batch].view(steps, s.batch):
        labels = None if data.labels_train is None else data.labels_train[index]
        u, v = data.views(data.train[index], labels, run.streams["views"])
        loss = _loss(run, loss_of, u, v, labels)
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimiser.step()
        total += loss.detach()
    views = steps * s.batch * (1 if loss_of is None else 2)
    return float(total) / steps, views


def _loss(
    run: Run, loss_of: Objective | None, u: Tensor, v: Tensor, labels: Tensor | None
) -> Tensor:
    """Encode in mixed precision where asked for, and take the loss in float32.

    A classifier learns from the first view alone.
    """
    seen = u if loss_of is None else torch.cat([u, v])
    if seen.dim() == 4:
        seen = seen.contiguous(memory_format=torch.channels_last)
    with run.mixed():
        _, z = run.encoder(seen)
    z = z.float()
    if loss_of is not None:
        return loss_of(*z.chunk(2))
    if run.classifier is None or labels is None:
        raise LookupError("a classifier needs labels")
    return F.cross_entropy(run.classifier(z), labels)


@torch.no_grad()
def _encode(run: Run, x: Tensor, features: bool = False) -> NDArray[np.float32]:
    """Encode rows where they lie and fetch the result once."""
    run.encoder.eval()
    place = 0 if features else 1
    with run.mixed():
        parts = [run.encoder(x[i : i + _ENCODE])[place].float() for i in range(0, len(x), _ENCODE)]
    held: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return held


def held_out_views(s: Settings, data: Dataset, device: torch.device) -> list[Tensor]:
    """Return two views of the held-out rows, the same at every epoch and call."""
    g = generator(s.seed, "held-out views", str(device))
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    with torch.no_grad():
        for low in range(0, len(data.test), _ENCODE):
            rows, labels = data.test[low : low + _ENCODE], data.labels_test
            mine = None if labels is None else labels[low : low + _ENCODE]
            for part, view in zip(parts, data.views(rows, mine, g), strict=True):
                part.append(view)
    return [torch.cat(part) for part in parts]


def _views(run: Run, s: Settings, data: Dataset) -> list[NDArray[np.float32]]:
    if not run.seen:
        run.seen += held_out_views(s, data, run.device)
    return [_encode(run, part) for part in run.seen]


def _measure(run: Run, s: Settings, data: Dataset) -> None:
    """Measure the held-out rows, and keep their z where that is asked for."""
    epoch = len(run.losses)
    z, (u, v) = _encode(run, data.test), _views(run, s, data)
    loss = run.losses[-1] if run.losses else float("nan")
    run.history.append({"epoch": epoch, **measure(z, u, v, data.eta2), "loss": loss})
    if s.keeps(epoch):
        run.snapshots[str(epoch)] = torch.from_numpy(z).half()


def _outputs(run: Run, s: Settings, data: Dataset) -> dict[str, NDArray[Any]]:
    u, v = _views(run, s, data)
    arrays: dict[str, NDArray[Any]] = {
        "embeddings": _encode(run, data.test),
        "embeddings_train": _encode(run, data.train),
        "anchor": u,
        "positive": v,
    }
    if data.labels_test is not None:
        arrays["labels"] = data.labels_test.cpu().numpy()
    if s.features:
        arrays["features"] = _encode(run, data.test, features=True)
    return arrays | {f"snapshots/{epoch}": z.numpy() for epoch, z in run.snapshots.items()}


def _history(run: Run) -> dict[str, NDArray[np.float64]]:
    return {n: np.array([told[n] for told in run.history]) for n in ("epoch", *NAMES)}
