"""The paper's figures that need rows: what each takes, and what is measured for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.paper import cosines, likelihoods, settings, whitened_cosines


@dataclass(frozen=True, slots=True)
class OfRows:
    """A figure of rows.

    Attributes
    ----------
    measure : callable
        Takes inputs and options, returns what :func:`gausscheck.figures.plot` draws.
    inputs, shows : str
        What the command line takes, and what is to be seen.
    paper : str
        Its number in the paper.
    """

    measure: Callable[..., Any]
    inputs: str
    shows: str
    paper: str


ROW_FIGURES = {
    "violins": OfRows(
        cosines, "ANCHOR POSITIVE of each setting", "cosines against the setting", "2"
    ),
    "settings": OfRows(
        settings, "FILE of each setting", "lengths, A*² and p-values against the setting", "3"
    ),
    "training": OfRows(
        settings, "FILE of each checkpoint", "lengths, A*², normal coordinates by epoch", "4"
    ),
    "radii": OfRows(settings, "FILE of each model", "lengths of the rows of models", "6"),
    "cosines": OfRows(
        cosines, "ANCHOR POSITIVE of each setting", "cosines, a panel each setting", "7, 8"
    ),
    "whitening": OfRows(
        whitened_cosines, "ANCHOR POSITIVE, or FILE", "cosines before and after whitening", "9, 10"
    ),
    "likelihood": OfRows(
        likelihoods, "FILE LOG_P of each setting", "log p of data and of embeddings", "11"
    ),
}
"""Figures of rows by name; ``LOG_P`` is one number a row."""

SAVED_PAPER = {"norms": "3, 6"}
"""Figures of a report that are in the paper."""


def measure(name: str, inputs: Sequence[Any], **options: Any) -> Any:
    """Measure what a figure of rows shows.

    Parameters
    ----------
    name : str
        A key of :data:`ROW_FIGURES`.
    inputs : sequence of path or array
        What its ``inputs`` says, in the order of the settings.
    **options
        ``names``, ``series``, ``axis``, ``sample``, ``seed``, ``threads``, ``untrusted`` and
        ``progress`` of :func:`gausscheck.paper.settings`.

    Returns
    -------
    Settings, Cosines, Stages or Likelihoods
        For :func:`gausscheck.figures.plot` and :func:`gausscheck.figures.draw`, with that name.

    Raises
    ------
    GausscheckError
        On an unknown name, and on inputs that do not fit it.

    Examples
    --------
    >>> measure("pie", [])
    Traceback (most recent call last):
        ...
    gausscheck.core.GausscheckError: figure: expected one of violins, settings, training, radii, \
cosines, whitening, likelihood, got 'pie'
    """
    if name not in ROW_FIGURES:
        raise GausscheckError(f"figure: expected one of {', '.join(ROW_FIGURES)}, got {name!r}")
    return ROW_FIGURES[name].measure(inputs, **options)
