"""Every option of a training run, once: keys of a TOML file and options of the command alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.files import read_toml

DATA = (
    "power-laplace", "laplace", "mixture", "block-binary", "binary", "gaussian-channel", "digits",
    "cifar10", "file",
)  # fmt: skip
ENCODERS = ("linear", "mlp", "resnet-small", "resnet18")
OBJECTIVES = (
    "infonce", "clip", "ntxent", "align-uniform", "cross-entropy", "regularised", "sigreg",
)  # fmt: skip
ENTROPIES = ("logdet", "knn", "radial")
PRECISIONS = ("auto", "float32", "bfloat16")

OUTSIDE = ("digits", "cifar10", "file")
"""Data that settings alone do not determine: they come from elsewhere."""

FREE = ("threads", "device", "folder", "untrusted")
"""Options that say how a run is made, not which run it is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one training run.

    Attributes
    ----------
    data : str
        One of :data:`DATA`.
    encoder, objective : str
    dim : int
        Dimensions of the projection output z, which is saved.
    epochs, batch : int
    lr, weight_decay : float
        Of Adam.
    temperature : float
    seed : int
    device : str
        ``auto`` takes CUDA where there is one.
    threads : int
        Of torch on the CPU; 0 leaves it alone.
    rows_train, rows_test, inputs : int
        Sizes of synthetic data; 0 takes those of the paper or its replication.
    strength : float
        A of the channel x -> A x + sqrt(1 - A²) noise.
    noise, dropout, scale : float
        Of the views: additive noise, share of coordinates set to zero, standard deviation of the
        log of a row's factor. Negative takes the kind's own.
    spread : float
        Standard deviation of an entry of a mixture's component means.
    folder : str
        Where CIFAR-10 lies.
    file : str
        The file of ``data = "file"``, ``FILE:KEY`` where it holds several arrays.
    untrusted : bool
        Whether a child process with limits on memory and time reads that file.
    width, depth : int
        Hidden width and hidden layers of the MLP; base width of a ResNet. 0 takes 512, 1 and 64.
    radial : bool
        Whether the norm of z is a free output of its own, which unit-norm objectives do not see.
    beta, radius_penalty : float
        Of the regulariser: beta (-H(z) + radius_penalty E‖z‖²).
    entropy : str
        Estimator of H: ``logdet``, ``knn`` or ``radial``.
    sigreg_weight : float
        Weight of the sliced Epps-Pulley term against invariance.
    features : bool
        Whether the backbone's features h are saved too.
    standardised : bool
        Whether each channel of each image has mean 0 and standard deviation 1 for the encoder, so
        that brightness and contrast tell nothing.
    precision : str
        ``bfloat16`` runs the encoder in mixed precision, losses in float32; ``auto`` does so on
        CUDA.
    compile : bool
        Whether the encoder is compiled first: worth it on a GPU for many epochs of one size.
    measure_every : int
        Epochs from one measurement of the held-out rows to the next; the first and the last are
        measured anyway.
    snapshots : bool
        Whether z of the held-out rows is kept, as float16, at epochs 0, 1, 2, 5, 10, 20, 50, ...
        and at the last.
    """

    data: str = "power-laplace"
    encoder: str = "mlp"
    objective: str = "infonce"
    dim: int = 128
    epochs: int = 15
    batch: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.0
    temperature: float = 0.1
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    rows_train: int = 0
    rows_test: int = 0
    inputs: int = 0
    strength: float = 0.6
    noise: float = -1.0
    dropout: float = -1.0
    scale: float = -1.0
    spread: float = 0.06
    folder: str = ""
    file: str = ""
    untrusted: bool = False
    width: int = 0
    depth: int = 1
    radial: bool = False
    beta: float = 0.3
    radius_penalty: float = 0.5
    entropy: str = "logdet"
    sigreg_weight: float = 0.05
    features: bool = False
    standardised: bool = False
    precision: str = "auto"
    compile: bool = False
    measure_every: int = 1
    snapshots: bool = False

    def __post_init__(self) -> None:
        """Refuse values that cannot mean anything."""
        for field in fields(self):
            _check_option(field.name, getattr(self, field.name))
        if self.data.endswith("binary") and self.noise > 1:
            raise GausscheckError(
                f"noise: expected the share of zeros that flip, at most 1, got {self.noise}"
            )
        if self.untrusted and self.data != "file":
            raise GausscheckError(
                f"untrusted: expected data = file: a child process reads no other data; got "
                f"{self.data}"
            )
        if self.data in ("cifar10", "digits") and self.encoder == "linear":
            return
        if self.encoder.startswith("resnet") and self.data not in ("cifar10", "digits"):
            raise GausscheckError(
                f"encoder: expected linear or mlp for {self.data}, got {self.encoder}: it wants "
                "images"
            )

    def keeps(self, epoch: int) -> bool:
        """Whether z is kept at this epoch."""
        leading = str(epoch).rstrip("0") in ("", "1", "2", "5")
        return self.snapshots and (leading or epoch == self.epochs)

    def measures(self, epoch: int) -> bool:
        """Whether the held-out rows are measured at this epoch."""
        due = epoch % self.measure_every == 0 or epoch == self.epochs
        return due or self.keeps(epoch)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain values."""
        return asdict(self)

    @classmethod
    def from_toml(cls, path: str | Path, **given: Any) -> Settings:
        """Read options from a TOML file; ``given`` wins.

        Raises
        ------
        GausscheckError
            If it cannot be read, or names an option there is not.
        """
        return cls(**{**read_options(path), **given})


_NAMES = {
    "data": DATA, "encoder": ENCODERS, "objective": OBJECTIVES, "entropy": ENTROPIES,
    "device": ("auto", "cpu", "cuda"), "precision": PRECISIONS,
}  # fmt: skip
"""Options that are one of some names."""

_WHOLE = {
    "dim": (2, 1 << 20), "epochs": (0, 1 << 31), "batch": (4, 1 << 31), "seed": (0, (1 << 63) - 1),
    "threads": (0, 1024), "depth": (1, 1024), "rows_train": (0, 1 << 40), "rows_test": (0, 1 << 40),
    "inputs": (0, 1 << 31), "width": (0, 1 << 20), "measure_every": (1, 1 << 31),
}  # fmt: skip
"""Options that are whole numbers: the least and the most."""

_NUMBERS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "lr": ("a positive number", lambda v: v > 0),
    "temperature": ("a positive number", lambda v: v > 0),
    "weight_decay": ("a number of at least 0", lambda v: v >= 0),
    "strength": ("a number in (0, 1]", lambda v: 0 < v <= 1),
    "noise": ("a number", lambda v: True),
    "dropout": ("a share below 1, or a negative number for the kind's own", lambda v: v < 1),
    "scale": ("a number", lambda v: True),
    "spread": ("a number of at least 0", lambda v: v >= 0),
    "beta": ("a number of at least 0", lambda v: v >= 0),
    "radius_penalty": ("a number of at least 0", lambda v: v >= 0),
    "sigreg_weight": ("a number in [0, 1]", lambda v: 0 <= v <= 1),
}
"""Options that are finite numbers: which, in words and as a check."""

_SWITCHES = ("untrusted", "radial", "features", "standardised", "compile", "snapshots")


def check_options(given: Mapping[str, Any]) -> None:
    """Refuse options there are not, and values that no run can have.

    Raises
    ------
    GausscheckError
    """
    known = {f.name for f in fields(Settings)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise GausscheckError(
            f"unknown option {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )
    for name, value in given.items():
        _check_option(name, value)


def _check_option(name: str, value: Any) -> None:
    expected = _expected(name, value)
    if expected is not None:
        raise GausscheckError(f"{name}: expected {expected}, got {value!r:.80}")


def _expected(name: str, value: Any) -> str | None:
    """Say what was expected of an option, or None where the value is such."""
    if name in _NAMES:
        known = _NAMES[name]
        return None if value in known else f"one of {', '.join(known)}"
    if name in _SWITCHES:
        return None if isinstance(value, bool) else "true or false"
    if name in _WHOLE:
        low, high = _WHOLE[name]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and low <= value <= high:
            return None
        most = f" and at most {high:,}" if whole and value > high else ""
        return f"an integer of at least {low}{most}"
    if name in _NUMBERS:
        words, sound = _NUMBERS[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if number and abs(value) < 1e300 and sound(value) else words
    return None if isinstance(value, str) else "text"


def read_options(path: str | Path) -> dict[str, Any]:
    """Read options from a TOML file.

    Raises
    ------
    GausscheckError
        If it cannot be read, names an option there is not, or a value that cannot be.
    """
    held = read_toml(path, "a TOML file of settings")
    try:
        check_options(held)
    except GausscheckError as err:
        raise GausscheckError(f"{path}: {err}") from err
    return held
