"""What callbacks share: where embeddings come from, and what becomes of them."""

from __future__ import annotations

import sys
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

    What goes wrong in between is a warning when all is measured: it never ends a training.

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
        self.looking = False
        self._problem: str | None = None
        self._hook: Hook | None = None
        self._handle: Any = None
        self._module: Any = None

    def begin(self) -> None:
        """Forget what was seen, and look at outputs from now on."""
        self.monitor.reset()
        self.looking, self._problem = True, None

    def end(self) -> None:
        """Look no longer."""
        self.looking = False

    def look(self, outputs: Any) -> None:
        """Give the embeddings in an output to the monitor, between ``begin`` and ``end``.

        What goes wrong is kept, and told by ``measure``.
        """
        if not self.looking or self._problem is not None:
            return
        try:
            self.monitor.update(embeddings_in(outputs, self.embeddings))
        except Exception as err:  # whatever it is, training goes on
            self._problem = words_of(err)

    def watch(self, module: Any) -> None:
        """Look at each output that a torch module gives from now on.

        One hook serves all evaluations: compiled code that has it keeps calling it.
        """
        if module is self._module:
            return
        self.unwatch()
        if self._hook is None:
            self._hook = Hook(self.look)
        self._handle, self._module = module.register_forward_hook(self._hook), module

    def unwatch(self) -> None:
        """Look no longer, and leave nothing on the module."""
        self.end()
        if self._handle is not None:
            self._handle.remove()
        self._handle = self._module = None

    def measure(self, prefix: str) -> dict[str, float]:
        """Measure what all processes have seen, and forget it.

        Returns
        -------
        dict of str to float
            Empty, with a warning that says why, where the rows cannot be audited or were not where
            they were said to be: training goes on.
        """
        self.end()
        try:
            self.result = compute_over_ranks(self.monitor, self._problem)
        except Exception as err:  # whatever it is, training goes on
            self.result = None
            unseen = not self.monitor.seen and self._problem is None and self._hook is not None
            told = words_of(err) + (UNSEEN if unseen else "")
            warnings.warn(f"gausscheck measured nothing: {told}", stacklevel=2)
        self.monitor.reset()
        self._problem = None
        return {} if self.result is None else self.result.metrics(prefix)


UNSEEN = (
    "; if the model is compiled, add the callback before its first evaluation, or call "
    "torch.compiler.reset() after it"
)
"""Why a module may have passed nothing: compiled code does not notice a later hook."""


class Hook:
    """Pass on what a module gives: a hook for eager and for compiled models.

    ``torch.compile`` goes around what it calls, and leaves it out of the code for training, which
    stays in one piece. In a copy or a pickle of the module, such as a saved model, it does nothing.

    Parameters
    ----------
    look : callable
        Called with each output.
    """

    def __init__(self, look: Callable[[Any], None]) -> None:
        torch = sys.modules.get("torch")
        self._look = look if torch is None else torch.compiler.disable(look)
        self._compiling = _no if torch is None else torch.compiler.is_compiling

    def __call__(self, module: Any, inputs: Any, output: Any) -> None:
        """Look."""
        if not (self._compiling() and module.training):
            self._look(output)

    def __reduce__(self) -> tuple[Any, ...]:
        return Hook, (_nothing,)


def _nothing(output: Any) -> None:
    """Look at nothing."""


def _no() -> bool:
    return False


def words_of(err: Exception) -> str:
    """Return a line about an error: that of the package, or the kind and words of another."""
    told = " ".join(str(err).split())
    return told if isinstance(err, GausscheckError) else f"{type(err).__name__}: {told}"


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
