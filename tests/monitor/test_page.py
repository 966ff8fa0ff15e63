"""docs/monitoring.md: every block is run, and what it prints is what it says."""

import os
import re
import sys

import numpy as np
import pytest

from conftest import ROOT
from gausscheck.monitor import GaussianMonitor
from tiny_bert import encoded, sentence_model, sentence_training, texts, trainer_for

PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
SECTIONS = {
    part.splitlines()[0]: re.findall(r"```python\n(.*?)```", part, re.DOTALL)
    for part in PAGE.split("\n## ")[1:]
}


def lightning_run(folder):
    pl = pytest.importorskip("lightning.pytorch")
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    class Model(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.Linear(8, 5)

        def training_step(self, batch, index):
            return self.encoder(batch[0]).square().mean()

        def validation_step(self, batch, index):
            z = self.encoder(batch[0])
            return {"loss": z.square().mean(), "z": z}

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    data = TensorDataset(torch.randn(200, 8, generator=torch.Generator().manual_seed(0)))
    loaders = (DataLoader(data, batch_size=50) for _ in range(2))
    return dict(zip(("model", "train", "validation"), (Model(), *loaders), strict=True))


def hugging_face_run(folder):
    pytest.importorskip("transformers")
    return {"trainer": trainer_for(folder, (encoded(200, 0), encoded(150, 1)))}


def sentence_transformers_run(folder):
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("datasets")
    model = sentence_model(folder)
    training = sentence_training(model, folder)
    dataset = training.pop("train_dataset")
    return {"model": model, "dataset": dataset, "sentences": texts(200, 5), **training}


def keras_run(folder):
    pytest.importorskip("torch")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "torch"
    keras = pytest.importorskip("keras")
    layers = [keras.layers.Dense(5, name="embedding"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((8,)), *layers])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    return {"model": model, "x": x[150:], "y": x[150:, :1], "held_out": (x[:150], x[:150, :1])}


RUNS = {
    "Lightning": lightning_run,
    "Hugging Face Trainer": hugging_face_run,
    "sentence-transformers": sentence_transformers_run,
    "Keras": keras_run,
}
"""What the blocks of a section find: a small model and data."""


@pytest.mark.filterwarnings("ignore")  # of the libraries, which their own tests listen to
@pytest.mark.parametrize("name", RUNS)
def test_the_examples_of_a_callback_run(tmp_path, monkeypatch, name):
    names = RUNS[name](tmp_path)
    monkeypatch.chdir(tmp_path)
    (block,) = SECTIONS[name]
    exec(block, names)
    measured = names.get("callback", names.get("evaluator")).result
    assert measured.rows in (150, 200)
    assert measured.metrics()


def test_the_examples_by_hand_run_and_print_what_they_say(capsys):
    names = {}
    blocks = [block for name, found in SECTIONS.items() if name not in RUNS for block in found]
    assert len(blocks) == 4
    for block in blocks:
        exec(block, names)
    said = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    printed = capsys.readouterr().out.splitlines()
    assert len(said) == len(printed) == 10
    for one, other in zip(said, printed, strict=True):
        assert re.sub(r"[\d.]+", "#", one).split() == re.sub(r"[\d.]+", "#", other).split()
        numbers = [np.array(re.findall(r"\d+\.?\d*", line), float) for line in (one, other)]
        np.testing.assert_allclose(*numbers, rtol=1e-2)
    assert names["one"].seen == 1000


def test_the_table_names_every_metric():
    rows = PAGE.split("| metric |")[1].split("\n\n")[0].splitlines()[2:]
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    monitor = GaussianMonitor()
    monitor.update(np.random.default_rng(0).standard_normal((300, 4)))
    metrics = {re.sub("_(low|high)$", "", name) for name in monitor.compute().metrics("")}
    assert {re.sub(r"(false.*)_gaussian$", r"\1", name) for name in metrics} == named
