"""The uniform law beside the sums, and the largest correlation of two views."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64
from gausscheck.rng import hashed_order, stream

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Ridges of the canonical correlation, in units of the mean variance of a coordinate."""

_COSINES = 1_000_000


def log_mean_exp_on_sphere(alpha: float, d: int) -> float:
    """Log E exp(α u·v) for u, v uniform on the sphere in d dimensions.

    It is log Γ(d/2) + (d/2 − 1) log(2/α) + log I_{d/2−1}(α), by its series where α² is below d.

    Examples
    --------
    >>> round(log_mean_exp_on_sphere(1.0, 3), 9)  # log(sinh(1) / 1)
    0.161439362
    """
    from scipy.special import gammaln, ive

    order = d / 2 - 1
    value = ive(order, alpha)
    if alpha * alpha < 4 * d or value < 1e-280:
        k = np.arange(1, 400)
        terms = 2 * k * np.log(alpha / 2) - gammaln(k + 1) - (gammaln(d / 2 + k) - gammaln(d / 2))
        return float(np.logaddexp.reduce(np.append(0.0, terms)))
    return float(gammaln(d / 2) + order * np.log(2 / alpha) + np.log(value) + alpha)


def phi_of_uniform_rows(alpha: float, d: int, n: int, seed: int) -> float:
    """Return what phi is on average over n uniform rows: E log mean exp(α uᵢ·v) over n − 1 of them.

    By simulation, for the logarithm of a mean lies below that of its expectation: at temperature
    .01 and 1,000 rows in 64 dimensions by 16. Cosines are 2 b − 1 with b ~ Beta((d − 1)/2,
    (d − 1)/2); 32 to 1,000 anchors, some million cosines in all.

    Examples
    --------
    >>> gap = log_mean_exp_on_sphere(100.0, 64) - phi_of_uniform_rows(100.0, 64, 1000, 0)
    >>> 15 < gap < 17
    True
    """
    from scipy.special import logsumexp

    rng = stream(seed, "uniform phi")
    if d == 1:
        return log_mean_exp_on_sphere(alpha, d)
    found = [
        float(logsumexp(alpha * (2 * rng.beta((d - 1) / 2, (d - 1) / 2, n - 1) - 1)))
        for _ in range(int(np.clip(_COSINES // n, 32, 1000)))
    ]
    return float(np.mean(found) - np.log(n - 1))


def estimate_eta2(u: F64, v: F64, seed: int) -> float:
    """Estimate the largest correlation of two views by linear functions of them.

    Parameters
    ----------
    u, v : (n, d) array
        Unit rows of the two views.
    seed : int

    Returns
    -------
    float
        First canonical correlation with a ridge, fitted on one random half, read on the other. The
        ridge is the one out of :data:`RIDGES` that reads best on a quarter of the fitting half
        after a fit on the rest of it. Two views of a row drawn alike have this as their η² (for a
        Gaussian channel A²); functions that are not linear may correlate more. Cost O(n d² + d³).
    """
    order = hashed_order(len(u), seed + 1)
    half = len(u) // 2
    fit, held = order[:half], order[half:]
    inner, outer = fit[: 3 * half // 4], fit[3 * half // 4 :]
    best = max(RIDGES, key=lambda ridge: _held_out(u, v, inner, outer, ridge))
    return max(_held_out(u, v, fit, held, best), 0.0)


def _held_out(
    u: F64, v: F64, fit: NDArray[np.int64], held: NDArray[np.int64], ridge: float
) -> float:
    """Correlate the first canonical pair of the fitted rows on the held-out ones."""
    x, y = u[fit] - u[fit].mean(axis=0), v[fit] - v[fit].mean(axis=0)
    roots = []
    for z in (x, y):
        covariance = z.T @ z / len(z)
        values, vectors = np.linalg.eigh(covariance)
        lift = ridge * max(float(values.mean()), 1e-300)
        roots.append((vectors / np.sqrt(values.clip(min=0) + lift)) @ vectors.T)
    left, _, right = np.linalg.svd(roots[0] @ (x.T @ y / len(x)) @ roots[1])
    a, b = u[held] @ (roots[0] @ left[:, 0]), v[held] @ (roots[1] @ right[0])
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
