"""Where an experiment trains, tabulates and draws: one folder, runs kept and used again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.figures import style
from gausscheck.files import plain
from gausscheck.normality import A0
from gausscheck.train.loop import train
from gausscheck.train.output import read_metrics
from gausscheck.train.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Metrics = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of an experiment: published, measured and what a Gaussian gives, side by side.

    Attributes
    ----------
    name, title : str
    columns : tuple of str
        Of the quantities; each row has some of them.
    rows : tuple of (label, kind, values)
        ``kind`` is published, measured, null or theory.
    notes : tuple of str
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, Mapping[str, float]], ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; what is not finite becomes None."""
        rows = [
            {"label": label, "kind": kind, "values": plain(dict(values), label, [])}
            for label, kind, values in self.rows
        ]
        return {
            "schema": "gausscheck.experiment",
            "schema_version": [1, 0],
            "name": self.name,
            "title": self.title,
            "columns": list(self.columns),
            "rows": rows,
            "notes": list(self.notes),
        }

    def value(self, label: str, kind: str, column: str) -> float:
        """Look a value up. Raises KeyError where there is none."""
        for mine, its, values in self.rows:
            if (mine, its) == (label, kind):
                return float(values[column])
        raise KeyError(f"{label} ({kind})")

    def text(self) -> str:
        """Return the table in Markdown."""
        lines = [f"# {self.title}", "", "| | | " + " | ".join(self.columns) + " |"]
        lines.append("|---" * (len(self.columns) + 2) + "|")
        for label, kind, values in self.rows:
            cells = [_cell(c, values.get(c)) for c in self.columns]
            lines.append(f"| {label} | {kind} | " + " | ".join(cells) + " |")
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join([*lines, ""])


SHARES = ("AD pass", "DP pass", "random pass")
"""Columns written as percentages."""


def _cell(column: str, value: float | None) -> str:
    if value is None or isnan(value):
        return ""
    return f"{value:.1%}" if column in SHARES else f"{value:.3g}"


@dataclass(slots=True)
class Lab:
    """The folder of an experiment, its size, and what it reports to."""

    out: Path
    quick: bool = False
    folder: str = ""
    threads: int = 0
    progress: Callable[[str, float], None] = field(default=lambda stage, share: None)

    def pick(self, full: int, quick: int) -> int:
        """Return the size that applies."""
        return quick if self.quick else full

    def rows(self, full: tuple[int, int], quick: tuple[int, int]) -> dict[str, Any]:
        """Return settings for rows to learn from and held out; 0 is the data's own size."""
        train_rows, test_rows = quick if self.quick else full
        return {"rows_train": train_rows, "rows_test": test_rows}

    def run(self, name: str, settings: Settings) -> tuple[Path, Metrics]:
        """Train, or take the finished run of the same settings that lies in the folder."""
        settings = replace(settings, threads=self.threads)
        path = self.out / f"{name}.h5"
        if not (path.exists() and _same(path, settings)):
            train(
                settings,
                path,
                resume=True,
                progress=lambda stage, share: self.progress(f"{name}: {stage}", share),
            )
        return path, read_metrics(path)

    def write(self, table: Table, figure: Figure | None = None) -> Table:
        """Write the table as JSON and Markdown, and the figure as PNG and SVG."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            text = json.dumps(table.to_dict(), indent=1, allow_nan=False)
            (self.out / f"{table.name}.json").write_text(text + "\n", encoding="utf-8")
            (self.out / f"{table.name}.md").write_text(table.text(), encoding="utf-8")
            if figure is not None:
                for form in ("png", "svg"):
                    figure.savefig(self.out / f"{table.name}.{form}", format=form)
        except OSError as err:
            raise GausscheckError(f"{self.out}: could not write the experiment: {err}") from err
        return table


def _same(path: Path, settings: Settings) -> bool:
    import h5py

    with h5py.File(path, "r") as file:
        held = dict(file.attrs)
    free = ("threads", "device", "folder")
    return all(held.get(k) == v for k, v in settings.to_dict().items() if k not in free)


def embeddings(path: Path, name: str = "embeddings") -> NDArray[np.float64]:
    """Read an array of a run."""
    import h5py

    with h5py.File(path, "r") as file:
        return np.asarray(file[name][()], dtype=np.float64)


def table_values(metrics: Metrics, epoch: int = -1) -> dict[str, float]:
    """Return the field's table of an epoch, and the share of normal random projections."""
    names = {
        "CV": "cv",
        "AD": "ad_raw",
        "AD pass": "ad_pass_raw",
        "DP": "dp_raw",
        "DP pass": "dp_pass_raw",
        "random pass": "ad_pass_random",
    }
    return {column: float(metrics[key][epoch]) for column, key in names.items()}


TABLE = ("CV", "AD", "AD pass", "DP", "DP pass", "random pass")


def gaussian(d: int) -> dict[str, float]:
    """Return what true Gaussian outputs give in the field's table (single test)."""
    return {
        "CV": 1 / sqrt(2 * d), "AD": A0, "AD pass": 0.95, "DP": 0.5, "DP pass": 0.95,
        "random pass": 0.95,
    }  # fmt: skip


def lines(
    series: Sequence[tuple[str, NDArray[Any], NDArray[Any]]],
    *,
    x: str,
    y: str,
    title: str,
    theory: Sequence[tuple[str, NDArray[Any], NDArray[Any]]] = (),
    log: bool = False,
) -> Figure:
    """Draw measured lines with markers and theoretical ones dashed, in one panel."""
    figure, (axes,) = style.canvas(width=4.2)
    panel(axes, series, x=x, y=y, title=title, theory=theory, log=log)
    return figure


_TINTS = ("axes", "random", "pca", "learned", "marginals", "norms", "sphere")


def panel(
    axes: Any,
    series: Sequence[tuple[str, NDArray[Any], NDArray[Any]]],
    *,
    x: str,
    y: str,
    title: str,
    theory: Sequence[tuple[str, NDArray[Any], NDArray[Any]]] = (),
    log: bool = False,
) -> None:
    """Draw one panel: see :func:`lines`."""
    for i, (label, place, value) in enumerate(series):
        axes.plot(place, value, "o-", ms=3, color=style.color(_TINTS[i % 7]), label=label)
    for i, (label, place, value) in enumerate(theory):
        axes.plot(place, value, ls=("--", ":", "-.")[i % 3], lw=1, color=style.INK, label=label)
    if log:
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
        low, high = axes.get_ylim()
        few = high / low < 10  # less than a decade: minor ticks are all there is to label
        axes.yaxis.set_minor_formatter(lambda v, _: f"{v:g}" if few else "")
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.legend()
