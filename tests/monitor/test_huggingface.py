"""The callback in runs of the Hugging Face Trainer: its numbers are those of an audit."""

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor
from monitored import as_analyzed
from tiny_bert import encoded, trainer_for

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from gausscheck.monitor.huggingface import GaussianCallback  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::Warning:transformers", "ignore::Warning:torch"),
]

N = 300


@pytest.fixture(scope="module")
def data():
    return encoded(400, seed=0), encoded(N, seed=1)


def pooled(trainer, data):
    """Return the pooler's output of the model as it is now, batch by batch as the Trainer does."""
    model, rows = trainer.model.eval(), []
    with torch.no_grad():
        for start in range(0, len(data[1]), 32):
            part = data[1][start : start + 32]
            batch = {k: torch.tensor([one[k] for one in part]) for k in part[0] if k != "labels"}
            rows.append(model.bert(**batch).pooler_output.numpy())
    return np.concatenate(rows)


@pytest.mark.parametrize(
    "arguments",
    [
        {"module": "bert.pooler"},
        {"module": "bert", "embeddings": "pooler_output"},
        {"module": "bert", "embeddings": lambda output: output.pooler_output},
    ],
    ids=["module", "key", "function"],
)
def test_its_numbers_are_those_of_an_audit_of_the_same_rows(tmp_path, data, arguments):
    trainer = trainer_for(tmp_path, data)
    callback = GaussianCallback(trainer, **arguments)
    trainer.add_callback(callback)
    trainer.train()
    as_analyzed(callback.result, pooled(trainer, data))
    found = callback.result.metrics("eval_gaussian/")
    logged = [entry for entry in trainer.state.log_history if "eval_gaussian/axes" in entry]
    assert [entry["epoch"] for entry in logged] == [1.0, 2.0]
    assert {name: logged[-1][name] for name in found} == found
    assert logged[0]["eval_gaussian/rankme"] != logged[1]["eval_gaussian/rankme"]


def test_an_evaluation_by_itself_returns_them(tmp_path, data):
    trainer = trainer_for(tmp_path, data)
    callback = GaussianCallback(
        trainer, module="bert.pooler", monitor=GaussianMonitor(rows=150), prefix="z/"
    )
    trainer.add_callback(callback)
    trainer.predict(data[0][:64])  # goes through the same module, and is no evaluation
    returned = trainer.evaluate(metric_key_prefix="test")
    as_analyzed(callback.result, pooled(trainer, data), rows=150)
    found = callback.result.metrics("test_z/")
    assert {name: returned[name] for name in found} == found


def test_the_best_checkpoint_can_be_chosen_by_them(tmp_path, data):
    trainer = trainer_for(
        tmp_path, data, save_strategy="epoch", load_best_model_at_end=True,
        metric_for_best_model="gaussian/rankme", greater_is_better=True,
    )  # fmt: skip
    trainer.add_callback(GaussianCallback(trainer, module="bert.pooler"))
    trainer.train()
    values = [
        entry["eval_gaussian/rankme"]
        for entry in trainer.state.log_history
        if "eval_gaussian/rankme" in entry
    ]
    assert len(values) == 2
    assert trainer.state.best_metric == max(values)


def test_the_model_that_is_trained_is_watched_where_it_is_made_anew(tmp_path, data):
    plain = trainer_for(tmp_path, data, num_train_epochs=1)
    trainer = transformers.Trainer(
        model_init=lambda: type(plain.model)(plain.model.config), args=plain.args,
        train_dataset=data[0], eval_dataset=data[1],
    )  # fmt: skip
    first = trainer.model
    callback = GaussianCallback(trainer, module="bert.pooler")
    trainer.add_callback(callback)
    trainer.train()
    assert trainer.model is not first
    as_analyzed(callback.result, pooled(trainer, data))


def test_trackers_hear_of_them(tmp_path, data):
    heard = []

    class Tracker(transformers.TrainerCallback):
        def on_log(self, args, state, control, logs, **kwargs):
            heard.append(set(logs))

    trainer = trainer_for(tmp_path, data, num_train_epochs=1)
    trainer.add_callback(GaussianCallback(trainer, module="bert.pooler"))
    trainer.add_callback(Tracker())
    trainer.train()
    assert any("eval_gaussian/false_alarm_0.01" in names for names in heard)


def test_rows_that_are_not_finite_are_a_warning_and_training_goes_on(tmp_path, data):
    trainer = trainer_for(tmp_path, data)
    callback = GaussianCallback(
        trainer, lambda output: output.pooler_output * float("nan"), module="bert"
    )
    trainer.add_callback(callback)
    with pytest.warns(UserWarning, match="gausscheck measured nothing: .* not finite"):
        trainer.train()
    assert trainer.state.epoch == 2
    assert callback.result is None


def test_a_module_that_is_not_there_is_told_at_once_and_a_key_by_a_warning(tmp_path, data):
    trainer = trainer_for(tmp_path, data)
    with pytest.raises(GausscheckError, match=r"got 'bert.poler'; such as bert.pooler"):
        GaussianCallback(trainer, module="bert.poler")
    trainer.add_callback(GaussianCallback(trainer, "pooled"))
    with pytest.warns(UserWarning, match="expected 'pooled' in the output, got keys loss"):
        trainer.evaluate()


def test_only_evaluations_are_looked_at_and_no_hook_is_left(tmp_path, data):
    trainer = trainer_for(tmp_path, data, num_train_epochs=1)
    callback = GaussianCallback(trainer, module="bert.pooler")
    trainer.add_callback(callback)
    pooler = trainer.model.bert.pooler
    assert not pooler._forward_hooks
    trainer.train()
    assert not pooler._forward_hooks
    pooled(trainer, data)  # by hand, in evaluation mode
    trainer.evaluate()
    assert callback.result.seen == N
    assert not pooler._forward_hooks
    trainer.remove_callback(callback)
    trainer.evaluate()
    assert callback._observer.monitor.seen == 0


def test_a_compiled_model_is_watched(tmp_path, data):
    torch._dynamo.reset()
    trainer = trainer_for(
        tmp_path, data, num_train_epochs=1, torch_compile=True, torch_compile_backend="eager"
    )
    callback = GaussianCallback(trainer, module="bert.pooler")
    trainer.add_callback(callback)
    trainer.evaluate()
    assert callback.result.seen == N
    trainer.train()
    assert callback.result.seen == N
