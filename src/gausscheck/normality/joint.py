"""Tests of joint normality on whitened rows: Mardia, BHEP, Henze-Zirkler, energy.

With y the residuals, mean 0 and (1/n) yᵀy = I in the r dimensions of the range of the covariance,
every statistic here is a function of yᵢ·yⱼ alone: affine invariant, so under normality its law
depends on n and r and on nothing else.
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import Evidence, FloatArray, Law, Spec
from gausscheck.normality.gram import F64, pair_sums, squared_distances
from gausscheck.normality.laws import chi_square, no_law, two_sided_normal, upper_normal

_TENSOR_ROWS = 4096
"""Rows whose third moments are taken at once."""


def residuals_of(evidence: Evidence) -> F64:
    """Return the whitened rows that a joint test reads.

    Raises
    ------
    LookupError
        If they were not gathered.
    """
    if evidence.residuals is None:
        raise LookupError("residuals were not gathered")
    return evidence.residuals


# --- Mardia


def _mardia_skewness(evidence: Evidence) -> FloatArray:
    """N b₁ / 6 with b₁ = (1/n²) Σ (yᵢ·yⱼ)³."""
    y = residuals_of(evidence)
    n, d = y.shape
    if tensor_is_cheaper(n, d):
        return np.array([n / 6 * _third_moments_squared(y)])

    def cube(gram: F64, rows: F64, columns: F64) -> F64:
        return np.array([np.einsum("ij,ij,ij->", gram, gram, gram)])

    return np.asarray(pair_sums(y, cube) / (6 * n))


def tensor_is_cheaper(n: int, d: int) -> bool:
    """Whether d³/6 third moments over n rows cost less than cubes over n²/2 pairs."""
    return d * d < n


def _third_moments_squared(y: F64) -> float:
    """Σ (E y_a y_b y_c)² over all a, b, c: each a ≤ b, c once, weighted by its permutations."""
    n, d = y.shape
    total = 0.0
    for a in range(d):
        moments = np.zeros((d - a, d - a))
        for low in range(0, n, _TENSOR_ROWS):
            part = y[low : low + _TENSOR_ROWS, a:]
            moments += (part * part[:, :1]).T @ part
        square = (moments / n) ** 2
        # of a b c with a the least: 3 places for a where b, c > a; 3 where one equals a; 1 for all
        total += 3 * float(square[1:, 1:].sum()) + 3 * float(square[0, 1:].sum())
        total += float(square[0, 0])
    return total


def _mardia_skewness_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    return chi_square(statistic, d * (d + 1) * (d + 2) / 6)


def _mardia_kurtosis(evidence: Evidence) -> FloatArray:
    """(b₂ − d (d + 2)) / sqrt(8 d (d + 2) / n) with b₂ = (1/n) Σ ‖yᵢ‖⁴."""
    y = residuals_of(evidence)
    n, d = y.shape
    square = np.einsum("ij,ij->i", y, y)
    excess = float((square**2).mean()) - d * (d + 2)
    return np.array([excess / np.sqrt(8 * d * (d + 2) / n)])


# --- empirical characteristic function with weight N(0, beta² I)


def bhep(y: F64, beta: float) -> float:
    """T = n ∫ |φ_n(t) − exp(−|t|²/2)|² N(t; 0, beta² I) dt (Baringhaus & Henze 1988).

    Cost O(n² d / 2).
    """
    n, d = y.shape
    b2 = beta * beta

    def kernel(gram: F64, rows: F64, columns: F64) -> F64:
        distance = squared_distances(gram, rows, columns)
        distance *= -b2 / 2
        return np.array([np.exp(distance, out=distance).sum()])

    pairs = float(pair_sums(y, kernel)[0]) / n
    square = np.einsum("ij,ij->i", y, y)
    middle = np.exp(-b2 / (2 * (1 + b2)) * square).sum()
    return float(pairs - 2 * (1 + b2) ** (-d / 2) * middle + n * (1 + 2 * b2) ** (-d / 2))


def henze_zirkler_beta(n: int, d: float) -> float:
    """Return the smoothing parameter of Henze & Zirkler (1990)."""
    return float(((2 * d + 1) * n / 4) ** (1 / (d + 4)) / np.sqrt(2))


def _unit_smoothing(n: int, d: int) -> float:
    return 1.0


def _bhep(evidence: Evidence) -> FloatArray:
    return np.array([bhep(residuals_of(evidence), 1.0)])


def _henze_zirkler(evidence: Evidence) -> FloatArray:
    y = residuals_of(evidence)
    return np.array([bhep(y, henze_zirkler_beta(*y.shape))])


def _null_moments(beta: float, d: float) -> tuple[float, float]:
    """Mean and variance of the limit law, parameters estimated (Henze & Zirkler 1990)."""
    b2 = beta * beta
    a = 1 + 2 * b2
    w = (1 + b2) * (1 + 3 * b2)
    mean = 1 - a ** (-d / 2) * (1 + d * b2 / a + d * (d + 2) * b2**2 / (2 * a**2))
    variance = (
        2 * (1 + 4 * b2) ** (-d / 2)
        + 2 * a ** (-d) * (1 + 2 * d * b2**2 / a**2 + 3 * d * (d + 2) * b2**4 / (4 * a**4))
        - 4 * w ** (-d / 2) * (1 + 3 * d * b2**2 / (2 * w) + d * (d + 2) * b2**4 / (2 * w**2))
    )
    return mean, variance


def null_sd(beta: float, d: int) -> float:
    """Return the standard deviation of BHEP's limit law at that smoothing."""
    return float(np.sqrt(max(_null_moments(beta, d)[1], 0.0)))


def _henze_zirkler_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    """Log-normal with the limit law's mean and variance (Henze & Zirkler 1990)."""
    mean, variance = _null_moments(henze_zirkler_beta(n, d), d)
    log_mean = np.log(np.sqrt(mean**4 / (variance + mean**2)))
    log_sd = np.sqrt(np.log((variance + mean**2) / mean**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return upper_normal((np.log(statistic) - log_mean) / log_sd)


# --- energy


def mean_distance(square: F64, d: int) -> F64:
    """E‖a − Z‖ for Z ~ N(0, I_d), from ‖a‖².

    It is √2 Γ((d + 1)/2)/Γ(d/2) ₁F₁(−1/2; d/2; −‖a‖²/2), a mean over a Poisson law of mean ‖a‖²/2,
    and nearly linear in sqrt(d + ‖a‖²): it is summed at Chebyshev points there and interpolated,
    where the hypergeometric function overflows from some 250 dimensions on. Relative error below
    1e-12.

    Examples
    --------
    >>> bool(abs(mean_distance(np.zeros(1), 2)[0] - np.sqrt(np.pi / 2)) < 1e-12)
    True
    """
    low, high = np.sqrt(d + square.min()), np.sqrt(d + square.max())
    place = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    nodes = (low + (high - low) * (place + 1) / 2) ** 2 - d
    values = np.array([_mean_distance_at(float(max(node, 0)), d) for node in nodes])
    if high - low < 1e-9 * low:
        return np.full(square.shape, values[0])
    fit = np.polynomial.chebyshev.chebfit(place, values, _NODES - 1)
    at = 2 * (np.sqrt(d + square) - low) / (high - low) - 1
    return np.asarray(np.polynomial.chebyshev.chebval(at, fit))


_NODES = 41


def _mean_distance_at(square: float, d: int) -> float:
    from scipy.special import gammaln, poch

    half = square / 2
    if half == 0:
        return float(np.sqrt(2) * poch(d / 2, 0.5))
    reach = 10 * np.sqrt(half + 1) + 20
    j = np.arange(max(0, int(half - reach)), int(half + reach) + 1)
    weight = np.exp(j * np.log(half) - half - gammaln(j + 1))
    return float(np.sqrt(2) * (weight @ poch(d / 2 + j, 0.5)) / weight.sum())


def _energy(evidence: Evidence) -> FloatArray:
    """N (2 E|y − Z| − E|Z − Z'| − E|y − y'|) with y scaled by the n − 1 covariance."""
    from scipy.special import poch

    y = residuals_of(evidence)
    n, d = y.shape
    z = y * np.sqrt((n - 1) / n)
    shell = float(poch(d / 2, 0.5))  # E‖Z − Z'‖ / 2
    toward = mean_distance(np.einsum("ij,ij->i", z, z), d).sum()

    def kernel(gram: F64, rows: F64, columns: F64) -> F64:
        distance = squared_distances(gram, rows, columns)
        return np.array([np.sqrt(distance, out=distance).sum()])

    within = float(pair_sums(z, kernel)[0]) / n
    return np.array([2 * toward - 2 * n * shell - within])


RESOLUTION = 1e-10
"""Null standard deviation below which rounding drowns a statistic of size one."""

_NULL = "rows are jointly normal with unknown mean and covariance"

MARDIA_SKEWNESS = Spec(
    name="mardia_skewness",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_mardia_skewness,
    law=no_law,
    textbook=_mardia_skewness_textbook,
    holds=lambda n, d: n >= max(200, 100 * d),
    sizes=(5, None),
    null_says=f"{_NULL}; sees third moments alone",
    cost="O(n d³), or O(n² d) where that is less",
    reference="Mardia (1970), Biometrika 57, 519-530",
)

MARDIA_KURTOSIS = Spec(
    name="mardia_kurtosis",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_mardia_kurtosis,
    law=no_law,
    textbook=two_sided_normal,
    holds=lambda n, d: n >= max(200, 50 * d * d),
    two_sided=True,
    sizes=(5, None),
    null_says=f"{_NULL}; sees fourth moments of distances alone",
    cost="O(n d)",
    reference="Mardia (1970), Biometrika 57, 519-530",
)

HENZE_ZIRKLER = Spec(
    name="henze_zirkler",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_henze_zirkler,
    law=no_law,
    textbook=_henze_zirkler_textbook,
    holds=lambda n, d: n >= 50 and d <= 10,
    pairwise=True,
    smoothing=henze_zirkler_beta,
    settles=True,
    sizes=(5, None),
    null_says=f"{_NULL}; smoothing that shrinks with n",
    cost="O(n² d), blocks of the Gram matrix; O(n d) at sampled frequencies for many rows",
    reference="Henze & Zirkler (1990), Communications in Statistics 19, 3595-3617",
)

BHEP = Spec(
    name="bhep",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_bhep,
    law=no_law,
    pairwise=True,
    smoothing=_unit_smoothing,
    settles=True,
    sizes=(5, None),
    null_says=f"{_NULL}; beta = 1",
    cost="O(n² d), blocks of the Gram matrix; O(n d) at sampled frequencies for many rows",
    reference="Baringhaus & Henze (1988), Metrika 35, 339-348",
)

ENERGY = Spec(
    name="energy",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_energy,
    law=no_law,
    pairwise=True,
    settles=True,
    sizes=(5, None),
    null_says=_NULL,
    cost="O(n² d), blocks of the Gram matrix",
    reference="Székely & Rizzo (2005), Journal of Multivariate Analysis 93, 58-80",
)
