"""Reading a saved comparison back."""

from __future__ import annotations

from pathlib import Path

from gausscheck.comparison.paired import KINDS
from gausscheck.comparison.quantities import QUANTITIES
from gausscheck.comparison.result import SCHEMA, SCHEMA_VERSION, Comparison
from gausscheck.core import GausscheckError
from gausscheck.report.codec import decode
from gausscheck.report.load import damaged, read_saved, shaped
from gausscheck.report.use import KEYS, ONE

JSON = "comparison.json"


def load_comparison(directory: str | Path) -> Comparison:
    """Read a comparison that :meth:`Comparison.save` or ``gausscheck compare`` wrote.

    Parameters
    ----------
    directory : path
        The folder with comparison.json, or that file itself.

    Returns
    -------
    Comparison
        Its tables, figure and page are those of the original; ``reports`` is empty, since the
        file holds what a comparison says of each model and no more.

    Raises
    ------
    GausscheckError
        If the file is missing or damaged, or a newer gausscheck wrote it.
    """
    directory = Path(directory)
    path = directory if directory.name == JSON else directory / JSON
    data = read_saved(path, SCHEMA, SCHEMA_VERSION, "a comparison", "compare")
    with damaged(path, "a comparison"):
        found = decode(Comparison, shaped(Comparison, data) | {"reports": {}}, {}, _same)
        _check(found)
        return found


def _check(found: Comparison) -> None:
    """Refuse what types don't: names of no model, quantities and groups that there are none of."""
    names = [m.name for m in found.models]
    if len(names) < 2 or len(set(names)) < len(names):
        raise GausscheckError("models: expected two or more whose names differ")
    named = [n for d in found.differences for n in (d.model, d.baseline)]
    named += [n for t in found.two_samples for n in (t.model, t.baseline)]
    named += [found.baseline] if found.baseline is not None else []
    quantities = [d.quantity for d in found.differences]
    quantities += [name for m in found.models for name in m.values]
    levels = [key for m in found.models for point in m.use_curve for key in point.false_alarm]
    kinds = [found.pairing.kind] if found.pairing is not None else []
    for what, told, known in (
        ("the name of a model", named, names),
        ("a quantity", quantities, QUANTITIES),
        ("a level of a threshold", levels, KEYS),
        ("a kind of groups", kinds, KINDS),
    ):
        for one in told:
            if one not in known:
                raise GausscheckError(f"expected {what}, got {one!r}")
    if any(ONE not in point.false_alarm for m in found.models for point in m.use_curve):
        raise GausscheckError(f"use_curve: expected a rate at {ONE} at every point")


def _same(cls: type, _: object) -> type:
    return cls
