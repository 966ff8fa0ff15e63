"""A callback for the Hugging Face Trainer: how Gaussian embeddings of the evaluation data are."""

from __future__ import annotations

from collections.abc import Callable
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
    callbacks, so that of a part of the model is taken as it passes in ``trainer.evaluate``, which
    is wrapped for that; what else passes is not looked at. Metrics go through ``trainer.log`` to
    trackers, and into what ``trainer.evaluate()`` returns, where ``metric_for_best_model`` finds
    them. Rows of all processes are measured together. Rows that cannot be audited (not finite, too
    few) or are not where they were said to be are a warning; training goes on.

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
        If there is no such module.
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
        self._part()
        trainer.evaluate = _Watched(trainer.evaluate, self)

    @property
    def result(self) -> Measurement | None:
        """The last measurement."""
        return self._observer.result

    def _part(self) -> Any:
        """Return what is watched of the model as it is now: ``model_init`` makes another one."""
        model = self._trainer.model
        return model if self.module is None else part_of(model, self.module)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Watch the model that is trained before anything of it is compiled."""
        self._observer.watch(self._part())

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave nothing on the model."""
        self._observer.unwatch()

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


class _Watched:
    """An ``evaluate`` whose outputs alone are looked at; the Trainer has no event for its start."""

    def __init__(self, evaluate: Callable[..., Any], callback: GaussianCallback) -> None:
        self._evaluate, self._callback = evaluate, callback

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Look from the start of the evaluation to its end."""
        one = self._callback
        if one not in one._trainer.callback_handler.callbacks:
            return self._evaluate(*args, **kwargs)
        observer = one._observer
        observer.watch(one._part())
        observer.begin()
        try:
            return self._evaluate(*args, **kwargs)
        finally:
            observer.end()
            if not one._trainer.is_in_train:
                observer.unwatch()
