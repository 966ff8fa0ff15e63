"""Figures of a report: one file a figure, one table, one call that draws them all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gausscheck.comparison import Comparison
from gausscheck.core import GausscheckError, Progress, Stage
from gausscheck.figures.ad_histogram import ad_histogram
from gausscheck.figures.compare import comparison
from gausscheck.figures.cosines import cosines, panels_of_cosines
from gausscheck.figures.growth import growth
from gausscheck.figures.likelihood import likelihood
from gausscheck.figures.marginals import marginals
from gausscheck.figures.norms import norm_histogram
from gausscheck.figures.qq import qq
from gausscheck.figures.rows import ROW_FIGURES, SAVED_PAPER, measure
from gausscheck.figures.scaling import scaling
from gausscheck.figures.settings import radii, settings, training
from gausscheck.figures.spectrum import spectrum
from gausscheck.figures.style import STYLES, WIDTHS, Page, Style, Width, house
from gausscheck.figures.use import use
from gausscheck.figures.verdict import verdict
from gausscheck.figures.violins import violins
from gausscheck.figures.worst import worst
from gausscheck.pairs import Pairs
from gausscheck.paper import Cosines, Likelihoods, Settings, Stages
from gausscheck.report import Report
from gausscheck.scaling import Scaling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "FIGURES",
    "FORMATS",
    "ROW_FIGURES",
    "SAVED_PAPER",
    "STYLES",
    "TABLES",
    "WIDTHS",
    "Page",
    "draw",
    "measure",
    "plot",
    "svg",
]

FIGURES: dict[str, Callable[[Report, Page], Figure | None]] = {
    "use": use,
    "verdict": verdict,
    "growth": growth,
    "ad_histogram": ad_histogram,
    "qq": qq,
    "worst": worst,
    "spectrum": spectrum,
    "marginals": marginals,
    "norms": norm_histogram,
}
"""Every figure of a report by its file name; a figure is None where it does not apply."""

TABLES: Mapping[type, Mapping[str, Callable[[Any, Page], Figure | None]]] = {
    Report: FIGURES,
    Pairs: {"cosines": cosines},
    Scaling: {"scaling": scaling},
    Comparison: {"comparison": comparison},
    Settings: {"settings": settings, "training": training, "radii": radii},
    Cosines: {"violins": violins, "cosines": panels_of_cosines},
    Stages: {"whitening": panels_of_cosines},
    Likelihoods: {"likelihood": likelihood},
}
"""Figures by what they are drawn from."""

FORMATS = ("png", "svg", "pdf")

UNDONE = ".figures-"
"""How the name of a folder begins where figures lie until they are whole."""

_METADATA: Mapping[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}

_ENCODING: Mapping[str, dict[str, Any]] = {"png": {"pil_kwargs": {"compress_level": 3}}}
"""A level that takes two thirds of the time of the usual one, for a tenth more bytes."""


def plot(
    result: Any,
    name: str,
    *,
    width: Width = "double",
    style: Style = "paper",
) -> Figure:
    """Draw one figure of a result.

    Parameters
    ----------
    result : Report, Comparison, Pairs, Scaling or what :func:`measure` returns
    name : str
        A key of its table in :data:`TABLES`.
    width : {"single", "double"}
        85 or 178 mm, a journal's column or page.
    style : {"paper", "screen"}
        What :class:`gausscheck.figures.Page` says.

    Returns
    -------
    matplotlib.figure.Figure
        Laid out; ``savefig`` writes it.

    Raises
    ------
    GausscheckError
        On an unknown name, width or style, and where the result lacks what the figure shows.

    Examples
    --------
    >>> plot("report/", "pie")
    Traceback (most recent call last):
        ...
    gausscheck.core.GausscheckError: figures: expected a result out of Report, Pairs, Scaling, \
Comparison, Settings, Cosines, Stages, Likelihoods, got str; analyze the rows first
    """
    table = _table(result)
    _check("figure", [name], table)
    page = _page(width, style)
    with house(page.style):
        figure = _laid_out(table[name], result, page)
    if figure is None:
        raise GausscheckError(
            f"figure {name}: expected a result with what it shows, got one without; choose another"
        )
    return figure


def draw(
    result: Any,
    directory: str | Path,
    *,
    formats: Sequence[str] = ("png", "svg"),
    names: Sequence[str] | None = None,
    width: Width = "double",
    style: Style = "paper",
    progress: Progress | None = None,
) -> list[Path]:
    """Draw a result's figures into a folder.

    Parameters
    ----------
    result : Report, Comparison, Pairs, Scaling or what :func:`measure` returns
        Nothing else is read: not the embeddings, not their file.
    directory : path
        Made where missing; each file appears whole or not at all.
    formats : sequence of {"png", "svg", "pdf"}
    names : sequence of str, optional
        Keys of its table in :data:`TABLES`; all by default.
    width : {"single", "double"}
        85 or 178 mm, a journal's column or page.
    style : {"paper", "screen"}
        What :class:`gausscheck.figures.Page` says.
    progress : callable, optional
        ``progress(stage, share)``.

    Returns
    -------
    list of Path
        What was written. The same report gives the same bytes.

    Raises
    ------
    GausscheckError
        On an unknown name, format, width or style, or a folder that cannot be written.
    """
    _check("format", formats, FORMATS)
    table = _table(result)
    _check("figure", names or (), table)
    page = _page(width, style)
    directory = Path(directory)
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=UNDONE, dir=directory))
    except OSError as err:
        raise GausscheckError(
            f"{directory}: expected a folder that can be written: {err.strerror}"
        ) from err
    try:
        wanted = list(names or table)
        with house(page.style):
            for place, name in enumerate(wanted):
                if progress is not None:
                    progress(Stage("drawing", len(wanted), "figures"), place / len(wanted))
                figure = _laid_out(table[name], result, page)
                if figure is None:
                    continue
                for form in formats:
                    path = work / f"{name}.{form}"
                    _write(figure, path, form)
                    os.replace(path, directory / path.name)
                    written.append(directory / path.name)
    except OSError as err:
        raise GausscheckError(f"{directory}: could not write a figure: {err}") from err
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return written


def svg(result: Any, name: str, page: Page) -> str | None:
    """Return a figure as the text of an SVG document; None where it does not apply."""
    held = BytesIO()
    with house(page.style):
        figure = _laid_out(_table(result)[name], result, page)
        if figure is None:
            return None
        _write(figure, held, "svg")
    return held.getvalue().decode()


def _laid_out(
    drawn: Callable[[Any, Page], Figure | None], result: Any, page: Page
) -> Figure | None:
    """Draw, and fix the layout: every format then shows the same, and none lays out again."""
    figure = drawn(result, page)
    if figure is not None:
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
        figure.set_layout_engine(None)  # a placeholder would make each format draw twice
    return figure


def _write(figure: Figure, target: Any, form: str) -> None:
    figure.savefig(target, format=form, metadata=_METADATA[form], **_ENCODING.get(form, {}))


def _page(width: Width, style: Style) -> Page:
    _check("width", [width], WIDTHS)
    _check("style", [style], STYLES)
    return Page(width, style)


def _table(result: Any) -> Mapping[str, Callable[[Any, Page], Figure | None]]:
    """Return the figures of a result."""
    for kind, table in TABLES.items():
        if isinstance(result, kind):
            return table
    raise GausscheckError(
        f"figures: expected a result out of {', '.join(kind.__name__ for kind in TABLES)}, got "
        f"{type(result).__name__}; analyze the rows first"
    )


def _check(what: str, wanted: Sequence[str], known: Any) -> None:
    for name in wanted:
        if name not in known:
            raise GausscheckError(f"{what}: expected one of {', '.join(known)}, got {name!r}")
