"""Gaussianity during training: a monitor that is fed batch by batch, and callbacks that feed it.

``GaussianMonitor`` knows no framework. The callbacks lie in one module a library, which imports it:
``gausscheck.monitor.lightning``, ``.huggingface``, ``.sentence_transformers``, ``.keras``.
"""

from gausscheck.monitor.measurement import Measurement
from gausscheck.monitor.monitor import GaussianMonitor
from gausscheck.monitor.ranks import compute_over_ranks, gather

__all__ = ["GaussianMonitor", "Measurement", "compute_over_ranks", "gather"]
