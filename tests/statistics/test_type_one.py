"""Every p-value of the one-dimensional battery keeps its level at every n that it is offered at.

A reduced form of ``python benchmarks/levels.py directions``, which takes more sizes and samples.
The bound is five standard errors: at 5 % a true level of 6 % would fail at the three smaller sizes,
and one of 8 % at the largest.
"""

import numpy as np
import pytest

from gausscheck.normality import DIRECTION_TESTS, profile

pytestmark = pytest.mark.slow

SIZES = {20: 60_000, 100: 30_000, 1000: 10_000, 5000: 3000, 20_000: 2000}


@pytest.fixture(scope="module")
def outcomes():
    found = {}
    for n, repetitions in SIZES.items():
        x = np.random.default_rng([20_260_303, n]).standard_normal((repetitions, n))
        found[n] = profile(x, effects=False, overwrite=True).outcomes
    return found


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("spec", DIRECTION_TESTS, ids=lambda spec: spec.name)
def test_rejects_a_true_normal_as_often_as_it_says(outcomes, spec, n):
    outcome = outcomes[n][spec.name]
    if spec.sizes[1] is not None and n > spec.sizes[1]:
        assert outcome.pvalue is None
        return
    for level in (0.05, 0.01, 0.001):
        rate = float((outcome.pvalue <= level).mean())
        sigma = np.sqrt(level * (1 - level) / SIZES[n])
        assert abs(rate - level) < 5 * sigma, (spec.name, n, level, rate)
