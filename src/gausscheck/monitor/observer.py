"""What callbacks share: where embeddings come from, and what becomes of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.monitor.measurement import Measurement
from gausscheck.monitor.monitor import GaussianMonitor
from gausscheck.monitor.ranks import compute_over_ranks

Wanted = str | Callable[[Any], Any] | None
"""Key or attribute of an output, a function of it, or None for the output itself."""


class Observer:
    """Feed a monitor from the outputs of a model, and measure.

    Parameters
    ----------
    embeddings : str, callable or None
        Which part of an output: a key or attribute, a function of the output, or the output.
    monitor : GaussianMonitor or None
        None makes one with the defaults.
    """

    def __init__(self, embeddings: Wanted, monitor: GaussianMonitor | None) -> None:
        if not (embeddings is None or isinstance(embeddings, str) or callable(embeddings)):
            raise GausscheckError(
                "embeddings: expected a key, an attribute or a function of the output, got "
                f"{type(embeddings).__name__}"
            )
        self.embeddings = embeddings
        self.monitor = GaussianMonitor() if monitor is None else monitor
        self.result: Measurement | None = None
        self._hook: Any = None

    def look(self, outputs: Any) -> None:
        """Give the embeddings in an output to the monitor.

        Raises
        ------
        GausscheckError
            If there are none where they were said to be.
        """
        self.monitor.update(embeddings_in(outputs, self.embeddings))

    def watch(self, module: Any, when: Callable[[Any], bool] = lambda module: True) -> None:
        """Look at each output of a torch module from now on, while ``when(module)``."""
        self.unwatch()

        def hook(module: Any, inputs: Any, output: Any) -> None:
            if when(module):
                self.look(output)

        self._hook = module.register_forward_hook(hook)

    def unwatch(self) -> None:
        """Look no longer at the outputs of a module."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def measure(self, prefix: str) -> dict[str, float]:
        """Measure what all processes have seen, and forget it.

        Returns
        -------
        dict of str to float
            Empty, with a warning that says why, where the rows cannot be audited: training goes on.
        """
        try:
            self.result = compute_over_ranks(self.monitor)
        except GausscheckError as err:
            self.result = None
            warnings.warn(f"gausscheck measured nothing: {err}", stacklevel=2)
        self.monitor.reset()
        return {} if self.result is None else self.result.metrics(prefix)


def embeddings_in(outputs: Any, wanted: Wanted) -> Any:
    """Return the embeddings in an output.

    Parameters
    ----------
    outputs : object
        An array, a mapping, or an object with attributes.
    wanted : str, callable or None

    Raises
    ------
    GausscheckError
        If there are none.
    """
    if callable(wanted):
        return wanted(outputs)
    if isinstance(wanted, str):
        found = (
            outputs.get(wanted) if isinstance(outputs, Mapping) else getattr(outputs, wanted, None)
        )
        if found is None:
            raise GausscheckError(
                f"embeddings: expected {wanted!r} in the output, got {_told(outputs)}"
            )
        return found
    if not hasattr(outputs, "shape"):
        raise GausscheckError(
            f"embeddings: expected an array as output, got {_told(outputs)}; name the part with "
            "embeddings=, a key, an attribute or a function of the output"
        )
    return outputs


def part_of(model: Any, name: str) -> Any:
    """Return the module of a torch model that goes by a name such as ``encoder.pooler``.

    Raises
    ------
    GausscheckError
        If there is none; with the nearest names.
    """
    names = [known for known, _ in model.named_modules() if known]
    if name in names:
        return model.get_submodule(name)
    near = get_close_matches(name, names, n=4, cutoff=0.3) or names[:4]
    raise GausscheckError(
        f"module: expected the name of a module, got {name!r}; such as {', '.join(near) or 'none'}"
    )


def not_installed(err: ModuleNotFoundError, adapter: str, *packages: str) -> Exception:
    """Return what to raise where the library of an adapter cannot be imported."""
    if err.name is None or err.name.partition(".")[0] not in packages:
        return err  # it is there, but something that it needs is not
    return GausscheckError(
        f"gausscheck.monitor.{adapter}: expected {' or '.join(packages)} to be installed: "
        f"pip install {packages[0].replace('_', '-')}"
    )


def _told(outputs: Any) -> str:
    """Say what an output is: its keys, or its type."""
    if isinstance(outputs, Mapping):
        return f"keys {', '.join(map(str, outputs))}"
    return "nothing" if outputs is None else f"a {type(outputs).__name__}"
