"""The law of the mean A*² over correlated directions: against exact values and simulation."""

import numpy as np
import pytest

from gausscheck.normality import A0, anderson_darling_pvalue, profile
from gausscheck.normality.nulls.mean_ad import hermite_kernel, mean_ad_law


def equal(k, rho):
    return rho + (1 - rho) * np.eye(k)


def low_rank(k, rank):
    factors = np.random.default_rng(1).standard_normal((k, rank))
    covariance = factors @ factors.T
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale)


def test_weights_are_the_known_ones():
    """Leading weights of A² with mean and variance estimated, from its covariance kernel."""
    from scipy.special import ndtr, ndtri

    u = (np.arange(900) + 0.5) / 900
    t = ndtri(u)
    density = np.exp(-t * t / 2) / np.sqrt(2 * np.pi)
    kernel = np.minimum.outer(u, u) - np.outer(u, u)
    kernel -= np.outer(density, density) * (1 + np.outer(t, t) / 2)
    scale = np.sqrt(ndtr(t) * ndtr(-t))
    want = np.linalg.eigvalsh(kernel / np.outer(scale, scale) / u.size)[::-1]
    got = np.linalg.eigvalsh(hermite_kernel(60))[::-1]
    np.testing.assert_allclose(got[:4], want[:4], rtol=5e-3)


def test_one_direction_is_its_own_test():
    x = np.array([0.5, 0.631, 0.752, 0.873])
    np.testing.assert_allclose(
        mean_ad_law(x, np.eye(1)).pvalue, anderson_darling_pvalue(x), rtol=0.1
    )


def test_equal_directions_are_one_and_independent_ones_average():
    x = np.array([0.4, 0.6, 0.9])
    same = mean_ad_law(x, np.ones((5, 5))).pvalue
    np.testing.assert_allclose(same, mean_ad_law(x, np.eye(1)).pvalue, rtol=0.06)
    many = mean_ad_law(np.array([A0 + 0.02]), np.eye(400)).pvalue[0]
    assert many == pytest.approx(0.0189, rel=0.15)  # 2.1 standard deviations of .19/20


def test_far_tails_have_logarithms():
    law = mean_ad_law(np.array([400.0]), np.eye(3))
    assert law.pvalue[0] == 0
    assert -8000 < law.log_pvalue[0] < -6000  # −x k/(2 λ) = −6,100 is the exact law's


@pytest.mark.slow
@pytest.mark.parametrize(
    "correlation",
    [np.eye(16), equal(16, 0.9), equal(48, 0.5), low_rank(48, 3)],
    ids=["independent", "equal .9", "equal .5", "rank 3"],
)
def test_the_level_is_kept(correlation):
    """A level of 6.3 % at nominal 5 % would fail."""
    rng = np.random.default_rng(20_261_127)
    k, n, repetitions = len(correlation), 150, 6000
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(values.clip(0))
    block = (root @ rng.standard_normal((k, repetitions * n))).reshape(-1, n)
    found = profile(block, tests=("anderson_darling",), effects=False, overwrite=True)
    p = mean_ad_law(found.ad_star.reshape(k, repetitions).mean(axis=0), correlation).pvalue
    for level in (0.05, 0.01):
        sigma = np.sqrt(level * (1 - level) / repetitions)
        assert abs((p <= level).mean() - level) < 4 * sigma + 0.05 * level
