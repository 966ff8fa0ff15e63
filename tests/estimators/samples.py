"""Rows of known law for tests of estimators, scores and repair."""

import numpy as np


def gaussian(rng, n, d=6):
    """Normal rows with a power-law spectrum and a mean."""
    return rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.5 + 3


def student(rng, n, d=6, df=5):
    """Rows of the multivariate t law."""
    return rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(df, (n, 1)) / df)


def clusters(rng, n, d=6):
    """Two tight clusters of unequal size."""
    centre = np.where(rng.random((n, 1)) < 0.2, 8.0, 0.0)
    return rng.standard_normal((n, d)) + centre


LAWS = {"gaussian": gaussian, "t(5)": student, "clusters": clusters}


def within(values, expected, sigmas=5.0):
    """Whether a mean over independent repetitions agrees with what is expected."""
    values = np.asarray(values, dtype=float)
    error = values.std(ddof=1) / np.sqrt(len(values))
    return abs(values.mean() - expected) <= sigmas * error
