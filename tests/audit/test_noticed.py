"""Each finding fires on its case, says its numbers, and is silent on independent Gaussian rows."""

import h5py
import numpy as np
import pytest

from audit.noticed_steps import (
    LIMIT,
    autoregressive,
    axes_level,
    blocked_interval,
    dependence,
    everything,
    mean_ad,
    says,
    shell_level,
    student,
    truncated_bfloat16,
    whitened,
)
from gausscheck.audit import noticed as found_in
from gausscheck.audit.noticed import serial, sparse
from gausscheck.audit.preflight import dead_coordinates, spectrum
from gausscheck.normality import A0
from gausscheck.normality.sphere.shell import shell_limit, shell_mean
from gausscheck.passes.reductions import FirstPass, row_keys

# all findings together


def normal(rng, n=1000, d=48):
    return rng.standard_normal((n, d))


def repeated(rng, share):
    x = normal(rng)
    late = int(len(x) * share)
    x[len(x) - late :] = x[rng.integers(0, len(x) - late, late)]
    return x


def stretched(rng, rows, factor):
    x = normal(rng)
    x[rng.choice(len(x), rows, replace=False)] *= factor
    return x


def one_hot(rng):
    x = normal(rng)
    x[:, :9] = np.eye(10)[rng.integers(0, 10, len(x)), :9]
    return x


SHOWS = {
    "iid": (normal, []),
    "float16": (lambda rng: normal(rng).astype(np.float16), []),
    "condition 1e6": (lambda rng: normal(rng) * np.geomspace(1, 1e-3, 48), []),
    "power law": (lambda rng: normal(rng) * np.arange(1.0, 49) ** -0.5, []),
    "shifted": (lambda rng: normal(rng) + 3, []),
    "t5": (lambda rng: student(rng, 1000, 48, 5), []),
    "rectified": (lambda rng: np.maximum(normal(rng), 0), []),
    "exponential": (lambda rng: rng.exponential(size=(1000, 48)), []),
    "Laplace axis": (lambda rng: np.c_[rng.laplace(size=1000), normal(rng)], []),
    "two-point axis": (lambda rng: np.c_[rng.choice([-1.0, 1.0], 1000), normal(rng)], []),
    "clusters": (lambda rng: normal(rng) + 4 * normal(rng, 8)[rng.integers(0, 8, 1000)], []),
    "rank": (lambda rng: normal(rng, 1000, 30) @ normal(rng, 30, 48), ["rank"]),
    "few rows": (lambda rng: normal(rng, 300, 500), ["rank"]),
    "int8": (lambda rng: np.round(6 * normal(rng)).astype(np.int8), ["grid"]),
    "1 % repeated": (lambda rng: repeated(rng, 0.01), ["duplicates"]),
    "half repeated": (lambda rng: repeated(rng, 0.5), ["duplicates"]),
    "AR .5": (lambda rng: autoregressive(rng, 1000, 48, 0.5), ["serial_dependence"]),
    "one row x 30": (lambda rng: stretched(rng, 1, 30), ["deciding_rows"]),
    "one row x 1e5": (lambda rng: stretched(rng, 1, 1e5), ["deciding_rows"]),
    "five rows x 10": (lambda rng: stretched(rng, 5, 10), ["deciding_rows"]),
    "one-hot columns": (one_hot, ["sparse_columns"]),
    "collapsed": (lambda rng: normal(rng) / 60 + normal(rng, 1), ["collapse"]),
}


@pytest.mark.parametrize("name", SHOWS)
def test_each_kind_of_rows_shows_its_finding_and_no_other(name):
    make, kinds = SHOWS[name]
    for seed in range(3):
        assert [found.kind for found in everything(make(np.random.default_rng(seed)))] == kinds


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWS)
def test_findings_fire_in_19_of_20_samples_and_no_other_does(name):
    make, kinds = SHOWS[name]
    seen = [[f.kind for f in everything(make(np.random.default_rng(100 + s)))] for s in range(20)]
    assert seen.count(kinds) >= 19


# duplicates


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_duplicates_are_counted_and_named(rng, share):
    n = 1000
    x = rng.standard_normal((n, 8))
    late = int(n * share)
    x[n - late :] = x[rng.integers(0, n - late, late)]
    found = found_in.distinct_rows(row_keys(x))
    unique, count = np.unique(x, axis=0, return_counts=True)
    assert found.first.size == len(unique) == n - late
    assert (np.sort(found.count) == np.sort(count)).all()
    assert found.repeats == late
    assert (x[found.first] == x[: n - late]).all()
    notice = says(found_in.notice_duplicates(found, n, A0), "duplicates")
    assert f"{late} row" in notice.text
    assert f"row {notice.rows[0]} occurs {found.count.max()} times" in notice.text


def test_repeats_side_by_side_are_duplicates_and_no_dependence(rng):
    x = np.repeat(rng.standard_normal((400, 8)), 2, axis=0)
    assert dependence(x).present
    assert not dependence(x[found_in.distinct_rows(row_keys(x)).first]).present


def test_distinct_rows_say_nothing(rng):
    x = rng.standard_normal((500, 3)).astype(np.float32)
    assert found_in.notice_duplicates(found_in.distinct_rows(row_keys(x)), 500, A0) is None


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_bias_of_duplicates_is_as_told(share):
    rng = np.random.default_rng(4)
    excess, told = [], []
    for _ in range(20):
        x = rng.standard_normal((1000, 32))
        late = int(1000 * share)
        x[1000 - late :] = x[rng.integers(0, 1000 - late, late)]
        excess.append(mean_ad(x) - A0)
        told.append(found_in.distinct_rows(row_keys(x)).bias(1000, A0))
    assert np.mean(excess) == pytest.approx(np.mean(told), abs=5 * np.std(excess) / np.sqrt(20))


# rows that decide


def decide(x, level):
    measure = {"axes": axes_level, "norms": shell_level}[level]
    k = x.shape[1]
    mean, limit = (A0, LIMIT) if level == "axes" else (shell_mean(k), shell_limit(k))
    lengths = np.linalg.norm(whitened(x, "all"), axis=1)
    return found_in.deciding_rows(
        level, measure(x), mean, limit, lengths, lambda rows: measure(np.delete(x, rows, axis=0))
    )


@pytest.mark.parametrize("level", ["axes", "norms"])
@pytest.mark.parametrize(("rows", "factor"), [(1, 30), (1, 1e5), (5, 10)])
def test_rows_that_decide_are_named(level, rows, factor):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((2000, 24))
        far = rng.choice(2000, rows, replace=False)
        x[far] *= factor
        notice = says(decide(x, level), "deciding_rows")
        assert set(notice.rows) == set(far.tolist())


@pytest.mark.parametrize("level", ["axes", "norms"])
@pytest.mark.parametrize("df", [3, 4, 10, 1e9])
def test_no_row_decides_where_tails_are_of_the_law(level, df):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert decide(student(rng, 1500, 16, df), level) is None
        assert decide(rng.lognormal(size=(1500, 16)), level) is None


def test_no_row_decides_on_shipped_files(minilm_path, clip_path):
    with h5py.File(minilm_path) as f:
        x = f["embeddings"][:].astype(float)
    assert decide(x[:, x.std(axis=0) > 1e-6], "axes") is None
    assert decide(np.load(clip_path).astype(float), "axes") is None


def test_few_rows_cannot_be_decided_by_a_row():
    def never(rows):
        raise AssertionError("asked")

    assert found_in.deciding_rows("axes", 9.0, A0, LIMIT, np.arange(199.0), never) is None
    assert found_in.deciding_rows("axes", 0.7, A0, LIMIT, np.arange(2000.0), never) is None


def test_rows_of_sparse_columns_do_not_decide(rng):
    spared = np.zeros(1000, dtype=bool)
    spared[7] = True
    asked = []
    lengths = rng.random(1000)
    lengths[7] = 50

    def value(rows):
        asked.extend(rows)
        return 9.0

    assert found_in.deciding_rows("axes", 9.0, A0, LIMIT, lengths, value, spared=spared) is None
    assert asked
    assert 7 not in asked


# sparse columns


def sparse_of(x):
    usual = found_in.usual_values(x)
    cells = found_in.UnusualCells(usual)
    parts = [cells.of(part) for part in np.array_split(x, 3)]
    total = cells.merge(cells.merge(parts[0], parts[1]), parts[2])
    live = np.flatnonzero(x.std(axis=0) > 0)
    columns = found_in.sparse_columns(total, live)
    holders = found_in.unusual_rows(x, usual, columns)
    return found_in.notice_sparse(total, columns, holders), columns, total


def test_a_column_with_one_cell_is_named_with_its_row(rng):
    x = rng.standard_normal((500, 6))
    x[:, 2] = 0
    x[333, 2] = 4.0
    x[:, 4] = 1.5  # dead, not sparse
    notice, columns, total = sparse_of(x)
    assert columns.tolist() == [2]
    assert total.count[2] == 1
    says(notice, "sparse_columns")
    assert notice.rows == (333,)
    assert sparse.REASON in notice.effect


def test_one_hot_columns_and_word_counts_are_sparse(rng):
    x = rng.standard_normal((2000, 20))
    x[:, :10] = np.eye(10)[rng.integers(0, 10, 2000)]
    x[:, 10:15] = np.where(rng.random((2000, 5)) < 0.01, rng.exponential(size=(2000, 5)), 0)
    notice, columns, _ = sparse_of(x)
    assert columns.tolist() == list(range(15))
    assert says(notice, "sparse_columns").rows is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_columns_of_values_are_not_sparse(rng, dtype):
    assert sparse_of(rng.standard_normal((300, 30)).astype(dtype))[0] is None
    assert sparse_of(np.maximum(rng.standard_normal((300, 30)), 0).astype(dtype))[0] is None
    assert sparse_of(np.round(3 * rng.standard_normal((300, 30))).astype("int8"))[0] is None


def test_a_live_column_that_is_constant_in_the_sample_is_sparse():
    total = found_in.Unusual(100, np.array([0, 90]))
    assert found_in.sparse_columns(total, np.array([0, 1])).tolist() == [0]


def test_shipped_files_have_no_sparse_columns(minilm_path, clip_path):
    with h5py.File(minilm_path) as f:
        x = f["embeddings"][:]
    usual = found_in.usual_values(x)
    _, spread = FirstPass().of(x, 0)
    live = np.setdiff1d(np.arange(384), dead_coordinates(spread, 9.8e-4))
    assert found_in.sparse_columns(found_in.UnusualCells(usual).of(x), live).size == 0
    assert sparse_of(np.load(clip_path))[0] is None


# grids

ON_A_GRID = {
    "int8": lambda x: np.round(6 * x).clip(-127, 127).astype(np.int8),
    "int8, own scale a column": lambda x: (
        np.round(6 * x) * (0.013 * (1 + np.arange(x.shape[1])))
    ).astype(np.float32),
    "float16 near 270": lambda x: (x + 270).astype(np.float16),
    "float16 near 270, now float32": lambda x: (x + 270).astype(np.float16).astype(np.float32),
    "one decimal in float32 near 1000": lambda x: np.round(x + 1000, 1).astype(np.float32),
    "one decimal in float64": lambda x: np.round(x, 1),
    "thirds": lambda x: np.round(3 * x) / 3,
}

FINE = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: x.astype(np.float16),
    "bfloat16": truncated_bfloat16,
    "four decimals": lambda x: np.round(x, 4),
}


@pytest.mark.parametrize("name", ON_A_GRID)
def test_a_gaussian_on_a_grid_is_noticed_and_gaussian_again_once_dithered(rng, name):
    x = ON_A_GRID[name](rng.standard_normal((5000, 64)))
    grid = found_in.find_grid(x)
    assert grid.columns.size == 64
    says(found_in.notice_grid(grid, 5000), "grid")
    before = mean_ad(x) - A0
    after = mean_ad(grid.dithered(x, rng)) - A0
    assert before > 1
    told = 0.0396 * 5000 * float((grid.ratio**2).mean())
    assert told == pytest.approx(before, rel=0.05, abs=0.15)
    assert abs(after) < 0.15  # se .03


@pytest.mark.parametrize("name", FINE)
def test_full_and_half_precision_around_zero_are_no_grid(rng, name):
    for _ in range(5):
        x = FINE[name](rng.standard_normal((500, 16)))
        assert found_in.notice_grid(found_in.find_grid(x), 5000) is None


def test_the_excess_of_a_sixth_of_an_sd_is_five_and_a_half(rng):
    x = np.round(6 * rng.standard_normal((5000, 128))) / 6
    grid = found_in.find_grid(x)
    assert mean_ad(x) - A0 == pytest.approx(5.5, abs=0.15)
    assert mean_ad(grid.dithered(x, rng)) - A0 == pytest.approx(0, abs=0.12)


@pytest.mark.parametrize("step", [0.02, 1 / 6, 0.4, 0.5, 0.7, 0.95])
def test_a_gaussian_on_a_grid_is_never_not_gaussian(rng, step):
    for _ in range(3):
        x = np.round(rng.standard_normal((5000, 64)) / step) * step
        assert blocked_interval(found_in.find_grid(x).dithered(x, rng))[0] < LIMIT


def test_dither_does_not_hide_a_law_that_is_not_normal(rng):
    x = np.round(6 * rng.laplace(size=(2000, 16))) / 6
    assert mean_ad(found_in.find_grid(x).dithered(x, rng)) > 10


def test_counts_and_switches_are_no_grid(rng):
    x = np.column_stack([rng.choice([-1.0, 1.0], 500), rng.standard_normal(500)])
    grid = found_in.find_grid(x)
    assert grid.columns.size == 0
    assert (grid.dithered(x, rng) == x).all()


def test_dither_stays_within_the_step_whatever_the_magnitude(rng):
    x = (rng.standard_normal((500, 3)) * [1, 300, 3000]).astype(np.float16)
    grid = found_in.find_grid(x)
    spacing = grid.spacing(x)
    # float16's own spacing, by NumPy
    assert spacing[x != 0] == pytest.approx(np.spacing(np.abs(x[x != 0])).astype(float))
    moved = found_in.dithered(x, spacing, np.random.default_rng(1)) - x
    assert (np.abs(moved) <= spacing / 2).all()
    assert (moved / spacing).std() == pytest.approx(1 / np.sqrt(12), rel=0.1)


def test_shipped_files_lie_on_no_grid_that_matters(minilm_path, clip_path):
    with h5py.File(minilm_path) as f:
        minilm = f["embeddings"][:]
    for x in (minilm, np.load(clip_path)):
        for stored in (x, x.astype(np.float32)):
            assert found_in.notice_grid(found_in.find_grid(stored), 5000) is None


# unit rows, collapse, dead columns, rank

STORED = {
    **FINE,
    "float16, now float32": lambda x: x.astype(np.float16).astype(np.float32),
    "int8": lambda x: np.round(127 * x / np.abs(x).max()).astype(np.int8),
    "int8, scaled to float32": lambda x: (
        np.round(127 * x / np.abs(x).max()) * np.float32(0.00321)
    ).astype(np.float32),
}


def unit_rows(x):
    norms = np.linalg.norm(x.astype(float), axis=1)
    return found_in.notice_unit_rows(norms, found_in.rounding_spread(x, found_in.find_grid(x)))


@pytest.mark.parametrize("d", [8, 64, 1024])
@pytest.mark.parametrize("name", STORED)
def test_rows_normalised_before_rounding_are_recognised_whatever_the_type(rng, name, d):
    x = rng.standard_normal((500, d))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    says(unit_rows(STORED[name](unit)), "unit_rows")
    assert unit_rows(STORED[name](x)) is None


def test_lengths_that_spread_a_little_more_than_rounding_are_not_unit(rng):
    x = rng.standard_normal((500, 64))
    x *= (1 + 2e-3 * rng.standard_normal((500, 1))) / np.linalg.norm(x, axis=1, keepdims=True)
    assert unit_rows(x.astype(np.float16)) is None


def test_minilm_is_unit_in_float16_and_float32_and_clip_is_not(minilm_path, clip_path):
    with h5py.File(minilm_path) as f:
        x = f["embeddings"][:]
    assert unit_rows(x) == unit_rows(x.astype(np.float32)) is not None
    assert unit_rows(np.load(clip_path)) is None


def collapse_of(x):
    return found_in.notice_collapse(found_in.measure_collapse(x))


def test_collapse_is_said(rng):
    x = rng.standard_normal((500, 64))
    one_way = x / 60 + rng.standard_normal(64)
    notice = says(collapse_of(one_way), "collapse")
    assert "mean cosine .9997" in notice.text.replace("0.", ".")
    flat = x * np.r_[np.full(1, 50.0), np.full(63, 0.01)]
    assert "1.0 of 64 dimensions" in says(collapse_of(flat), "collapse").text


def test_rows_that_use_the_space_have_not_collapsed(rng, minilm_path, clip_path):
    for d in (2, 64, 300):
        x = rng.standard_normal((400, d))
        assert collapse_of(x) is None
        assert collapse_of(x * np.arange(1, d + 1) ** -0.5) is None
        assert collapse_of(x * np.geomspace(1, 1e-3, d)) is None  # condition 1e6
    with h5py.File(minilm_path) as f:
        assert collapse_of(f["embeddings"][:]) is None
    assert collapse_of(np.load(clip_path)) is None


def test_the_mean_cosine_is_that_over_all_pairs(rng):
    x = rng.standard_normal((40, 5)) + 1
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    pairs = (unit @ unit.T)[np.triu_indices(40, 1)]
    assert found_in.measure_collapse(x).mean_cosine == pytest.approx(pairs.mean(), rel=1e-12)


def test_the_effective_rank_is_the_number_of_dimensions_that_share_the_variance(rng):
    for k in (2, 10, 100):
        x = rng.standard_normal((3000, k)) @ np.linalg.qr(rng.standard_normal((200, k)))[0].T
        assert found_in.measure_collapse(x + 5).effective_rank == pytest.approx(k, rel=0.03)


def test_one_huge_row_has_not_collapsed_the_others(rng):
    x = rng.standard_normal((500, 128))
    x[3] *= 1e5
    assert collapse_of(x) is None
    assert collapse_of(np.maximum(rng.standard_normal((500, 512)) - 1, 0)) is None


def test_dead_columns_and_rank_are_named(rng):
    x = rng.standard_normal((300, 12)) @ rng.standard_normal((12, 20))
    x[:, 5] = 1
    _, spread = FirstPass().of(x, 0)
    dead = dead_coordinates(spread, 2.2e-16)
    notice = says(found_in.notice_dead_columns(dead), "dead_columns")
    assert notice.columns == (5,)
    live = np.setdiff1d(np.arange(20), dead)
    assert (
        "12 of 19" in says(found_in.notice_rank(spectrum(spread, live).rank, 19, 300), "rank").text
    )
    assert "30 rows in 50" in says(found_in.notice_rank(29, 50, 30), "rank").text
    assert found_in.notice_rank(19, 19, 300) is None
    assert found_in.notice_dead_columns(np.array([], int)) is None


def test_texts_stay_short_with_large_numbers():
    many = np.arange(100_000, 101_000)
    says(found_in.notice_dead_columns(many), "dead_columns")
    says(found_in.notice_rank(10_000, 20_000, 10**9), "rank")
    says(found_in.notice_rank(19_998, 20_000, 19_999), "rank")
    long = serial.SerialDependence(10**9, 0.123, 1e6, 123_456.0, 8100.0)
    says(found_in.notice_serial(long, 20_000), "serial_dependence")
    keys = np.r_[np.zeros(10**5, np.uint64), np.arange(10**5, dtype=np.uint64)]
    says(found_in.notice_duplicates(found_in.distinct_rows(keys), 10_000, A0), "duplicates")
    unusual = found_in.Unusual(10**6, np.full(200_000, 1234))
    says(
        found_in.notice_sparse(unusual, many, np.arange(10**6) < 30_000, np.arange(10**6) + 10**9),
        "sparse_columns",
    )
    ids = np.arange(10**9, 10**9 + 5000)
    lengths = np.r_[np.full(10, 9.0), np.ones(4990)]

    def value(rows):
        return 0.5 if len(rows) == 10 else 90.0

    notice = found_in.deciding_rows("random subspaces", 99.0, A0, LIMIT, lengths, value, index=ids)
    assert says(notice, "deciding_rows").rows == tuple(range(10**9, 10**9 + 10))
