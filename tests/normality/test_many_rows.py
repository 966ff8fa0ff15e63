"""Joint tests of more rows than pairs can be summed over."""

from functools import partial

import numpy as np
import pytest

import gausscheck
from gausscheck.normality import TESTS, residuals
from gausscheck.normality import evaluate_rows as rows
from gausscheck.normality.multivariate.bhep import bhep
from gausscheck.normality.multivariate.henze_zirkler import henze_zirkler_beta
from gausscheck.normality.multivariate.sampled_bhep import sampled_bhep
from gausscheck.normality.nulls.simulated import (
    SETTLED_ROWS,
    null_of,
    null_sample,
    simulated_law,
)
from gausscheck.normality.whiten import fit_whitening, whitened_blocks

textbook = partial(gausscheck.evaluate, calibration="textbook")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAUSSCHECK_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("law", ["normal", "student"])
@pytest.mark.parametrize("d", [1, 2, 5, 16])
@pytest.mark.parametrize("smoothing", [lambda n, d: 1.0, henze_zirkler_beta])
def test_sampled_frequencies_agree_with_all_pairs(law, d, smoothing):
    rng = np.random.default_rng([7, d])
    x = rng.standard_normal((3000, d)) if law == "normal" else rng.standard_t(6, (3000, d))
    y, _ = residuals(x)
    beta = smoothing(*y.shape)
    exact = bhep(y, beta)
    found, error = sampled_bhep(lambda a, b: y[a:b], *y.shape, beta)
    assert abs(found - exact) < 5 * error
    assert error < 0.1 * max(exact, 1)


def test_threads_do_not_matter(rng):
    y, _ = residuals(rng.standard_normal((20_000, 4)))
    one = sampled_bhep(lambda a, b: y[a:b], *y.shape, 1.0, threads=1)
    assert one == sampled_bhep(lambda a, b: y[a:b], *y.shape, 1.0, threads=4)


def test_whitening_by_blocks_is_whitening(rng):
    x = (rng.standard_normal((30_000, 6)) @ rng.standard_normal((6, 6)) + 40).astype(np.float32)
    x = x.astype(np.float64)
    near = x[:, :1] + x[:, 1:2] + 1e-4 * rng.standard_normal((30_000, 1))
    x = np.hstack([x, near, x[:, :1] - x[:, 2:3], np.ones((30_000, 1))])
    x[:, 3] *= 1e-6
    mean, back = fit_whitening(x)
    assert back.shape == (9, 7)
    y = whitened_blocks(x, mean, back)(0, len(x))
    np.testing.assert_allclose(y.T @ y / len(y), np.eye(y.shape[1]), atol=1e-6)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("name", ["henze_zirkler", "bhep"])
def test_many_rows_are_estimated_and_say_so(rng, monkeypatch, name):
    x = rng.standard_t(8, (4000, 3)).astype(np.float32)
    exact = textbook(name, x)
    assert exact.standard_error is None
    monkeypatch.setattr(rows, "PAIRS", 1000)
    found = gausscheck.evaluate(name, x)
    assert abs(found.statistic[0] - exact.statistic[0]) < 5 * found.standard_error[0]
    assert found.n == 4000
    assert found.calibration == "monte_carlo"
    assert found.pvalue[0] < 0.01
    assert "standard error" in found.notes[0]
    assert textbook(name, x).pvalue is None  # no textbook law for an estimate


@pytest.mark.parametrize("name", ["energy", "sphere_gine_fn"])
def test_other_sums_over_pairs_take_some_of_the_rows_and_say_so(rng, monkeypatch, name):
    monkeypatch.setattr(rows, "PAIRS", 500**2)
    found = textbook(name, rng.standard_normal((2000, 3)))
    assert found.n == 500
    assert "500 of 2,000 rows" in found.notes[0]


def test_tall_rows_give_the_same_statistics(rng, monkeypatch):
    x = rng.standard_t(6, (5000, 3)) * [1, 1e3, 1e-4] + 7
    plain = [textbook(n, x).statistic[0] for n in ("mardia_skewness", "mardia_kurtosis")]
    monkeypatch.setattr(rows, "TALL", 10)
    tall = [textbook(n, x).statistic[0] for n in ("mardia_skewness", "mardia_kurtosis")]
    np.testing.assert_allclose(tall, plain, rtol=1e-9)


def test_a_settled_law_is_simulated_from_fewer_rows():
    spec = TESTS["energy"]
    assert null_of(spec, 50_000, 3).rows == SETTLED_ROWS
    assert null_of(spec, 50_000, 3).key == null_of(spec, 90_000, 3).key
    assert null_of(spec, 500, 3).rows == 500
    smoothed = TESTS["henze_zirkler"]  # whose smoothing goes on changing with n
    assert null_of(smoothed, 50_000, 3).key != null_of(smoothed, 90_000, 3).key


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n", "d"), [("energy", 4000, 3), ("henze_zirkler", 4000, 12),
                                              ("sphere_bakshaev", 4000, 8)])  # fmt: skip
def test_a_law_has_settled_where_it_is_said_to(name, n, d):
    """P-values at n rows from draws of fewer rows keep their level."""
    spec = TESTS[name]
    null = null_of(spec, n, d)
    assert null.rows < n
    repetitions, draws = 100, 499
    p = []
    for i in range(repetitions):
        rng = np.random.default_rng([20_260_312, i])
        statistic = spec.statistic(null_sample(spec, rng, n, d))
        p.append(simulated_law(spec, statistic, n, d, draws=draws).pvalue[0])
    keeps_level(np.array(p), repetitions, draws)


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 20])
def test_estimates_keep_their_level(monkeypatch, d):
    monkeypatch.setattr(rows, "PAIRS", 0)
    repetitions = 120
    rng = np.random.default_rng([20_260_313, d])
    p = [
        gausscheck.evaluate("bhep", rng.standard_normal((3000, d)).astype(np.float32)).pvalue[0]
        for _ in range(repetitions)
    ]
    keeps_level(np.array(p), repetitions)


def keeps_level(p, repetitions, draws=1999):
    for level in (0.05, 0.01):
        sigma = np.sqrt(level * (1 - level) * (1 / repetitions + 1 / draws))
        assert abs((p <= level).mean() - level) < 5 * sigma
