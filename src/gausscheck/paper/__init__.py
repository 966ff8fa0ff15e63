"""What the paper's figures show, measured on rows of one's own: lengths, cosines, likelihoods.

Each function takes inputs in the order of the figure's settings (models, batches, epochs) and
returns a frozen value that :func:`gausscheck.figures.plot` draws.
"""

from gausscheck.paper.cosines import Cosines, CosinesAt, Stages, cosines, whitened_cosines
from gausscheck.paper.inputs import SAMPLE
from gausscheck.paper.likelihood import Likelihood, Likelihoods, likelihoods
from gausscheck.paper.settings import Setting, Settings, settings

__all__ = [
    "SAMPLE",
    "Cosines",
    "CosinesAt",
    "Likelihood",
    "Likelihoods",
    "Setting",
    "Settings",
    "Stages",
    "cosines",
    "likelihoods",
    "settings",
    "whitened_cosines",
]
