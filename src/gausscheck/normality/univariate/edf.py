"""Tests that compare the empirical distribution function with the fitted normal one.

With z sorted and standardised (n − 1) and u = Φ(z), i = 1..n:

- A² = −n − (1/n) Σ (2i − 1) [log u_i + log(1 − u_{n+1−i})]
- W² = 1/(12 n) + Σ (u_i − (2i − 1)/(2n))²
- D = max(i/n − u_i, u_i − (i − 1)/n)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import FloatArray
from gausscheck.normality.nulls.tables import table_law
from gausscheck.normality.spec import ONE_DIRECTION_NULL, Law, Ordered, Spec

AD_FLOOR = 3.7e-24
"""Where the published approximation of the Anderson-Darling p-value ends."""

CVM_FLOOR = 7.37e-10
"""Where that of the Cramér-von Mises p-value ends."""


@lru_cache(maxsize=8)
def _ranks(n: int) -> NDArray[np.float64]:
    """Return 1..n."""
    ranks = np.arange(1, n + 1, dtype=np.float64)
    ranks.flags.writeable = False
    return ranks


def _anderson_darling(samples: Ordered) -> FloatArray:
    n = samples.n
    odd = 2 * _ranks(n) - 1
    total = np.einsum("ij,j->i", samples.log_cdf, odd)
    total += np.einsum("ij,j->i", samples.log_sf, odd[::-1])
    return np.asarray(-n - total / n)


def ad_star(a2: FloatArray, n: int) -> FloatArray:
    """Return A*² = A² (1 + 0.75/n + 2.25/n²), whose null law hardly depends on n."""
    return np.asarray(a2 * (1 + 0.75 / n + 2.25 / n**2))


def _anderson_darling_law(statistic: FloatArray, n: int, d: int) -> Law:
    log_p, far = _ad_log_pvalue(ad_star(statistic, n))
    notes = (f"p <= {AD_FLOOR:g} where it says {AD_FLOOR:g}",) if far else ()
    return Law(np.exp(log_p), log_p, "asymptotic", notes)


def anderson_darling_pvalue(modified: FloatArray) -> FloatArray:
    """P-value of A*², mean and variance estimated (D'Agostino & Stephens 1986, Table 4.9).

    Examples
    --------
    >>> round(float(anderson_darling_pvalue(np.array([0.752]))[0]), 3)
    0.05
    """
    return np.asarray(np.exp(_ad_log_pvalue(modified)[0]))


def _ad_log_pvalue(a: FloatArray) -> tuple[FloatArray, bool]:
    """Log p-value of A*², and whether any lies beyond the approximation's range."""
    with np.errstate(over="ignore", invalid="ignore"):
        low = np.where(
            a < 0.2,
            np.log(-np.expm1(-13.436 + 101.14 * a - 223.73 * a * a)),
            np.log(-np.expm1(-8.318 + 42.796 * a - 59.938 * a * a)),
        )
        high = np.where(
            a < 0.6, 0.9177 - 4.279 * a - 1.38 * a * a, 1.2937 - 5.709 * a + 0.0186 * a * a
        )
    log_p = np.where(a < 0.34, low, high)
    return np.where(a >= 10, np.log(AD_FLOOR), log_p), bool(np.any(a >= 10))


def _cramer_von_mises(samples: Ordered) -> FloatArray:
    n = samples.n
    gap = samples.cdf - (2 * _ranks(n) - 1) / (2 * n)
    return np.asarray(1 / (12 * n) + np.einsum("ij,ij->i", gap, gap))


def _cramer_von_mises_law(statistic: FloatArray, n: int, d: int) -> Law:
    """Evaluate D'Agostino & Stephens (1986), case 3, from W*² = W² (1 + 0.5/n)."""
    w = np.asarray(statistic * (1 + 0.5 / n))
    with np.errstate(over="ignore", invalid="ignore"):
        low = np.where(
            w < 0.0275,
            np.log(-np.expm1(-13.953 + 775.5 * w - 12542.61 * w * w)),
            np.log(-np.expm1(-5.903 + 179.546 * w - 1515.29 * w * w)),
        )
        high = np.where(
            w < 0.092, 0.886 - 31.62 * w + 10.897 * w * w, 1.111 - 34.242 * w + 12.832 * w * w
        )
    log_p = np.where(w < 0.051, low, high)
    log_p = np.where(w >= 1.1, np.log(CVM_FLOOR), log_p)
    notes = (f"p <= {CVM_FLOOR:g} where it says {CVM_FLOOR:g}",) if np.any(w >= 1.1) else ()
    return Law(np.exp(log_p), log_p, "asymptotic", notes)


def kolmogorov(samples: Ordered) -> FloatArray:
    """Largest distance between the empirical and the fitted normal CDF, shape (k,)."""
    n = samples.n
    above = _ranks(n) / n - samples.cdf
    high = above.max(axis=1)
    return np.asarray(np.maximum(high, 1 / n - above.min(axis=1)))


def modified_kolmogorov(distance: FloatArray, n: int) -> FloatArray:
    """Return D* = D (√n − 0.01 + 0.85/√n), whose null law changes little with n (Stephens 1974)."""
    return np.asarray((np.sqrt(n) - 0.01 + 0.85 / np.sqrt(n)) * distance)


def _lilliefors_law(statistic: FloatArray, n: int, d: int) -> Law:
    """Look D* up; beyond the table its law falls like exp(−x²/(2 s²)).

    s² = 1/4 − 1/(2π) is the variance of the fitted empirical process where it is widest, at the
    mean; the limit law falls so, and at finite n D* falls faster.
    """
    if n < 8:
        return _lilliefors_textbook(statistic, n, d)
    return table_law("lilliefors", modified_kolmogorov(statistic, n), n, fall=KOLMOGOROV_FALL)


KOLMOGOROV_FALL = 1 / (0.5 - 1 / np.pi)
"""1/(2 s²)."""


def _lilliefors_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    """Dallal & Wilkinson (1986) where it gives p < 0.1, Stephens' modified D above."""
    scale, size = (1.0, n) if n <= 100 else ((n / 100) ** 0.49, 100)
    dist = statistic * scale
    log_p = (
        -7.01256 * dist**2 * (size + 2.78019)
        + 2.99587 * dist * np.sqrt(size + 2.78019)
        - 0.122119
        + 0.974598 / np.sqrt(size)
        + 1.67997 / size
    )
    kk = modified_kolmogorov(statistic, n)
    wide = np.select(
        [kk <= 0.302, kk <= 0.5, kk <= 0.9, kk <= 1.31],
        [
            np.ones_like(kk),
            np.polyval([81.218052, -138.55152, 80.709644, -19.828315, 2.76773], kk),
            np.polyval([-32.355711, 94.029866, -97.490286, 40.662806, -4.901232], kk),
            np.polyval([2.423045, -12.234627, 23.186922, -19.558097, 6.198765], kk),
        ],
        default=0.0,
    )
    small = log_p <= np.log(0.1)
    p = np.where(small, np.exp(log_p), np.clip(wide, 0.0, 1.0))
    with np.errstate(divide="ignore"):
        return Law(p, np.where(small, log_p, np.log(p)), "asymptotic")


_COST = "O(n log n k), one sort shared with the other tests of this family"

ANDERSON_DARLING = Spec(
    name="anderson_darling",
    scope="direction",
    null="composite",
    needs="ordered",
    statistic=_anderson_darling,
    law=_anderson_darling_law,
    sizes=(8, None),
    null_says=f"{ONE_DIRECTION_NULL}; weighs the tails",
    cost=_COST,
    reference="Anderson & Darling (1952); D'Agostino & Stephens (1986), Table 4.9",
)

CRAMER_VON_MISES = Spec(
    name="cramer_von_mises",
    scope="direction",
    null="composite",
    needs="ordered",
    statistic=_cramer_von_mises,
    law=_cramer_von_mises_law,
    sizes=(8, None),
    null_says=ONE_DIRECTION_NULL,
    cost=_COST,
    reference="D'Agostino & Stephens (1986), Table 4.9",
)

LILLIEFORS = Spec(
    name="lilliefors",
    scope="direction",
    null="composite",
    needs="ordered",
    statistic=kolmogorov,
    law=_lilliefors_law,
    textbook=_lilliefors_textbook,
    sizes=(5, None),
    null_says=ONE_DIRECTION_NULL,
    cost=_COST,
    reference="Lilliefors (1967); Dallal & Wilkinson (1986), American Statistician 40, 294-296",
)
