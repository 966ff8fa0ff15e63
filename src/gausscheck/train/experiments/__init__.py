"""The paper's experiments by name; each trains, tabulates and draws in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gausscheck.core import GausscheckError
from gausscheck.figures import style
from gausscheck.train.experiments.cifar import cifar10
from gausscheck.train.experiments.lab import Lab, Table
from gausscheck.train.experiments.synthetic import (
    batch_sweep,
    confounds,
    dimension_sweep,
    dynamics,
    table1,
)
from gausscheck.train.experiments.theory import (
    alignment_bound,
    norm_blindness,
    pushforward,
    regulariser,
)

EXPERIMENTS: dict[str, Callable[[Lab], Table]] = {
    "table1-synthetic": table1,
    "dimension-sweep": dimension_sweep,
    "batch-sweep": batch_sweep,
    "alignment-bound": alignment_bound,
    "regulariser": regulariser,
    "norm-blindness": norm_blindness,
    "confounds": confounds,
    "pushforward": pushforward,
    "dynamics": dynamics,
    "cifar10": cifar10,
}
"""Every experiment, by name."""


def reproduce(
    name: str,
    out: str | Path,
    *,
    quick: bool = False,
    folder: str = "",
    threads: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> list[Table]:
    """Run an experiment, or ``all`` of them.

    Parameters
    ----------
    name : str
        A key of :data:`EXPERIMENTS`; ``all`` leaves cifar10 out where there is no folder.
    out : path
        Each experiment gets ``out/NAME`` with its runs (.h5), table (JSON, Markdown) and figure.
        Finished runs of the same settings are taken as they are; interrupted ones go on.
    quick : bool
        Smaller sizes that show the shape of each answer: all of them in minutes.
    folder : str
        Where CIFAR-10 lies.
    threads : int
        Of torch; 0 leaves it alone.
    progress : callable, optional

    Raises
    ------
    GausscheckError
        On an unknown name.
    """
    if name != "all" and name not in EXPERIMENTS:
        raise GausscheckError(f"expected an experiment out of {', '.join(EXPERIMENTS)} or all, got "
                              f"{name!r}")  # fmt: skip
    names = [n for n in EXPERIMENTS if n != "cifar10" or folder] if name == "all" else [name]
    report = progress or (lambda stage, share: None)
    with style.house():
        return [EXPERIMENTS[n](Lab(Path(out) / n, quick, folder, threads, report)) for n in names]
