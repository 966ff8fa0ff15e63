"""The evaluator in training runs of sentence-transformers: its numbers are those of an audit."""

import math

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor
from gausscheck.rng import hashed_order
from monitored import as_analyzed
from tiny_bert import sentence_model, sentence_training, texts

pytest.importorskip("sentence_transformers")
pytest.importorskip("datasets")
pytest.importorskip("torch")

from sentence_transformers import SentenceTransformerTrainer
from sentence_transformers.base.evaluation import (
    SentenceEvaluator,
    SequentialEvaluator,
)

from gausscheck.monitor.sentence_transformers import GaussianEvaluator

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:transformers", "ignore::Warning:torch", "ignore::Warning:sentence_transformers"
)

HELD_OUT = texts(500, seed=9)


@pytest.fixture
def model(tmp_path):
    return sentence_model(tmp_path)


def trainer_for(model, folder, evaluator, **options):
    training = sentence_training(model, folder, **options)
    return SentenceTransformerTrainer(model=model, evaluator=evaluator, **training)


def test_its_numbers_are_those_of_an_audit_of_the_same_rows(tmp_path, model):
    evaluator = GaussianEvaluator(HELD_OUT)
    trainer = trainer_for(model, tmp_path, evaluator)
    trainer.train()
    as_analyzed(evaluator.result, model.encode(HELD_OUT))
    logged = [entry for entry in trainer.state.log_history if "eval_gaussian/axes" in entry]
    found = evaluator.result.metrics("eval_gaussian/")
    assert len(logged) == 2
    assert {name: logged[-1][name] for name in found} == found
    assert logged[0]["eval_gaussian/rankme"] != logged[1]["eval_gaussian/rankme"]


def test_no_more_sentences_are_encoded_than_are_sampled(model):
    class Counted:
        model_card_data = model.model_card_data
        encoded = 0

        def encode(self, sentences, **options):
            self.encoded += len(sentences)
            assert options["convert_to_tensor"]
            return model.encode(sentences, **options)

    counted = Counted()
    evaluator = GaussianEvaluator(
        HELD_OUT, name="dev", monitor=GaussianMonitor(rows=120), batch_size=16
    )
    metrics = evaluator(counted)
    assert counted.encoded == 120
    kept = np.sort(hashed_order(500, 0)[:120])
    as_analyzed(evaluator.result, model.encode([HELD_OUT[i] for i in kept], batch_size=16))
    assert metrics == evaluator.result.metrics("dev_gaussian/")
    assert evaluator(counted) == metrics


def test_it_stands_beside_others_and_chooses_the_best_model(tmp_path, model):
    assert issubclass(GaussianEvaluator, SentenceEvaluator)
    both = SequentialEvaluator(
        [GaussianEvaluator(HELD_OUT, name="a"), GaussianEvaluator(HELD_OUT[:200], name="b")]
    )
    trainer = trainer_for(
        model, tmp_path, both, save_strategy="epoch", load_best_model_at_end=True,
        metric_for_best_model="eval_a_gaussian/safe_components",
    )  # fmt: skip
    trainer.train()
    values = [
        entry["eval_a_gaussian/safe_components"]
        for entry in trainer.state.log_history
        if "eval_b_gaussian/rankme" in entry
    ]
    assert len(values) == 2
    assert trainer.state.best_metric == max(values)


def test_too_few_sentences_are_a_warning(model):
    evaluator = GaussianEvaluator(HELD_OUT[:5], name="few")
    with pytest.warns(UserWarning, match="gausscheck measured nothing: .* at least 20 rows, got 5"):
        metrics = evaluator(model)
    assert math.isnan(metrics[evaluator.primary_metric])
    assert evaluator.result is None


@pytest.mark.parametrize("wrong", ["a text", []])
def test_what_is_no_list_of_texts_is_refused(wrong):
    with pytest.raises(GausscheckError, match="sentences: expected a list of texts"):
        GaussianEvaluator(wrong)
