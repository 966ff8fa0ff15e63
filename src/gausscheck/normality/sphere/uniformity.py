"""Tests that unit rows are uniform on the sphere, as sums over pairs of angles.

Rows of length one, not centred; p is the dimension they live in. Every statistic is rotation
invariant, so under uniformity its law depends on n and p alone. Where there is no formula
(:func:`by_simulation`), ``normality/nulls/simulated.py`` simulates it, as for ``sphere_pad``.

References: Mardia & Jupp (2000); García-Portugués, Navarro-Esteban & Cuesta-Albertos (2023),
Bernoulli 29, 181-204.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np

from gausscheck.core import F64, FloatArray
from gausscheck.normality.gram import pair_sums, squared_distances
from gausscheck.normality.nodes import gauss_legendre
from gausscheck.normality.nulls.laws import by_simulation, chi_square
from gausscheck.normality.spec import Law, Spec


def _pairs(u: F64, function: Callable[[F64], F64]) -> float:
    """Sum of a function of the chord's square over all ordered pairs."""

    def kernel(gram: F64, rows: F64, columns: F64) -> F64:
        chord2 = np.minimum(squared_distances(gram, rows, columns), 4)
        return np.array([function(chord2).sum()])

    return float(pair_sums(u, kernel)[0])


def _angle(chord2: F64) -> F64:
    return np.asarray(2 * np.arcsin(np.sqrt(chord2) / 2))


def _rayleigh(u: F64) -> FloatArray:
    """P n ‖mean‖²."""
    n, p = u.shape
    return np.array([p * n * float((u.mean(axis=0) ** 2).sum())])


def _rayleigh_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    return chi_square(statistic, d)


def _bingham(u: F64) -> FloatArray:
    """N p (p + 2)/2 (tr S² − 1/p), S the second moments."""
    n, p = u.shape
    second = u.T @ u / n
    return np.array([n * p * (p + 2) / 2 * (float((second**2).sum()) - 1 / p)])


def _bingham_textbook(statistic: FloatArray, n: int, d: float) -> Law:
    return chi_square(statistic, d * (d + 1) / 2 - 1)


def _ajne(u: F64) -> FloatArray:
    """n/4 − (1/(2 π n)) Σ θ over ordered pairs."""
    n = u.shape[0]
    return np.array([n / 4 - _pairs(u, _angle) / (2 * np.pi * n)])


def _gine_gn(u: F64) -> FloatArray:
    """n/2 − (p − 1)/(4 n) (Γ((p − 1)/2)/Γ(p/2))² Σ sin θ over ordered pairs."""
    from scipy.special import gammaln

    n, p = u.shape
    scale = (p - 1) / (4 * n) * np.exp(2 * (gammaln((p - 1) / 2) - gammaln(p / 2)))
    total = _pairs(u, lambda c2: np.sqrt(c2 * (1 - c2 / 4)))
    return np.array([n / 2 - scale * total])


def _gine_fn(u: F64) -> FloatArray:
    """4 Ajne + Gn: sees any departure from uniformity."""
    return np.asarray(4 * _ajne(u) + _gine_gn(u))


def _bakshaev(u: F64) -> FloatArray:
    """N E‖U − V‖ − (1/n) Σ ‖u − v‖ over ordered pairs: the energy distance to uniformity."""
    from scipy.special import gammaln

    n, p = u.shape
    chord = np.exp(2 * gammaln(p / 2) - gammaln(p - 0.5) + (p - 1) * np.log(2)) / np.sqrt(np.pi)
    return np.array([n * chord - _pairs(u, np.sqrt) / n])


def _pcvm(u: F64) -> FloatArray:
    """N ∫ (F_n,γ − F)² dF, averaged over projections γ."""
    return _projected(u, "cvm")


def _pad(u: F64) -> FloatArray:
    """N ∫ (F_n,γ − F)² / (F (1 − F)) dF, averaged over projections γ."""
    return _projected(u, "ad")


def _projected(u: F64, weight: str) -> FloatArray:
    n, p = u.shape
    if weight == "cvm" and p in _CLOSED:
        return np.array([_pairs(u, lambda c2: _CLOSED[p](_angle(c2))) / n])
    grid, values = _kernel(p, weight)
    return np.array([_pairs(u, lambda c2: np.interp(_angle(c2), grid, values)) / n])


def _circle(theta: F64) -> F64:
    turn = theta / (2 * np.pi)
    return np.asarray(1 / 6 + turn * (turn - 1))


def _four(theta: F64) -> F64:
    half = theta / 2
    with np.errstate(invalid="ignore"):
        bend = np.where(theta < np.pi, (np.pi - theta) * np.tan(half), 2.0)
    return np.asarray(_circle(theta) + (bend - 2 * np.sin(half) ** 2) / (4 * np.pi**2))


_CLOSED: dict[int, Callable[[F64], F64]] = {
    2: _circle,
    3: lambda theta: 1 / 6 - np.sin(theta / 2) / 4,
    4: _four,
}
"""ψ of the Cramér-von Mises weight where it has a closed form."""


@lru_cache(maxsize=16)
def _kernel(p: int, weight: str) -> tuple[F64, F64]:
    """Tabulate ψ(θ) = ∫ [P(γ·u ≤ x, γ·v ≤ x) − F(x)²] w dF(x) for u, v at angle θ.

    In the plane of u and v the projection is R (cos a, sin a) with R² ~ Beta(1, (p − 2)/2), and the
    larger of γ·u, γ·v is R cos α with α uniform on [θ/2 − π, θ/2].
    """
    from scipy.interpolate import CubicSpline
    from scipy.special import betainc, betaincinv, betaln

    node, mass = _unit_interval(64)
    rise = np.sin(np.pi * node / 2) ** 2  # crowds nodes at both ends of a panel
    slope = np.pi * np.sin(np.pi * node / 2) * np.cos(np.pi * node / 2) * mass
    reach = float(np.sqrt(betaincinv(0.5, (p - 1) / 2, 1 - 2e-14)))
    fine = np.linspace(0, np.pi, 16385)
    theta = np.pi * (1 - np.cos(np.linspace(0, np.pi, 49))) / 2
    values = np.empty_like(theta)
    for i, angle in enumerate(theta):
        corner = min(float(np.cos(angle / 2)), reach)  # the integrand bends where x passes it
        total = 0.0
        for low, high in pairwise([-reach, -corner, 0.0, corner, reach]):
            if high > low:
                x = low + (high - low) * rise
                inside = betainc(0.5, (p - 1) / 2, x * x)
                u = 0.5 * (1 + np.sign(x) * inside)
                log_density = (p - 3) / 2 * np.log1p(-x * x) - betaln(0.5, (p - 1) / 2)
                du = (high - low) * slope * np.exp(log_density)
                gap = _both_below(x, angle, p) - u**2
                w = 4 / (1 - inside**2) if weight == "ad" else 1.0
                total += float((gap * du * w).sum())
        values[i] = total
    return fine, np.asarray(CubicSpline(theta, values)(fine))


def _unit_interval(n: int) -> tuple[F64, F64]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    node, weight = gauss_legendre(n)
    return (node + 1) / 2, weight / 2


def _both_below(x: F64, theta: float, p: int) -> F64:
    """P(R cos α ≤ x) for α uniform on [θ/2 − π, θ/2]."""
    turn = np.arccos(np.clip(np.abs(x), 0, 1))  # where |cos α| passes |x|
    node, weight = _unit_interval(64)
    total = np.zeros_like(x)
    for end in (np.pi - theta / 2, theta / 2):  # α from 0 to either end
        low = np.where(x >= 0, 0.0, np.minimum(np.pi - turn, end))
        high = np.where(x >= 0, np.minimum(turn, end), end)
        if p > 2:
            # the integrand has a root at the turn: nodes crowd quadratically there
            span = (high - low)[:, None]
            toward = np.where(x[:, None] >= 0, high[:, None] - span * node**2,
                              low[:, None] + span * node**2)  # fmt: skip
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.clip((x[:, None] / np.cos(toward)) ** 2, 0, 1)
            outside = (span * 2 * node * (1 - ratio) ** ((p - 2) / 2)) @ weight
        else:
            outside = high - low
        total += np.where(x >= 0, end - outside, outside)
    return np.asarray(total / np.pi)


_NULL = "unit rows are uniform on the sphere"
_PAIRS = "O(n² p), blocks of the Gram matrix"


def _spec(
    name: str,
    statistic: Callable[[F64], FloatArray],
    sees: str,
    cost: str,
    reference: str,
    textbook: Callable[[FloatArray, int, float], Law] | None = None,
) -> Spec:
    return Spec(
        name=name,
        scope="sphere",
        null="simple",
        needs="unit",
        statistic=statistic,
        law=by_simulation,
        textbook=textbook,
        holds=None if textbook is None else lambda n, d: n >= 50,
        pairwise=cost is _PAIRS,
        settles=True,
        sizes=(5, None),
        null_says=f"{_NULL}; {sees}",
        cost=cost,
        reference=reference,
    )


SPHERE_TESTS = (
    _spec("sphere_rayleigh", _rayleigh, "sees a mean direction", "O(n p)",
          "Rayleigh (1919); Mardia & Jupp (2000)", _rayleigh_textbook),
    _spec("sphere_bingham", _bingham, "sees unequal second moments", "O(n p²)",
          "Bingham (1974)", _bingham_textbook),
    _spec("sphere_ajne", _ajne, "sees asymmetry between hemispheres", _PAIRS,
          "Ajne (1968); Prentice (1978)"),
    _spec("sphere_gine_gn", _gine_gn, "sees symmetric departures", _PAIRS,
          "Giné (1975), Annals of Statistics 3, 1243-1266"),
    _spec("sphere_gine_fn", _gine_fn, "sees any departure", _PAIRS,
          "Giné (1975), Annals of Statistics 3, 1243-1266"),
    _spec("sphere_bakshaev", _bakshaev, "sees any departure", _PAIRS,
          "Bakshaev (2010), Lithuanian Mathematical Journal 50, 151-162"),
    _spec("sphere_pcvm", _pcvm, "sees any departure, through projections", _PAIRS,
          "García-Portugués et al. (2023), Bernoulli 29, 181-204"),
    _spec("sphere_pad", _pad, "sees any departure, through projections, weighing tails", _PAIRS,
          "García-Portugués et al. (2023), Bernoulli 29, 181-204"),
)  # fmt: skip
