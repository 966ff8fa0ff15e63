"""Scores of new rows by a reference: distances, log densities, p-values, and which to believe."""

from gausscheck.scoring.result import Scores
from gausscheck.scoring.run import score

__all__ = ["Scores", "score"]
