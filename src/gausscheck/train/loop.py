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

from gausscheck.core import GausscheckError
from gausscheck.train import data as kinds
from gausscheck.train.dataset import Dataset, generator
from gausscheck.train.encoders import ENCODERS, Encoder
from gausscheck.train.metrics import NAMES, measure
from gausscheck.train.objectives import Objective, objective
from gausscheck.train.output import write_run
from gausscheck.train.settings import Settings

Progress = Callable[[str, float], None]

_ENCODE = 1024
"""Rows encoded at a time."""


@dataclass(slots=True)
class Run:
    """What changes while training, and what is saved of it."""

    encoder: Encoder
    classifier: nn.Module | None
    optimiser: torch.optim.Optimizer
    streams: dict[str, torch.Generator]
    history: list[dict[str, float]]
    seen: list[list[Tensor]] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Return tensors and plain values alone, so that they load without executing anything."""
        return {
            "encoder": self.encoder.state_dict(),
            "classifier": None if self.classifier is None else self.classifier.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "streams": {name: g.get_state() for name, g in self.streams.items()},
            "torch": torch.get_rng_state(),
            "history": self.history,
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
        self.history[:] = state["history"]


def train(
    settings: Settings,
    out: str | Path,
    *,
    resume: bool = False,
    stop_after: float | None = None,
    progress: Progress | None = None,
) -> Path | None:
    """Train an encoder and write its embeddings.

    Parameters
    ----------
    settings : Settings
    out : path
        The .h5 to write. Beside it ``out.ckpt`` holds the state after each epoch until it is done.
    resume : bool
        Go on from the checkpoint where there is one. On a CPU the numbers are those of an
        uninterrupted run.
    stop_after : float, optional
        Minutes after which training stops at the end of an epoch, to be resumed.
    progress : callable, optional
        ``progress(stage, share)``.

    Returns
    -------
    Path or None
        The file, None if it stopped before the last epoch. Cost an epoch: one pass over the
        training rows, one :func:`gausscheck.train.metrics.measure` of the held-out ones.

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
    data = kinds.build(settings)
    _check(settings, data)
    with torch.random.fork_rng():
        run = _start(settings, data, device)
        checkpoint = out.with_name(f"{out.name}.ckpt")
        if resume and checkpoint.exists():
            run.restore(_load(checkpoint, settings))
        if not run.history:
            run.history.append(_measured(run, settings, data, device, float("nan")))
            _save(checkpoint, run, settings)
        while len(run.history) <= settings.epochs:
            epoch = len(run.history)
            loss = _epoch(run, settings, data, device)
            if not np.isfinite(loss) or _diverged(run.encoder):
                raise GausscheckError(
                    f"{out}: the loss is {loss:g} in epoch {epoch} and weights diverge; lower lr "
                    "or raise temperature"
                )
            run.history.append(_measured(run, settings, data, device, loss))
            _save(checkpoint, run, settings)
            report(f"epoch {epoch} of {settings.epochs}", epoch / settings.epochs)
            late = stop_after is not None and time.monotonic() - began > 60 * stop_after
            if late and epoch < settings.epochs:
                return None
        write_run(out, settings, _outputs(run, settings, data, device), _history(run))
    checkpoint.unlink(missing_ok=True)
    return out


def _diverged(encoder: Encoder) -> bool:
    """Whether a weight is beyond what float32 outputs can be made of."""
    return any(not float(p.detach().abs().max()) < 1e8 for p in encoder.parameters())


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
    classifier = None
    if s.objective == "cross-entropy":
        classifier = nn.Linear(s.dim, data.classes).to(device)
    parameters = [*encoder.parameters(), *(classifier.parameters() if classifier else ())]
    optimiser = torch.optim.Adam(parameters, lr=s.lr, weight_decay=s.weight_decay, fused=True)
    streams = {
        "order": generator(s.seed, "order"),
        "views": generator(s.seed, "views", str(device)),
    }
    return Run(encoder, classifier, optimiser, streams, [])


def _epoch(run: Run, s: Settings, data: Dataset, device: torch.device) -> float:
    """One pass over the training rows; a last batch that is not full is left out."""
    run.encoder.train()
    loss_of: Objective | None = None if run.classifier is not None else objective(s)
    order = torch.randperm(len(data.train), generator=run.streams["order"])
    total, steps = 0.0, len(order) // s.batch
    for step in range(steps):
        index = order[step * s.batch : (step + 1) * s.batch]
        rows = data.train[index].to(device)
        labels = None if data.labels_train is None else data.labels_train[index].to(device)
        u, v = data.views(rows, labels, run.streams["views"])
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            if run.classifier is not None and labels is not None:
                _, z = run.encoder(torch.cat([u, v]))
                scores = run.classifier(z).float()
                loss = F.cross_entropy(scores, torch.cat([labels, labels]))
            elif loss_of is not None:
                _, z = run.encoder(torch.cat([u, v]))
                a, b = z.float().chunk(2)
                loss = loss_of(a, b)
            else:
                raise LookupError("a classifier needs labels")
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimiser.step()
        total += float(loss.detach())
    return total / steps


@torch.no_grad()
def _encode(
    run: Run, x: Tensor, device: torch.device, features: bool = False
) -> NDArray[np.float32]:
    run.encoder.eval()
    place = 0 if features else 1
    parts = [
        run.encoder(x[low : low + _ENCODE].to(device))[place].float().cpu().numpy()
        for low in range(0, len(x), _ENCODE)
    ]
    return np.concatenate(parts)


@torch.no_grad()
def _views(run: Run, s: Settings, data: Dataset, device: torch.device) -> list[Any]:
    """Encode two views of the held-out rows, the same views at every epoch."""
    if not run.seen:
        g = generator(s.seed, "held-out views", str(device))
        parts: tuple[list[Tensor], list[Tensor]] = ([], [])
        for low in range(0, len(data.test), _ENCODE):
            rows = data.test[low : low + _ENCODE].to(device)
            labels = data.labels_test
            mine = None if labels is None else labels[low : low + _ENCODE].to(device)
            for part, view in zip(parts, data.views(rows, mine, g), strict=True):
                part.append(view.cpu())
        run.seen += parts
    return [_encode(run, torch.cat(part), device) for part in run.seen]


def _measured(
    run: Run, s: Settings, data: Dataset, device: torch.device, loss: float
) -> dict[str, float]:
    u, v = _views(run, s, data, device)
    return {**measure(_encode(run, data.test, device), u, v, data.eta2), "loss": loss}


def _outputs(run: Run, s: Settings, data: Dataset, device: torch.device) -> dict[str, NDArray[Any]]:
    u, v = _views(run, s, data, device)
    arrays: dict[str, NDArray[Any]] = {
        "embeddings": _encode(run, data.test, device),
        "embeddings_train": _encode(run, data.train, device),
        "anchor": u,
        "positive": v,
    }
    if data.labels_test is not None:
        arrays["labels"] = data.labels_test.numpy()
    if s.features:
        arrays["features"] = _encode(run, data.test, device, features=True)
    return arrays


def _history(run: Run) -> dict[str, NDArray[np.float64]]:
    table = {name: np.array([told[name] for told in run.history]) for name in NAMES}
    return {"epoch": np.arange(len(run.history), dtype=np.float64), **table}


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


_FREE = ("epochs", "threads", "device", "folder", "untrusted")
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
