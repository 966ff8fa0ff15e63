"""Mardia's skewness and kurtosis of whole rows."""

from __future__ import annotations

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.gram import pair_sums
from gausscheck.normality.nulls.laws import by_simulation, chi_square, two_sided_normal
from gausscheck.normality.spec import WHOLE_ROWS_NULL, Law, Spec

_TENSOR_ROWS = 4096
"""Rows whose third moments are taken at once."""


def _mardia_skewness(y: F64) -> FloatArray:
    """N b₁ / 6 with b₁ = (1/n²) Σ (yᵢ·yⱼ)³."""
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


def _mardia_kurtosis(y: F64) -> FloatArray:
    """(b₂ − d (d + 2)) / sqrt(8 d (d + 2) / n) with b₂ = (1/n) Σ ‖yᵢ‖⁴."""
    n, d = y.shape
    square = np.einsum("ij,ij->i", y, y)
    excess = float((square**2).mean()) - d * (d + 2)
    return np.array([excess / np.sqrt(8 * d * (d + 2) / n)])


MARDIA_SKEWNESS = Spec(
    name="mardia_skewness",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_mardia_skewness,
    law=by_simulation,
    textbook=_mardia_skewness_textbook,
    holds=lambda n, d: n >= max(200, 100 * d),
    sizes=(5, None),
    null_says=f"{WHOLE_ROWS_NULL}; sees third moments alone",
    cost="O(n d³), or O(n² d) where that is less",
    reference="Mardia (1970), Biometrika 57, 519-530",
)


MARDIA_KURTOSIS = Spec(
    name="mardia_kurtosis",
    scope="joint",
    null="composite",
    needs="residuals",
    statistic=_mardia_kurtosis,
    law=by_simulation,
    textbook=two_sided_normal,
    holds=lambda n, d: n >= max(200, 50 * d * d),
    two_sided=True,
    sizes=(5, None),
    null_says=f"{WHOLE_ROWS_NULL}; sees fourth moments of distances alone",
    cost="O(n d)",
    reference="Mardia (1970), Biometrika 57, 519-530",
)
