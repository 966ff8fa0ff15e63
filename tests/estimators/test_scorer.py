import numpy as np
import pytest
from scipy.stats import chi2, multivariate_normal

from estimators.samples import clusters, gaussian, student
from gausscheck import GausscheckError, GaussianScorer
from gausscheck.estimators.validity import held_out_rate, holds
from gausscheck.report.use import Rate


@pytest.fixture
def fitted(rng):
    x = gaussian(rng, 2000)
    return x, GaussianScorer(random_state=0).fit(x)


def test_scores_are_log_densities_of_whitened_rows(fitted, rng):
    x, scorer = fitted
    rows = x[scorer.fit_rows_]
    new = gaussian(rng, 50)
    density = multivariate_normal(rows.mean(axis=0), np.cov(rows.T))
    np.testing.assert_allclose(
        scorer.score_samples(new) - scorer.log_determinant_ / 2, density.logpdf(new), rtol=1e-9
    )
    square = scorer.mahalanobis(new)
    np.testing.assert_allclose(
        scorer.score_samples(new), -(6 * np.log(2 * np.pi) + square) / 2, rtol=1e-12
    )
    told = scorer.all_scores(new)
    assert list(told) == ["distance2", "log_density", "p", "conformal_p"]
    np.testing.assert_array_equal(told["p"], scorer.pvalues(new))
    np.testing.assert_array_equal(told["conformal_p"], scorer.conformal_pvalues(new))


def test_held_out_rows_are_not_in_the_fit(fitted):
    x, scorer = fitted
    assert (scorer.n_fit_, scorer.calibration_rows_.size) == (1500, 500)
    assert np.intersect1d(scorer.fit_rows_, scorer.calibration_rows_).size == 0
    np.testing.assert_allclose(scorer.location_, x[scorer.fit_rows_].mean(axis=0))
    np.testing.assert_array_equal(
        scorer.pvalues_[scorer.calibration_rows_], scorer.pvalues(x[scorer.calibration_rows_])
    )
    assert not np.allclose(scorer.pvalues_[scorer.fit_rows_], scorer.pvalues(x[scorer.fit_rows_]))


@pytest.mark.parametrize(("law", "threshold"), [(gaussian, "gaussian"), (student, "conformal")])
def test_predict_uses_the_pvalues_that_hold(rng, law, threshold):
    scorer = GaussianScorer(alpha=0.02, random_state=0).fit(law(rng, 4000))
    assert scorer.threshold_ == threshold
    new = law(rng, 4000)
    p = scorer.pvalues(new) if threshold == "gaussian" else scorer.conformal_pvalues(new)
    np.testing.assert_array_equal(scorer.predict(new) == -1, p <= 0.02)
    rate = (scorer.predict(new) == -1).mean()
    assert abs(rate - 0.02) < 5 * np.sqrt(0.02 * 0.98 * (1 / 4000 + 1 / 1000))


def test_pvalues_are_not_called_valid_on_too_few_rows(rng):
    few = GaussianScorer(random_state=0).fit(gaussian(rng, 300))
    assert few.false_alarm_ is not None
    assert not few.pvalues_valid_  # 225 rows cannot show that 1 % is 1 %
    tiny = GaussianScorer(random_state=0, threshold="gaussian").fit(gaussian(rng, 40))
    assert tiny.false_alarm_ is None


def test_a_rate_holds_by_the_upper_end_of_its_interval():
    def rate(low, high):
        return Rate((low + high) / 2, (low, high), 0.01)

    assert holds(rate(0.006, 0.019), 10, 100)
    assert not holds(rate(0.006, 0.021), 10, 100)
    assert not holds(rate(0.0, 0.004), 10, 100)  # too few is as wrong
    assert not holds(rate(0.006, 0.019), 51, 100)
    assert not holds(None, 10, 100)


def test_shrunk_pvalues_are_judged_on_rows_held_out(rng):
    scorer = GaussianScorer(shrinkage="ledoit-wolf", random_state=0).fit(gaussian(rng, 800, 100))
    held = scorer.pvalues_[scorer.calibration_rows_]
    assert scorer.false_alarm_.value == pytest.approx((held <= 0.01).mean())
    assert scorer.false_alarm_.value > 0.03
    assert not scorer.pvalues_valid_  # chi-square of a plug-in covariance, on normal rows
    square = scorer.mahalanobis(gaussian(rng, 5, 100))
    np.testing.assert_allclose(
        scorer._fit.pvalues(square), chi2.sf(square, scorer.n_components_), rtol=1e-10
    )


def test_intervals_of_clustered_rows_are_wider():
    flags = np.zeros(400, dtype=bool)
    flags[:40] = True  # one group of ten holds them all
    alone, clustered = (
        held_out_rate(flags, 0.1, None),
        held_out_rate(flags, 0.1, np.arange(400) // 40),
    )
    assert np.diff(clustered.ci) > 2 * np.diff(alone.ci)
    assert held_out_rate(flags[:39], 0.1, None) is None


def test_whole_groups_are_held_out(rng):
    groups = np.repeat([f"v{i}" for i in range(50)], 20)
    scorer = GaussianScorer(random_state=0).fit(gaussian(rng, 1000), groups=groups)
    inside, outside = groups[scorer.fit_rows_], groups[scorer.calibration_rows_]
    assert not set(inside) & set(outside)
    assert scorer.conformal_.count == 12  # and p is at least 1/13
    assert scorer.conformal_pvalues(np.full((1, 6), 1e6))[0] == pytest.approx(1 / 13)


def test_too_few_calibration_rows_flag_nothing_and_say_so(rng):
    with pytest.warns(UserWarning, match="tell no level below 0.023"):
        scorer = GaussianScorer(alpha=0.01, threshold="conformal", random_state=0).fit(
            clusters(rng, 170)
        )
    assert scorer.offset_ == -np.inf
    assert (scorer.predict(np.full((3, 6), 1e9)) == 1).all()


def test_contamination_is_a_share_of_the_rows_given(rng):
    x = student(rng, 500)
    scorer = GaussianScorer(contamination=0.1, random_state=0).fit(x)
    assert (scorer.predict(x) == -1).sum() == 50


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alpha": 0}, "alpha"),
        ({"alpha": True}, "alpha"),
        ({"contamination": 0.6}, "contamination"),
        ({"threshold": "f"}, "auto, gaussian, conformal"),
        ({"calibration": 1.0}, "calibration"),
        ({"calibration": -1}, "calibration"),
        ({"calibration": 99}, "left to fit on"),
        ({"calibration": 0, "threshold": "conformal"}, "calibration rows"),
        ({"n_components": 7}, "1 to 6"),
    ],
)
def test_parameters_that_cannot_mean_anything_are_refused(rng, settings, words):
    with pytest.raises(GausscheckError, match=words):
        GaussianScorer(**settings).fit(gaussian(rng, 100))


def test_ranks_are_refused_without_calibration_rows(rng):
    scorer = GaussianScorer(calibration=0).fit(gaussian(rng, 100))
    with pytest.raises(GausscheckError, match="calibration is 0"):
        scorer.conformal_pvalues(gaussian(rng, 2))


def test_components_are_found_on_rows_that_their_covariance_is_not_of(rng):
    x = gaussian(rng, 1000, 20)
    scorer = GaussianScorer(5, calibration=0, random_state=0).fit(x)
    assert scorer.n_fit_ == 500
    white = scorer.preparation_.apply(x[scorer.fit_rows_])
    np.testing.assert_allclose(np.cov(white.T), np.eye(5), atol=1e-10)
    assert GaussianScorer(20, calibration=0).fit(x).n_fit_ == 1000  # all: nothing was chosen


@pytest.mark.slow
def test_validity_is_seen_on_enough_normal_rows_and_never_on_heavy_tails():
    rng = np.random.default_rng(31)

    def share(law, n):
        scorers = (GaussianScorer(threshold="gaussian").fit(law(rng, n)) for _ in range(40))
        return np.mean([scorer.pvalues_valid_ for scorer in scorers])

    assert share(gaussian, 3000) > 0.9
    assert 0.2 < share(gaussian, 1000) < 0.9
    assert share(lambda rng, n: student(rng, n, df=5), 1000) == 0
