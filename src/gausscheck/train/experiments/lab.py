"""Where an experiment trains, tabulates and draws: one folder, runs kept and used again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.paper_table import column_of
from gausscheck.core import GausscheckError, Stage
from gausscheck.files import atomic_path
from gausscheck.normality import A0
from gausscheck.train import data as kinds
from gausscheck.train.experiments.tables import Row, Table, joined
from gausscheck.train.loop import Pace, train
from gausscheck.train.output import read_metrics, read_run
from gausscheck.train.settings import FREE, OUTSIDE, Settings, check_options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Metrics = dict[str, NDArray[np.float64]]

OWN = ("data", "encoder", "objective", "file", "untrusted", "measure_every")
"""Settings that every experiment chooses itself."""

_ELSEWHERE = {
    "seed": "runs have the seeds 0, 1, ...: give their number as the option seeds",
    "threads": "give it as the option threads",
    "folder": "give it as the option folder",
}
"""Settings that are options of their own, and where."""


class OutOfTime(Exception):
    """The time of this piece is over; what was trained is kept."""


@dataclass(slots=True)
class Lab:
    """The folder of an experiment, its size, and what it reports to.

    Attributes
    ----------
    out : Path
    quick : bool
    folder : str
        Where CIFAR-10 lies.
    threads : int
    given : dict
        Settings in place of the usual ones; none that :meth:`Experiment.check` refuses.
    until : float or None
        Monotonic time at which training stops, to be resumed.
    seed : int
        Of the runs that are made or read now.
    known : dict
        What names data from elsewhere, once they were read.
    """

    out: Path
    quick: bool = False
    folder: str = ""
    threads: int = 0
    given: dict[str, Any] = field(default_factory=dict)
    until: float | None = None
    progress: Callable[[str, float], None] = field(default=lambda stage, share: None)
    pace: Pace = field(default_factory=Pace)
    seed: int = 0
    known: dict[tuple[Any, ...], str] = field(default_factory=dict, repr=False)

    def pick(self, full: int, quick: int) -> int:
        """Return the size that applies."""
        return quick if self.quick else full

    def rows(self, full: tuple[int, int], quick: tuple[int, int]) -> dict[str, Any]:
        """Return settings for rows to learn from and held out; 0 is the data's own size."""
        train_rows, test_rows = quick if self.quick else full
        return {"rows_train": train_rows, "rows_test": test_rows}

    def settled(self, settings: Settings) -> Settings:
        """Return the settings of a run: at the lab's seed, with what was given in their place."""
        return replace(settings, threads=self.threads, seed=self.seed, **self.given)

    def run(self, name: str, settings: Settings, every: int = 0) -> tuple[Path, Metrics]:
        """Train at the lab's seed, or take the finished run of the same settings in the folder.

        The first and the last epoch are measured, and every so many between where it is given.

        Raises
        ------
        OutOfTime
            Where the time of this piece is over before the run is finished.
        GausscheckError
            If the folder holds a damaged run, or one of the same settings on other data.
        """
        settings = self.settled(settings)
        settings = replace(settings, measure_every=every or max(settings.epochs, 1))
        path = self.out / f"{name}_seed{self.seed}.h5"
        if not (path.exists() and self._made(path, settings)):
            left = None if self.until is None else (self.until - time.monotonic()) / 60
            told = Stage(f"{name}, seed {self.seed}", settings.epochs, "epochs")
            done = train(
                settings,
                path,
                resume=True,
                stop_after=left,
                progress=lambda stage, share: self.progress(told, share),
                pace=self.pace,
            )
            if done is None:
                raise OutOfTime
        return path, read_metrics(path)

    def _made(self, path: Path, settings: Settings) -> bool:
        """Whether a finished run is of these settings; one of other data is refused."""
        held, _ = read_run(path)
        if any(held.get(k) != v for k, v in settings.to_dict().items() if k not in FREE):
            return False
        if settings.data not in OUTSIDE or "data_sha256" not in held:
            return True
        s = settings
        key = (s.data, s.file, s.folder, s.seed, s.rows_train, s.rows_test)
        if key not in self.known:
            self.known[key] = kinds.build(s).fingerprint()
        if held["data_sha256"] != self.known[key]:
            raise GausscheckError(
                f"{path}: made of other data than those of now; delete it, or name another --out"
            )
        return True

    def write(self, table: Table, figure: Figure | None = None) -> Table:
        """Write the table as JSON and Markdown, and the figure as PNG and SVG."""
        text = json.dumps(table.to_dict(), indent=1, allow_nan=False) + "\n"
        for form, content in (("json", text), ("md", table.markdown())):
            with atomic_path(self.out / f"{table.name}.{form}") as work:
                work.write_text(content, encoding="utf-8")
        if figure is not None:
            for form in ("png", "svg"):
                with atomic_path(self.out / f"{table.name}.{form}") as work:
                    figure.savefig(work, format=form)
        return table


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment: what one seed measures, and how all seeds are drawn.

    Attributes
    ----------
    name : str
    title : callable or str
        Of the table; what depends on sizes is asked of the lab.
    columns : tuple of str
    measure : callable
        ``(lab) -> (rows, curves)``, at the lab's seed.
    draw : callable
        ``(table, lab) -> figure``.
    pairs : tuple of (label, label)
        Of which differences are taken seed by seed.
    notes : tuple of str
    few : bool
        Whether it takes one seed unless more are asked for: real images.
    own : tuple of str
        Settings that it varies, needs, or states in its labels and laws, besides :data:`OWN`.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    measure: Callable[[Lab], tuple[list[Row], list[Row]]]
    draw: Callable[[Table, Lab], Figure]
    pairs: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    few: bool = False
    own: tuple[str, ...] = ()

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse settings that are the experiment's own, before anything is trained.

        Raises
        ------
        GausscheckError
            Also on options there are not, or values that cannot be.
        """
        for name, words in _ELSEWHERE.items():
            if name in given:
                raise GausscheckError(f"{name}: {words}, not among the settings")
        own = sorted({*OWN, *self.own})
        taken = [name for name in own if name in given]
        if taken:
            raise GausscheckError(
                f"{', '.join(taken)}: {self.name} varies or sets {', '.join(own)} itself; leave "
                "those out"
            )
        check_options(given)

    def run(self, lab: Lab, seeds: int) -> Table:
        """Measure all seeds, join them, draw and write."""
        found = []
        for seed in range(seeds):
            lab.seed = seed
            found.append(self.measure(lab))
        lab.seed = 0
        table = Table(self.name, self.title, self.columns, joined([rows for rows, _ in found]),
                      seeds, self.notes, joined([curves for _, curves in found]))  # fmt: skip
        table = table.with_differences(self.pairs)
        return lab.write(table, self.draw(table, lab))


def embeddings(path: Path, name: str = "embeddings") -> NDArray[np.float64]:
    """Read an array of a run."""
    import h5py

    with h5py.File(path, "r") as file:
        return np.asarray(file[name][()], dtype=np.float64)


def table_values(metrics: Metrics, place: int = -1) -> dict[str, float]:
    """Return the field's table of a measured epoch, and the share of normal random projections."""
    names = {
        "CV": "cv",
        "AD": "ad_raw",
        "AD pass": "ad_pass_raw",
        "DP": "dp_raw",
        "DP pass": "dp_pass_raw",
        "random pass": "ad_pass_random",
    }
    return {column: float(metrics[key][place]) for column, key in names.items()}


def field_of(z: NDArray[np.float64]) -> dict[str, float]:
    """Return the field's table of rows, ``(n, d)``; coordinates that do not vary are left out."""
    z = z[:, z.std(axis=0) > 0]
    norms = np.linalg.norm(z, axis=1)
    line = column_of(z, float(norms.std() / norms.mean()))
    keys = {"CV": "cv", "AD": "ad_avg", "AD pass": "ad_pass", "DP": "dp_avg", "DP pass": "dp_pass"}
    return {column: float(getattr(line, key) or 0.0) for column, key in keys.items()}


TABLE = ("CV", "AD", "AD pass", "DP", "DP pass", "random pass")


def gaussian(d: int) -> dict[str, float]:
    """Return what true Gaussian outputs give in the field's table (single test)."""
    return {
        "CV": 1 / sqrt(2 * d), "AD": A0, "AD pass": 0.95, "DP": 0.5, "DP pass": 0.95,
        "random pass": 0.95,
    }  # fmt: skip
