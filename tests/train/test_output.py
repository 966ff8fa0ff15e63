"""What a run writes follows no link that lies where it writes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gausscheck.train import loop
from gausscheck.train.experiments.lab import Lab
from gausscheck.train.experiments.tables import Table
from gausscheck.train.output import read_metrics, write_run
from gausscheck.train.settings import Settings

TINY = {"rows_train": 256, "rows_test": 200, "inputs": 32, "dim": 8, "batch": 64, "epochs": 2,
        "width": 16}  # fmt: skip


@pytest.fixture
def planted(tmp_path):
    """Links to a file of somebody's, under all names that are written or once were."""
    (tmp_path / "theirs").write_text("theirs")
    files = ("run.h5", "run.h5.ckpt", "t.json", "t.md", "t.png", "t.svg")
    for name in [*files, *(f".{name}.partial" for name in files)]:
        (tmp_path / name).symlink_to("theirs")
    yield tmp_path
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_a_run(planted):
    write_run(planted / "run.h5", Settings(**TINY), {"x": np.zeros((3, 2))}, {"epoch": np.zeros(1)})
    assert read_metrics(planted / "run.h5")["epoch"].tolist() == [0]
    assert not (planted / "run.h5").is_symlink()


def test_a_checkpoint(planted):
    loop.train(Settings(**TINY), planted / "run.h5", stop_after=0)
    assert not (planted / "run.h5.ckpt").is_symlink()
    assert loop.train(Settings(**TINY), planted / "run.h5", resume=True) is not None


def test_a_table_and_its_figure(planted):
    Lab(planted).write(Table("t", "a table", (), ()), Figure())
    assert not any((planted / f"t.{form}").is_symlink() for form in ("json", "md", "png", "svg"))
