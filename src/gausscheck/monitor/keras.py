"""A Keras callback (torch backend): how Gaussian embeddings of the validation data are."""

from __future__ import annotations

from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.monitor.measurement import Measurement
from gausscheck.monitor.monitor import GaussianMonitor
from gausscheck.monitor.observer import Observer, Wanted, not_installed

try:
    import keras
except ModuleNotFoundError as err:
    raise not_installed(err, "keras", "keras") from err


class GaussianCallback(keras.callbacks.Callback):
    """Measure the embeddings of each validation, and add what came out to the logs of the epoch.

    In ``fit`` the metrics are in the logs as ``val_gaussian/...``: ``History``, ``CSVLogger`` and
    ``EarlyStopping`` find them there, if they come after this callback in the list. Rows that
    cannot be audited (not finite, too few) or are not where they were said to be are a warning;
    training goes on.

    Parameters
    ----------
    layer : str, optional
        The layer whose output is taken, as ``model.get_layer`` names it; None takes the output of
        the model.
    embeddings : str or callable, optional
        Which part of the output: a key, or a function of it. None takes the output itself.
    monitor : GaussianMonitor, optional
        For another number of rows, seed or options.
    prefix : str
        Put before each name, after the ``val_`` of Keras.

    Attributes
    ----------
    result : Measurement or None
        Of the last validation.

    Raises
    ------
    GausscheckError
        If the backend is not torch; before training or validation, if there is no such layer.
    """

    def __init__(
        self,
        layer: str | None = None,
        *,
        embeddings: Wanted = None,
        monitor: GaussianMonitor | None = None,
        prefix: str = "gaussian/",
    ) -> None:
        super().__init__()
        if keras.backend.backend() != "torch":
            raise GausscheckError(
                f"gausscheck.monitor.keras: expected the torch backend, got "
                f"{keras.backend.backend()}; set KERAS_BACKEND=torch before keras is imported"
            )
        self._observer = Observer(embeddings, monitor)
        self.layer, self.prefix = layer, prefix
        self._metrics: dict[str, float] = {}
        self._training = False

    @property
    def result(self) -> Measurement | None:
        """The last measurement."""
        return self._observer.result

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Watch the layer: one that is not there is told before anything is learned."""
        self._training = True
        self._watch()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave nothing on the layer."""
        self._training = False
        self._observer.unwatch()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget what was seen, and look at outputs."""
        if not self._training:
            self._watch()
        self._observer.begin()

    def _watch(self) -> None:
        self._observer.watch(self.model if self.layer is None else self._named(self.layer))

    def _named(self, layer: str) -> Any:
        names = [known.name for known in self.model.layers]
        if layer not in names:
            raise GausscheckError(
                f"layer: expected one of {', '.join(names)}, got {layer!r}; name one of those"
            )
        return self.model.get_layer(layer)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Measure."""
        self._observer.end()
        if not self._training:
            self._observer.unwatch()
        self._metrics = self._observer.measure(f"val_{self.prefix}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add the metrics of this epoch's validation to its logs."""
        if logs is not None:
            logs.update(self._metrics)
        self._metrics = {}
