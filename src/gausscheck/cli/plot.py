"""The command that draws figures: from a saved report or comparison, or from rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from gausscheck.cli.options import UNTRUSTED, refuse
from gausscheck.cli.progress import QUIET, ProgressLine
from gausscheck.core import GausscheckError, Progress, printable

if TYPE_CHECKING:
    from gausscheck.comparison import Comparison
    from gausscheck.report import Report


def load_saved(place: str) -> Report | Comparison:
    """Load what a folder holds: a report, else a comparison."""
    path = Path(place)
    compared = path if path.name == "comparison.json" else path / "comparison.json"
    if compared.is_file() and not (path / "report.json").is_file():
        from gausscheck.comparison import load_comparison

        return load_comparison(path)
    from gausscheck.report import load_report

    return load_report(path)


@contextmanager
def told_of(place: str, what: str) -> Iterator[None]:
    """Name the file where what is loaded from it makes an error: it may be damaged.

    Raises
    ------
    GausscheckError
    """
    try:
        yield
    except (GausscheckError, OSError, MemoryError):
        raise
    except Exception as err:
        raise GausscheckError(
            f"{place}: {what} cannot be used ({type(err).__name__}: {err}): it is damaged, or "
            "gausscheck is at fault; make it again, and please report it if that does not help"
        ) from err


_OF_ROWS = ("settings", "series", "axis", "sample", "seed")
"""Options of figures that are drawn from rows."""


def _list_figures(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from gausscheck.figures import FIGURES, ROW_FIGURES, SAVED_PAPER

    click.echo("Of a REPORT:")
    for name, drawn in FIGURES.items():
        said = (drawn.__doc__ or "").splitlines()[0].removeprefix("Draw ").rstrip(".")
        paper = f" (paper: {SAVED_PAPER[name]})" if name in SAVED_PAPER else ""
        _line(name, f"{said}{paper}")
    click.echo("Of a COMPARISON:")
    _line("comparison", "use curves and ladders of its models")
    click.echo("Of rows, with --figure:")
    for name, one in ROW_FIGURES.items():
        _line(name, f"{one.shows} (paper: {one.paper}); takes {one.inputs}")
    ctx.exit()


def _line(name: str, said: str) -> None:
    import textwrap

    lines = textwrap.wrap(said, 80, initial_indent=f"  {name:<14}", subsequent_indent=" " * 16)
    click.echo("\n".join(lines))


@click.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option("--out", type=click.Path(file_okay=False),
              help="Where to write; default: the report's folder, of rows this one.")  # fmt: skip
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(["png", "svg", "pdf"]),
    default=("png", "svg"), show_default=True, help="File formats; may be repeated.",
)  # fmt: skip
@click.option("--figure", "names", multiple=True,
              help="Which; may be repeated. Default: all of a report.")  # fmt: skip
@click.option(
    "--width", type=click.Choice(["single", "double"]), default="double", show_default=True,
    help="A journal's column (85 mm) or page (178 mm).",
)  # fmt: skip
@click.option(
    "--style", type=click.Choice(["paper", "screen"]), default="paper", show_default=True,
    help="Fonts embedded, or text that a screen can select.",
)  # fmt: skip
@click.option("--names", "settings", metavar="A,B,...", help="Of rows: what settings are called.")
@click.option("--series", metavar="A,B,...", help="Of rows: which line or panel each is part of.")
@click.option("--axis", default="", help="Of rows: what the names count, such as epoch.")
@click.option("--sample", type=int, help="Of rows: how many are looked at.  [default: 5000]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of that sample.")
@UNTRUSTED
@QUIET
@click.option("--threads", type=int, help="Worker threads.  [default: all processors]")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_figures,
    help="List the figures, what each takes and where it is in the paper.",
)  # fmt: skip
def plot(
    inputs: tuple[str, ...],
    out: str | None,
    formats: tuple[str, ...],
    names: tuple[str, ...],
    width: Literal["single", "double"],
    style: Literal["paper", "screen"],
    **options: Any,
) -> None:
    """Draw figures of a report, of a comparison, or of rows.

    INPUTS is a folder that analyze or compare wrote: all figures are drawn, and no
    rows are read. The paper's figures over several models, settings or checkpoints are
    drawn from rows, INPUTS and --figure: --list says what each takes.
    """
    from gausscheck import figures

    of_rows = [name for name in names if name in figures.ROW_FIGURES]
    page: dict[str, Any] = {"formats": formats, "width": width, "style": style}
    if of_rows and len(of_rows) == len(names):
        written = []
        with ProgressLine() as progress:
            one_each = dict.fromkeys(names)
            drawn = [(name, _measured(name, inputs, options, progress)) for name in one_each]
            for name, result in drawn:
                written += figures.draw(result, out or ".", names=[name], progress=progress, **page)
        _tell(written)
        return
    if not of_rows:
        refuse("is of figures of rows; leave it out, or name one with --figure", *_OF_ROWS)
    saved = _saved(inputs, names, of_rows)
    folder = inputs[0] if Path(inputs[0]).is_dir() else str(Path(inputs[0]).parent)
    with ProgressLine() as progress, told_of(inputs[0], "what is saved there"):
        written = figures.draw(saved, out or folder, names=names or None, progress=progress, **page)
    _tell(written)
    for name in names:
        if name not in {path.stem for path in written}:
            click.echo(f"{name}: nothing to show in this report", err=True)


def _saved(
    inputs: Sequence[str], names: Sequence[str], of_rows: Sequence[str]
) -> Report | Comparison:
    """Load the one report or comparison that figures are drawn from."""
    if of_rows:
        others = ", ".join(name for name in names if name not in of_rows)
        raise GausscheckError(
            f"figure: expected figures of rows or of a report, got both: {of_rows[0]} and {others}"
        )
    if len(inputs) > 1 or (Path(inputs[0]).is_file() and Path(inputs[0]).suffix != ".json"):
        raise GausscheckError(
            f"{inputs[0]}: expected the folder of a report, or rows and --figure with the name of "
            "a figure of rows; plot --list has them"
        )
    return load_saved(inputs[0])


def _measured(name: str, inputs: Sequence[str], options: dict[str, Any], progress: Progress) -> Any:
    from gausscheck.figures import measure

    given = {key: value for key, value in options.items() if value is not None}
    given["names"] = _split(given.pop("settings", None))
    given["series"] = _split(given.pop("series", None))
    return measure(name, inputs, progress=progress, **given)


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _tell(written: Sequence[Path]) -> None:
    for path in written:
        click.echo(printable(str(path)))


COMMANDS = (plot,)
