"""What changes while training, and the checkpoint that holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gausscheck.core import GausscheckError
from gausscheck.files import atomic_path, check_file
from gausscheck.train.dataset import Dataset
from gausscheck.train.encoders import Encoder
from gausscheck.train.metrics import NAMES
from gausscheck.train.settings import FREE, Settings


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
    data: str = ""

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
            "device": self.device.type,
            "data": self.data,
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


def diverged(encoder: Encoder) -> bool:
    """Whether a weight is beyond what float32 outputs can be made of."""
    largest = torch.stack([p.detach().abs().amax() for p in encoder.parameters()])
    return not bool((largest < 1e8).all())


def save(path: Path, run: Run, s: Settings) -> None:
    """Write the checkpoint whole or not at all."""
    try:
        with atomic_path(path) as work:
            torch.save({**run.state(), "settings": s.to_dict()}, work)
    except RuntimeError as err:  # torch's own writer, on a full disk
        raise GausscheckError(f"{path}: could not write the checkpoint: {err}") from err


_FREE = (*FREE, "epochs", "measure_every")
"""Settings that may differ when a run is resumed."""


_PARTS: dict[str, tuple[type, ...]] = {
    "encoder": (dict,), "classifier": (dict, type(None)), "optimiser": (dict,), "streams": (dict,),
    "torch": (Tensor,), "cuda": (Tensor, type(None)), "history": (list,), "snapshots": (dict,),
    "losses": (list,), "device": (str,), "data": (str,), "settings": (dict,),
}  # fmt: skip
"""What a checkpoint holds."""


def load_into(run: Run, path: Path, s: Settings, data: Dataset) -> None:
    """Take a run up where a checkpoint left it, or say why that cannot be."""
    state = _load(path)
    now, then = s.to_dict(), state["settings"]
    other = sorted(k for k in now if k not in _FREE and now[k] != then.get(k))
    if other:
        named = ", ".join(f"{k} = {then.get(k)}" for k in other)
        raise GausscheckError(
            f"{path}: the checkpoint is of another run ({named}); resume with those, or delete it"
        )
    if state["data"] != run.data:
        raise GausscheckError(
            f"{path}: the checkpoint is of other data than those of now; bring those back, or "
            "delete it to start anew"
        )
    if state["device"] != run.device.type:
        raise GausscheckError(
            f"{path}: the checkpoint is of a run on {state['device']}, whose random numbers do not "
            f"go on on {run.device.type}; resume with --device {state['device']}, or delete it to "
            "start anew"
        )
    done = len(state["losses"])
    if s.epochs < done:
        raise GausscheckError(
            f"epochs: expected at least {done}, as many as {path} has done, got {s.epochs}; delete "
            "it to start anew"
        )
    try:
        run.restore(state)
        sound = _sound(run, s, data)
    except (LookupError, RuntimeError, ValueError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise _damaged(path)


def _load(path: Path) -> dict[str, Any]:
    """Read a checkpoint, as data alone, and see that all its parts are there."""
    check_file(path)
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as err:  # a damaged file raises of every kind
        raise _damaged(path) from err
    if not isinstance(state, dict) or any(
        not isinstance(state.get(name, ...), kinds) for name, kinds in _PARTS.items()
    ):
        raise _damaged(path)
    if any(not isinstance(value, str | int | float) for value in state["settings"].values()):
        raise _damaged(path)
    return state


def _sound(run: Run, s: Settings, data: Dataset) -> bool:
    """Whether what was restored is what this run could have saved."""
    done, told = len(run.losses), {"epoch", *NAMES}
    epochs = [entry["epoch"] for entry in run.history]
    return (
        all(isinstance(loss, float) and np.isfinite(loss) for loss in run.losses)
        and all(set(entry) == told for entry in run.history)
        and all(isinstance(v, int | float) for entry in run.history for v in entry.values())
        and epochs[:1] == [0]
        and epochs == sorted({*epochs})
        and epochs[-1] <= done
        and all(g["lr"] == s.lr and g["weight_decay"] == s.weight_decay
                for g in run.optimiser.param_groups)
        and all(int(epoch) in epochs and z.shape == (len(data.test), s.dim)
                for epoch, z in run.snapshots.items())
        and not diverged(run.encoder)
    )  # fmt: skip


def _damaged(path: Path) -> GausscheckError:
    return GausscheckError(
        f"{path}: the checkpoint cannot be read: damaged, or of another version; delete it to "
        "start anew"
    )
