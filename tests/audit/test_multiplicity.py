"""Holm on logarithms of p-values."""

import numpy as np
from scipy.stats import false_discovery_control

from gausscheck.audit.multiplicity import benjamini_hochberg, holm


def test_a_pvalue_that_underflows_counts_as_a_hypothesis():
    logs = np.array([-np.inf, np.log(0.04), np.log(0.04)])
    assert holm(logs, 0.05).tolist() == [True, False, False]


def test_nan_is_not_rejected_and_does_not_count():
    logs = np.log([0.02, np.nan, 0.04])
    assert holm(logs, 0.05).tolist() == [True, False, True]
    p = np.array([0.01, np.nan, 0.2])
    expected = false_discovery_control(p[[0, 2]]) <= 0.05
    assert benjamini_hochberg(p, 0.05)[[0, 2]].tolist() == expected.tolist()


def test_holm_steps_down(rng):
    for _ in range(20):
        p = rng.uniform(size=6) ** 4
        adjusted = np.maximum.accumulate(np.sort(p) * np.arange(6, 0, -1))
        expected = np.empty(6, dtype=bool)
        expected[np.argsort(p)] = adjusted <= 0.05
        np.testing.assert_array_equal(holm(np.log(p), 0.05), expected)
