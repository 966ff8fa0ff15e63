"""Each finding fires on its case, says its numbers, and is silent on independent Gaussian rows."""

import h5py
import numpy as np
import pytest

from audit.noticed_steps import (
    LIMIT,
    autoregressive,
    axes_level,
    dependence,
    everything,
    mean_ad,
    says,
    shell_level,
    student,
    whitened,
)
from gausscheck.audit import noticed as found_in
from gausscheck.audit.noticed import sparse
from gausscheck.audit.preflight import dead_coordinates
from gausscheck.normality import A0
from gausscheck.normality.sphere.shell import shell_limit, shell_mean
from gausscheck.passes.reductions import FirstPass
from gausscheck.passes.row_keys import row_keys

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
