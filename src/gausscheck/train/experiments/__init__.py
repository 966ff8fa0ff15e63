"""The paper's experiments by name; each trains, tabulates and draws in a folder of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.figures import style
from gausscheck.train.experiments.cifar import CIFAR10, DYNAMICS
from gausscheck.train.experiments.lab import Experiment, Lab, OutOfTime
from gausscheck.train.experiments.likelihood import PUSHFORWARD
from gausscheck.train.experiments.synthetic import BATCH_SWEEP, CONFOUNDS, DIMENSION_SWEEP, TABLE1
from gausscheck.train.experiments.tables import Table
from gausscheck.train.experiments.theory import ALIGNMENT_BOUND, NORM_BLINDNESS, REGULARISER
from gausscheck.train.experiments.usable import USABLE
from gausscheck.train.loop import Pace

EXPERIMENTS: dict[str, Experiment] = {
    e.name: e
    for e in (
        USABLE, TABLE1, DIMENSION_SWEEP, BATCH_SWEEP, ALIGNMENT_BOUND, REGULARISER, NORM_BLINDNESS,
        CONFOUNDS, PUSHFORWARD, DYNAMICS, CIFAR10,
    )
}  # fmt: skip
"""Every experiment, by name."""

SEEDS, SEEDS_QUICK = 5, 2


def names_of(name: str, folder: str) -> list[str]:
    """Return the experiments that a name stands for; ``all`` has cifar10 where there is a folder.

    Raises
    ------
    GausscheckError
        On an unknown name.
    """
    if name != "all" and name not in EXPERIMENTS:
        raise GausscheckError(f"expected an experiment out of {', '.join(EXPERIMENTS)} or all, got "
                              f"{name!r}")  # fmt: skip
    return [n for n in EXPERIMENTS if n != "cifar10" or folder] if name == "all" else [name]


def reproduce(
    name: str,
    out: str | Path,
    *,
    quick: bool = False,
    seeds: int | None = None,
    folder: str = "",
    threads: int = 0,
    given: dict[str, Any] | None = None,
    stop_after: float | None = None,
    progress: Callable[[str, float], None] | None = None,
    pace: Pace | None = None,
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
    seeds : int, optional
        Runs of each, with data, weights and views of their own; what is compared shares them. By
        default 5, with ``quick`` 2, and 1 on real images.
    folder : str
        Where CIFAR-10 lies.
    threads : int
        Of torch; 0 leaves it alone.
    given : dict, optional
        Settings in place of the usual ones in all runs; none that an experiment varies or sets
        itself.
    stop_after : float, optional
        Minutes after which training stops at the end of an epoch; the same call goes on from there.
    progress : callable, optional
    pace : Pace, optional
        Told how fast training went.

    Returns
    -------
    list of Table
        Of the experiments that are finished.

    Raises
    ------
    GausscheckError
        On an unknown name, fewer than one seed, or settings that are the experiment's own.
    """
    if seeds is not None and seeds < 1:
        raise GausscheckError(f"seeds: expected at least 1, got {seeds}")
    lab = Lab(
        Path(out), quick, folder, threads, given or {},
        None if stop_after is None else time.monotonic() + 60 * stop_after,
        progress or (lambda stage, share: None), pace or Pace(),
    )  # fmt: skip
    for one in names_of(name, folder):
        EXPERIMENTS[one].check(lab.given)
    tables: list[Table] = []
    with style.house():
        for one in names_of(name, folder):
            lab.out = Path(out) / one
            experiment = EXPERIMENTS[one]
            usual = 1 if experiment.few else SEEDS_QUICK if quick else SEEDS
            try:
                tables.append(experiment.run(lab, seeds or usual))
            except OutOfTime:
                break
    return tables
