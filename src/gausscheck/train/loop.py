"""The training loop: plain, seeded, and never more than an epoch lost."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gausscheck.core import GausscheckError, Stage
from gausscheck.train import data as kinds
from gausscheck.train.dataset import Dataset, generator
from gausscheck.train.encoders import ENCODERS, Encoder
from gausscheck.train.metrics import NAMES, measure
from gausscheck.train.objectives import Objective, objective
from gausscheck.train.output import write_run
from gausscheck.train.settings import FREE, Settings

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


@dataclass(slots=True)
class Run:
    """What changes while training, and what is saved of it."""

    encoder: Encoder
    classifier: nn.Module | None
    optimiser: torch.optim.Optimizer
    streams: dict[str, torch.Generator]
    device: torch.device
    precise: bool
    history: list[dict[str, float]] = field(default_factory=list)
    snapshots: dict[str, Tensor] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    seen: list[Tensor] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Return tensors and plain values alone, so that they load without executing anything."""
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        return {
            "encoder": self.encoder.state_dict(),
            "classifier": None if self.classifier is None else self.classifier.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "streams": {name: g.get_state() for name, g in self.streams.items()},
            "torch": torch.get_rng_state(),
            "cuda": cuda,
            "history": self.history,
            "snapshots": self.snapshots,
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put a saved state back."""
        self.encoder.load_state_dict(state["encoder"])
        if self.classifier is not None:
            self.classifier.load_state_dict(state["classifier"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, g in self.streams.items():
            g.set_state(state["streams"][name].cpu())
        torch.set_rng_state(state["torch"].cpu())
        if self.device.type == "cuda" and state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"].cpu(), self.device)
        self.history[:] = state["history"]
        self.snapshots.update(state["snapshots"])
        self.losses[:] = state["losses"]

    def mixed(self) -> torch.autocast:
        """Return the context of an encoder's passes."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=not self.precise)


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
        On settings that do not fit the data, a device that is not there, a checkpoint of another
        run, or a loss that is not finite.
    """
    out = Path(out)
    began = time.monotonic()
    report = progress or (lambda stage, share: None)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = _device(settings)
    data = kinds.build(settings, device)
    _check(settings, data)
    with torch.random.fork_rng():
        run = _start(settings, data, device)
        checkpoint = out.with_name(f"{out.name}.ckpt")
        if resume and checkpoint.exists():
            run.restore(_load(checkpoint, settings))
        if not run.history:
            _measure(run, settings, data)
            _save(checkpoint, run, settings)
        saved = time.monotonic()
        while len(run.losses) < settings.epochs:
            epoch = _advance(run, settings, data, pace, out)
            stage = Stage(f"epoch {epoch} of {settings.epochs}", settings.epochs, "epochs")
            report(stage, epoch / settings.epochs)
            now = time.monotonic()
            late = stop_after is not None and now - began > 60 * stop_after
            if late or now - saved > _SAVE_AFTER:
                _save(checkpoint, run, settings)
                saved = time.monotonic()
            if late and epoch < settings.epochs:
                return None
        write_run(out, settings, _outputs(run, settings, data), _history(run))
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
    if not np.isfinite(loss) or _diverged(run.encoder):
        raise GausscheckError(
            f"{out}: the loss is {loss:g} in epoch {epoch} and weights diverge; lower lr "
            "or raise temperature"
        )
    if s.measures(epoch):
        _measure(run, s, data)
    return epoch


def _diverged(encoder: Encoder) -> bool:
    """Whether a weight is beyond what float32 outputs can be made of."""
    largest = torch.stack([p.detach().abs().amax() for p in encoder.parameters()])
    return not bool((largest < 1e8).all())


def _device(s: Settings) -> torch.device:
    if s.device == "cuda" and not torch.cuda.is_available():
        raise GausscheckError("device: expected a CUDA device, found none; use --device cpu")
    if s.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(s.device)


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
    return Run(encoder, classifier, optimiser, streams, device, precise=not mixed)


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


def _save(path: Path, run: Run, s: Settings) -> None:
    """Write the checkpoint whole or not at all."""
    work = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**run.state(), "settings": s.to_dict()}, work)
        os.replace(work, path)
    except OSError as err:
        raise GausscheckError(f"{path}: could not write the checkpoint: {err}") from err
    finally:
        work.unlink(missing_ok=True)


_FREE = (*FREE, "epochs", "measure_every")
"""Settings that may differ when a run is resumed."""


def _load(path: Path, s: Settings) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as err:
        raise GausscheckError(
            f"{path}: the checkpoint cannot be read; delete it to start anew"
        ) from err
    now, then = s.to_dict(), state["settings"]
    other = sorted(k for k in now if k not in _FREE and now[k] != then.get(k))
    if other:
        named = ", ".join(f"{k} = {then.get(k)}" for k in other)
        raise GausscheckError(
            f"{path}: the checkpoint is of another run ({named}); resume with those, or delete it"
        )
    return state
