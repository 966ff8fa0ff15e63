"""The engine against one test at a time, and against what it replaces."""

import numpy as np
import pytest

import gausscheck
from gausscheck.audit.noticed import corrected
from gausscheck.normality import A0, DIRECTION_TESTS, profile
from gausscheck.normality.engine.binned import (
    CELLS_FROM,
    Cells,
    l_moments,
    third_and_fourth,
)
from gausscheck.normality.engine.effects import l_ratios, wasserstein
from gausscheck.normality.engine.jackknife import ad_star_without
from gausscheck.normality.engine.profile import left_out_shifts
from gausscheck.normality.evidence import moments_of, standardise
from gausscheck.normality.groups import group_sizes

NAMES = [spec.name for spec in DIRECTION_TESTS]

LAWS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t": lambda rng, shape: rng.standard_t(4, shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "rounded": lambda rng, shape: np.round(rng.standard_normal(shape), 1),
    "far from zero": lambda rng, shape: 1e4 + rng.standard_normal(shape),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [30, 500])
def test_profile_is_evaluate_on_every_direction(rng, law, n):
    x = LAWS[law](rng, (n, 7))
    found = profile(np.ascontiguousarray(x.T), groups=5)
    for name in NAMES:
        alone = gausscheck.evaluate(name, x, calibration="calibrated")
        np.testing.assert_allclose(found.outcomes[name].statistic, alone.statistic, rtol=1e-10)
        np.testing.assert_allclose(found.outcomes[name].pvalue, alone.pvalue, rtol=1e-8)


@pytest.mark.parametrize("law", LAWS)
def test_sums_over_cells_are_the_sums_over_values(rng, law):
    n = CELLS_FROM + 1
    x = LAWS[law](rng, (3, n))
    found = profile(x, groups=5)
    for name in ("anderson_darling", "cramer_von_mises", "epps_pulley", "energy_1d"):
        alone = gausscheck.evaluate(name, x.T)
        np.testing.assert_allclose(found.outcomes[name].statistic, alone.statistic, rtol=2e-5)
    alone = gausscheck.evaluate("lilliefors", x.T)
    np.testing.assert_allclose(found.outcomes["lilliefors"].statistic, alone.statistic, rtol=1e-10)
    moments = moments_of(x)
    for name in ("mean", "m2", "m3", "m4"):
        want = getattr(moments, name)
        scale = moments.m2 ** {"mean": 0.5, "m2": 1, "m3": 1.5, "m4": 2}[name]
        np.testing.assert_allclose(getattr(found.moments, name) / scale, want / scale, atol=1e-7)
    z = standardise(x, moments)
    np.testing.assert_allclose((found.l_skewness, found.l_kurtosis), l_ratios(z), atol=1e-9)
    np.testing.assert_allclose(found.wasserstein1, wasserstein(z), rtol=1e-9)


def test_cells_with_gaps_and_tails():
    n = 1000
    z = np.sort(np.concatenate([[-40.0, -7, 9], np.repeat([-0.3, 0.2], n // 2 - 2), [6.5]]))
    z = (z - z.mean()) / z.std(ddof=1)
    cells = Cells(z[None], np.empty((1, z.size)))
    cells.finish()
    cubes, fourths = third_and_fourth(cells)
    np.testing.assert_allclose(cubes, (z**3).sum(), rtol=1e-6)
    np.testing.assert_allclose(fourths, (z**4).sum(), rtol=1e-6)
    second, third, fourth = l_moments(cells)[:, 0]
    np.testing.assert_allclose((third / second, fourth / second), np.ravel(l_ratios(z[None])),
                               rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("n", [600, CELLS_FROM])
def test_group_jackknife_is_deletion(rng, n):
    x = rng.standard_t(6, (24, n))
    groups = 8
    found = profile(x, groups=groups).ad_star_without
    parts = np.array_split(np.arange(n), groups)
    exact = np.stack(
        [profile(np.delete(x, part, axis=1), effects=False).ad_star for part in parts], axis=1
    )

    def error(values):
        values = values.mean(axis=0)
        return np.sqrt((groups - 1) / groups * ((values - values.mean()) ** 2).sum())

    np.testing.assert_allclose(found, exact, rtol=0.25)
    np.testing.assert_allclose(error(found), error(exact), rtol=0.1)


@pytest.mark.parametrize("n", [700, CELLS_FROM])
def test_threads_change_no_bit_and_slabs_only_rounding(rng, n):
    x = rng.standard_normal((50, n)).astype(np.float32)
    whole = profile(x, groups=4, threads=1)
    threaded = profile(x, groups=4, threads=4)
    halves = type(whole).concatenate([profile(x[:32], groups=4), profile(x[32:], groups=4)])
    assert np.array_equal(whole.ad_star_without, threaded.ad_star_without)
    np.testing.assert_allclose(whole.ad_star_without, halves.ad_star_without, rtol=1e-10)
    for name in NAMES:
        one, two, three = (p.outcomes[name].statistic for p in (whole, threaded, halves))
        assert np.array_equal(one, two, equal_nan=True)
        np.testing.assert_allclose(one, three, rtol=1e-10)


def test_the_block_is_left_alone_unless_told_otherwise(rng):
    x = rng.standard_normal((4, 900))
    before = x.copy()
    profile(x, groups=4)
    assert np.array_equal(x, before)
    profile(x, groups=4, overwrite=True)
    assert np.array_equal(x, np.sort(before, axis=1))


@pytest.mark.parametrize("n", [400, CELLS_FROM])
def test_a_constant_direction_is_not_defined_and_harms_no_other(rng, n):
    x = rng.standard_normal((3, n))
    x[1] = 0.1
    found = profile(x, groups=4)
    rest = profile(x[[0, 2]], groups=4)
    for name in NAMES:
        statistic = found.outcomes[name].statistic
        assert np.isnan(statistic[1])
        np.testing.assert_allclose(statistic[[0, 2]], rest.outcomes[name].statistic, rtol=1e-9)
    assert np.isnan(found.ad_star_without[1]).all()
    np.testing.assert_allclose(found.ad_star_without[[0, 2]], rest.ad_star_without, rtol=1e-9)


def test_every_test_on_sorted_samples_has_a_cell_form_or_ends_below():
    from gausscheck.normality.engine.binned import FROM_CELLS

    for spec in DIRECTION_TESTS:
        if spec.needs == "ordered" and (spec.sizes[1] is None or spec.sizes[1] >= CELLS_FROM):
            assert spec.name in FROM_CELLS or spec.name == "lilliefors"


@pytest.mark.parametrize("n", [103, CELLS_FROM])
def test_groups_left_out_alone_are_those_of_the_profile(n):
    block = np.random.default_rng(5).standard_t(6, (3, n))
    block[1] = 2.0
    found, sizes = profile(block, groups=7), group_sizes(n, 7)
    without = ad_star_without(found.ad_star, left_out_shifts(block, sizes), sizes)
    np.testing.assert_allclose(without, found.ad_star_without, rtol=1e-9)
    assert np.isnan(without[1]).all()


@pytest.mark.parametrize("sizes", [[150] * 20, [600, 5, 1200, 40, 300, 300, 300, 255]])
@pytest.mark.parametrize("law", LAWS)
def test_groups_of_any_size_are_left_out_as_if_computed_anew(rng, law, sizes):
    # the trapezoid rule is 1.4 % off for exponential values, which corrected values take G - 1 fold
    sizes, n = np.array(sizes), 3000
    x = LAWS[law](rng, (40, n))
    whole = profile(x, tests=(), effects=False).ad_star
    anew = np.stack([
        profile(np.delete(x, np.s_[end - size : end], axis=1), tests=(), effects=False).ad_star
        for size, end in zip(sizes, np.cumsum(sizes), strict=True)
    ], axis=1)  # fmt: skip
    ours, exact = (
        corrected((whole.mean() - A0) / n, (left.mean(axis=0) - A0) / (n - sizes), sizes, n)
        for left in (ad_star_without(whole, left_out_shifts(x, sizes), sizes), anew)
    )
    assert abs(ours.value - exact.value) < 0.2 * exact.standard_error
    wider = 1.5 if law == "rounded" else 1.2  # in step with the rule's edges
    assert 0.8 < ours.standard_error / exact.standard_error < wider
