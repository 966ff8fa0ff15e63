"""What was given to compare: names, reports, and the rows behind them where there are files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from gausscheck.comparison.quantities import MOVING, RUNGS, Cell, as_many_rows, cell_of
from gausscheck.core import GausscheckError, Source
from gausscheck.report import Report, load_report


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model to compare.

    Attributes
    ----------
    name : str
    report : Report
    source : Source or None
        Its rows; None where a report was given.
    """

    name: str
    report: Report
    source: Source | None = None


def checked(models: Mapping[str, Any], baseline: str | None) -> None:
    """Refuse what cannot be compared before anything is read.

    Raises
    ------
    GausscheckError
        With fewer than two models, names that are no text, or a baseline that is none of them.
    """
    if len(models) < 2:
        raise GausscheckError(
            f"compare: expected two models or more, got {len(models)}; name another"
        )
    for name in models:
        if not isinstance(name, str) or not name.strip():
            raise GausscheckError(f"compare: expected names of models as text, got {name!r}")
    if baseline is not None and baseline not in models:
        raise GausscheckError(f"baseline: expected one of {', '.join(models)}, got {baseline!r}")


def named(inputs: Sequence[str], names: str | None) -> dict[str, str]:
    """Give each input a name: those of a list with commas, or what tells the inputs apart.

    Parameters
    ----------
    inputs : sequence of str
        Report folders or files, ``FILE:KEY`` for an array of a container.
    names : str or None
        ``a,b,c``.

    Raises
    ------
    GausscheckError
        If there are not as many names as inputs, or two are alike.

    Examples
    --------
    >>> named(["runs/a/report.json", "emb.h5:minilm"], None)
    {'a': 'runs/a/report.json', 'minilm': 'emb.h5:minilm'}
    """
    if names is None:
        shown = [_short(one) for one in inputs]
        twice = {name for name, count in Counter(shown).items() if count > 1}
        shown = [one if name in twice else name for one, name in zip(inputs, shown, strict=True)]
    else:
        shown = [name.strip() for name in names.split(",")]
    if len(shown) != len(inputs):
        raise GausscheckError(
            f"names: expected {len(inputs)}, one for each input, got {len(shown)}: {names}"
        )
    twice = {name for name, count in Counter(shown).items() if count > 1}
    if twice:
        raise GausscheckError(
            f"names: expected names that differ, got {sorted(twice)[0]!r} more than once"
        )
    return dict(zip(shown, inputs, strict=True))


def _short(address: str) -> str:
    """Return the key of an array in a file, or a file's or folder's name without its ending."""
    key = address.rpartition(":")[2]
    if key != address and not Path(address).exists() and not key.startswith("//"):
        return key.strip("/").rsplit("/", 1)[-1] or address
    path = Path(address)
    if path.name == "report.json":
        path = path.absolute().parent
    elif not path.is_dir():
        path = path.with_suffix("")
    return path.name or address


def given_report(given: Any) -> Report | None:
    """Return a report that was given, or that lies where a path leads; None for anything else."""
    if isinstance(given, Report):
        return given
    return load_report(given) if is_report(given) else None


def is_report(given: Any) -> bool:
    """Say whether a path leads to a report."""
    if not isinstance(given, str | PathLike):
        return False
    path = Path(given)
    return path.name == "report.json" or (path / "report.json").is_file()


def comparable(unit_rows: Iterable[bool], quantity: str, cells: Iterable[Cell]) -> bool:
    """Say whether a quantity means the same in models whose rows have length one, or have not.

    Whitened lengths of rows of length one are held against normalised Gaussian rows. What moves
    with the number of rows means the same in models of about as many.
    """
    return (quantity != "norms" or len(set(unit_rows)) == 1) and as_many_rows(cells)


def warnings_of(models: Sequence[Model]) -> tuple[str, ...]:
    """Say in what the reports differ beside the models, one sentence each."""
    notes = []
    for option, what in _OPTIONS.items():
        values = {m.name: getattr(m.report.config, option) for m in models}
        if len(set(values.values())) > 1:
            told = ", ".join(f"{name} {value}" for name, value in values.items())
            notes.append(f"{what} differ: {told}; audit them alike")
    units = {m.name: m.report.preflight.constant_norm for m in models}
    if len(set(units.values())) > 1:
        told = ", ".join(name for name, unit in units.items() if unit)
        notes.append(
            f"rows of {told} have length one, others not: their whitened lengths are held against "
            "normalised Gaussian rows, and are not compared; normalise all, or none"
        )
    for name in MOVING:
        cells = {m.name: cell for m in models if (cell := cell_of(m.report, name)) is not None}
        if not as_many_rows(cells.values()):
            told = ", ".join(f"{model} {cell.n:,}" for model, cell in cells.items())
            notes.append(
                f"{RUNGS[name].title} move with the number of rows, which differ: {told}; they are "
                "compared where no model has over 1.25 times as many as the other (limit)"
            )
    masked = [m.name for m in models if m.report.use is not None and m.report.use.masked]
    if masked:
        notes.append(
            f"{', '.join(masked)}: over half as many components as rows, so that the 1 % rate lies "
            "nearer to 1 % than with more rows"
        )
    versions = {m.report.version for m in models}
    if len(versions) > 1:
        notes.append(f"reports were written by gausscheck {', '.join(sorted(versions))}")
    return tuple(notes)


_OPTIONS = {
    "normalize": "preparations (normalize)",
    "reference": "references",
    "null": "nulls",
    "confidence": "confidences of the intervals",
    "directions": "directions",
    "limit": "row limits",
    "seed": "seeds",
    "subsets": "protocols of the paper's table (subsets)",
}
"""Options that must agree, and what messages call them."""
