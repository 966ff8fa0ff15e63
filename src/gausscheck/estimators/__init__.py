"""Estimators for scikit-learn: whiten rows, score them by a Gaussian with honest p-values."""

from gausscheck.estimators.scorer import GaussianScorer
from gausscheck.estimators.whitener import GaussianWhitener

__all__ = ["GaussianScorer", "GaussianWhitener"]
