"""What shows a result, called by name: a room that holds results imports none that draw them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

PRESENTERS = {
    "figure": ("gausscheck.figures", "plot"),
    "report notebook": ("gausscheck.html", "notebook"),
    "comparison files": ("gausscheck.comparison.writers", "write_all"),
    "comparison text": ("gausscheck.comparison.writers", "to_markdown"),
    "comparison notebook": ("gausscheck.comparison.writers", "to_html"),
}
"""Module and function; the module is imported when something is to be shown."""


def presenter(name: str) -> Callable[..., Any]:
    """Return the function of that name.

    Raises
    ------
    KeyError
    """
    module, function = PRESENTERS[name]
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
