"""An evaluator for sentence-transformers: how Gaussian the embeddings of some sentences are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np

from gausscheck.core import GausscheckError
from gausscheck.monitor.measurement import Measurement
from gausscheck.monitor.monitor import GaussianMonitor
from gausscheck.monitor.observer import not_installed, words_of
from gausscheck.rng import hashed_order

try:
    from sentence_transformers.base.evaluation import SentenceEvaluator
except ModuleNotFoundError as err:
    raise not_installed(err, "sentence_transformers", "sentence_transformers") from err

PIECE = 1024
"""Sentences encoded before their embeddings are let go."""


class GaussianEvaluator(SentenceEvaluator):
    """Encode sentences, and measure the embeddings.

    A random choice of at most ``monitor.config.rows`` sentences is encoded, the same each time.
    Rows that cannot be audited (not finite, too few) are a warning, and the primary metric NaN.

    Parameters
    ----------
    sentences : sequence of str
        Different ones: a repeated sentence counts once.
    name : str
        Put before each metric, with an underscore.
    monitor : GaussianMonitor, optional
        For another number of rows, seed or options.
    **encode
        Keywords of ``model.encode``, such as ``batch_size``, ``prompt_name`` or
        ``normalize_embeddings``.

    Attributes
    ----------
    result : Measurement or None
        The last one.
    primary_metric : str
        ``gaussian/safe_components``; more is better.

    Examples
    --------
    ``SentenceTransformerTrainer(..., evaluator=GaussianEvaluator(sentences))``
    """

    def __init__(
        self,
        sentences: Sequence[str],
        *,
        name: str = "",
        monitor: GaussianMonitor | None = None,
        **encode: Any,
    ) -> None:
        super().__init__()
        if isinstance(sentences, str) or not len(sentences):
            raise GausscheckError("sentences: expected a list of texts, got a text or none")
        self.monitor = GaussianMonitor() if monitor is None else monitor
        config = self.monitor.config
        chosen = np.sort(hashed_order(len(sentences), config.seed)[: config.rows])
        self.sentences = [sentences[i] for i in chosen]
        self.name, self.encode = name, encode
        self.primary_metric = f"{name}_{PRIMARY}" if name else PRIMARY
        self.result: Measurement | None = None

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return the metrics of the model's embeddings."""
        self.monitor.reset()
        options = {"show_progress_bar": False, **self.encode, "convert_to_tensor": True}
        try:
            for start in range(0, len(self.sentences), PIECE):
                self.monitor.update(model.encode(self.sentences[start : start + PIECE], **options))
            self.result = self.monitor.compute()
        except Exception as err:  # whatever it is, training goes on
            self.result = None
            warnings.warn(f"gausscheck measured nothing: {words_of(err)}", stacklevel=2)
        self.monitor.reset()
        found = {PRIMARY: nan} if self.result is None else self.result.metrics()
        metrics: dict[str, float] = self.prefix_name_to_metrics(found, self.name)
        self.store_metrics_in_model_card_data(model, metrics, epoch, steps)
        return metrics


PRIMARY = "gaussian/safe_components"
"""The metric that stands for all: more is better."""
