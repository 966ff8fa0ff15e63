"""Files of more rows than keys are held of: repeats are estimated, the sample is free of them.

CAP is lowered so that a small file stands for a large one; the audit that holds every key is the
reference.
"""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import gausscheck
from gausscheck.audit.noticed import EstimatedDistinct, distinct_rows, notice_duplicates
from gausscheck.audit.noticed.duplicates import about
from gausscheck.gate import check_requirements, parse
from gausscheck.normality import A0
from gausscheck.passes import row_keys as keys_of
from gausscheck.passes import sample as sampling
from gausscheck.passes.row_keys import RowKeys, row_keys

N, D, ROWS = 40_000, 6, 8000
FAST = {"directions": "axes,random:8", "levels": "norms", "rows": ROWS}


def file_with(rng, share, n=N):
    x = rng.standard_normal((n, D)).astype(np.float32) @ rng.standard_normal((D, D)) + 2
    late = int(n * share)
    if late:
        x[n - late :] = x[rng.integers(0, n - late, late)]
    return x[rng.permutation(n)].astype(np.float32)


@pytest.fixture
def many(monkeypatch):
    """Let files of 5,000 rows be such that not every key is held."""

    def lower(cap=5000, held=4096):
        monkeypatch.setattr(keys_of, "CAP", cap)
        monkeypatch.setattr(keys_of, "HELD", held)

    return lower


@pytest.fixture
def samples(monkeypatch):
    """Keep the samples of audits, as they are at their end."""
    seen = []
    plain = sampling.RowSample.__exit__

    def leave(self, *error):
        seen.append(self.index.copy())
        plain(self, *error)

    monkeypatch.setattr(sampling.RowSample, "__exit__", leave)
    return seen


@pytest.mark.parametrize("share", [0, 0.005, 0.2])
def test_an_estimate_of_repeats_tells_what_counting_tells(rng, many, samples, share):
    x = file_with(rng, share)
    exact = gausscheck.analyze(x, **FAST)
    many()
    found = gausscheck.analyze(x, **FAST)
    assert exact.preflight.duplicates == int(N * share)
    assert exact.preflight.duplicates_ci is None
    low, high = found.preflight.duplicates_ci
    assert low <= exact.preflight.duplicates <= high
    assert high - low < max(0.1 * N * share, 600)
    assert found.levels.keys() == exact.levels.keys()
    for name, level in exact.levels.items():
        assert found.levels[name].status == level.status
        assert found.levels[name].times_limit == pytest.approx(level.times_limit, abs=1e-3)
    # the sampled rows are those that counting leaves, and none repeats another
    np.testing.assert_array_equal(samples[1], samples[0])
    assert np.unique(x[samples[1]], axis=0).shape[0] == samples[1].size
    notes = [note.text for note in found.noticed if note.kind == "duplicates"]
    assert len(notes) == (share > 0)
    assert all(text.startswith("about ") for text in notes)
    for key, rate in exact.use.false_alarm.items():
        assert found.use.false_alarm[key].ci[0] < rate.value < found.use.false_alarm[key].ci[1]


def test_rates_count_distinct_rows_where_many_repeat(rng, many):
    x = rng.standard_normal((N, 4))
    x[: N // 4] = 9  # a quarter of the file is one far row
    many()
    found = gausscheck.analyze(x, **FAST)
    exact = gausscheck.analyze(x[N // 4 - 1 :], **FAST)
    assert found.use.false_alarm["0.01"].value == pytest.approx(
        exact.use.false_alarm["0.01"].value, abs=0.004
    )
    counting = found.use.weighted
    assert counting.false_alarm["0.001"] == pytest.approx(0.25, abs=5 * np.sqrt(0.19 / ROWS))
    assert (counting.most_repeated, counting.times) == (0, N // 4)
    assert counting.rows == ROWS
    assert found.preflight.duplicates == pytest.approx(N // 4 - 1, rel=0.05)
    (note,) = (note for note in found.noticed if note.kind == "duplicates")
    assert "row 0 is the most frequent, 10,000 times" in note.text


def estimate(keys, level, rng, m):
    n = keys.size
    ids = np.sort(rng.choice(n, m, replace=False))
    _, first, place, count = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    held = RowKeys.of(keys, np.arange(n), level)
    mine, limit = count[place][ids], max(0.5**level * n / m, 1)
    return EstimatedDistinct(n, 0.5**level, held, ids, first[place][ids], mine, mine * 1.0, limit)


REPEATED = {
    "pairs": lambda rng: np.r_[np.arange(20_000), rng.choice(20_000, 1000, replace=False)],
    "few": lambda rng: np.r_[np.arange(20_000), np.arange(8)],
    "often": lambda rng: rng.integers(0, 4000, 20_000),
    "one row": lambda rng: np.r_[np.arange(15_000), np.full(5000, 7)],
    "mixed": lambda rng: np.r_[np.arange(9000), rng.zipf(1.5, 9000) % 9000],
}


@pytest.mark.parametrize("m", [150, 5000, "all"])
@pytest.mark.parametrize("kind", REPEATED)
def test_the_estimate_is_unbiased_and_its_error_is_told(kind, m):
    """200 files: the mean within 5 standard errors, and the told variance within a factor of 2."""
    rng = np.random.default_rng(8)
    errors, told, bias, inside = [], [], [], 0
    for _ in range(200):
        rows = REPEATED[kind](rng).astype(np.uint64)
        keys = row_keys(rows[:, None] + np.uint64(rng.integers(1 << 40)))
        found = estimate(keys, 4, rng, keys.size if m == "all" else m)
        exact = distinct_rows(keys)
        light, heavy = found._parts(lambda c: 1 - 1 / c)
        errors.append(light.sum() + heavy.sum() - exact.repeats)
        told.append(found.error)
        low, high = found.interval(0.95)
        inside += low <= exact.repeats <= high
        bias.append(found.bias(1000, A0) / exact.bias(1000, A0))
    spread = np.std(errors)
    assert inside >= 0.9 * 200
    if m == "all":
        assert np.abs(errors).max() < 1e-6
        assert np.allclose(bias, 1)
        return
    assert abs(np.mean(errors)) < 5 * spread / np.sqrt(200) + 1e-9
    assert 0.5 < np.mean(np.square(told)) / spread**2 < 2
    assert abs(np.mean(bias) - 1) < 5 * np.std(bias) / np.sqrt(200)


def test_no_repeat_seen_is_no_proof_that_there_is_none(rng, many):
    many()
    found = gausscheck.analyze(rng.standard_normal((N, 3)), **{**FAST, "levels": "none"})
    assert found.preflight.duplicates == 0
    (check,) = check_requirements(found, parse("duplicates=0"))
    assert check.outcome == "inconclusive"
    (check,) = check_requirements(found, parse("duplicates<1000"))
    assert check.outcome == "met"


def test_counted_repeats_need_no_interval(rng):
    found = gausscheck.analyze(rng.standard_normal((500, 3)), directions="axes", levels="none")
    (check,) = check_requirements(found, parse("duplicates=0"))
    assert check.outcome == "met"


def test_a_sample_of_all_rows_leaves_every_repeat_out(rng, many):
    x = file_with(rng, 0.1, 6000)
    exact = gausscheck.analyze(x, **FAST)
    many()
    found = gausscheck.analyze(x, **FAST)
    assert found.preflight.duplicates == exact.preflight.duplicates == 600
    assert found.preflight.duplicates_ci == (600, 600)
    assert found.use.n == exact.use.n == 5400
    assert found.levels["axes"].value == exact.levels["axes"].value
    assert found.spectrum.effective_rank == exact.spectrum.effective_rank


def test_nothing_depends_on_memory_where_repeats_are_estimated(rng, many):
    x = file_with(rng, 0.02)
    x[5], x[80] = np.nan, 0
    many()
    small, large = (
        gausscheck.analyze(x, memory=memory, on_bad_rows="drop", **FAST).to_dict()
        for memory in ("32MB", "1GB")
    )
    small.pop("config"), large.pop("config")
    assert small == large
    assert small["preflight"]["non_finite_first"] == [5]


def test_labels_beside_rows_are_used(rng, many, tmp_path):
    x = file_with(rng, 0.2)
    labels = rng.integers(0, 3, N)
    np.savez(tmp_path / "x.npz", emb=x, labels=labels)
    many()
    found = gausscheck.analyze(tmp_path / "x.npz", dataset="emb", group=True, **FAST)
    assert set(found.groups.shown) == {"0", "1", "2"}


def test_rows_that_all_repeat_a_few_are_one_line(rng, many):
    x = np.repeat(rng.standard_normal((100, 4)), 200, axis=0)
    many()
    with pytest.raises(gausscheck.GausscheckError, match="sampled rows that don't repeat others"):
        gausscheck.analyze(x, **{**FAST, "rows": 500})


def test_a_second_run_does_not_count_again(rng, many, tmp_path):
    np.save(tmp_path / "x.npy", file_with(rng, 0.1))
    many()
    keep = {"resume": str(tmp_path / "keep"), **FAST}
    first = gausscheck.analyze(tmp_path / "x.npy", **keep)
    assert len(list((tmp_path / "keep").glob("*repeats*.npz"))) == 1
    again = gausscheck.analyze(tmp_path / "x.npy", **keep)
    assert again.to_dict() == first.to_dict()


def test_nothing_seen_says_nothing():
    keys = row_keys(np.arange(5000)[:, None])
    found = estimate(keys, 3, np.random.default_rng(0), 100)
    assert notice_duplicates(found, 100, A0) is None
    assert [about(n) for n in (4, 123, 98_765)] == [4, 120, 99_000]


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in kB")
def test_the_budget_holds_at_any_number_of_rows(tmp_path):
    """Peak memory beyond the imports: 64 MB and half of it; keys of all rows alone are 40 MB."""
    path = tmp_path / "x.npy"
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(5_000_000, 2))
    rng = np.random.default_rng(0)
    for low in range(0, len(rows), 500_000):
        rows[low : low + 500_000] = rng.standard_normal((500_000, 2), dtype=np.float32)
    rows.flush()
    del rows
    code = f"""
        import resource
        import gausscheck, gausscheck.audit.analyze, scipy.special, scipy.stats
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        before = peak()
        report = gausscheck.analyze(
            {str(path)!r}, directions="axes", levels="none", rows=20_000, memory="64MB", threads=2
        )
        print(report.preflight.n, peak() - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    n, taken = map(int, done.stdout.split())
    assert n == 5_000_000
    assert taken < 96e6
