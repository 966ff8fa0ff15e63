import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from estimators.samples import gaussian, student
from gausscheck import GausscheckError, score
from gausscheck.cli import main
from gausscheck.scoring.writers import COLUMNS
from gausscheck.sources.base import ArraySource

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(main, [str(a) for a in args])


@pytest.fixture
def files(rng, tmp_path):
    np.save(tmp_path / "ref.npy", student(rng, 4000).astype(np.float32))
    np.save(tmp_path / "new.npy", student(rng, 1000).astype(np.float32))
    return tmp_path / "ref.npy", tmp_path / "new.npy"


def read(path):
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    if path.suffix == ".csv":
        with path.open() as handle:
            rows = list(csv.DictReader(handle))
        return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}


def test_every_format_holds_the_same_numbers(files, tmp_path):
    pytest.importorskip("pyarrow")
    found = {}
    for ending in ("parquet", "csv", "npz"):
        score(*files, tmp_path / f"s.{ending}", seed=3)
        found[ending] = read(tmp_path / f"s.{ending}")
    for scores in found.values():
        assert tuple(scores) == COLUMNS
        np.testing.assert_array_equal(scores["row"], np.arange(1000))
        for name in COLUMNS:
            np.testing.assert_array_equal(scores[name], found["npz"][name])
    assert found["npz"]["row"].dtype == np.int64
    square = found["npz"]["distance2"]
    np.testing.assert_allclose(
        found["npz"]["log_density"], -(6 * np.log(2 * np.pi) + square) / 2, rtol=1e-12
    )


def test_the_summary_counts_what_was_written(files, tmp_path):
    found = score(*files, tmp_path / "s.npz")
    scores = read(tmp_path / "s.npz")
    for key in ("0.05", "0.01"):
        assert found.gaussian[key].value == (scores["p"] <= float(key)).mean()
        assert found.conformal[key].value == (scores["conformal_p"] <= float(key)).mean()
    assert found.believe == "conformal"
    assert found.gaussian["0.01"].ci[0] > 0.02
    low, high = found.expected["0.01"]
    assert low <= found.conformal["0.01"].value <= high
    assert "conformal" in found.sentence
    assert found.conformal["0.001"].value <= 0.005  # 1,000 rows are ranked among: it can be told


def test_rows_of_the_reference_that_repeat_count_once(rng, tmp_path):
    """Copies of a fitted row among those ranked would lie too near."""
    ref, new, label = student(rng, 600), student(rng, 300), rng.integers(0, 60, 600)
    for groups in (None, label):
        once = score(ref, new, tmp_path / "once.npz", groups_by=groups)
        again = None if groups is None else np.tile(groups, 4)
        found = score(np.tile(ref, (4, 1)), new, tmp_path / "found.npz", groups_by=again)
        assert (found.fit_rows, found.expected) == (once.fit_rows, once.expected)
        for name, values in read(tmp_path / "once.npz").items():
            np.testing.assert_array_equal(values, read(tmp_path / "found.npz")[name])
        assert "reference: 1,800 rows repeat an earlier one: counted once" in found.notes
    with pytest.raises(GausscheckError, match="at least 20 rows that differ, got 10, and 90 that"):
        score(np.tile(ref[:10], (10, 1)), new, tmp_path / "few.npz")


@pytest.mark.slow
def test_a_reference_of_copies_keeps_its_levels(tmp_path):
    """Binomial(80, .95) is below 71 once in 60; with copies counted 21 of 80 held."""
    rng, inside, rates = np.random.default_rng(9), 0, []
    for seed in range(80):
        x = rng.standard_normal((500, 32))
        ref = x[rng.permutation(np.repeat(np.arange(500), 4))]
        found = score(ref, rng.standard_normal((1000, 32)), tmp_path / "s.npz", seed=seed)
        low, high = found.expected["0.05"]
        rates.append(found.conformal["0.05"].value)
        inside += low <= rates[-1] <= high
    assert inside >= 71
    assert abs(np.mean(rates) - 0.05) < 0.008  # 3 standard errors: sqrt(.05 .95/124/80)


def test_where_the_reference_is_gaussian_both_are_believed(rng, tmp_path):
    found = score(gaussian(rng, 4000), gaussian(rng, 2000), tmp_path / "s.csv")
    assert found.believe == "gaussian"
    assert found.gaussian["0.01"].ci[0] < 0.01 < found.gaussian["0.01"].ci[1]


def test_levels_that_ranks_cannot_tell_are_left_out(rng, tmp_path):
    found = score(student(rng, 200), student(rng, 50), tmp_path / "s.csv")
    assert found.conformal["0.001"] is None
    assert found.conformal["0.01"] is None
    assert found.conformal["0.05"] is not None
    few = score(student(rng, 40), student(rng, 50), tmp_path / "s.csv")
    assert few.believe == "neither"


def test_expected_shares_are_those_of_exchangeable_rows(tmp_path):
    from gausscheck.scoring.run import _expected

    rng = np.random.default_rng(5)
    low, high = _expected(199, 500, 0.05, rng)
    ranks = np.array([
        (np.searchsorted(np.sort(z[:199]), z[199:]) > 189).mean()
        for z in rng.standard_normal((3000, 699))
    ])  # fmt: skip
    assert np.quantile(ranks, 0.025) == pytest.approx(low, abs=0.005)
    assert np.quantile(ranks, 0.975) == pytest.approx(high, abs=0.006)


class Counted(ArraySource):
    """Rows that tell how many were asked for at once."""

    def __init__(self, x):
        super().__init__(x, "counted")
        self.asked = []

    def read(self, start, stop):
        self.asked.append(stop - start)
        return super().read(start, stop)


def test_new_rows_are_read_and_written_in_blocks(rng, tmp_path):
    new = Counted(np.broadcast_to(rng.standard_normal(64).astype(np.float32), (300_000, 64)))
    found = score(gaussian(rng, 500, 64), new, tmp_path / "s.npz", memory="32MB")
    assert found.n == sum(new.asked) == 300_000
    assert max(new.asked) * 64 * 8 <= 32e6
    assert len(read(tmp_path / "s.npz")["p"]) == 300_000


def test_a_large_reference_is_sampled_in_the_budget(rng, tmp_path):
    reference = Counted(gaussian(rng, 20_000, 100))
    found = score(reference, gaussian(rng, 10, 100), tmp_path / "s.csv", memory="32MB")
    assert found.fit_rows + found.calibration_rows == 10_000  # 32 bytes a value
    assert "sample of 10,000 of 20,000 rows" in " ".join(found.notes)


def test_a_bad_row_leaves_what_was_there(files, tmp_path, run):
    new = np.load(files[1])
    new[700] = np.nan
    np.save(tmp_path / "bad.npy", new)
    out = tmp_path / "s.csv"
    out.write_text("old")
    done = run("score", files[0], tmp_path / "bad.npy", "-o", out)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert "row 700" in done.stderr
    assert "--on-bad-rows drop" in done.stderr
    assert out.read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"ref.npy", "new.npy", "bad.npy", "s.csv"}
    done = run("score", files[0], tmp_path / "bad.npy", "-o", out, "--on-bad-rows", "drop")
    assert done.exit_code == 0, done.stderr
    assert "1 new rows dropped" in done.stdout
    rows = read(out)["row"]
    assert rows.size == 999
    assert 700 not in rows


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--groups-by", "missing"], "no such"),
        (["--components", "99"], "1 to 6"),
        (["--shrinkage", "3"], "from 0 to 1"),
    ],
)
def test_what_cannot_be_is_one_line(files, tmp_path, run, change, words):
    done = run("score", *files, "-o", tmp_path / "s.npz", *change)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert words in done.stderr
    assert not (tmp_path / "s.npz").exists()


def test_other_endings_and_dimensions_are_refused_before_rows_are_read(rng, tmp_path):
    with pytest.raises(GausscheckError, match=r"\.parquet, \.csv, \.npz"):
        score(gaussian(rng, 50), gaussian(rng, 50), tmp_path / "s.txt")
    with pytest.raises(GausscheckError, match="of 6 dimensions"):
        score(gaussian(rng, 50), gaussian(rng, 50, 5), tmp_path / "s.csv")


def test_rows_are_not_written_over(rng, tmp_path):
    np.savez(tmp_path / "x.npz", gaussian(rng, 50))
    with pytest.raises(GausscheckError, match="another file"):
        score(tmp_path / "x.npz", gaussian(rng, 50), tmp_path / "x.npz")


def test_the_screen_fits_and_says_which_to_believe(files, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("score", "ref.npy", "new.npy", "-o", "s.npz")
    assert done.exit_code == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "Believe the conformal ranks" in done.stdout
    told = json.loads(run("score", *files, "-o", tmp_path / "s.npz", "--json").stdout)
    assert (told["schema"], told["believe"], told["n"]) == ("gausscheck.scores", "conformal", 1000)


def test_rows_of_the_reference_itself_are_told(files, tmp_path):
    assert "own" in " ".join(score(files[0], files[0], tmp_path / "s.npz").notes)


def test_groups_are_held_out_whole(rng, tmp_path):
    groups = np.arange(2000) // 4
    found = score(student(rng, 2000), student(rng, 500), tmp_path / "s.npz", groups_by=groups)
    assert (found.calibration_groups, found.calibration_rows) == (125, 500)
    assert found.expected["0.01"] is None
    with pytest.raises(GausscheckError, match="2,000 values"):
        score(student(rng, 2000), student(rng, 9), tmp_path / "s.npz", groups_by=groups[:5])


def test_dependent_neighbours_are_told(rng, tmp_path):
    walk = rng.standard_normal((2000, 4))
    for i in range(1, 2000):
        walk[i] += 0.8 * walk[i - 1]
    notes = " ".join(score(walk, walk[::-1].copy(), tmp_path / "s.npz").notes)
    assert "neighbouring rows" in notes


def test_untrusted_files_are_read_apart(files, tmp_path, run):
    plain = run("score", *files, "-o", tmp_path / "a.npz", "--json")
    apart = run("score", *files, "-o", tmp_path / "b.npz", "--json", "--untrusted")
    assert apart.exit_code == 0, apart.stderr
    one, other = json.loads(plain.stdout), json.loads(apart.stdout)
    assert one["gaussian"] == other["gaussian"]


def test_apply_takes_a_saved_whitener(files, tmp_path, run):
    x = np.load(files[0])
    whitener = gausscheck.GaussianWhitener(3).fit(x)
    whitener.preparation_.save(tmp_path / "map.npz")
    done = run("apply", tmp_path / "map.npz", files[1], "--out", tmp_path / "w.npy")
    assert done.exit_code == 0, done.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / "w.npy"), whitener.transform(np.load(files[1])), rtol=1e-6, atol=1e-6
    )
    (tmp_path / "bad.npz").write_bytes(b"PK nothing")
    done = run("apply", tmp_path / "bad.npz", files[1], "--out", tmp_path / "w2.npy")
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert "expected a saved preparation" in done.stderr


def test_the_whitening_of_an_audit_is_the_whiteners(files):
    x = np.load(files[0])
    report = gausscheck.analyze(x, normalize="whiten", directions="axes", levels="none")
    np.testing.assert_allclose(
        report.preparation.apply(x), gausscheck.GaussianWhitener().fit_transform(x), atol=2e-5
    )
