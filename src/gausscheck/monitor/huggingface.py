"""A callback for the Hugging Face Trainer: how Gaussian embeddings of the evaluation data are."""

from __future__ import annotations

from typing import Any

from gausscheck.monitor.measurement import Measurement
from gausscheck.monitor.monitor import GaussianMonitor
from gausscheck.monitor.observer import Observer, Wanted, not_installed, part_of

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as err:
    raise not_installed(err, "huggingface", "transformers") from err

_RUNTIME = "_runtime"
"""The Trainer puts this after the prefix of each evaluation: ``eval_runtime``."""


class GaussianCallback(TrainerCallback):
    """Measure the embeddings of each evaluation, and log what came out.

    ``trainer.add_callback(GaussianCallback(trainer, ...))``. The Trainer hands no outputs to its
    callbacks, so that of a part of the model is taken as it passes in evaluation mode. Metrics go
    through ``trainer.log`` to all trackers, and into what ``trainer.evaluate()`` returns, where
    ``metric_for_best_model`` finds them. Rows of all processes are measured together. Rows that
    cannot be audited (not finite, too few) are a warning; training goes on.

    Parameters
    ----------
    trainer : transformers.Trainer
    embeddings : str or callable, optional
        Which part of the output: a key or attribute such as ``"pooler_output"``, or a function such
        as ``lambda output: output.last_hidden_state[:, 0]``. None takes the output itself.
    module : str, optional
        The part of the model whose output is taken, such as ``"bert.pooler"``; None takes that of
        the model.
    monitor : GaussianMonitor, optional
        For another number of rows, seed or options.
    prefix : str
        Put before each name, after the Trainer's own ``eval_``.

    Attributes
    ----------
    result : Measurement or None
        Of the last evaluation.

    Raises
    ------
    GausscheckError
        If there is no such module; in evaluation, if embeddings are not where they were said to be.
    """

    def __init__(
        self,
        trainer: Any,
        embeddings: Wanted = None,
        *,
        module: str | None = None,
        monitor: GaussianMonitor | None = None,
        prefix: str = "gaussian/",
    ) -> None:
        self._observer = Observer(embeddings, monitor)
        self._trainer, self.module, self.prefix = trainer, module, prefix
        self._watch(trainer.model)

    @property
    def result(self) -> Measurement | None:
        """The last measurement."""
        return self._observer.result

    def _watch(self, model: Any) -> None:
        part = model if self.module is None else part_of(model, self.module)
        self._observer.watch(part, when=lambda module: not module.training)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Watch the model that is trained: ``model_init`` makes another one."""
        self._watch(self._trainer.model)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget what went through the model outside of an evaluation."""
        self._observer.monitor.reset()

    def on_predict(self, args: Any, state: Any, control: Any, *_: Any, **kwargs: Any) -> None:
        """Forget what ``trainer.predict`` sent through the model."""
        self._observer.monitor.reset()

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, float], **kwargs: Any
    ) -> None:
        """Measure, log, and add to what the evaluation returns."""
        names = [name for name in metrics if name.endswith(_RUNTIME)]
        kind = names[0].removesuffix(_RUNTIME) if names else "eval"
        measured = self._observer.measure(f"{kind}_{self.prefix}")
        if measured:
            self._trainer.log(dict(measured))
            metrics |= measured
