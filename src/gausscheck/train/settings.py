"""Every option of a training run, once: keys of a TOML file and options of the command alike."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError

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
        for name, known in (
            ("data", DATA),
            ("encoder", ENCODERS),
            ("objective", OBJECTIVES),
            ("entropy", ENTROPIES),
            ("device", ("auto", "cpu", "cuda")),
            ("precision", PRECISIONS),
        ):
            value = getattr(self, name)
            if value not in known:
                raise GausscheckError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
        for name, low in (
            ("dim", 2), ("epochs", 0), ("batch", 4), ("seed", 0), ("threads", 0), ("depth", 1),
            ("rows_train", 0), ("rows_test", 0), ("inputs", 0), ("width", 0),
            ("measure_every", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise GausscheckError(f"{name}: expected an integer of at least {low}, got {value}")
        for name in ("lr", "temperature"):
            if not getattr(self, name) > 0:
                raise GausscheckError(
                    f"{name}: expected a positive number, got {getattr(self, name)}"
                )
        if not 0 < self.strength <= 1:
            raise GausscheckError(f"strength: expected a number in (0, 1], got {self.strength}")
        if self.untrusted is not False and (self.untrusted is not True or self.data != "file"):
            raise GausscheckError(
                f"untrusted: expected true or false, and data = file where true: a child process "
                f"reads no other data; got {self.untrusted} and {self.data}"
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


def read_options(path: str | Path) -> dict[str, Any]:
    """Read options from a TOML file.

    Raises
    ------
    GausscheckError
        If it cannot be read, or names an option there is not.
    """
    try:
        held = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise GausscheckError(f"{path}: expected a readable TOML file: {err}") from err
    known = {f.name for f in fields(Settings)}
    unknown = sorted(set(held) - known)
    if unknown:
        raise GausscheckError(
            f"{path}: unknown option {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )
    return held
