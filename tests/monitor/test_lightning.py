"""The Lightning callback in real training runs: its numbers are those of an audit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor
from monitored import as_analyzed

pytest.importorskip("lightning")
torch = pytest.importorskip("torch")

import lightning.pytorch as pl  # noqa: E402
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from gausscheck.monitor.lightning import GaussianCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:lightning", "ignore::Warning:pytorch_lightning", "ignore::FutureWarning"
)

N, WIDTH = 700, 6


def contrast_of(base):
    class Contrast(base):
        """Two noisy views of a row are to agree: a small contrastive run."""

        def __init__(self, returns="dict"):
            super().__init__()
            self.encoder = torch.nn.Sequential(
                torch.nn.Linear(12, 32), torch.nn.Tanh(), torch.nn.Linear(32, WIDTH)
            )
            self.returns, self.seen = returns, []

        def training_step(self, batch, index):
            (x,) = batch
            a, b = (self.encoder(x + 0.1 * torch.randn_like(x)) for _ in range(2))
            return torch.nn.functional.cross_entropy(a @ b.T / 2, torch.arange(len(x)))

        def on_validation_epoch_start(self):
            self.seen = []

        def validation_step(self, batch, index, dataloader_idx=0):
            z = self.encoder(batch[0])
            self.seen.append(z.detach().numpy().copy())
            return {"dict": {"loss": z.square().mean(), "z": z}, "rows": z, "nothing": None}[
                self.returns
            ]

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 1e-3)

    return Contrast


Contrast = contrast_of(pl.LightningModule)


def loaders():
    x = torch.randn(N, 12, generator=torch.Generator().manual_seed(1))
    data = TensorDataset(x)
    return DataLoader(data, batch_size=64, shuffle=True), DataLoader(data, batch_size=50)


def trainer_with(folder, *callbacks, module=pl, **options):
    return module.Trainer(
        accelerator="cpu", default_root_dir=folder, callbacks=list(callbacks), logger=False,
        enable_progress_bar=False, enable_model_summary=False,
        **{"enable_checkpointing": False, "max_epochs": 2, **options},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "returns"),
    [
        ({"embeddings": "z"}, "dict"),
        ({"embeddings": lambda outputs: outputs["z"]}, "dict"),
        ({}, "rows"),
        ({"module": "encoder"}, "nothing"),
    ],
    ids=["key", "function", "output", "module"],
)
def test_its_numbers_are_those_of_an_audit_of_the_same_rows(tmp_path, arguments, returns):
    callback, model = GaussianCallback(**arguments), Contrast(returns)
    trainer = trainer_with(tmp_path, callback)
    trainer.fit(model, *loaders())
    x = np.concatenate(model.seen)
    assert x.shape == (N, WIDTH)
    as_analyzed(callback.result, x)
    for name, value in callback.result.metrics().items():
        assert float(trainer.callback_metrics[name]) == pytest.approx(value, rel=1e-6)


def test_a_sample_is_one_of_all_validation_rows(tmp_path):
    callback, model = GaussianCallback("z", monitor=GaussianMonitor(rows=300)), Contrast()
    trainer_with(tmp_path, callback).validate(model, loaders()[1], verbose=False)
    as_analyzed(callback.result, np.concatenate(model.seen), rows=300)


def test_rows_of_all_validation_loaders_are_measured_together(tmp_path):
    callback, model = GaussianCallback("z"), Contrast()
    trainer_with(tmp_path, callback).validate(model, list(loaders()), verbose=False)
    as_analyzed(callback.result, np.concatenate(model.seen))
    assert callback.result.seen == 2 * N


def test_each_validation_is_by_itself_and_training_hears_of_it(tmp_path):
    """Metrics are there for those that choose checkpoints, or stop."""
    values = []

    class Watcher(pl.Callback):
        def on_validation_end(self, trainer, pl_module):
            if not trainer.sanity_checking:
                assert callback.result.seen == N
                values.append(float(trainer.callback_metrics["gaussian/rankme"]))

    callback = GaussianCallback("z")
    best = ModelCheckpoint(tmp_path, monitor="gaussian/rankme", mode="max")
    stop = EarlyStopping(monitor="gaussian/axes", patience=9)
    trainer = trainer_with(tmp_path, callback, stop, best, Watcher(), max_epochs=3,
                           enable_checkpointing=True)  # fmt: skip
    trainer.fit(Contrast(), *loaders())
    assert len(values) == len(set(values)) == 3
    assert float(best.best_model_score) == max(values)


def test_rows_that_are_not_finite_are_a_warning_and_training_goes_on(tmp_path):
    class Diverged(Contrast):
        def validation_step(self, batch, index):
            return {"z": super().validation_step(batch, index)["z"] * float("nan")}

    callback = GaussianCallback("z")
    trainer = trainer_with(tmp_path, callback)
    with pytest.warns(UserWarning, match="gausscheck measured nothing: .* not finite"):
        trainer.fit(Diverged(), *loaders())
    assert trainer.current_epoch == 2
    assert callback.result is None
    assert not trainer.callback_metrics


@pytest.mark.parametrize(
    ("arguments", "returns", "message"),
    [
        ({"embeddings": "h"}, "dict", "expected 'h' in the output, got keys loss, z"),
        ({}, "dict", "expected an array as output, got keys loss, z; name the part"),
        ({}, "nothing", "expected an array as output, got nothing"),
    ],
)
def test_embeddings_that_are_not_there_are_told_and_training_goes_on(
    tmp_path, arguments, returns, message
):
    trainer = trainer_with(tmp_path, GaussianCallback(**arguments))
    with pytest.warns(UserWarning, match=f"measured nothing: .*{message}"):
        trainer.fit(Contrast(returns), *loaders())
    assert trainer.current_epoch == 2


def test_a_module_that_is_not_there_is_told_before_anything_is_learned(tmp_path):
    callback = GaussianCallback(module="encodr")
    for run in ("fit", "validate"):
        trainer = trainer_with(tmp_path, callback, num_sanity_val_steps=0)
        with pytest.raises(GausscheckError, match="got 'encodr'; such as encoder"):
            getattr(trainer, run)(Contrast("nothing"), loaders()[1])
        assert trainer.global_step == 0


@pytest.mark.parametrize("sanity", [0, 2])
@pytest.mark.parametrize("part", ["all", "encoder"])
def test_compiled_models_are_watched(tmp_path, part, sanity):
    torch._dynamo.reset()
    callback, model = GaussianCallback(module="encoder"), Contrast("nothing")
    if part == "encoder":
        model.encoder.compile(backend="eager")
    seen = torch.compile(model, backend="eager") if part == "all" else model
    trainer_with(tmp_path, callback, num_sanity_val_steps=sanity).fit(seen, *loaders())
    assert callback.result.seen == N
    assert not model.encoder._forward_hooks


def test_a_training_that_fails_leaves_no_hook(tmp_path):
    class Broken(Contrast):
        def validation_step(self, batch, index):
            super().validation_step(batch, index)
            raise ValueError("of the user")

    model = Broken("nothing")
    trainer = trainer_with(tmp_path, GaussianCallback(module="encoder"), num_sanity_val_steps=0)
    with pytest.raises(ValueError, match="of the user"):
        trainer.fit(model, *loaders())
    assert not model.encoder._forward_hooks


def test_what_names_no_embeddings_is_refused():
    with pytest.raises(GausscheckError, match="a key, an attribute or a function"):
        GaussianCallback(3)


def test_no_hook_is_left_on_the_model(tmp_path):
    model = Contrast("nothing")
    trainer_with(tmp_path, GaussianCallback(module="encoder")).fit(model, *loaders())
    assert not model.encoder._forward_hooks


def test_the_older_package_takes_it_too(tmp_path):
    older = pytest.importorskip("pytorch_lightning")

    callback, model = GaussianCallback("z"), contrast_of(older.LightningModule)()
    trainer = trainer_with(tmp_path, callback, module=older, num_sanity_val_steps=0, max_epochs=1)
    trainer.fit(model, *loaders())
    as_analyzed(callback.result, np.concatenate(model.seen))


SCRIPT = """
import json, sys, numpy as np, torch, lightning.pytorch as pl
from torch.utils.data import DataLoader, TensorDataset
from gausscheck.monitor import GaussianMonitor
from gausscheck.monitor.lightning import GaussianCallback

class Model(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Linear(12, 6)
    def training_step(self, batch, index):
        return (self.encoder(batch[0]) - batch[0][:, :6] ** 3).square().mean()
    def validation_step(self, batch, index):
        return self.encoder(batch[0])
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)

torch.manual_seed(0)
data = TensorDataset(torch.randn(601, 12))
loaders = DataLoader(data, batch_size=50), DataLoader(data, batch_size=50)
callback = GaussianCallback(monitor=GaussianMonitor(rows=2000))
trainer = pl.Trainer(accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, logger=False,
    callbacks=[callback],
    enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
    default_root_dir=sys.argv[1])
model = Model()
trainer.fit(model, *loaders)
with torch.no_grad():
    z = model.encoder(data.tensors[0])
rank = trainer.global_rank
logged = {k: float(v) for k, v in trainer.callback_metrics.items()}
told = {"metrics": callback.result.metrics(), "seen": callback.result.seen, "logged": logged}
json.dump(told, open(f"{sys.argv[1]}/told{rank}.json", "w"))
if rank == 0:
    np.save(f"{sys.argv[1]}/z.npy", z.numpy())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the loopback goes by another name")
def test_two_processes_measure_all_validation_rows_together(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    path = os.pathsep.join([str(Path(gausscheck.__file__).parents[1]), *sys.path])
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads((tmp_path / f"told{rank}.json").read_text()) for rank in range(2)]
    assert told[0] == told[1]
    assert told[0]["seen"] == 602  # the sampler gives one row twice, so that both have as many
    z = np.load(tmp_path / "z.npy")
    order = np.concatenate([np.arange(0, 601, 2), np.arange(1, 601, 2), [0]])
    report = gausscheck.analyze(z[order], directions="axes", levels="none")
    found = told[0]["metrics"]
    assert found["gaussian/axes"] == pytest.approx(report.levels["axes"].value, rel=1e-4)
    assert found["gaussian/rankme"] == pytest.approx(report.spectrum.rankme, rel=1e-6)
    assert found["gaussian/rows"] == 602
    assert told[0]["logged"] == pytest.approx(found, rel=1e-6)
    assert report.preflight.duplicates == 1
