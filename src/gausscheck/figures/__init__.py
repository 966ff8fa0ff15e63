"""Figures of a report: one file a figure, one table, one call that draws them all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gausscheck.core import GausscheckError
from gausscheck.figures import style
from gausscheck.figures.ad_histogram import ad_histogram
from gausscheck.figures.cosines import cosines
from gausscheck.figures.growth import growth
from gausscheck.figures.marginals import marginals
from gausscheck.figures.norms import norm_histogram
from gausscheck.figures.qq import qq
from gausscheck.figures.scaling import scaling
from gausscheck.figures.verdict import verdict
from gausscheck.pairs import Pairs
from gausscheck.report import Report
from gausscheck.scaling import Scaling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "FORMATS", "PAIR_FIGURES", "SCALING_FIGURES", "draw"]

FIGURES: dict[str, Callable[[Report], Figure | None]] = {
    "verdict": verdict,
    "growth": growth,
    "ad_histogram": ad_histogram,
    "qq": qq,
    "marginals": marginals,
    "norms": norm_histogram,
}
"""Every figure of a report by its file name; a figure is None where it does not apply."""

PAIR_FIGURES: dict[str, Callable[[Pairs], Figure | None]] = {"cosines": cosines}
"""Figures of anchors and positives."""

SCALING_FIGURES: dict[str, Callable[[Scaling], Figure | None]] = {"scaling": scaling}
"""Figures of statistics against a size."""

FORMATS = ("png", "svg", "pdf")

_METADATA = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def draw(
    result: Any,
    directory: str | Path,
    *,
    formats: Sequence[str] = ("png", "svg"),
    names: Sequence[str] | None = None,
    table: Mapping[str, Callable[[Any], Figure | None]] = FIGURES,
) -> list[Path]:
    """Draw a result's figures into a folder.

    Parameters
    ----------
    result : Report or other result
        Nothing else is read: not the embeddings, not their file.
    directory : path
        Made where missing; each file appears whole or not at all.
    formats : sequence of {"png", "svg", "pdf"}
    names : sequence of str, optional
        Keys of the table; all by default.
    table : mapping
        :data:`FIGURES` for a report.

    Returns
    -------
    list of Path
        What was written. The same report gives the same bytes.

    Raises
    ------
    GausscheckError
        On an unknown name or format, or a folder that cannot be written.
    """
    for known, wanted in ((FORMATS, formats), (table, names or ())):
        for name in wanted:
            if name not in known:
                raise GausscheckError(f"expected one of {', '.join(known)}, got {name!r}")
    directory = Path(directory)
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".figures-", dir=directory))
    except OSError as err:
        raise GausscheckError(
            f"{directory}: expected a folder that can be written: {err.strerror}"
        ) from err
    try:
        with style.house():
            for name in names or table:
                figure = table[name](result)
                if figure is None:
                    continue
                for form in formats:
                    path = work / f"{name}.{form}"
                    figure.savefig(path, format=form, metadata=_METADATA[form])
                    os.replace(path, directory / path.name)
                    written.append(directory / path.name)
    except OSError as err:
        raise GausscheckError(f"{directory}: could not write a figure: {err}") from err
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return written
