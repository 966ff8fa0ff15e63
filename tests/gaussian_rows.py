"""Rows for the tests of the answer: Gaussian ones in every guise, and some that are not."""

import numpy as np
from scipy.signal import lfilter

import gausscheck


def audit(rows, **options):
    """Audit rows on one thread, as the command line would."""
    return gausscheck.analyze(rows, threads=1, **options)


def kinds(report):
    return {found.kind for found in report.noticed}


def at_most(share, samples):
    """Return the most of so many samples that a true rate of ``share`` gives, five sigma up."""
    return share * samples + 5 * np.sqrt(share * (1 - share) * samples)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def autoregressive(rng, n, d, rho):
    """Return n consecutive rows of exactly Gaussian AR(1) columns of variance 1."""
    noise = rng.standard_normal((n, d)) * np.sqrt(1 - rho**2)
    noise[0] /= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], noise, axis=0)


def moving_average(rng, n, d, width):
    sums = np.cumsum(rng.standard_normal((n + width, d)), axis=0)
    return (sums[width:] - sums[:-width]) / np.sqrt(width)


def with_repeats(rng, n, d, share):
    """Return n Gaussian rows of which a share repeats another."""
    x = rng.standard_normal((n, d))
    later = rng.choice(np.arange(n // 2, n), round(share * n), replace=False)
    x[later] = x[rng.integers(0, n // 2, later.size)]
    return x


def conditioned(rng, n, d):
    """Return rows whose covariance has condition 1e6, far from the origin."""
    turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return rng.standard_normal((n, d)) * np.geomspace(1, 1e-3, d) @ turn + 2 * rng.random(d)


GAUSSIAN = {
    "iid": lambda rng, n, d: rng.standard_normal((n, d)),
    "condition 1e6": conditioned,
    "power law": lambda rng, n, d: rng.standard_normal((n, d)) / np.arange(1, d + 1),
    "rank deficient": lambda rng, n, d: (
        rng.standard_normal((n, d // 3)) @ rng.standard_normal((d // 3, d))
    ),
    "fewer rows than dimensions": lambda rng, n, d: rng.standard_normal((n, 2 * n)),
    "float16": lambda rng, n, d: (0.04 * rng.standard_normal((n, d)) + 0.1).astype(np.float16),
    "int8": lambda rng, n, d: np.rint(6 * rng.standard_normal((n, d))).clip(-127, 127).astype("i1"),
}
"""Exactly Gaussian rows, up to how they are stored."""

ODD_AXIS = {
    "laplace": lambda rng, n: rng.laplace(0, np.sqrt(0.5), n),
    "exponential": lambda rng, n: rng.exponential(1, n) - 1,
    "two-point": lambda rng, n: rng.choice([-1.0, 1.0], n),
    "two-humped": lambda rng, n: rng.choice([-0.9, 0.9], n) + 0.436 * rng.standard_normal(n),
}
"""Laws of variance 1 for the one axis that is not Gaussian."""
