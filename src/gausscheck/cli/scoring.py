"""The command that scores rows by a reference."""

from __future__ import annotations

import json
from typing import Any

import click

from gausscheck.cli.options import UNTRUSTED
from gausscheck.cli.places import OutFile
from gausscheck.cli.progress import QUIET, ProgressLine
from gausscheck.config import ON_BAD_ROWS, Config
from gausscheck.core import GausscheckError, printable

_DEFAULT = Config()


class Shrinkage(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """A number from 0 to 1, or ledoit-wolf."""

    name = "A|ledoit-wolf"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Return what was meant."""
        if value == "ledoit-wolf":
            return str(value)
        try:
            return float(value)
        except ValueError:
            self.fail(f"expected a number from 0 to 1 or ledoit-wolf, got {value!r}", param, ctx)


class _Share(click.FloatRange):
    """A range that a value which is no number does not lie in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        found = super().convert(value, param, ctx)
        return self.fail(f"{value} is no number", param, ctx) if found != found else found


@click.command()
@click.argument("reference")
@click.argument("new")
@click.option(
    "-o", "--out", required=True, type=OutFile(),
    help="The .parquet, .csv or .npz to write.",
)  # fmt: skip
@click.option("--components", type=click.IntRange(1), metavar="K", help="Leading components alone.")
@click.option(
    "--shrinkage", type=Shrinkage(), metavar="A|ledoit-wolf",
    help="Of the covariance: from 0 to 1, or Ledoit & Wolf's.",
)  # fmt: skip
@click.option(
    "--calibration", type=_Share(0, 1, min_open=True, max_open=True), default=0.25,
    show_default=True, help="Share of the reference that new rows are ranked among.",
)  # fmt: skip
@click.option("--groups-by", help="What rows of REFERENCE belong together: .npy, FILE:KEY or key.")
@click.option("--dataset", "--column", help="The array of containers that hold several.")
@click.option(
    "--rows", type=click.IntRange(100), default=20_000, show_default=True,
    help="Rows of REFERENCE, at most.",
)  # fmt: skip
@click.option(
    "--on-bad-rows", type=click.Choice(ON_BAD_ROWS), default="error", show_default=True,
    help="Rows that are not finite; of REFERENCE, all zero too.",
)  # fmt: skip
@click.option("--memory", help=f"Budget for buffers.  [default: {_DEFAULT.memory}]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
@UNTRUSTED
@QUIET
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, nothing else.")
def score(
    reference: str, new: str, out: str, untrusted: bool | None, as_json: bool, **options: Any
) -> None:
    """Score the rows of NEW by a Gaussian fitted to REFERENCE.

    Either may be FILE:KEY, an array of a file. Writes a row of scores for each row
    of NEW (row, distance2, log_density, p, conformal_p), and says how many lie beyond
    5, 1 and 0.1 %, and which p-values hold: the Gaussian ones only where REFERENCE
    allows it, conformal ranks wherever NEW could have been drawn like REFERENCE.
    """
    from gausscheck.scoring import score as run
    from gausscheck.terminal import show_scores

    with ProgressLine() as progress:
        try:
            found = run(
                reference, new, out, untrusted=bool(untrusted), progress=progress, **options
            )
        except GausscheckError:
            raise
        except ValueError as err:  # scikit-learn's own checks
            raise GausscheckError(str(err).splitlines()[0]) from err
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, allow_nan=False))
        return
    show_scores(found)
    click.echo(f"\nScores: {printable(out)}")


COMMANDS = (score,)
