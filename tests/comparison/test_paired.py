"""Differences on the same rows: against reports, against a jackknife written here, and coverage."""

import numpy as np
import pytest
from scipy import stats

import gausscheck
from gausscheck.comparison import Cell
from gausscheck.comparison.differences import unpaired_interval
from gausscheck.rng import hashed_order

FAST = {"directions": "axes", "levels": "none", "threads": 1}
N, D, GROUPS = 400, 8, 20


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    a, z = rng.standard_normal((2, N, D))
    heavy = 0.8 * a + 0.6 * z
    return {"a": a, "heavy": heavy * np.sqrt(5 / rng.chisquare(5, N))[:, None]}


@pytest.fixture(scope="module")
def found(rows):
    return gausscheck.compare(rows, **FAST)


def ad_star(x):
    """A*² of the columns of x, from its definition."""
    n = len(x)
    z = np.sort((x - x.mean(axis=0)) / x.std(axis=0, ddof=1), axis=0)
    i = np.arange(1, n + 1)[:, None]
    terms = (2 * i - 1) * (stats.norm.logcdf(z) + stats.norm.logsf(z[::-1]))
    return (-n - terms.sum(axis=0) / n) * (1 + 0.75 / n + 2.25 / n**2)


def groups_of_rows():
    return np.array_split(hashed_order(N, 0), GROUPS)


def interval(value, error):
    half = stats.t.ppf(0.975, GROUPS - 1) * error
    return pytest.approx((value - half, value + half), rel=0, abs=0.005 * half)


def test_differences_are_those_of_the_reports(found):
    for quantity in ("axes", "false_alarm_1", "radial_loss"):
        cells = found.cells(quantity)
        difference = found.difference(quantity, "heavy", "a")
        assert difference.value == pytest.approx(cells["heavy"].value - cells["a"].value, abs=1e-9)
        assert difference.paired == (quantity != "radial_loss")
    assert found.pairing.rows == N
    assert found.pairing.kind == "random"


@pytest.mark.parametrize("normalize", ["raw", "unit", "standardize"])
def test_grids_and_sparse_columns_count_as_in_the_reports(normalize):
    """An int8 copy and one rounded to .4 sd: a paired difference is that of the two reports."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((3000, 12))
    models = {"float": x, "int8": np.round(x * 3).astype(np.int8), "round": np.round(x / 0.4) * 0.4}
    models["int8"][:, 5] = rng.random(3000) < 0.05  # sparse: no mean of axes holds it
    found = gausscheck.compare(
        models, directions="axes,random:8", levels="none", threads=1, normalize=normalize
    )
    assert found.pairing.rows == 3000
    noticed = {f.kind for f in found.reports["int8"].noticed}
    assert noticed >= {"grid", "sparse_columns"}
    for name in ("int8", "round"):
        for quantity in ("axes", "random"):
            cells = found.cells(quantity)
            difference = found.difference(quantity, name, "float")
            assert difference.paired
            gap = cells[name].value - cells["float"].value
            assert difference.value == pytest.approx(gap, abs=1e-4 * max(1, abs(gap)))
    if normalize == "raw":  # undithered, the staircase adds 5 limits
        assert found.difference("axes", "round", "float").ci[0] < 0.5


def test_the_interval_of_axes_is_a_jackknife_of_the_difference(rows, found):
    def times_limit(keep):
        a, heavy = (ad_star(rows[name][keep]).mean() - 0.385 for name in ("a", "heavy"))
        return (heavy - a) / len(keep) * 5000 / (0.752 - 0.385)

    parts = groups_of_rows()
    left = np.array([times_limit(np.setdiff1d(np.arange(N), part)) for part in parts])
    error = np.sqrt((GROUPS - 1) / GROUPS * ((left - left.mean()) ** 2).sum())
    assert found.difference("axes", "heavy", "a").ci == interval(times_limit(np.arange(N)), error)


@pytest.mark.parametrize("k", [4, None])
def test_the_interval_of_a_rate_refits_both_models_without_each_group(rows, found, k):
    kept = {
        name: (x - x.mean(axis=0)) @ np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2].T
        for name, x in rows.items()
    }

    def beyond(x, keep):
        y = x[:, :k] if k else x
        n, p = len(keep), y.shape[1]
        centred = y - y[keep].mean(axis=0)
        square = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(y[keep].T)), centred)
        return n * square / (n - 1) ** 2 > stats.beta.isf(0.01, p / 2, (n - p - 1) / 2)

    def flags(keep):
        return beyond(kept["heavy"], keep).astype(int) - beyond(kept["a"], keep)

    whole, left, noise = flags(np.arange(N)), [], []
    for part in groups_of_rows():
        keep = np.setdiff1d(np.arange(N), part)
        without = flags(keep)[keep]
        left.append(without.mean())
        noise.append(((without - whole[keep]) ** 2).sum() / len(keep) ** 2)
    left = np.array(left)
    variance = (GROUPS - 1) / GROUPS * ((left - left.mean()) ** 2).sum()
    variance -= (GROUPS - 1) * np.mean(noise)
    more, fewer, n = (whole > 0).sum() + 0.5, (whole < 0).sum() + 0.5, N + 2
    least = (more + fewer - (more - fewer) ** 2 / n) / n**2
    difference = found.difference("false_alarm_1", "heavy", "a", k)
    assert difference.ci == interval(whole.mean(), np.sqrt(max(variance, least)))


def test_rates_of_turned_and_stretched_rows_do_not_differ(rows):
    a = rows["heavy"]
    turned = a @ np.random.default_rng(1).standard_normal((D, D)) + 5
    difference = gausscheck.compare({"a": a, "turned": turned}, **FAST).difference(
        "false_alarm_1", "turned", "a"
    )
    assert (difference.value, difference.answer, difference.paired) == (0, "tied", True)
    assert difference.ci[1] < 0.007  # half a row on either side of 400, by t


def test_rows_that_are_bad_or_repeated_in_one_model_are_left_out_of_all(rows):
    a, b = rows["a"].copy(), rows["heavy"].copy()
    a[7] = np.nan
    b[11] = 0
    b[21] = b[20]
    found = gausscheck.compare({"a": a, "b": b}, on_bad_rows="drop", **FAST)
    assert found.pairing.rows == N - 3


def test_alike_neighbours_in_one_model_make_blocks_in_all():
    rng = np.random.default_rng(5)
    walk = rng.standard_normal((1500, 4))
    for i in range(1, len(walk)):
        walk[i] = 0.8 * walk[i - 1] + 0.6 * walk[i]
    found = gausscheck.compare({"iid": rng.standard_normal((1500, 4)), "walk": walk}, **FAST)
    assert found.pairing.kind == "blocks"
    assert found.difference("axes", "walk", "iid").paired


def test_independent_intervals_add_in_squares():
    a, b = (
        Cell(1.0, (1 - 1.96 * 0.3, 1 + 1.96 * 0.3)),
        Cell(0.2, (0.2 - 1.96 * 0.4, 0.2 + 1.96 * 0.4)),
    )
    assert unpaired_interval(a, b) == pytest.approx((0.8 - 1.96 * 0.5, 0.8 + 1.96 * 0.5))


@pytest.mark.slow
def test_intervals_of_no_difference_cover_it():
    """Two models of one law that share the length of each row: every difference is 0.

    With 120 samples at 95 %, fewer than 107 (89 %) are covered with probability 1 %.
    """
    held = {"false_alarm_1": 0, "axes": 0}
    for seed in range(120):
        rng = np.random.default_rng([11, seed])
        a, b = rng.standard_normal((2, 1000, 8)) / np.sqrt(rng.chisquare(10, 1000) / 10)[:, None]
        found = gausscheck.compare({"a": a, "b": b}, seed=seed, **FAST)
        for quantity in held:
            low, high = found.difference(quantity, "b", "a").ci
            held[quantity] += low <= 0 <= high
    assert min(held.values()) >= 107, held
