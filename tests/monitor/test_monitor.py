"""The monitor: equal to an audit of the same rows, mergeable, refusing what it cannot use."""

import pickle

import numpy as np
import pytest

import gausscheck
from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor, compute_over_ranks, gather
from gausscheck.rng import hashed_order
from monitored import alike


def rows_of(n, d=6, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return (rng.standard_t(6, (n, d)) * np.arange(1, d + 1) + 0.3).astype(dtype)


def fed(x, batch=50, **options):
    monitor = GaussianMonitor(**options)
    for start in range(0, len(x), batch):
        monitor.update(x[start : start + batch])
    return monitor


@pytest.mark.parametrize("n", [300, 1500])
def test_its_numbers_are_those_of_an_audit_of_the_same_rows(n):
    x = rows_of(n)
    monitor = fed(x, rows=800)
    kept = np.sort(hashed_order(n, 0)[:800])
    np.testing.assert_array_equal(monitor.sample(), x[kept])
    measured = monitor.compute()
    assert (measured.seen, measured.rows) == (n, min(n, 800))
    alike(measured, gausscheck.analyze(x[kept], directions="axes", levels="none"))


def test_options_are_those_of_the_audit():
    x = rows_of(700)
    monitor = fed(x, rows=700, directions="axes,random:8", normalize="unit", groups=10, seed=4)
    report = gausscheck.analyze(
        x, directions="axes,random:8", normalize="unit", groups=10, seed=4, levels="none"
    )
    alike(monitor.compute(), report)
    assert "gaussian/random_times_limit" in monitor.compute().metrics()


def test_metrics_are_plain_numbers_and_name_the_status():
    metrics = fed(rows_of(500)).compute().metrics("z/")
    assert all(type(value) is float for value in metrics.values())
    assert metrics["z/status"] == 3.0
    assert metrics["z/rows"] == 500.0
    assert metrics["z/false_alarm_0.01_low"] < metrics["z/false_alarm_0.01"]


def test_unit_rows_have_no_cv_to_log():
    x = rows_of(500)
    metrics = fed(x / np.linalg.norm(x, axis=1, keepdims=True)).compute().metrics()
    assert "gaussian/norms_cv" not in metrics
    assert "gaussian/rankme" in metrics


def test_what_is_printed_fits_a_screen():
    lines = str(fed(rows_of(500), rows=400).compute()).splitlines()
    assert lines[0] == "400 of 500 rows: not gaussian"
    (rate,) = (line.split() for line in lines if "false_alarm_0.01" in line)
    assert len(rate) == 5  # name, value, both ends, what Gaussian rows give
    assert rate[-1] == "0.01"
    assert max(map(len, lines)) <= 80


def test_reset_forgets_and_the_same_rows_are_taken_again():
    x = rows_of(900)
    monitor = fed(x, rows=300)
    first, told = monitor.ids, monitor.compute().metrics()
    monitor.reset()
    assert monitor.seen == 0
    with pytest.raises(GausscheckError, match="expected rows, got none"):
        monitor.compute()
    for part in np.array_split(x, 5):
        monitor.update(part)
    np.testing.assert_array_equal(monitor.ids, first)
    assert monitor.compute().metrics() == told
    assert not np.array_equal(fed(x, rows=300, seed=1).ids, first)


def test_merged_monitors_are_one_that_saw_all():
    """The sample of two streams is what an order over all ids gives, in whatever order merged."""
    a, b = rows_of(600, seed=1), rows_of(250, seed=2)
    left, right = fed(a, rows=200, stream=0), fed(b, rows=200, stream=5)
    together = left.empty()
    together.merge(right)
    together.merge(left)
    left.merge(right)
    np.testing.assert_array_equal(left.ids, together.ids)
    np.testing.assert_array_equal(left.sample(), together.sample())
    assert left.seen == 850
    from_a = left.ids < 600
    np.testing.assert_array_equal(left.sample()[from_a], a[left.ids[from_a]])
    np.testing.assert_array_equal(left.sample()[~from_a], b[left.ids[~from_a] - 5 * 2**40])
    expected = 200 * 600 / 850
    assert abs(from_a.sum() - expected) < 5 * np.sqrt(200 * 600 * 250 / 850**2)
    alike(left.compute(), gausscheck.analyze(left.sample(), directions="axes", levels="none"))


def test_a_merged_monitor_goes_on():
    a, b, more = rows_of(300, seed=1), rows_of(300, seed=2), rows_of(300, seed=3)
    left, right = fed(a, rows=150, stream=0), fed(b, rows=150, stream=1)
    left.merge(right)
    left.update(more)
    whole = fed(np.concatenate([a, more]), rows=150, stream=0)
    whole.merge(right)
    np.testing.assert_array_equal(left.sample(), whole.sample())
    assert left.seen == 900


def test_a_state_travels_and_comes_back():
    monitor = fed(rows_of(500), rows=200)
    state = pickle.loads(pickle.dumps(monitor.state()))
    other = GaussianMonitor(rows=200)
    other.load_state(state)
    assert other.compute().metrics() == monitor.compute().metrics()
    more = rows_of(100, seed=9)
    for one in (monitor, other):
        one.update(more)
    np.testing.assert_array_equal(other.sample(), monitor.sample())
    assert other.seen == 600


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": None}, "rows that are no array of shape"),
        ({"rows": np.zeros((5, 6), np.float32)}, "rows that are no array of shape"),
        ({"rows": np.zeros((200, 6), complex)}, "complex numbers"),
        ({"ids": np.zeros(200, np.int64)}, "not seen, or twice"),
        ({"ids": np.arange(200) + 400}, "not seen, or twice"),
        ({"ids": np.arange(200) + (1 << 40)}, "not seen, or twice"),
        ({"ids": np.arange(201)}, "201 rows in a sample of 200"),
        ({"seen": [1]}, "counts of rows that are none"),
        ({"seen": {0: -3}}, "counts of rows that are none"),
        ({"width": 99}, "rows that are no array of shape"),
        ({"width": None}, "rows of None dimensions"),
        ({"eps": "x"}, "a spacing of values of 'x'"),
        ({"groups": np.zeros(3)}, "groups that are no array of shape"),
    ],
)
def test_a_state_whose_parts_do_not_fit_is_refused(change, words):
    state = fed(rows_of(500), rows=200).state()
    other = fed(rows_of(50), rows=200)
    with pytest.raises(GausscheckError, match=words):
        other.load_state(state | change)
    assert other.seen == 50


def test_groups_are_left_out_as_a_whole():
    """Rows that are copies of each other but for a little noise widen the interval."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((60, 5))
    which = rng.permutation(np.repeat(np.arange(60), 30))
    x = centres[which] + 0.1 * rng.standard_normal((1800, 5))
    names = np.array([f"doc {i}" for i in which])
    grouped, plain = GaussianMonitor(rows=1000), GaussianMonitor(rows=1000)
    for part in np.array_split(np.arange(1800), 9):
        grouped.update(x[part], groups=list(names[part]))
        plain.update(x[part])
    np.testing.assert_array_equal(grouped.sample(), plain.sample())
    with_groups, without = grouped.compute(), plain.compute()
    assert with_groups.rankme == pytest.approx(without.rankme)
    width = [m.rankme_ci[1] - m.rankme_ci[0] for m in (with_groups, without)]
    assert width[0] > 2 * width[1]
    kept = np.sort(hashed_order(1800, 0)[:1000])
    back = GaussianMonitor(rows=1000)
    back.load_state(grouped.state())
    assert back.state()["groups"].tolist() == names[kept].tolist()
    assert back.compute().metrics() == with_groups.metrics()


def test_groups_are_those_of_groups_by(tmp_path):
    x, which = rows_of(600), np.arange(600) // 12
    monitor = GaussianMonitor()
    monitor.update(x, groups=which)
    np.save(tmp_path / "which.npy", which)
    report = gausscheck.analyze(
        x, directions="axes", levels="none", groups_by=str(tmp_path / "which.npy")
    )
    alike(monitor.compute(), report)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda m: m.update(np.zeros((3, 4, 5))), "expected rows of shape .* got shape"),
        (lambda m: m.update(np.zeros(4)), "expected rows of shape"),
        (lambda m: m.update(3.0), "got float"),
        (lambda m: m.update(np.zeros((3, 7))), "expected 6 dimensions as before, got 7"),
        (lambda m: m.update(np.zeros((3, 6), bool)), "expected real numbers, got bool"),
        (lambda m: m.update(np.zeros((3, 6)), groups=[1, 2, 3]), "without groups as before"),
        (lambda m: m.empty().update(np.zeros((3, 6)), groups=[1]), "one for each of 3 rows"),
        (lambda m: m.merge(fed(rows_of(30), rows=500)), "both have numbered rows of stream 0"),
        (lambda m: m.merge(fed(rows_of(30), rows=400)), "sample of 500 rows by seed 0, got 400"),
        (lambda m: m.merge(fed(rows_of(30), rows=500, seed=1)), "got 500 by seed 1"),
        (lambda m: m.merge(fed(rows_of(30, 4), rows=500, stream=1)), "expected 6 dimensions"),
        (lambda m: m.load_state({"rows": 3}), "expected one that state"),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(wrong, message):
    monitor = fed(rows_of(200), rows=500)
    before = monitor.state()
    with pytest.raises(GausscheckError, match=message) as caught:
        wrong(monitor)
    assert "\n" not in str(caught.value)
    after = monitor.state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[key], after[key]) for key in before if key != "eps")
    assert monitor.seen == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 50}, "rows: expected an integer of at least 100"),
        ({"dataset": "x"}, "dataset: speaks of files"),
        ({"groups_by": "x"}, r"give groups to update\(\)"),
        ({"colour": 3}, "unknown option colour"),
        ({"stream": -1}, "stream: expected 0 to"),
        ({"directions": 3}, "directions: expected text"),
    ],
)
def test_options_that_mean_nothing_are_refused_at_once(options, message):
    with pytest.raises(GausscheckError, match=message):
        GaussianMonitor(**options)


def test_rows_that_cannot_be_audited_are_one_line():
    x = rows_of(300)
    x[7, 2] = np.nan
    with pytest.raises(GausscheckError, match="1 not finite"):
        fed(x).compute()
    assert fed(x, on_bad_rows="drop").compute().report.preflight.n_used == 299
    with pytest.raises(GausscheckError, match="at least 20 rows, got 5"):
        fed(x[:5]).compute()


def test_lists_and_frames_are_rows_as_well():
    import pandas as pd

    x = rows_of(900, dtype=np.float64)
    kept = fed(x, rows=200).sample()
    for make in (np.ndarray.tolist, pd.DataFrame):
        monitor = GaussianMonitor(rows=200)
        for part in np.array_split(x, 18):
            monitor.update(make(part))
        np.testing.assert_array_equal(monitor.sample(), kept)


def test_an_empty_batch_counts_nothing():
    monitor = GaussianMonitor()
    monitor.update(np.empty((0, 6), np.float32))
    assert monitor.seen == 0
    monitor.update(rows_of(50))
    monitor.update(np.empty((0, 6), np.float32))
    assert monitor.seen == 50


def test_alone_there_is_nobody_to_gather_from():
    monitor = fed(rows_of(100))
    assert gather(monitor) is monitor
    assert compute_over_ranks(monitor).metrics() == monitor.compute().metrics()
