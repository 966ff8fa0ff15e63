"""What every level of an audit works with."""

from __future__ import annotations

from dataclasses import dataclass

from gausscheck.audit.directions import PreparedSpace
from gausscheck.audit.projector import Projector
from gausscheck.config import Config
from gausscheck.core import Progress
from gausscheck.report import Preflight


@dataclass(frozen=True, slots=True)
class LevelInputs:
    """What every level of an audit works with.

    Attributes
    ----------
    config : Config
    projector : Projector
        The sampled rows.
    space : PreparedSpace
        Covariance, rank and names of the prepared coordinates.
    preflight : Preflight
    progress : callable
    """

    config: Config
    projector: Projector
    space: PreparedSpace
    preflight: Preflight
    progress: Progress
