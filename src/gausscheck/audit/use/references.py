"""What whitened lengths are set beside: the normalised Gaussian twin, and shrunk covariances."""

from __future__ import annotations

import numpy as np

from gausscheck.audit.use.whitened_lengths import (
    LEVELS,
    FittedRows,
    LengthLaw,
    cumulative_squares,
    fit_rows,
)
from gausscheck.core import F64
from gausscheck.report.use import KEYS, PlugIn

TWIN_ROWS = 20_000
"""The most rows of one twin."""

TWIN_LEAST = 2_000
"""Rows that several small twins have together."""


def normalised_twin(
    fitted: FittedRows, n: int, ks: tuple[int, ...], rng: np.random.Generator
) -> F64:
    """Return the rates of Gaussian rows that were divided by their lengths, ``(K, 3)``.

    Parameters
    ----------
    fitted : FittedRows
        Its mean and covariance are the twin's. What the mean has outside the span of the rows is
        the same in every row unless these are too few to tell: the twin is normalised within the
        span, where rows of one length lie on a sphere too.
    n : int
        Rows of the data.
    ks : tuple of int
    rng : numpy.random.Generator

    Returns
    -------
    (K, 3) array
        Shares beyond the 5, 1 and 0.1 % limits of min(n, 20,000) rows drawn from N(mean,
        covariance), each normalised, all whitened by their own fit; of several such draws where
        n < 1,000. Monte Carlo: a share p has a standard error of about sqrt(p / rows). Where the
        twin has fewer components than k, its last ones. Cost 3 m r² for m rows of rank r, and one
        eigendecomposition: nothing d x d where n <= d.
    """
    m = min(n, TWIN_ROWS)
    draws = max(1, TWIN_LEAST // m)
    beside = fitted.mean_beside if fitted.values.size >= fitted.n - 1 else 0.0
    total = np.zeros((len(ks), len(LEVELS)))
    for _ in range(draws):
        rows = rng.standard_normal((m, fitted.values.size)) * np.sqrt(fitted.values)
        rows += fitted.mean_along
        square = np.einsum("ij,ij->i", rows, rows) + beside**2
        length = np.sqrt(square)[:, None]
        rows /= length
        if beside:
            rows = np.hstack([rows, beside / length])
        twin = fit_rows(rows)
        kept = tuple(k for k in ks if k <= twin.of)
        law = LengthLaw.of(m, kept, bins=2)
        h = cumulative_squares(twin.y, kept) / (m - 1)
        rates = (h[:, :, None] > law.limits).mean(axis=0)
        total += rates[np.minimum(np.arange(len(ks)), len(kept) - 1)]
    return total / draws


def plug_in_rates(fitted: FittedRows, d: int) -> PlugIn:
    """Measure chi-square thresholds under the estimated and the Ledoit-Wolf covariance.

    Parameters
    ----------
    fitted : FittedRows
    d : int
        Dimensions of the rows. Where n > d + 1, the rank takes its place: null directions carry
        no length.

    Returns
    -------
    PlugIn
        Shares of the rows that ``fitted`` holds. Cost O(m r) for m of them: a covariance without
        row i differs by one rank-one term (the intensity and the target's scale, which one row
        hardly moves, stay).

    References
    ----------
    Ledoit & Wolf (2004), J. Multivariate Analysis 88, 365-411.
    """
    from scipy.special import chdtri

    n, r = fitted.n, fitted.y.shape[1]
    p = d if n <= d + 1 else r
    square = fitted.y**2
    fourth = float(((square @ fitted.values) ** 2).mean())
    shrinkage, scale = ledoit_wolf(fourth, fitted.values, n, p)
    limits = chdtri(p, np.array(LEVELS))

    def shares(intensity: float) -> dict[str, float]:
        lengths = held_out_lengths(square, fitted.values, n, intensity, scale)
        return {
            key: float((lengths > limit).mean()) for key, limit in zip(KEYS, limits, strict=True)
        }

    plain = shares(0.0) if n - 2 >= r and p == r else None
    return PlugIn(shrinkage, p, shares(shrinkage), plain)


def ledoit_wolf(fourth: float, values: F64, n: int, p: int) -> tuple[float, float]:
    """Return the intensity of shrinkage towards scale * I, and the scale.

    Parameters
    ----------
    fourth : float
        Mean of the fourth powers of the lengths of centred rows.
    values : (r,) array
        Eigenvalues of the n - 1 covariance.
    n : int
        Rows.
    p : int
        Dimensions, p - r of which have no spread.
    """
    spread = values * ((n - 1) / n)
    scale = float(spread.sum()) / p
    trace2 = float((spread**2).sum())
    noise = (fourth - trace2) / n
    distance = trace2 - p * scale**2
    return (1.0 if distance <= noise else max(noise / distance, 0.0)), scale


def held_out_lengths(square: F64, values: F64, n: int, shrinkage: float, scale: float) -> F64:
    """Return each row's squared length by the mean and shrunk covariance of the other n - 1 rows.

    With v the centred row, a = shrinkage and S the n - 1 covariance of all rows, the covariance
    without it is B - c v v', B = (1 - a) S + a scale I, c = (1 - a) n/(n - 1)² (its 1/n form), and
    its deviation from the others' mean n/(n - 1) v. By Sherman & Morrison, with q = v' B⁻¹ v, the
    length is (n/(n - 1))² q / (1 - c q): infinite for a row that alone spans a direction.
    """
    grown = n / (n - 1)
    base = (1 - shrinkage) * values + shrinkage * scale
    q = square @ (values / base)
    left = 1 - (1 - shrinkage) * grown / (n - 1) * q
    return np.asarray(
        np.where(left > 1e-12, grown**2 * q / np.where(left > 1e-12, left, 1), np.inf)
    )
