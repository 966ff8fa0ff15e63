"""Each finding fires on its case, says its numbers, and is silent on independent Gaussian rows."""

import re
from itertools import pairwise

import h5py
import numpy as np
import pytest
from scipy import stats

from gausscheck.audit import noticed as found_in
from gausscheck.audit.noticed import serial, sparse
from gausscheck.audit.noticed.finding import Noticed
from gausscheck.normality import A0, profile, whiten_tall
from gausscheck.normality.radial import shell_limit, shell_mean, shell_transform, without_groups
from gausscheck.preflight import dead_coordinates, spectrum
from gausscheck.reductions import FirstPass, hashed_order, row_keys

REFERENCE, LIMIT = 5000, 0.752


# rows of known kinds, made with independent code


def autoregressive(rng, n, d, a):
    noise = rng.standard_normal((n, d))
    noise[0] /= np.sqrt(1 - a * a)
    x = noise.copy()
    for i in range(1, n):
        x[i] += a * x[i - 1]
    return x


def moving_average(rng, n, d, width):
    noise = rng.standard_normal((n + width - 1, d))
    return sum(noise[i : i + n] for i in range(width))


def student(rng, n, d, df):
    return rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(df, (n, 1)) / df)


def truncated_bfloat16(x):
    return (x.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)


# the audit's steps, in the shortest form


def standardised(x):
    x = x[:, x.std(axis=0) > 1e-9].astype(float)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def whitened(x, count=None):
    centred = x.astype(float) - x.mean(axis=0, dtype=float)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int((s > 1e-7 * s[0]).sum())
    return u[:, : serial.components(rank, len(x)) if count is None else rank] * np.sqrt(len(x) - 1)


def dependence(x):
    columns = standardised(x)
    step = max(1, columns.shape[1] // serial.COLUMNS)
    return found_in.serial_dependence([whitened(x)], [columns[:, ::step]], len(x))


def mean_ad(x):
    return float(
        profile(np.ascontiguousarray(x.T, float), tests=("anderson_darling",), effects=False,
                threads=1).ad_star.mean()
    )  # fmt: skip


def axes_level(x):
    return A0 + REFERENCE * (mean_ad(x) - A0) / len(x)


def shell_level(x):
    y, _ = whiten_tall(x)
    a0 = shell_mean(y.shape[1])
    return a0 + REFERENCE / 5 * (without_groups(shell_transform(y), 2)[0] - a0) / len(x)


def blocked_interval(x):
    """A*² at the reference, corrected over blocks, with the wider of two standard errors."""
    n = len(x)
    index = hashed_order(n, 0)
    held = np.ascontiguousarray(x[index].T)
    permutation, sizes = found_in.group_order(index, 20)

    def value(block):
        p = profile(block, tests=("anderson_darling",), groups=20, effects=False, threads=1)
        delta = (p.ad_star.mean() - A0) / n
        return found_in.corrected(
            delta, (p.ad_star_without.mean(axis=0) - A0) / (n - sizes), sizes, n
        )

    best = found_in.wider(value(held[:, permutation]), value(held))
    return [A0 + REFERENCE * end for end in best.interval(0.95)]


def says(found, kind):
    """Check what every finding keeps to."""
    assert isinstance(found, Noticed)
    assert found.kind == kind
    for text in (found.text, found.effect, found.remedy):
        assert text
        assert len(text) <= 160, text
        assert "nan" not in re.split(r"\W", text)
    for ids in (found.rows, found.columns):
        assert ids is None or all(type(i) is int for i in ids)
    return found


# serial dependence

LAWS = {
    "normal": lambda rng, n, d: rng.standard_normal((n, d)),
    "t3": lambda rng, n, d: rng.standard_t(3, (n, d)),
    "exponential": lambda rng, n, d: rng.exponential(size=(n, d)),
}


@pytest.mark.parametrize(("n", "d", "seeds"), [(300, 2, 60), (300, 200, 20), (300, 500, 10)])
@pytest.mark.parametrize("law", LAWS)
def test_independent_rows_are_never_called_dependent(law, n, d, seeds):
    for seed in range(seeds):
        x = LAWS[law](np.random.default_rng(seed), n, d)
        assert found_in.notice_serial(dependence(x), min(n, d)) is None


def test_z_of_independent_rows_is_standard_normal_or_narrower(rng):
    z = [dependence(rng.standard_normal((200, 8))).z for _ in range(400)]
    assert abs(np.mean(z)) < 5 / np.sqrt(400)
    assert np.std(z) < 1 + 5 / np.sqrt(800)


@pytest.mark.parametrize(("n", "d"), [(300, 2), (1000, 64), (400, 600)])
@pytest.mark.parametrize(
    "make",
    [
        lambda rng, n, d: autoregressive(rng, n, d, 0.5),
        lambda rng, n, d: autoregressive(rng, n, d, 0.9),
        lambda rng, n, d: moving_average(rng, n, d, 40),
    ],
    ids=["ar.5", "ar.9", "ma40"],
)
def test_dependent_rows_are_noticed(make, n, d):
    for seed in range(10):
        found = dependence(make(np.random.default_rng(seed), n, d))
        says(found_in.notice_serial(found, d), "serial_dependence")


@pytest.mark.parametrize(
    ("make", "truth"),
    [
        (lambda rng: autoregressive(rng, 4000, 16, 0.5), 3.0),
        (lambda rng: autoregressive(rng, 4000, 16, 0.9), 19.0),
        (lambda rng: moving_average(rng, 4000, 16, 40), 40.0),
        (lambda rng: rng.standard_normal((4000, 16)), 1.0),
    ],
    ids=["ar.5", "ar.9", "ma40", "iid"],
)
def test_the_autocorrelation_time_is_that_of_theory(make, truth):
    times = [dependence(make(np.random.default_rng(seed))).tau for seed in range(10)]
    assert np.mean(times) == pytest.approx(truth, rel=0.1)
    assert np.std(times) < 0.25 * truth


def test_long_memory_makes_directions_inconclusive_by_rule():
    for seed in range(5):
        found = dependence(autoregressive(np.random.default_rng(seed), 2000, 16, 0.99))
        assert found_in.too_few_for_directions(found)
        assert found_in.too_few_for_whitening(found, 16)
        assert "inconclusive" in found_in.notice_serial(found, 16).effect


def test_a_rate_far_beyond_nominal_stands_in_spite_of_dependence():
    found = serial.SerialDependence(5000, 0.16, 200.0, 26.0, 192.0)
    assert found_in.too_few_for_whitening(found, 381)
    assert not found_in.too_few_for_whitening(found, 381, {0.05: 0.02, 0.01: 0.021})
    assert found_in.too_few_for_whitening(found, 381, {0.05: 0.1, 0.01: 0.02})
    assert not found_in.too_few_for_directions(found)


def test_products_of_neighbours_merge_to_those_of_the_whole(rng):
    z = rng.standard_normal((1000, 5))
    products = found_in.NeighbourProducts()
    whole = products.of(z)
    cuts = [0, 1, 1, 300, 555, 999, 1000]
    states = [products.of(z[a:b]) for a, b in pairwise(cuts)]
    left = states[0]
    for state in states[1:]:
        left = products.merge(left, state)
    right = states[-1]
    for state in states[-2::-1]:
        right = products.merge(state, right)
    for merged in (left, right):
        assert merged.total == pytest.approx(whole.total, rel=1e-12)
        assert merged.pairs == whole.pairs == 999
    held = np.clip(z, -4, 4)
    assert whole.total == pytest.approx((held[:-1] * held[1:]).sum(), rel=1e-12)


def test_two_outliers_side_by_side_are_no_dependence(rng):
    x = rng.standard_normal((300, 2))
    x[100:102] *= 1e4
    assert not dependence(x).present


def test_windows_of_a_long_file_say_what_the_whole_says(rng):
    x = autoregressive(rng, 100_000, 4, 0.9)
    z = standardised(x)
    parts = [z[a:b] for a, b in serial.windows(len(z))]
    assert sum(map(len, parts)) == serial.WINDOWS * serial.WINDOW_ROWS
    found = found_in.serial_dependence(parts, parts, len(z))
    assert found.correlation == pytest.approx(0.9, abs=0.01)
    assert found.tau == pytest.approx(19, rel=0.15)


def test_shipped_minilm_rows_are_sorted_and_say_so(minilm_path):
    with h5py.File(minilm_path) as f:
        x, labels = f["embeddings"][:], f["labels"][:]
    found = dependence(x)
    assert found.correlation == pytest.approx(0.156, abs=0.01)
    assert 150 < found.effective_rows < 300
    text = says(found_in.notice_serial(found, 381), "serial_dependence").text
    assert text.startswith("neighbouring rows are alike (correlation .16)")
    notice, within = sorting(x, labels)
    says(notice, "sorted_rows")
    assert within.present  # and alike within a package too: both are said
    shuffled = np.random.default_rng(0).permutation(len(x))
    assert not dependence(x[shuffled]).present


def test_shipped_clip_rows_are_in_alphabetical_order_and_say_so(clip_path):
    x = np.load(clip_path)
    found = dependence(x)
    says(found_in.notice_serial(found, 512), "serial_dependence")
    assert not dependence(x[np.random.default_rng(0).permutation(len(x))]).present


# sorted by label


def sorting(x, labels):
    columns, z = standardised(x), whitened(x)
    found = found_in.serial_dependence([z], [columns], len(x))
    rest = standardised(found_in.within_labels(columns, labels))
    within = found_in.serial_dependence([found_in.within_labels(z, labels)], [rest], len(x))
    return found_in.notice_sorted(found, within, found_in.label_runs(columns, labels)), within


@pytest.mark.parametrize("size", [20, 100, 500])
def test_rows_sorted_by_labels_they_depend_on_are_noticed(size):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        labels = np.repeat(np.arange(2000 // size), size)
        x = rng.standard_normal((2000, 16)) + rng.standard_normal((labels.max() + 1, 16))[labels]
        notice, within = sorting(x, labels)
        says(notice, "sorted_rows")
        assert not within.present
        mixed = rng.permutation(2000)
        assert sorting(x[mixed], labels[mixed])[0] is None


@pytest.mark.parametrize("size", [20, 100, 500])
def test_labels_that_mean_nothing_are_not_noticed(size):
    labels = np.repeat(np.arange(2000 // size), size)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((2000, 16))
        assert sorting(x, labels)[0] is None
        assert found_in.notice_serial(dependence(x), 16) is None
        if seed < 5:  # a drift of its own is cut by any labels
            assert sorting(autoregressive(rng, 2000, 16, 0.9), labels)[0] is None


# blocks


def test_equal_groups_correct_as_the_textbook_jackknife_does(rng):
    without = rng.standard_normal(20) * 0.1 + 2
    got = found_in.corrected(2.0, without, np.full(20, 50), 1000)
    assert got.value == pytest.approx(20 * 2.0 - 19 * without.mean(), rel=1e-12)
    error = np.sqrt(19 / 20 * ((without - without.mean()) ** 2).sum())
    assert got.standard_error == pytest.approx(error, rel=1e-12)
    low, high = got.interval(0.95)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 19) * error, rel=1e-9)


def test_a_bias_of_one_over_n_is_taken_away_exactly_also_with_unequal_groups():
    sizes = np.array([10, 40, 20, 30])
    theta = lambda n: 3.0 + 7.0 / n  # noqa: E731
    equal = found_in.corrected(theta(100), np.full(4, theta(75)), np.full(4, 25), 100)
    assert equal.value == pytest.approx(3.0)
    unequal = found_in.corrected(theta(100), theta(100 - sizes), sizes, 100)
    assert unequal.value == pytest.approx(3.0)


def test_the_jackknife_of_a_mean_over_unequal_groups_is_unbiased_and_knows_its_error(rng):
    sizes = np.array([10, 40, 20, 30, 50, 25, 25])
    edges = np.cumsum(sizes) - sizes
    member = np.repeat(np.arange(7), sizes)
    errors, means = [], []
    for _ in range(400):
        x = rng.standard_normal(200) + 5
        without = np.array([x[member != g].mean() for g in range(7)])
        got = found_in.corrected(x.mean(), without, sizes, 200)
        assert got.value == pytest.approx(x.mean(), rel=1e-12)
        errors.append(got.standard_error**2)
        means.append(got.value)
    assert edges[0] == 0
    assert np.mean(errors) == pytest.approx(1 / 200, rel=0.15)


def test_blocks_are_contiguous_in_the_file_and_equal(rng):
    index = rng.choice(100_000, 1003, replace=False)
    permutation, sizes = found_in.group_order(index, 20)
    assert sorted(permutation) == list(range(1003))
    assert (np.diff(index[permutation]) > 0).all()
    assert sizes.tolist() == [p.size for p in np.array_split(np.arange(1003), 20)]


def test_clusters_are_never_cut(rng):
    labels = rng.integers(0, 150, 2000).astype(str)
    index = rng.permutation(2000)
    permutation, sizes = found_in.group_order(index, 20, labels)
    assert sorted(permutation) == list(range(2000))
    assert sizes.sum() == 2000
    assert sizes.max() - sizes.min() <= np.unique(labels, return_counts=True)[1].max()
    member = np.repeat(np.arange(20), sizes)
    home = {}
    for label, group in zip(labels[permutation], member, strict=True):
        assert home.setdefault(label, group) == group
    assert found_in.group_order(np.arange(60), 20, np.repeat([0, 1, 2], 20))[1].tolist() == [20] * 3


def test_directions_without_groups_of_any_size_are_those_computed_anew(rng):
    x = rng.exponential(size=(3, 300))
    sizes = np.array([150, 100, 50])
    got = found_in.ad_star_without(x, sizes, threads=1)
    assert got.shape == (3, 3)
    z = np.sort(x[1, 150:])
    z = (z - z.mean()) / z.std(ddof=1)
    i = np.arange(1, 151)
    a2 = -150 - ((2 * i - 1) * (stats.norm.logcdf(z) + stats.norm.logsf(z[::-1]))).mean()
    assert got[1, 0] == pytest.approx(a2 * (1 + 0.75 / 150 + 2.25 / 150**2), rel=1e-9)


def not_gaussian(make, seeds, n, d):
    """Share of samples that corrected intervals reject, those inconclusive by rule left out."""
    count = 0
    for seed in range(seeds):
        x = make(np.random.default_rng(seed), n, d)
        few = found_in.too_few_for_directions(dependence(x))
        count += blocked_interval(x)[0] > LIMIT and not few
    return count / seeds


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda rng, n, d: rng.standard_normal((n, d)),
        lambda rng, n, d: autoregressive(rng, n, d, 0.5),
        lambda rng, n, d: autoregressive(rng, n, d, 0.9),
        lambda rng, n, d: moving_average(rng, n, d, 40),
    ],
    ids=["iid", "ar.5", "ar.9", "ma40"],
)
@pytest.mark.parametrize(("n", "d", "seeds"), [(1000, 64, 80), (2000, 16, 100), (5000, 32, 40)])
def test_gaussian_rows_that_depend_are_not_called_not_gaussian(make, n, d, seeds):
    # 5 sigma above 5 %; without the correction AR .9 at 2,000 gives 33 %, MA 40 at 5,000 100 %
    bound = 0.05 + 5 * np.sqrt(0.05 * 0.95 / seeds)
    assert not_gaussian(make, seeds, n, d) <= bound


@pytest.mark.slow
def test_skewed_rows_that_depend_stay_not_gaussian():
    def make(rng, n, d):
        x = autoregressive(rng, n, d, 0.5)
        return np.where(x > 0, 1.6 * x, x)

    assert not_gaussian(make, 10, 2000, 16) == 1


def interval_by_labels(x, labels):
    n = len(x)
    permutation, sizes = found_in.group_order(np.arange(n), 20, labels)
    held = np.ascontiguousarray(x.T[:, permutation])
    whole = profile(held, tests=("anderson_darling",), effects=False, threads=1).ad_star.mean()
    without = found_in.ad_star_without(held, sizes, threads=1).mean(axis=0)
    best = found_in.corrected((whole - A0) / n, (without - A0) / (n - sizes), sizes, n)
    return [A0 + REFERENCE * end for end in best.interval(0.95)]


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "share"), [(100, 0.5), (100, 0.9), (40, 0.5)])
def test_gaussian_clusters_in_any_order_are_not_called_not_gaussian_once_named(clusters, share):
    named = scattered = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.arange(2000) % clusters)
        centres = np.sqrt(share) * rng.standard_normal((clusters, 16))
        x = centres[labels] + np.sqrt(1 - share) * rng.standard_normal((2000, 16))
        named += interval_by_labels(x, labels)[0] > LIMIT
        scattered += blocked_interval(x)[0] > LIMIT
    assert named <= 6  # 4.4 sigma above 5 %
    assert scattered > named  # blocks of the file cannot know


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
    values = np.linalg.eigvalsh(np.cov(x.astype(float).T))
    return found_in.notice_collapse(found_in.measure_collapse(x, values))


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
    found = found_in.measure_collapse(x, np.array([3.0, 1.0]))
    assert found.mean_cosine == pytest.approx(pairs.mean(), rel=1e-12)
    assert found.effective_rank == pytest.approx(1.6)


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
