"""One test by name: invariances, real dtypes, degenerate input, independent formulas."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import gausscheck
from gausscheck.normality import DIRECTION_TESTS

NAMES = [spec.name for spec in DIRECTION_TESTS]


@pytest.fixture
def x(rng):
    return rng.standard_t(5, (400, 3))


@pytest.mark.parametrize("name", NAMES)
def test_shift_scale_and_order_do_not_matter(rng, x, name):
    plain = gausscheck.evaluate(name, x).statistic
    moved = gausscheck.evaluate(name, 7 + 3 * x).statistic
    shuffled = gausscheck.evaluate(name, rng.permutation(x)).statistic
    np.testing.assert_allclose(moved, plain, rtol=1e-9)
    np.testing.assert_allclose(shuffled, plain, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(0, 10_000), st.integers(20, 60))
@settings(max_examples=20, deadline=None)
def test_pvalues_are_probabilities(name, seed, n):
    x = np.random.default_rng(seed).standard_t(3, n)
    outcome = gausscheck.evaluate(name, x)
    assert outcome.statistic.shape == (1,)
    assert 0 <= outcome.pvalue[0] <= 1
    if outcome.log_pvalue is not None and outcome.pvalue[0] > 0:
        np.testing.assert_allclose(np.exp(outcome.log_pvalue), outcome.pvalue, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_column_is_a_vector(x, name):
    together = gausscheck.evaluate(name, x)
    alone = gausscheck.evaluate("energy" if name == "energy_1d" else name, x[:, 1])
    np.testing.assert_allclose(together.statistic[1], alone.statistic[0], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_is_not_defined(name):
    outcome = gausscheck.evaluate(name, np.full(50, 0.1))
    assert np.isnan(outcome.statistic[0])
    assert outcome.pvalue is None or np.isnan(outcome.pvalue[0])
    assert any("constant" in note for note in outcome.notes)


def test_float16_is_upcast_where_scipy_gives_nan(rng):
    half = (rng.standard_normal(3000) * 60).astype(np.float16)
    want = scipy.stats.normaltest(half.astype(float)).statistic
    np.testing.assert_allclose(
        gausscheck.evaluate("dagostino_pearson", half).statistic[0], want, rtol=1e-10
    )


def test_float32_far_from_zero_keeps_its_digits(rng):
    x = (100 + 1e-3 * rng.standard_normal(5000)).astype(np.float32)
    want = gausscheck.evaluate("anderson_darling", x.astype(np.float64)).statistic
    np.testing.assert_allclose(gausscheck.evaluate("anderson_darling", x).statistic, want)


def test_nan_is_refused():
    with pytest.raises(gausscheck.GausscheckError, match="finite"):
        gausscheck.evaluate("anderson_darling", [1.0, np.nan, 2.0] * 10)


def test_an_unknown_test_is_refused_with_the_list():
    with pytest.raises(gausscheck.GausscheckError, match="anderson_darling, cramer_von_mises"):
        gausscheck.evaluate("anderson", np.arange(20.0))


def test_outside_its_sizes_a_test_is_not_defined(rng):
    outcome = gausscheck.evaluate("shapiro_wilk", rng.standard_normal(5001))
    assert outcome.pvalue is None
    assert np.isnan(outcome.statistic[0])
    assert "5000" in outcome.notes[0]


def test_log_p_goes_on_where_p_underflows(rng):
    outcome = gausscheck.evaluate("dagostino_pearson", rng.exponential(size=200_000))
    assert outcome.pvalue[0] == 0
    assert -np.inf < outcome.log_pvalue[0] < -745


def test_epps_pulley_is_the_pairwise_formula(rng):
    for n in (8, 25, 300):
        raw = rng.standard_t(4, n)
        x = (raw - raw.mean()) / raw.std()
        pairs = np.exp(-((x[:, None] - x) ** 2) / 2).sum() / n
        want = pairs - np.sqrt(2) * np.exp(-(x**2) / 4).sum() + n / np.sqrt(3)
        got = gausscheck.evaluate("epps_pulley", raw).statistic[0]
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)


def test_agrees_with_scipy(rng):
    x = rng.standard_t(6, 700)
    pairs = {
        "dagostino_pearson": scipy.stats.normaltest(x),
        "dagostino_skewness": scipy.stats.skewtest(x),
        "anscombe_kurtosis": scipy.stats.kurtosistest(x),
        "shapiro_wilk": scipy.stats.shapiro(x),
    }
    for name, want in pairs.items():
        got = gausscheck.evaluate(name, x, calibration="textbook")
        np.testing.assert_allclose(np.abs(got.statistic[0]), np.abs(want.statistic), rtol=1e-7)
        np.testing.assert_allclose(got.pvalue[0], want.pvalue, rtol=1e-5)
    got = gausscheck.evaluate("jarque_bera", x, calibration="textbook")
    np.testing.assert_allclose(got.pvalue[0], scipy.stats.jarque_bera(x).pvalue, rtol=1e-9)


def test_what_the_textbook_gets_wrong_is_calibrated_by_default(rng):
    x = rng.standard_t(4, 60)
    for name in ("jarque_bera", "dagostino_pearson"):
        published = gausscheck.evaluate(name, x, calibration="textbook")
        calibrated = gausscheck.evaluate(name, x)
        assert (published.calibration, calibrated.calibration) == ("asymptotic", "table")
        assert published.pvalue[0] == pytest.approx(np.exp(-published.statistic[0] / 2))
        assert published.pvalue[0] != pytest.approx(calibrated.pvalue[0], rel=0.01)
        assert "calibrated" in published.notes[0]
    with pytest.raises(gausscheck.GausscheckError, match="calibrated or textbook"):
        gausscheck.evaluate("jarque_bera", x, calibration="exact")


@pytest.mark.parametrize("name", ["lilliefors", "shapiro_wilk", "shapiro_francia"])
def test_calibrated_pvalues_go_on_falling_where_the_law_is_known(name):
    x = np.random.default_rng(3).exponential(size=2000)
    outcome = gausscheck.evaluate(name, x)
    assert outcome.calibration == "table"
    assert -2000 < outcome.log_pvalue[0] < -30
    published = gausscheck.evaluate(name, x, calibration="textbook").log_pvalue[0]
    assert outcome.log_pvalue[0] == pytest.approx(published, rel=0.3)
