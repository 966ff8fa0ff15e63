"""A report as one self-contained page: no script, no request, nothing beside it."""

from gausscheck.html.page import notebook, render, write

__all__ = ["notebook", "render", "write"]
