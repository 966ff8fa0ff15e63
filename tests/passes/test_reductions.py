from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gausscheck.audit.noticed import distinct_rows
from gausscheck.passes.direction_moments import PowerSums
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.leaf import Leaf, Selection, centred, widen
from gausscheck.passes.reductions import FirstPass
from gausscheck.passes.row_keys import row_keys
from gausscheck.rng import hashed_order


def pieces(x, cuts):
    edges = [0, *sorted(set(cuts) & set(range(1, len(x)))), len(x)]
    return [(a, x[a:b]) for a, b in pairwise(edges)]


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, 199), max_size=8), offset=st.sampled_from([0.0, 1e6]))
def test_first_pass_merged_equals_direct(cuts, offset):
    x = np.random.default_rng(1).gamma(2.0, size=(200, 5)) + offset
    reduction = FirstPass()
    rows, spread = tree_fold(reduction.merge, (reduction.of(b, r) for r, b in pieces(x, cuts)))
    np.testing.assert_allclose(spread.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(
        spread.covariance.dense(), np.cov(x.T), rtol=1e-7 if offset else 1e-12
    )
    norms = np.linalg.norm(x, axis=1)
    assert rows.sums.cv == pytest.approx(norms.std() / norms.mean(), rel=1e-12)
    np.testing.assert_array_equal(spread.largest, np.abs(x).max(axis=0))


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, 499), max_size=8), offset=st.sampled_from([0.0, 1e5]))
def test_power_sums_merged_equal_scipy(cuts, offset):
    x = np.random.default_rng(2).gamma(2.0, size=(500, 3))
    sums = PowerSums()
    parts = (sums.of(b + offset, r) for r, b in pieces(x, cuts))
    got = tree_fold(sums.merge, parts)
    tolerance = 1e-8 if offset else 1e-12
    for order in (2, 3, 4):
        want = stats.moment(x, order=order)
        np.testing.assert_allclose(getattr(got, f"m{order}"), want, rtol=tolerance)


@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64, np.int8])
def test_columns_are_centred_and_summed_in_either_order(rng, stored):
    x = (rng.gamma(2.0, size=(300, 5)) * 20).astype(stored)
    center = x.mean(axis=0, dtype=float)
    for dtype in (np.float32, np.float64):
        rows = centred(x, center, dtype)
        assert rows.dtype == dtype
        np.testing.assert_allclose(rows, x - center, rtol=2e-7, atol=1e-5)
        ours, want = PowerSums().of(rows), PowerSums().of(np.asfortranarray(rows))
        for name in ("mean", "m2", "m3", "m4"):
            np.testing.assert_allclose(
                getattr(ours, name), getattr(want, name), rtol=1e-11, atol=1e-11
            )


def test_equal_values_are_centred_alike_in_any_type(rng):
    x = rng.standard_normal((200, 6)).astype(np.float16)
    center = x.mean(axis=0, dtype=float) + 1e-3
    want = centred(x.astype(np.float32), center, np.float32)
    np.testing.assert_array_equal(centred(x, center, np.float32), want)


def test_every_float16_is_widened_to_its_value():
    stored = np.arange(1 << 16, dtype=np.uint16).view(np.float16)[None]
    finite = stored[np.isfinite(stored)][None]
    for rows in (finite, stored, finite[:, ::3], finite[:, :0], -np.abs(finite)):
        out = np.empty(rows.shape, dtype=np.float32)
        widen(rows, out)
        np.testing.assert_array_equal(out, rows.astype(np.float32))
        np.testing.assert_array_equal(np.signbit(out), np.signbit(rows))


@pytest.mark.parametrize("k", [3, 80])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_power_sums_are_exact_in_either_precision(rng, k, dtype):
    """A column that is constant, small ones, heavy tails, and a mean that changes on the way."""
    y = rng.standard_t(5, (9000, k)) * np.geomspace(1e-3, 10, k)
    y[4000:, 0] += 5
    y[:, 1] = 0.1
    y = y.astype(dtype)
    parts = (PowerSums().of(y[low : low + 3000]) for low in range(0, 9000, 3000))
    got = tree_fold(PowerSums().merge, parts)
    exact = y.astype(np.float64)
    assert (got.m2[1], got.m3[1], got.m4[1]) == (0, 0, 0)
    scale = np.where(np.arange(k) == 1, 1.0, exact.std(axis=0))
    np.testing.assert_allclose(got.mean, exact.mean(axis=0), atol=3e-7 * scale.max())
    for order in (2, 3, 4):
        want = ((exact - exact.mean(axis=0)) ** order).mean(axis=0)
        error = np.abs(getattr(got, f"m{order}") - want) / (scale**order + np.abs(want))
        assert error.max() < (2e-6 * order if dtype == np.float32 else 1e-11)


def test_power_sums_hold_any_scale_in_float32(rng):
    """Fourth powers of float32 end at values of 4e9, and vanish below 1e-11."""
    y = rng.standard_normal((3000, 80))
    scale = np.ones(80)
    scale[:4] = 1e-30, 1e30, 1e-12, 1e9
    y *= scale
    y[2000, 5] = 1e12  # far beyond what the first rows let expect
    y[:300, 6] = 0.25  # nor do these
    y[:, 7] = 0.25
    single = y.astype(np.float32)
    got, exact = PowerSums().of(single), single.astype(np.float64)
    for order in (2, 3, 4):
        want = ((exact - exact.mean(axis=0)) ** order).mean(axis=0)
        sd = np.where(np.arange(80) == 7, 1, exact.std(axis=0))
        error = np.abs(getattr(got, f"m{order}") / sd**order - want / sd**order)
        assert error.max() < 2e-6 * order * max(1, np.abs(want / sd**order).max())
        np.testing.assert_allclose(error[:4], 0, atol=2e-6 * order)


@pytest.mark.parametrize("stored", [np.int8, np.float32])
@pytest.mark.parametrize("k", [20, 64, 300])
def test_power_sums_of_few_distinct_values_round_one_way_and_little(rng, stored, k):
    y = rng.choice(np.array([-3, 4], dtype=stored), size=(20_000, k)).astype(np.float32)
    got, exact = PowerSums().of(y), y.astype(np.float64)
    want = stats.kurtosis(exact, fisher=False)
    np.testing.assert_allclose(got.m4 / got.m2**2, want, rtol=2e-5)


def test_several_reductions_share_a_leaf(rng):
    x = rng.standard_normal((50, 4)).astype(np.float16)
    x[3] = np.nan
    leaf = Leaf(x, 100)
    selection, center = Selection(np.array([107]), bad=True), np.full(4, 0.25)
    rows, ids = leaf.chosen(selection)
    assert ids.tolist() == [i for i in range(100, 150) if i not in (103, 107)]
    single = np.dtype(np.float32)
    one = leaf.centred(selection, center, single, unit=False)
    assert one is leaf.centred(selection, center, single, unit=False)
    np.testing.assert_array_equal(one, rows.astype(np.float32) - np.float32(0.25))
    unit = leaf.centred(selection, center, single, unit=True)
    lengths = np.linalg.norm(unit.astype(np.float64) + 0.25, axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-6)


def test_first_pass_sees_bad_rows_and_leaves_them_out():
    x = np.random.default_rng(3).standard_normal((60, 4)).astype(np.float16)
    x[7, 1], x[20, 0], x[33] = np.nan, np.inf, 0
    rows, spread = FirstPass().of(x, row0=100)
    assert (rows.n, rows.bad) == (60, 3)
    assert rows.non_finite.first.tolist() == [107, 120]
    assert rows.zero.first.tolist() == [133]
    assert spread.n == 57
    good = np.delete(x, [7, 20, 33], axis=0).astype(float)
    np.testing.assert_allclose(spread.mean, good.mean(axis=0), atol=1e-15)


def test_a_row_too_long_for_float64_counts_as_not_finite():
    x = np.random.default_rng(9).standard_normal((30, 2))
    x[4, 1] = 1e200
    rows, spread = FirstPass().of(x, 0)
    assert rows.non_finite.first.tolist() == [4]
    assert spread.n == 29


def test_unit_spread_is_that_of_unit_rows():
    x = np.random.default_rng(4).standard_normal((80, 3)) * 9
    _, spread = FirstPass(unit=True).of(x, 0)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(spread.covariance.dense(), np.cov(unit.T), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
@pytest.mark.parametrize("d", [1, 3, 8, 13])
def test_row_keys_find_exactly_the_repeated_rows(dtype, d):
    rng = np.random.default_rng(5)
    x = rng.integers(-40, 40, size=(3000, d)).astype(dtype)
    keys = row_keys(x)
    assert np.unique(keys).size == np.unique(x, axis=0).shape[0]


def test_duplicates_are_counted_and_named():
    x = np.random.default_rng(6).standard_normal((50, 4))
    x[10] = x[3]
    x[44] = x[3]
    rows, _ = FirstPass().of(x, 0)
    assert distinct_rows(rows.keys.keys, rows.keys.first).again.tolist() == [10, 44]


def test_hashed_order_is_a_permutation_that_looks_random():
    order = hashed_order(20_000, seed=3)
    assert np.array_equal(np.sort(order), np.arange(20_000))
    assert abs(stats.spearmanr(order, np.arange(20_000)).statistic) < 0.04
    assert not np.array_equal(order, hashed_order(20_000, seed=4))
    overlap = np.intersect1d(order[:2000], hashed_order(20_000, seed=4)[:2000]).size
    assert abs(overlap - 200) < 6 * np.sqrt(200)
