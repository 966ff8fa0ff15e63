"""A Lightning callback: how Gaussian the embeddings of the validation batches are."""

from __future__ import annotations

import sys
from typing import Any

from gausscheck.monitor.measurement import Measurement
from gausscheck.monitor.monitor import GaussianMonitor
from gausscheck.monitor.observer import Observer, Wanted, not_installed, part_of

try:
    if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
        from pytorch_lightning import Callback
    else:
        from lightning.pytorch import Callback
except ModuleNotFoundError:
    try:
        from pytorch_lightning import Callback
    except ModuleNotFoundError as err:
        raise not_installed(err, "lightning", "lightning", "pytorch_lightning") from err


class GaussianCallback(Callback):
    """Measure the embeddings of each validation, and log what came out.

    Rows of all validation loaders and all processes are measured together, after the last batch and
    before ``on_validation_end``, so that ``ModelCheckpoint`` and ``EarlyStopping`` can monitor the
    metrics. The sanity check before training is left out. Rows that cannot be audited (not finite,
    too few) or are not where they were said to be are a warning; training goes on. Compiled models
    are watched as well, but for ``fullgraph=True``: let ``validation_step`` return embeddings
    there.

    Parameters
    ----------
    embeddings : str or callable, optional
        Which part of what ``validation_step`` returns: a key, an attribute, or a function of it.
        None takes all of it, which has to be a (batch, d) tensor.
    module : str, optional
        Take the output of this part of the model instead, such as ``"encoder"``, each time it is
        called in validation; ``embeddings`` then says which part of that output.
    monitor : GaussianMonitor, optional
        For another number of rows, seed or options.
    prefix : str
        Put before each name that is logged.

    Attributes
    ----------
    result : Measurement or None
        Of the last validation, the same in each process.

    Raises
    ------
    GausscheckError
        Before training or validation, if there is no such module.
    """

    def __init__(
        self,
        embeddings: Wanted = None,
        *,
        module: str | None = None,
        monitor: GaussianMonitor | None = None,
        prefix: str = "gaussian/",
    ) -> None:
        super().__init__()
        self._observer = Observer(embeddings, monitor)
        self.module, self.prefix = module, prefix

    @property
    def result(self) -> Measurement | None:
        """The last measurement."""
        return self._observer.result

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Watch the module before the sanity check, which may compile it."""
        self._watch(pl_module)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Leave nothing on the module."""
        self._observer.unwatch()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Leave nothing on the module."""
        self._observer.unwatch()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Forget what was seen, and look at outputs unless this is the sanity check."""
        if trainer.sanity_checking:
            return
        if not _fitting(trainer):
            self._watch(pl_module)
        self._observer.begin()

    def _watch(self, pl_module: Any) -> None:
        if self.module is not None:
            self._observer.watch(part_of(pl_module, self.module))

    def on_validation_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Look at what ``validation_step`` returned."""
        if self.module is None:
            self._observer.look(outputs)

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure, and log."""
        if trainer.sanity_checking:
            return
        metrics = self._observer.measure(self.prefix)
        if not _fitting(trainer):
            self._observer.unwatch()
        # equal in all processes already: the mean over them changes nothing
        pl_module.log_dict(metrics, sync_dist=trainer.world_size > 1)


def _fitting(trainer: Any) -> bool:
    """Whether this validation is one of a training."""
    return bool(trainer.state.fn == "fit")
