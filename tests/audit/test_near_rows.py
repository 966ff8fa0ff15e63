"""Rows that equal another but for their last digits are noticed, and left out together."""

from __future__ import annotations

import numpy as np
import pytest

import gausscheck
from gausscheck.audit.noticed import near_rows

QUICK = {"directions": "axes", "levels": "none", "threads": 1}


def copies(x, times, noise, rng):
    """Copies of rows with relative noise, shuffled."""
    many = [x * (1 + noise * rng.standard_normal(x.shape)) for _ in range(times)]
    return rng.permutation(np.concatenate(many))


def found_in(report):
    return {one.kind: one for one in report.noticed}


@pytest.mark.parametrize("noise", [1e-7, 1e-6, 1e-4, 1e-3])
@pytest.mark.parametrize("d", [4, 8, 48])
def test_copies_with_noise_are_found(d, noise):
    if d < 8 and noise > 1e-4:
        pytest.skip("in so few dimensions rows are as near by chance")
    rng = np.random.default_rng(0)
    x = copies(rng.standard_normal((500, d)), 4, noise, rng)
    first = near_rows(x, x)
    assert np.unique(first).size == pytest.approx(500, abs=10)


@pytest.mark.parametrize("d", [2, 4, 5, 8, 32])
@pytest.mark.parametrize("law", ["normal", "cauchy", "scales", "clusters", "relu"])
def test_rows_of_a_law_are_not_near(law, d):
    rng = np.random.default_rng(1)
    n = 6000
    x = {
        "normal": lambda: rng.standard_normal((n, d)),
        "cauchy": lambda: rng.standard_cauchy((n, d)),
        "scales": lambda: rng.standard_normal((n, d)) * rng.gamma(0.3, size=(n, 1)),
        "clusters": lambda: (
            rng.standard_normal((20, d))[rng.integers(20, size=n)]
            + 0.1 * rng.standard_normal((n, d))
        ),
        "relu": lambda: np.maximum(rng.standard_normal((n, d)), 0),
    }[law]()
    x = np.unique(x, axis=0)
    y = (x - x.mean(axis=0)) / x.std(axis=0)
    again = np.flatnonzero(near_rows(y, x) != np.arange(len(y)))
    assert again.size == 0


def test_gaussian_rows_embedded_twice_are_not_called_otherwise():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x = copies(rng.standard_normal((600, 24)), 4, 1e-6, rng).astype(np.float32)
        report = gausscheck.analyze(x, directions="axes,random:64", threads=1)
        near = found_in(report)["near_duplicates"]
        assert "1,800 of 2,400 rows" in near.text
        assert report.verdict.status != "not_gaussian"
        assert report.why_no_pvalues is not None


def test_intervals_of_near_copies_are_those_of_exact_ones():
    widths = {}
    for noise in (0.0, 1e-6):
        rng = np.random.default_rng(5)
        x = rng.standard_normal((600, 16)) * np.exp(0.3 * rng.standard_normal((600, 1)))
        rate = gausscheck.analyze(copies(x, 5, noise, rng), **QUICK).use.false_alarm["0.01"]
        widths[noise] = rate.ci[1] - rate.ci[0]
    assert widths[1e-6] == pytest.approx(widths[0.0], rel=0.4)


def test_a_few_near_rows_are_named_and_left_where_they_are():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((3000, 12))
    x[2990:] = x[:10] + 1e-6
    report = gausscheck.analyze(x, **QUICK)
    assert found_in(report)["near_duplicates"].rows == tuple(range(2990, 3000))
    assert report.why_no_pvalues is None
