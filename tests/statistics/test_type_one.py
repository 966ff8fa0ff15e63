"""Every p-value of the one-dimensional battery keeps its level at every n that it is offered at."""

import numpy as np
import pytest

from gausscheck.normality import DIRECTION_TESTS, profile

pytestmark = pytest.mark.slow

SIZES = {20: 40_000, 50: 40_000, 200: 20_000, 1000: 8_000, 5000: 3_000}


@pytest.fixture(scope="module")
def outcomes():
    found = {}
    for n, repetitions in SIZES.items():
        x = np.random.default_rng([20_260_303, n]).standard_normal((repetitions, n))
        found[n] = profile(x, effects=False, overwrite=True).outcomes
    return found


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", [spec.name for spec in DIRECTION_TESTS])
def test_rejects_a_true_normal_as_often_as_it_says(outcomes, name, n):
    outcome = outcomes[n][name]
    for level in (0.05, 0.01):
        rate = float((outcome.pvalue < level).mean())
        sigma = np.sqrt(level * (1 - level) / SIZES[n])
        # published approximations are themselves off by up to a tenth of the level
        assert abs(rate - level) < 5 * sigma + 0.1 * level, (name, n, level, rate)
