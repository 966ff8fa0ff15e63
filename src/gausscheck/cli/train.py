"""Commands of the reference trainer, which need torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from gausscheck.cli.options import UNTRUSTED
from gausscheck.cli.places import OutFile, check_not_read
from gausscheck.cli.progress import QUIET, ProgressLine
from gausscheck.core import GausscheckError, printable


def _need_torch() -> None:
    if find_spec("torch") is None:
        raise GausscheckError(
            'the trainer expected torch to be installed: pip install "gausscheck[train]"'
        )


@click.command()
@click.option("--out", required=True, type=OutFile(), help="The .h5 to write.")
@click.option("--data", help="Kind of data.  [default: power-laplace]")
@click.option("--encoder", help="linear, mlp, resnet-small or resnet18.  [default: mlp]")
@click.option("--objective", help="infonce, clip, ..., cross-entropy.  [default: infonce]")
@click.option("--dim", type=int, help="Dimensions of the output.  [default: 128]")
@click.option("--epochs", type=int, help="Passes over the data.  [default: 15]")
@click.option("--batch", type=int, help="Rows a step.  [default: 128]")
@click.option("--temperature", type=float, help="Of the loss.  [default: 0.1]")
@click.option("--seed", type=int, help="Seed.  [default: 0]")
@click.option("--device", help="auto, cpu or cuda.  [default: auto]")
@click.option("--threads", type=int, help="Threads of torch.  [default: torch's own]")
@click.option("--folder", help="Where CIFAR-10 lies.")
@UNTRUSTED
@QUIET
@click.option(
    "--config", "config_file", type=click.Path(exists=True, dir_okay=False),
    help="A TOML file of all settings; the command line wins.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside the .h5.")
@click.option("--stop-after", type=float, metavar="MINUTES", help="Stop, to be resumed.")
def train(
    out: str, config_file: str | None, resume: bool, stop_after: float | None, **given: Any
) -> None:
    """Train an encoder on data of known law; write its embeddings."""
    _need_torch()
    from gausscheck.train.loop import Pace
    from gausscheck.train.loop import train as run
    from gausscheck.train.settings import Settings

    named = {name: value for name, value in given.items() if value is not None}
    settings = (
        Settings(**named) if config_file is None else Settings.from_toml(config_file, **named)
    )
    check_not_read(out, [settings.file])
    with ProgressLine() as progress:
        pace = Pace()
        written = run(
            settings, Path(out), resume=resume, stop_after=stop_after, progress=progress, pace=pace
        )
    click.echo(f"{pace}")
    if written is None:
        click.echo(f"stopped in time; go on with --resume --out {printable(out)}")
    else:
        shown = printable(written)
        click.echo(f"{shown}: gausscheck analyze {shown}")


@click.command()
@click.argument("name")
@click.option("--out", default="runs", show_default=True, type=click.Path(file_okay=False),
              help="Where each experiment gets a folder.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Smaller sizes.")
@click.option("--seeds", type=int,
              help="Runs of each.  [default: 5; 2 with --quick; 1 on real images]")  # fmt: skip
@click.option("--folder", default="", help="Where CIFAR-10 lies.")
@click.option("--threads", type=int, default=0, help="Threads of torch.  [default: torch's own]")
@click.option(
    "--config", "config_file", type=click.Path(exists=True, dir_okay=False),
    help="A TOML file of settings that replace the experiment's own.",
)  # fmt: skip
@QUIET
@click.option("--stop-after", type=float, metavar="MINUTES",
              help="Stop; the same command goes on from there.")  # fmt: skip
def reproduce(
    name: str, out: str, config_file: str | None, stop_after: float | None, **given: Any
) -> None:
    """Run the paper's experiment NAME, or all.

    NAME is usable, table1-synthetic, cifar10, dimension-sweep, batch-sweep,
    alignment-bound, regulariser, norm-blindness, confounds, pushforward or dynamics.
    """
    _need_torch()
    from gausscheck.train.experiments import names_of
    from gausscheck.train.experiments import reproduce as run
    from gausscheck.train.loop import Pace
    from gausscheck.train.settings import read_options

    options = {} if config_file is None else read_options(config_file)
    pace = Pace()
    with ProgressLine() as progress:
        tables = run(
            name, out, given=options, stop_after=stop_after, progress=progress, pace=pace, **given
        )
    for table in tables:
        click.echo(table.text())
    click.echo(f"Runs, tables and figures: {printable(out)}")
    click.echo(f"Training: {pace}")
    if len(tables) < len(names_of(name, given["folder"])):
        click.echo("stopped in time; the same command goes on from here")


COMMANDS = (train, reproduce)
