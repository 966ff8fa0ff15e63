"""The loop: seeded, resumable, and its file is what the other commands read."""

from dataclasses import fields, replace

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.train import data, loop
from gausscheck.train.dataset import generator
from gausscheck.train.metrics import NAMES, measure
from gausscheck.train.output import read_metrics
from gausscheck.train.settings import DATA, ENCODERS, OBJECTIVES, Settings

TINY = {"rows_train": 256, "rows_test": 200, "inputs": 32, "dim": 8, "batch": 64, "epochs": 2,
        "width": 16}  # fmt: skip


def contents(path):
    with h5py.File(path) as file:
        held = {k: v[()] for k, v in file.items() if isinstance(v, h5py.Dataset)}
        if "snapshots" in file:
            held["snapshots"] = {k: v[()] for k, v in file["snapshots"].items()}
        return held | {f"metrics/{k}": v[()] for k, v in file["metrics"].items()}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_the_file_holds_what_the_other_commands_read(tmp_path):
    path = loop.train(Settings(**TINY), tmp_path / "run.h5")
    held = contents(path)
    assert held["embeddings"].shape == (200, 8)
    assert held["embeddings_train"].shape == (256, 8)
    assert held["anchor"].shape == held["positive"].shape == (200, 8)
    assert held["labels"].shape == (200,)
    metrics = read_metrics(path)
    assert set(metrics) == {"epoch", *NAMES}
    assert all(len(values) == 3 for values in metrics.values())
    with h5py.File(path) as file:
        assert file.attrs["objective"] == "infonce"
        assert file.attrs["rows_train"] == 256
    report = gausscheck.analyze(path, directions="axes,lda", levels="none")
    assert report.source.uri.endswith("/embeddings")
    assert report.source.n == 200
    found = gausscheck.audit_pairs(
        gausscheck.open_source(f"{path}:anchor"), gausscheck.open_source(f"{path}:positive")
    )
    assert found.values["alignment"] == pytest.approx(metrics["alignment"][-1], rel=1e-5)
    assert not (tmp_path / "run.h5.ckpt").exists()


def test_the_same_seed_gives_the_same_run_and_another_does_not(tmp_path):
    a, b = (contents(loop.train(Settings(**TINY), tmp_path / f"{i}.h5")) for i in range(2))
    same(a, b)
    c = contents(loop.train(Settings(seed=1, **TINY), tmp_path / "c.h5"))
    assert not np.array_equal(a["embeddings"], c["embeddings"])


@pytest.mark.parametrize("objective", ["infonce", "sigreg", "cross-entropy"])
def test_resumed_it_is_the_uninterrupted_run(tmp_path, monkeypatch, objective):
    settings = Settings(**{**TINY, "epochs": 4, "objective": objective})
    whole = contents(loop.train(settings, tmp_path / "whole.h5"))
    assert loop.train(settings, tmp_path / "parts.h5", stop_after=0) is None
    assert not (tmp_path / "parts.h5").exists()
    real, calls = loop._epoch, []

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        loop.train(settings, tmp_path / "parts.h5", resume=True)
    monkeypatch.setattr(loop, "_epoch", real)
    parts = contents(loop.train(settings, tmp_path / "parts.h5", resume=True))
    same(whole, parts)


def test_measured_every_few_epochs_with_z_kept_it_resumes_the_same(tmp_path):
    given = {**TINY, "epochs": 7, "measure_every": 3, "snapshots": True}
    whole = contents(loop.train(Settings(**given), tmp_path / "whole.h5"))
    np.testing.assert_array_equal(whole["metrics/epoch"], [0, 1, 2, 3, 5, 6, 7])
    assert len(whole["metrics/loss"]) == 7
    kept = whole.pop("snapshots")
    assert set(kept) == {"0", "1", "2", "5", "7"}
    np.testing.assert_array_equal(kept["7"], whole["embeddings"].astype(np.float16))
    for _ in range(6):
        assert (
            loop.train(Settings(**given), tmp_path / "parts.h5", resume=True, stop_after=0) is None
        )
    parts = contents(loop.train(Settings(**given), tmp_path / "parts.h5", resume=True))
    same(kept, parts.pop("snapshots"))
    same(whole, parts)


def test_mixed_precision_is_nearly_the_same_run(tmp_path):
    given = {**TINY, "data": "digits", "encoder": "resnet-small", "rows_train": 128, "width": 4}
    plain = contents(loop.train(Settings(**given), tmp_path / "plain.h5"))["metrics/loss"]
    mixed = Settings(**given, precision="bfloat16")
    near = contents(loop.train(mixed, tmp_path / "mixed.h5"))["metrics/loss"]
    np.testing.assert_allclose(near[1:], plain[1:], rtol=0.1)
    assert not np.array_equal(near[1:], plain[1:])


def test_the_pace_counts_views_of_training(tmp_path):
    pace = loop.Pace()
    assert str(pace) == "nothing was trained"
    loop.train(Settings(**TINY), tmp_path / "a.h5", pace=pace)
    assert pace.views == 2 * 2 * 256  # epochs, views, rows
    loop.train(Settings(**TINY, objective="cross-entropy"), tmp_path / "b.h5", pace=pace)
    assert pace.views == 3 * 2 * 256  # a classifier learns from one view a row
    assert pace.seconds > 0
    assert "1,536 in" in str(pace)


def test_a_checkpoint_of_another_run_or_a_broken_one_is_refused(tmp_path):
    loop.train(Settings(**TINY), tmp_path / "run.h5", stop_after=0)
    with pytest.raises(gausscheck.GausscheckError, match="another run"):
        loop.train(Settings(seed=3, **TINY), tmp_path / "run.h5", resume=True)
    (tmp_path / "run.h5.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(gausscheck.GausscheckError, match="cannot be read"):
        loop.train(Settings(**TINY), tmp_path / "run.h5", resume=True)


def test_fewer_epochs_than_are_done_are_refused_and_as_many_are_measured(tmp_path):
    given = {**TINY, "measure_every": 5, "snapshots": True}
    out = tmp_path / "run.h5"
    longer = Settings(**{**given, "epochs": 6})
    for _ in range(3):
        assert loop.train(longer, out, resume=True, stop_after=0) is None
    with pytest.raises(gausscheck.GausscheckError, match="epochs: expected at least 3, as many as"):
        loop.train(Settings(**{**given, "epochs": 2}), out, resume=True)
    fewer = Settings(**{**given, "epochs": 3})
    whole = contents(loop.train(fewer, tmp_path / "whole.h5"))
    parts = contents(loop.train(fewer, out, resume=True))
    same(whole.pop("snapshots"), parts.pop("snapshots"))
    same(whole, parts)
    assert parts["metrics/epoch"][-1] == 3


def rows_in(path, seed, n=200):
    np.save(path, np.random.default_rng(seed).standard_normal((n, 6)))
    return Settings(data="file", file=str(path), encoder="linear", dim=4, epochs=3, batch=32)


def test_data_that_changed_are_not_mixed(tmp_path):
    settings, out = rows_in(tmp_path / "rows.npy", 0), tmp_path / "run.h5"
    assert loop.train(settings, out, stop_after=0) is None
    rows_in(tmp_path / "rows.npy", 1)
    with pytest.raises(gausscheck.GausscheckError, match="of other data than those of now"):
        loop.train(settings, out, resume=True)
    rows_in(tmp_path / "rows.npy", 0)  # written anew, and the same
    with h5py.File(loop.train(settings, out, resume=True)) as file:
        assert len(file.attrs["data_sha256"]) == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda state: [1, 2],
        lambda state: {k: v for k, v in state.items() if k != "settings"},
        lambda state: {k: v for k, v in state.items() if k != "encoder"},
        lambda state: state | {"settings": [1]},
        lambda state: state | {"settings": {"dim": torch.zeros(3)}},
        lambda state: state | {"encoder": {k: v[:1] for k, v in state["encoder"].items()}},
        lambda state: state | {"encoder": {k: v * np.nan for k, v in state["encoder"].items()}},
        lambda state: state | {"streams": {}},
        lambda state: state | {"streams": state["streams"] | {"views": torch.zeros(16).byte()}},
        lambda state: state | {"torch": torch.zeros(4, dtype=torch.uint8)},
        lambda state: state | {"losses": ["a"]},
        lambda state: state | {"history": [{}]},
        lambda state: state | {"history": []},
        lambda state: state | {"snapshots": {"0": torch.zeros(3)}},
        lambda state: state | {"optimiser": {}},
    ],
)
def test_a_checkpoint_that_makes_no_sense_is_one_line(tmp_path, change):
    settings, path = Settings(**TINY), tmp_path / "run.h5.ckpt"
    loop.train(settings, tmp_path / "run.h5", stop_after=0)
    torch.save(change(torch.load(path)), path)
    with pytest.raises(gausscheck.GausscheckError, match="cannot be read") as caught:
        loop.train(settings, tmp_path / "run.h5", resume=True)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_device_is_one_line(tmp_path):
    settings, path = Settings(**TINY), tmp_path / "run.h5.ckpt"
    loop.train(settings, tmp_path / "run.h5", stop_after=0)
    state = torch.load(path)
    streams = state["streams"] | {"views": torch.zeros(16, dtype=torch.uint8)}
    torch.save(state | {"device": "cuda", "streams": streams}, path)
    with pytest.raises(gausscheck.GausscheckError, match=r"run on cuda.*resume with --device cuda"):
        loop.train(settings, tmp_path / "run.h5", resume=True)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"compile": "no"}, "compile: expected true or false, got 'no'"),
        ({"features": 1}, "features: expected true or false, got 1"),
        ({"epochs": True}, "epochs: expected an integer of at least 0, got True"),
        ({"depth": 2.0}, "depth: expected an integer of at least 1, got 2.0"),
        ({"threads": 100_000}, "threads: expected an integer of at least 0 and at most 1,024"),
        ({"seed": 1 << 64}, "seed: expected an integer .* at most 9,223,372,036,854,775,807"),
        ({"lr": "0.1"}, "lr: expected a positive number, got '0.1'"),
        ({"lr": True}, "lr: expected a positive number, got True"),
        ({"lr": float("inf")}, "lr: expected a positive number, got inf"),
        ({"lr": 10**400}, "lr: expected a positive number, got 1000"),
        ({"temperature": float("nan")}, "temperature: expected a positive number, got nan"),
        ({"weight_decay": -1.0}, "weight_decay: expected a number of at least 0"),
        ({"strength": 2}, r"strength: expected a number in \(0, 1\], got 2"),
        ({"dropout": 1.0}, "dropout: expected a share below 1"),
        ({"noise": float("nan")}, "noise: expected a number, got nan"),
        ({"noise": 2.0, "data": "binary"}, "noise: expected the share of zeros that flip"),
        ({"sigreg_weight": 7}, r"sigreg_weight: expected a number in \[0, 1\], got 7"),
        ({"folder": 3}, "folder: expected text, got 3"),
        ({"data": ["laplace"]}, r"data: expected one of .*, got \['laplace'\]"),
        ({"untrusted": True}, "untrusted: expected data = file"),
    ],
)
def test_settings_of_another_type_or_beyond_their_range_are_one_line(wrong, words):
    with pytest.raises(gausscheck.GausscheckError, match=words) as caught:
        Settings(**wrong)
    assert len(str(caught.value)) < 250


def test_every_setting_is_checked():
    for field in fields(Settings):
        with pytest.raises(gausscheck.GausscheckError, match=f"{field.name}: expected"):
            Settings(**{field.name: object()})


def test_sizes_beyond_the_memory_are_one_line(tmp_path, monkeypatch):
    def full(*arguments):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr(loop.kinds, "build", full)
    with pytest.raises(gausscheck.GausscheckError, match="beyond the memory; lower width"):
        loop.train(Settings(**TINY), tmp_path / "run.h5")


def test_rows_held_out_are_as_many_as_asked_for(tmp_path):
    s = rows_in(tmp_path / "rows.npy", 0)
    for settings, n in ((s, 200), (Settings(data="digits", encoder="mlp", batch=32), 1797)):
        usual = data.build(settings)
        assert len(usual.train) + len(usual.test) == n
        asked = data.build(replace(settings, rows_test=30))
        assert (len(asked.train), len(asked.test)) == (len(usual.train), 30)
        both = data.build(replace(settings, rows_train=50, rows_test=30))
        assert (len(both.train), len(both.test)) == (50, 30)
        for wrong in ({"rows_train": n - 20, "rows_test": 30}, {"rows_train": n}):
            with pytest.raises(gausscheck.GausscheckError, match=f"got {n} rows"):
                data.build(replace(settings, **wrong))


def test_a_component_without_rows_to_learn_from_is_refused():
    settings = Settings(data="mixture", rows_train=48, rows_test=500, inputs=16, batch=8)
    with pytest.raises(gausscheck.GausscheckError, match="none of component"):
        data.build(settings)


@pytest.mark.parametrize("kind", [k for k in DATA if k not in ("cifar10", "file", "digits")])
def test_every_kind_of_rows_trains(tmp_path, kind):
    path = loop.train(Settings(**{**TINY, "data": kind, "epochs": 1}), tmp_path / "run.h5")
    assert np.isfinite(contents(path)["embeddings"]).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains(tmp_path, objective):
    settings = Settings(**{**TINY, "objective": objective, "epochs": 1, "radial": True})
    assert np.isfinite(read_metrics(loop.train(settings, tmp_path / "run.h5"))["loss"][1])


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_sees_images(tmp_path, encoder):
    settings = Settings(data="digits", encoder=encoder, dim=4, width=4, epochs=1, batch=64,
                        rows_train=128, features=True)  # fmt: skip
    held = contents(loop.train(settings, tmp_path / "run.h5"))
    assert held["embeddings"].shape == (1797 - 128, 4)
    assert len(held["features"]) == 1797 - 128


def test_rows_of_a_file_train(tmp_path, minilm_path):
    settings = Settings(data="file", file=str(minilm_path), dim=8, width=16, epochs=1, batch=256)
    assert contents(loop.train(settings, tmp_path / "run.h5"))["embeddings"].shape == (1000, 8)


def test_channel_views_correlate_by_their_strength():
    held = data.build(Settings(data="gaussian-channel", strength=0.7, inputs=16))
    u, v = held.views(held.train, None, generator(0, "views"))
    assert held.eta2 == pytest.approx(0.49)
    assert float((u * v).mean()) == pytest.approx(0.49, abs=0.02)


def test_metrics_are_those_of_the_audit(tmp_path):
    rng = np.random.default_rng(0)
    z, u, v = rng.standard_normal((3, 500, 12))
    found = measure(z, u, v, 0.25)
    report = gausscheck.analyze(z, directions="axes", levels="none")
    raw, unit = report.paper_table.raw, report.paper_table.unit
    assert found["ad_raw"] == pytest.approx(raw.ad_avg, rel=1e-6)
    assert found["dp_raw"] == pytest.approx(raw.dp_avg, rel=1e-6)
    assert found["ad_pass_unit"] == pytest.approx(unit.ad_pass)
    assert found["cv"] == pytest.approx(raw.cv, rel=1e-6)
    assert found["effective_rank"] == pytest.approx(report.spectrum.effective_rank, rel=1e-6)
    bound = 0.25 + 0.75 * found["mean_square"]
    assert found["slack"] == pytest.approx(bound - found["alignment"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"data": "cats"}, "power-laplace"),
        ({"encoder": "resnet18"}, "it wants images"),
        ({"batch": 500}, "at least 500 rows"),
        ({"data": "binary", "objective": "cross-entropy"}, "expected labels"),
        ({"lr": 0.0}, "positive number"),
        ({"data": "cifar10"}, "get it from"),
        ({"data": "file"}, "expected a path"),
        ({"device": "cuda"}, "found none"),
        ({"lr": 1e12, "weight_decay": 1e12}, "the loss is"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(tmp_path, wrong, words):
    with pytest.raises(gausscheck.GausscheckError, match=words):
        loop.train(Settings(**{**TINY, **wrong}), tmp_path / "run.h5")
    assert not (tmp_path / "run.h5").exists()


def test_the_command_trains_from_a_toml_file_and_goes_on(tmp_path):
    keys = "".join(f"{k} = {v}\n" for k, v in TINY.items())
    (tmp_path / "run.toml").write_text(keys)
    out = tmp_path / "run.h5"
    runner = CliRunner()
    call = [
        "train",
        "--config",
        str(tmp_path / "run.toml"),
        "--encoder",
        "linear",
        "--out",
        str(out),
    ]
    stopped = runner.invoke(main, [*call, "--stop-after", "0"])
    assert stopped.exit_code == 0, stopped.output
    assert "--resume" in stopped.stdout
    done = runner.invoke(main, [*call, "--resume"])
    assert done.exit_code == 0, done.output
    assert out.exists()
    (tmp_path / "run.toml").write_text("epoch = 3\n")
    wrong = runner.invoke(main, ["train", "--config", str(tmp_path / "run.toml"), "--out", "x.h5"])
    assert wrong.exit_code == 1
    assert "unknown option epoch" in wrong.stderr
