"""Sizes of a deviation, and the rows that detect one."""

import numpy as np
import pytest

from gausscheck.config import AD_THRESHOLD
from gausscheck.normality import A0, L_KURTOSIS_NORMAL, profile
from gausscheck.normality.engine.effects import rows_to_detect


def test_the_l_kurtosis_of_a_normal_is_an_integral():
    from scipy.integrate import quad
    from scipy.special import ndtri

    def moment(polynomial):
        return quad(lambda u: ndtri(u) * polynomial(2 * u - 1), 1e-14, 1 - 1e-14, limit=500)[0]

    second = moment(lambda v: v)
    fourth = moment(np.polynomial.legendre.Legendre([0, 0, 0, 1]))
    assert pytest.approx(fourth / second, abs=1e-6) == L_KURTOSIS_NORMAL


def test_no_deviation_is_never_detected():
    assert rows_to_detect(0.0) is None
    assert rows_to_detect(-1e-5) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "law",
    [
        lambda rng, shape: rng.standard_t(10, shape),
        lambda rng, shape: rng.standard_normal(shape) + 0.8 * rng.laplace(size=shape),
        lambda rng, shape: rng.gamma(60, size=shape),
        lambda rng, shape: 4 * rng.random(shape) + rng.standard_normal(shape),
        lambda rng, shape: rng.standard_normal(shape) + 1.0 * np.sign(rng.random(shape) - 0.5),
    ],
    ids=["t10", "Laplace mixture", "skewed", "uniform mixture", "two humps"],
)
def test_half_of_samples_are_detected_at_that_many_rows(law):
    """The mean of A*² reaches its limit at (limit − a0)/delta, where power is .40 to .46."""
    rng = np.random.default_rng(20_261_129)
    long = profile(law(rng, (60, 100_000)), tests=("anderson_darling",), effects=False)
    n = round(rows_to_detect(float(long.ad_star.mean() - A0) / long.n))
    found = profile(law(rng, (3000, n)), tests=("anderson_darling",), effects=False)
    assert 0.465 < (found.ad_star > AD_THRESHOLD).mean() < 0.55
