"""The Keras callback in runs of fit on the torch backend: its numbers are those of an audit."""

import os
import sys

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor
from monitored import as_analyzed

pytest.importorskip("torch")
if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")

from gausscheck.monitor.keras import GaussianCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:keras", "ignore::Warning:torch", "ignore:__array__ imp:DeprecationWarning"
)

N = 450


@pytest.fixture
def data():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((N + 600, 10)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.float32)
    return (x[N:], y[N:]), (x[:N], y[:N])


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((10,))
    hidden = keras.layers.Dense(24, activation="tanh", name="hidden")(inputs)
    z = keras.layers.Dense(6, name="embedding")(hidden)
    made = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="head")(z))
    made.compile("adam", "binary_crossentropy")
    return made


def embedded(model, x, name="embedding"):
    part = keras.Model(model.inputs, model.get_layer(name).output)
    return part.predict(x, batch_size=32, verbose=0)


def fit(model, data, *callbacks, **options):
    train, held_out = data
    return model.fit(
        *train, validation_data=held_out, epochs=2, batch_size=32, verbose=0,
        callbacks=list(callbacks), **options,
    )  # fmt: skip


def test_its_numbers_are_those_of_an_audit_of_the_same_rows(model, data):
    callback = GaussianCallback("embedding")
    history = fit(model, data, callback).history
    as_analyzed(callback.result, embedded(model, data[1][0]))
    found = callback.result.metrics("val_gaussian/")
    assert {name: history[name][-1] for name in found} == found
    assert len(set(history["val_gaussian/rankme"])) == 2
    assert "val_loss" in history


def test_a_sample_of_the_output_of_the_model(data):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(5)])
    model.compile("adam", "mse")
    callback = GaussianCallback(monitor=GaussianMonitor(rows=200))
    model.evaluate(data[1][0], np.zeros((N, 5)), verbose=0, callbacks=[callback])
    x = model.predict(data[1][0], batch_size=32, verbose=0)
    as_analyzed(callback.result, x, rows=200)


def test_training_can_be_stopped_by_them(model, data):
    stop = keras.callbacks.EarlyStopping("val_gaussian/rankme", mode="min", min_delta=100,
                                         patience=1)  # fmt: skip
    train, held_out = data
    model.fit(*train, validation_data=held_out, epochs=9, verbose=0,
              callbacks=[GaussianCallback("embedding"), stop])  # fmt: skip
    assert stop.stopped_epoch == 1


def test_an_epoch_without_validation_has_none(model, data):
    callback = GaussianCallback("embedding")
    history = fit(model, data, callback, validation_freq=2).history
    assert len(history["loss"]) == 2
    assert len(history["val_gaussian/axes"]) == 1


def test_no_hook_is_left_on_the_model(model, data):
    fit(model, data, GaussianCallback("embedding"))
    assert not model.get_layer("embedding")._forward_hooks


def test_rows_that_are_not_finite_are_a_warning_and_training_goes_on(model, data):
    callback = GaussianCallback("embedding", embeddings=lambda z: z * float("nan"))
    with pytest.warns(UserWarning, match="gausscheck measured nothing: .* not finite"):
        history = fit(model, data, callback).history
    assert len(history["val_loss"]) == 2
    assert callback.result is None


def test_a_layer_or_key_that_is_not_there_is_told(model, data):
    with pytest.raises(GausscheckError, match=r"layer: expected one of .*embedding, head, got 'z'"):
        fit(model, data, GaussianCallback("z"))
    with pytest.warns(UserWarning, match="expected 'z' in the output, got a "):
        fit(model, data, GaussianCallback(embeddings="z"))


def test_another_backend_is_told(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(GausscheckError, match="expected the torch backend, got jax; set KERAS_B"):
        GaussianCallback()
