"""Experiments: intervals over seeds cover, seeds pair, pieces give what one run gives."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.train.experiments import EXPERIMENTS, lab, reproduce, usable
from gausscheck.train.experiments import cifar as on_images
from gausscheck.train.experiments.likelihood import mixing
from gausscheck.train.experiments.tables import (
    DIFFERENCE,
    MEASURED,
    NULL,
    PUBLISHED,
    Table,
    joined,
    mean_interval,
    row,
)
from gausscheck.train.metrics import NAMES
from gausscheck.train.output import write_run
from gausscheck.train.settings import Settings


def test_the_interval_over_seeds_is_that_of_scipy_and_covers():
    from scipy.stats import t

    x = np.random.default_rng(0).normal(3, 2, (4000, 5))
    want = t.interval(0.95, 4, loc=x[0].mean(), scale=x[0].std(ddof=1) / 5**0.5)
    assert mean_interval(x[0]) == pytest.approx(want)
    held = np.mean([low < 3 < high for low, high in map(mean_interval, x)])
    assert held == pytest.approx(0.95, abs=5 * (0.95 * 0.05 / 4000) ** 0.5)
    assert mean_interval([1.0]) is None
    assert mean_interval([1.0, float("nan")]) is None


def seeds_of(noise=1.0):
    """Two encoders over four seeds that share much, as runs on the same rows do."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(4):
        shared = 10 * rng.normal()
        a = {"AD": shared + 1 + 0.01 * noise * rng.normal(), "AD pass": 0.5}
        b = {"AD": shared, "AD pass": 0.25}
        found.append(
            [row("a", PUBLISHED, {"AD": 0.4}), row("a", MEASURED, a), row("b", MEASURED, b)]
        )
    return found


def test_differences_pair_seeds_and_tables_say_what_is_known():
    table = Table("x", "X", ("AD", "AD pass"), joined(seeds_of()), 4).with_differences([("a", "b")])
    one = table.find("a").interval("AD")
    both = table.find("a − b", DIFFERENCE)
    assert one[1] - one[0] > 5
    assert both.mean("AD") == pytest.approx(1, abs=0.05)
    low, high = both.interval("AD")
    assert high - low < 0.1  # what the seeds share cancels
    assert table.find("a", PUBLISHED).interval("AD") is None
    assert "| a − b | difference | " in table.markdown()
    assert "25.0 ± 0 %" in table.markdown()
    assert max(map(len, table.text().splitlines())) <= 80
    told = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert told["seeds"] == 4
    assert len(told["rows"][1]["values"]["AD"]["seeds"]) == 4
    with pytest.raises(KeyError):
        table.find("c")
    crossed = [seeds_of()[0], seeds_of()[1][::-1]]
    with pytest.raises(LookupError, match="differ"):
        joined(crossed)


TINY = {"rows_train": 256, "rows_test": 300, "batch": 64}
SMALL = {**TINY, "epochs": 1, "inputs": 64}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("alignment-bound", SMALL),
        pytest.param(
            "pushforward", {**TINY, "rows_test": 600, "epochs": 1}, marks=pytest.mark.slow
        ),
        ("dynamics", {**SMALL, "dim": 16}),
    ],
)
def test_an_experiment_runs_all_seeds_and_leaves_table_and_figure(tmp_path, name, given):
    (table,) = reproduce(name, tmp_path, quick=True, seeds=2, threads=1, given=given)
    folder = tmp_path / name
    assert table.seeds == 2
    some = next(r for r in table.rows if r.kind == MEASURED)
    assert all(len(values) == 2 for values in some.values.values())
    assert any(values[0] != values[1] for values in some.values.values())
    for form in ("json", "md", "png", "svg"):
        assert (folder / f"{name}.{form}").stat().st_size > 500
    runs = {p: p.stat().st_mtime_ns for p in folder.glob("*.h5")}
    (again,) = reproduce(name, tmp_path, quick=True, seeds=2, threads=1, given=given)
    assert again.to_dict() == table.to_dict()
    assert runs == {p: p.stat().st_mtime_ns for p in folder.glob("*.h5")}  # trained once


@pytest.mark.slow
def test_usable_stands_beside_the_audit_of_its_runs(tmp_path):
    given = {**TINY, "inputs": 64, "dim": 16}
    (table,) = reproduce("usable", tmp_path, quick=True, seeds=1, threads=1, given=given)
    assert (tmp_path / "usable" / "usable.png").exists()
    report = gausscheck.analyze(tmp_path / "usable" / "linear_contrastive_seed0.h5")
    found = table.find("linear, contrastive")
    assert found.mean("flags at 1 %") == report.use.false_alarm["0.01"].value
    assert found.mean("usable components") == report.use.safe_components.value
    assert found.mean("norms hold") == (report.verdict.claims.norms == "holds")
    k, points = table.series("linear, contrastive", "flags at 1 %")
    assert k.tolist() == [point.k for point in report.use.curve]
    assert points[-1].mean("flags at 1 %") == report.use.curve[-1].false_alarm["0.01"].value


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"name": "table2"}, "expected an experiment out of"),
        ({"name": "usable", "seeds": 0}, "at least 1"),
    ],
)
def test_what_is_no_experiment_is_one_line(tmp_path, call, words):
    with pytest.raises(gausscheck.GausscheckError, match=words):
        reproduce(out=tmp_path, **call)
    assert not list(tmp_path.iterdir())


# --- settings that are given


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(0).standard_normal((400, 8))
    return gausscheck.analyze(x, directions="axes", levels="none")


@pytest.fixture
def untrained(monkeypatch, report):
    """Runs that learn nothing; their settings as the experiment has them, and as they are."""
    seen = []

    def train(settings, path, **options):
        rng = np.random.default_rng(0)
        names = ("embeddings", "anchor", "positive", "features", "snapshots/0")
        arrays = {name: rng.standard_normal((600, settings.dim)) for name in names}
        told = {name: rng.uniform(1, 2, 3) for name in NAMES}
        write_run(path, settings, arrays, told | {"epoch": np.arange(3.0)})
        return path

    def settled(self, settings):
        seen.append(settings)
        return real(self, settings)

    real = lab.Lab.settled
    monkeypatch.setattr(lab, "train", train)
    monkeypatch.setattr(lab.Lab, "settled", settled)
    for module in (on_images, usable):
        monkeypatch.setattr(module, "audit", lambda uri: report)
    return seen


@pytest.mark.parametrize(
    ("name", "folder"), [*((name, "") for name in EXPERIMENTS), ("dynamics", "images")]
)
def test_an_experiment_knows_what_it_varies(tmp_path, untrained, name, folder):
    one = EXPERIMENTS[name]
    given = {"rows_train": 256, "rows_test": 600}
    one.check(given)
    one.measure(lab.Lab(tmp_path, quick=True, folder=folder, given=given))
    names = [f.name for f in fields(Settings)]
    varied = {n for n in names if len({getattr(s, n) for s in untrained}) > 1}
    assert varied - {"rows_train", "rows_test"} <= {*lab.OWN, *one.own}
    for key in varied - {"rows_train", "rows_test"}:
        with pytest.raises(gausscheck.GausscheckError, match=f"^{key}: {name} varies or sets .*"):
            one.check({key: getattr(untrained[0], key)})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"objective": "clip"}, "^objective: confounds varies or sets data, .*objective.* itself"),
        ({"seed": 3}, "^seed: .* give their number as the option seeds"),
        ({"threads": 1}, "^threads: give it as the option threads"),
        ({"folder": "x"}, "^folder: give it as the option folder"),
        ({"measure_every": 2}, "^measure_every: confounds varies or sets"),
        ({"epoch": 1}, "unknown option epoch"),
        ({"lr": "x"}, "^lr: expected a positive number, got 'x'"),
    ],
)
def test_settings_that_are_its_own_are_refused_before_any_training(tmp_path, given, words):
    with pytest.raises(gausscheck.GausscheckError, match=words):
        reproduce("confounds", tmp_path, given=given)
    assert not list(tmp_path.iterdir())


def test_all_refuses_what_one_would(tmp_path):
    with pytest.raises(gausscheck.GausscheckError, match=r"^dim: .* varies or sets"):
        reproduce("all", tmp_path, given={"dim": 16})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["usable", "norm-blindness", "confounds"])
def test_the_gaussian_row_is_of_the_dimensions_that_are_given(tmp_path, untrained, name):
    given = {"rows_train": 256, "rows_test": 600, "dim": 18, "inputs": 32}
    rows, _ = EXPERIMENTS[name].measure(lab.Lab(tmp_path, quick=True, given=given))
    (null, *_) = (r for r in rows if r.kind == NULL)
    assert null.mean("CV") == pytest.approx(1 / 6)


def test_a_run_of_other_data_or_a_damaged_one_is_not_taken(tmp_path):
    held = tmp_path / "rows.npy"
    np.save(held, np.random.default_rng(0).standard_normal((200, 6)))
    settings = Settings(data="file", file=str(held), encoder="linear", dim=4, epochs=1, batch=32)
    path, _ = lab.Lab(tmp_path).run("one", settings)
    made = path.stat().st_mtime_ns
    lab.Lab(tmp_path).run("one", settings)
    assert path.stat().st_mtime_ns == made
    np.save(held, np.random.default_rng(1).standard_normal((200, 6)))
    with pytest.raises(gausscheck.GausscheckError, match="made of other data than those of now"):
        lab.Lab(tmp_path).run("one", settings)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(gausscheck.GausscheckError, match="expected a finished run, got another or"):
        lab.Lab(tmp_path).run("one", settings)


@pytest.mark.parametrize(("d", "inputs"), [(32, 64), (64, 64)])
def test_the_law_of_likelihoods_is_what_a_random_map_gives(d, inputs):
    rng = np.random.default_rng(d)
    x = rng.laplace(size=(40_000, inputs))
    turned = x @ np.linalg.qr(rng.normal(size=(inputs, inputs)))[0][:, :d]
    r = np.corrcoef(np.abs(x).sum(axis=1), np.square(turned).sum(axis=1))[0, 1]
    assert r == pytest.approx(mixing(d, inputs), abs=0.03)


# --- CIFAR-10 in pieces


@pytest.fixture
def cifar(tmp_path):
    """500 images to learn from and 300 held out, in the binary version's files."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 255, (800, 3, 4, 4))
    smooth = np.kron(blocks, np.ones((8, 8))).astype(np.uint8).reshape(800, -1)
    rows = np.hstack([rng.integers(0, 10, (800, 1)).astype(np.uint8), smooth])
    folder = tmp_path / "cifar10"
    folder.mkdir()
    rows[:500].tofile(folder / "data_batch_1.bin")
    rows[500:].tofile(folder / "test_batch.bin")
    config = tmp_path / "small.toml"
    config.write_text("width = 4\nbatch = 100\nrows_train = 500\nrows_test = 300\nepochs = 2\n"
                      'dim = 16\ndevice = "cpu"\n')  # fmt: skip
    return ["reproduce", "cifar10", "--folder", str(folder), "--config", str(config),
            "--threads", "1"]  # fmt: skip


def killed_in_training(command, folder):
    """Start the command, and kill it outright once the first checkpoint lies there."""
    with subprocess.Popen(
        [sys.executable, "-m", "gausscheck", *command], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=os.environ,
    ) as process:  # fmt: skip
        until = time.monotonic() + 300
        while not list(folder.glob("*.ckpt")) and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*expected five training batches")
def test_cifar_killed_and_in_pieces_is_cifar_in_one_go(tmp_path, cifar):
    runner = CliRunner()
    whole = runner.invoke(main, [*cifar, "--out", str(tmp_path / "whole")])
    assert whole.exit_code == 0, whole.output
    assert "views/s" in whole.stdout
    assert "stopped" not in whole.stdout

    folder = tmp_path / "parts" / "cifar10"
    command = [*cifar, "--out", str(tmp_path / "parts")]
    killed_in_training(command, folder)
    assert not (folder / "cifar10.json").exists()
    for _ in range(2):  # an epoch of the first encoder each
        piece = runner.invoke(main, [*command, "--stop-after", "0"])
        assert piece.exit_code == 0, piece.output
    assert "the same command goes on from here" in piece.stdout
    rest = runner.invoke(main, command)
    assert rest.exit_code == 0, rest.output

    one, other = (json.loads((tmp_path / k / "cifar10" / "cifar10.json").read_text())
                  for k in ("whole", "parts"))  # fmt: skip
    assert one == other
    labels = {(r["label"], r["kind"]) for r in one["rows"]}
    assert ("contrastive", PUBLISHED) in labels
    for name in ("untrained", "supervised", "contrastive, features h"):
        assert (name, MEASURED) in labels
    assert ("contrastive − supervised", DIFFERENCE) in labels
    kept = [r["at"] for r in one["curves"] if r["label"].startswith("contrastive, kept")]
    assert kept == [0, 1, 2]
    assert (folder / "cifar10.png").exists()
    assert sorted(p.name for p in folder.glob("*.h5")) == [
        "resnet18_contrastive_seed0.h5", "resnet18_supervised_seed0.h5",
    ]  # fmt: skip
