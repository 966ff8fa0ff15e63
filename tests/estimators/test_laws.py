"""P-values are what they say: Beta in sample, F out of sample, ranks whatever the law."""

import numpy as np
import pytest

from estimators.samples import LAWS, gaussian, within
from gausscheck import GaussianScorer
from gausscheck.estimators.conformal import ConformalRanks
from gausscheck.estimators.gaussian import fit_gaussian
from gausscheck.normality.sphere.lengths import fitted_pvalues, left_out, new_pvalues, new_quantile

LEVELS = (0.5, 0.05, 0.01)


def fits(n, d, repetitions, seed, **options):
    """P-values of rows of the fit and of new rows, a repetition a row."""
    rng = np.random.default_rng(seed)
    inside, outside = [], []
    for _ in range(repetitions):
        x = gaussian(rng, n + 20, d)
        fit = fit_gaussian(x[:n], rng, **options)
        assert fit.exact
        inside.append(fit.fitted_pvalues(fit.distances(x[:n][fit.rows])))
        outside.append(fit.pvalues(fit.distances(x[n:])))
    return np.array(inside), np.array(outside)


@pytest.mark.parametrize(
    ("n", "d", "repetitions"),
    [(8, 5, 1200), (20, 3, 800), (20, 18, 1200), (60, 55, 600), (200, 20, 300)],
)
def test_normal_rows_have_uniform_pvalues_in_and_out_of_the_fit(n, d, repetitions):
    # with chi-square in place of F, or of Beta, every size here fails by far more than 5 sigma
    for p in fits(n, d, repetitions, seed=n + d):
        for level in LEVELS:
            assert within((p <= level).mean(axis=1), level), level


@pytest.mark.parametrize("options", [{"n_components": 4}, {"drop": 3}, {"n_components": 0.8}])
def test_components_that_were_chosen_keep_the_law(options):
    inside, outside = fits(120, 12, 400, seed=7, **options)
    for level in LEVELS:
        assert within((inside <= level).mean(axis=1), level), level
        assert within((outside <= level).mean(axis=1), level), level


def test_components_found_in_the_same_rows_would_not():
    rng = np.random.default_rng(3)
    rates = []
    for _ in range(40):
        x = gaussian(rng, 600, 100)
        centred = x[:300] - x[:300].mean(axis=0)
        values, vectors = np.linalg.eigh(centred.T @ centred / 299)
        y = (x[300:] - x[:300].mean(axis=0)) @ vectors[:, -25:] / np.sqrt(values[-25:])
        rates.append((new_pvalues((y**2).sum(axis=1), 300, 25) <= 0.05).mean())
    assert np.mean(rates) < 0.015  # what finding them on other rows is for


def test_a_row_left_out_is_a_new_row_of_the_others(rng):
    x = rng.standard_t(4, size=(30, 6))
    centred = x - x.mean(axis=0)
    square = np.einsum("ij,ij->i", centred @ np.linalg.inv(np.cov(x.T)), centred)
    alone = left_out(square, 30)
    for i in (0, 7, 29):
        others = np.delete(x, i, axis=0)
        deviation = x[i] - others.mean(axis=0)
        expected = deviation @ np.linalg.solve(np.cov(others.T), deviation)
        assert alone[i] == pytest.approx(expected, rel=1e-9)
    # and so both laws give it the same p-value
    np.testing.assert_allclose(new_pvalues(alone, 29, 6), fitted_pvalues(square, 30, 6), rtol=1e-9)


@pytest.mark.parametrize("level", [0.5, 0.01, 1e-9])
def test_the_quantile_is_where_the_pvalue_is_the_level(level):
    at = np.array([new_quantile(level, 50, 7)])
    assert new_pvalues(at, 50, 7)[0] == pytest.approx(level, rel=1e-9)


# ------------------------------------------------------------------------------------- conformal


@pytest.mark.parametrize("law", LAWS)
def test_conformal_pvalues_hold_whatever_the_law(law):
    rng = np.random.default_rng(11)
    rates = []
    for _ in range(160):
        x = LAWS[law](rng, 330)
        scorer = GaussianScorer(calibration=99, threshold="conformal", random_state=0).fit(x[:300])
        p = scorer.conformal_pvalues(x[300:])
        rates.append([(p <= level).mean() for level in (0.5, 0.05, 0.01)])
    for rate, level in zip(np.transpose(rates), (0.5, 0.05, 0.01), strict=True):
        assert within(rate, level), level  # 99 rows: (0.05 * 100)/100 and so on, exactly


def test_ranks_of_groups_hold_for_new_groups_where_ranks_of_rows_do_not():
    rng = np.random.default_rng(12)
    grouped, single = [], []
    for _ in range(500):
        sizes = rng.choice([1, 20], size=60)  # a row of a small group is as likely as of a large
        member = np.repeat(np.arange(60), sizes)
        scale = np.exp(rng.standard_normal(60)) * np.where(sizes == 1, 4, 1)
        scores = scale[member] * rng.chisquare(5, member.size)
        new = member == 59
        for found, groups in ((grouped, member[~new]), (single, None)):
            p = ConformalRanks.of(scores[~new], groups).pvalues(scores[new])
            found.append((p <= 0.05).mean())
    error = np.std(grouped) / np.sqrt(500)
    assert 0.03 < np.mean(grouped) <= 0.05 + 5 * error
    assert np.mean(single) > 0.12


def test_pvalues_are_ranks_with_ties_on_the_safe_side():
    ranks = ConformalRanks.of(np.array([1.0, 2.0, 2.0, 5.0]))
    np.testing.assert_allclose(ranks.pvalues(np.array([0.0, 2.0, 3.0, 5.0, 6.0])),
                               [1.0, 0.8, 0.4, 0.4, 0.2])  # fmt: skip


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(33), 3)])
@pytest.mark.parametrize("level", [0.005, 0.01, 0.05, 0.3, 0.97])
def test_beyond_the_threshold_is_where_the_pvalue_is_at_most_the_level(rng, level, groups):
    ranks = ConformalRanks.of(np.round(rng.standard_normal(99), 1), groups)
    scores = np.round(rng.standard_normal(400) * 2, 1)
    np.testing.assert_array_equal(
        scores > ranks.threshold(level), ranks.pvalues(scores) <= level + 1e-9
    )
