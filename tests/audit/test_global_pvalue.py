"""One p-value for all directions of a level."""

import numpy as np
import pytest
from scipy import stats

import gausscheck
from gausscheck.audit.global_pvalue import cauchy, global_pvalue
from gausscheck.core import Directions
from gausscheck.passes.scatter import ScatterMatrix


def rows_with(covariance, rng, n):
    return rng.standard_normal((n, len(covariance))) @ np.linalg.cholesky(covariance).T


def ask(x):
    from gausscheck.normality import profile

    found = profile(np.ascontiguousarray(x.T), tests=("anderson_darling",), effects=False)
    names = tuple(map(str, range(x.shape[1])))
    axes = Directions.of_axes(x.shape[1], np.arange(x.shape[1]), names)
    log_p = np.asarray(found.outcomes["anderson_darling"].log_pvalue)
    return global_pvalue(ScatterMatrix(np.cov(x.T)), axes, found.ad_star, log_p)


def test_cauchy_is_scipys_combination():
    p = np.random.default_rng(0).random(40)
    want = stats.cauchy.sf(np.mean(stats.cauchy.isf(p)))
    assert cauchy(np.log(p)) == pytest.approx(want)
    assert cauchy(np.array([-800.0, np.log(0.5)])) < 1e-200


def test_strong_deviations_are_seen(rng):
    found = ask(rng.laplace(size=(500, 10)))
    assert found.pvalue < 1e-6
    assert found.cauchy < 1e-4


@pytest.mark.slow
def test_the_level_is_kept_when_directions_are_correlated():
    rng = np.random.default_rng(20_260_314)
    covariance = 0.9 + 0.1 * np.eye(16)
    repetitions = 300
    found = [ask(rows_with(covariance, rng, 150)) for _ in range(repetitions)]
    for key in ("pvalue", "cauchy"):
        rate = np.mean([getattr(f, key) <= 0.05 for f in found])
        assert rate < 0.05 + 5 * np.sqrt(0.05 * 0.95 / repetitions)
    assert np.mean([f.pvalue <= 0.05 for f in found]) > 0.005


def test_every_level_of_directions_has_one(rng):
    report = gausscheck.analyze(
        rng.standard_normal((600, 6)), directions="axes,random:12,ica:3", levels="none"
    )
    assert all(0 < v.global_test.pvalue <= 1 for v in report.levels.values())
