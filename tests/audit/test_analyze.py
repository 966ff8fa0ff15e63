import numpy as np
import pytest
from scipy import stats

import gausscheck
from gausscheck.core import GausscheckError

SMALL = "axes,random:24,pca:6"


@pytest.fixture(scope="module")
def gaussian():
    rng = np.random.default_rng(1)
    return rng.standard_normal((4000, 16)) @ rng.standard_normal((16, 16)) + 3


@pytest.fixture(scope="module")
def report(gaussian):
    return gausscheck.analyze(gaussian, directions=SMALL)


def test_gaussian_rows_are_found_gaussian_at_every_level(report):
    assert report.verdict.status == "gaussian"
    assert set(report.levels) == {"axes", "random", "pca", "marginals", "norms", "sphere"}
    assert all(found.status == "gaussian" for found in report.levels.values())


@pytest.mark.parametrize("law", ["laplace", "uniform", "exponential", "two humps"])
def test_other_laws_are_not(law):
    rng = np.random.default_rng(2)
    draw = {
        "laplace": lambda: rng.laplace(size=(3000, 8)),
        "uniform": lambda: rng.uniform(size=(3000, 8)),
        "exponential": lambda: rng.exponential(size=(3000, 8)),
        "two humps": lambda: rng.standard_normal((3000, 8)) + rng.choice([-3, 3], (3000, 8)),
    }
    shapes = {
        "laplace": "heavy tails",
        "uniform": "light tails",
        "exponential": "right skew",
        "two humps": "bimodal",
    }
    report = gausscheck.analyze(draw[law](), directions="axes")
    assert report.verdict.status == "not_gaussian"
    assert all(shapes[law] in worst.shape for worst in report.levels["axes"].worst)


def test_effects_are_what_the_statistics_say(report, gaussian):
    """delta = (mean A*² − a0)/n, with A*² from SciPy."""
    n = len(gaussian)
    a2 = []
    for column in gaussian.T:
        z = np.sort((column - column.mean()) / column.std(ddof=1))
        i = np.arange(1, n + 1)
        a = -n - np.mean((2 * i - 1) * (stats.norm.logcdf(z) + stats.norm.logsf(z[::-1])))
        a2.append(a * (1 + 0.75 / n + 2.25 / n**2))
    found = report.levels["axes"]
    assert found.discrepancy == pytest.approx((np.mean(a2) - 0.385) / n, rel=1e-6)
    assert found.value == pytest.approx(0.385 + 5000 * found.discrepancy)
    assert found.statistic_mean == pytest.approx(np.mean(a2), rel=1e-8)


def test_the_table_agrees_with_scipy_for_raw_and_unit_rows(report, gaussian):
    unit = gaussian / np.linalg.norm(gaussian, axis=1, keepdims=True)
    for name, rows in (("raw", gaussian), ("unit", unit)):
        p = stats.normaltest(rows, axis=0).pvalue
        assert getattr(report.paper_table, name).dp_avg == pytest.approx(p.mean(), rel=1e-6)
        assert getattr(report.paper_table, name).dp_pass == pytest.approx((p > 0.05).mean())
    norms = np.linalg.norm(gaussian, axis=1)
    assert report.paper_table.raw.cv == pytest.approx(norms.std() / norms.mean())


@pytest.mark.parametrize("scale", [1e7, 1e8, 1e15])
def test_the_table_of_unit_rows_does_not_depend_on_the_scale(rng, scale):
    """The raw mean must not be taken from unit rows: that moved A*² from 2.9 to 18 and to NaN."""
    x = (rng.standard_normal((2000, 32)) + 0.3).astype(np.float32)
    options = {"directions": "axes", "levels": "none"}
    plain, scaled = (gausscheck.analyze(rows, **options).paper_table.unit
                     for rows in (x, x * np.float32(scale)))  # fmt: skip
    assert scaled.ad_avg == pytest.approx(plain.ad_avg, rel=1e-3)
    assert scaled.dp_avg == pytest.approx(plain.dp_avg, rel=1e-3)
    assert scaled.ad_pass == pytest.approx(plain.ad_pass)


def test_norm_cv_stands_beside_its_gaussian_value(report):
    assert report.norms.cv == pytest.approx(report.norms.cv_gaussian, rel=0.15)


def test_subset_protocol_averages_before_it_thresholds(gaussian):
    table = gausscheck.analyze(gaussian, directions="axes", subsets="7x500").paper_table
    assert (table.subsets.b, table.subsets.m) == (7, 500)
    assert table.raw.ad_pass == 1.0
    assert table.gaussian.ad_pass > 0.998
    assert table.gaussian.dp_pass > 0.999


def test_null_of_the_table_at_one_subset(report):
    null = report.paper_table.gaussian
    assert null.ad_avg == pytest.approx(0.385, abs=0.01)
    assert null.ad_pass == pytest.approx(0.95, abs=0.01)
    assert null.dp_avg == pytest.approx(0.5, abs=0.01)
    assert null.dp_pass == pytest.approx(0.95, abs=0.01)


def test_too_many_subsets_are_refused(gaussian):
    with pytest.raises(GausscheckError, match='subsets="50x1000": expected at most 4000 rows'):
        gausscheck.analyze(gaussian, directions="axes", subsets="50x1000")


@pytest.mark.parametrize("normalize", ["raw", "center", "unit", "standardize", "whiten"])
def test_every_normalisation_runs_on_real_embeddings(clip_path, normalize):
    report = gausscheck.analyze(clip_path, normalize=normalize, directions="axes,random:16,pca:4")
    assert report.preparation.kind == normalize
    assert report.levels["axes"].directions == 512
    assert report.verdict.status in ("not_gaussian", "inconclusive")


def test_unit_rows_have_no_norms_to_speak_of(minilm_path):
    report = gausscheck.analyze(minilm_path, directions="axes:20")
    assert not report.norms.applicable
    assert report.paper_table.raw.cv is None
    assert report.paper_table.unit == report.paper_table.raw


def test_same_seed_same_report_for_any_memory_and_threads(gaussian, tmp_path):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((30_000, 40)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    options = {"directions": "axes,random:130", "rows": 20_000}
    runs = [
        gausscheck.analyze(tmp_path / "x.npy", memory=m, threads=t, **options)
        for m, t in (("1GB", None), ("33MB", 1), ("200MB", 3))
    ]
    first = runs[0].to_dict()
    for run in runs[1:]:
        other = run.to_dict()
        for key in ("preflight", "paper_table", "norms", "levels", "outcomes", "verdict"):
            assert other[key] == first[key], key
        for name, values in runs[0].arrays().items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(run.arrays()[name], values, rtol=1e-10, atol=1e-12)


def test_seeds_differ(gaussian):
    a, b = (gausscheck.analyze(gaussian, directions="random:8", seed=s) for s in (0, 1))
    assert a.levels["random"].statistic_mean != b.levels["random"].statistic_mean


def test_moment_tests_see_every_row_where_the_sample_does_not():
    x = np.random.default_rng(6).standard_normal((5000, 6))
    report = gausscheck.analyze(x, directions="axes", rows=1000)
    outcomes = report.outcomes["axes"]
    assert outcomes["dagostino_pearson"].n == 5000
    assert outcomes["anderson_darling"].n == 1000
    got = report.to_frame()["dagostino_pearson_pvalue"]
    np.testing.assert_allclose(got, stats.normaltest(x, axis=0).pvalue, rtol=1e-9)


def test_dropped_rows_are_as_if_they_had_not_been_there():
    x = np.random.default_rng(7).standard_normal((900, 5))
    dirty = np.insert(x, [10, 500], np.nan, axis=0)
    with pytest.raises(GausscheckError, match=r"2 not finite \(row 10, 501\)"):
        gausscheck.analyze(dirty, directions="axes")
    found = gausscheck.analyze(dirty, directions="axes", on_bad_rows="drop")
    clean = gausscheck.analyze(x, directions="axes")
    assert found.preflight.n_used == 900
    assert found.levels["axes"].statistic_mean == pytest.approx(clean.levels["axes"].statistic_mean)
    assert "rows dropped" in found.preflight.notes[0]


def test_dropping_works_where_the_sample_is_smaller_than_the_file():
    x = np.random.default_rng(7).standard_normal((3000, 5))
    x[::100] = np.nan
    found = gausscheck.analyze(x, directions="axes", on_bad_rows="drop", rows=500)
    assert found.outcomes["axes"]["dagostino_pearson"].n == 2970
    assert 450 < found.levels["axes"].n <= 500


@pytest.mark.parametrize("first", [0, 512, 2560])
def test_a_leaf_of_which_no_row_is_left_adds_nothing(monkeypatch, first):
    monkeypatch.setattr("gausscheck.passes.plan.LEAF_ROWS", 512)
    x = np.random.default_rng(7).standard_normal((3072, 5))
    x[first : first + 512] = np.nan
    found = gausscheck.analyze(x, directions="axes", on_bad_rows="drop", rows=500)
    outcome, left = found.outcomes["axes"]["dagostino_pearson"], x[np.isfinite(x[:, 0])]
    assert outcome.n == len(left) == 2560
    pvalues = found.to_frame()["dagostino_pearson_pvalue"]
    np.testing.assert_allclose(pvalues, stats.normaltest(left).pvalue, rtol=1e-9)
    assert found.use is not None
    assert found.use.n == 2560


def test_equal_rows_are_one_line():
    with pytest.raises(GausscheckError, match="rows that differ, got 1 among 30"):
        gausscheck.analyze(np.ones((30, 4)))


def test_few_rows_are_one_line():
    with pytest.raises(GausscheckError, match="expected at least 20 rows, got 5"):
        gausscheck.analyze(np.random.default_rng(0).random((5, 4)))


def test_fewer_rows_than_dimensions_still_answers():
    x = np.random.default_rng(8).standard_normal((60, 100))
    report = gausscheck.analyze(x, normalize="whiten", directions="axes,random:5")
    assert report.preflight.rank == 59
    assert report.levels["axes"].directions == 59


def test_worst_rows_are_the_extremes_of_the_file():
    x = np.random.default_rng(9).standard_normal((2000, 3))
    x[:, 1] = np.sign(x[:, 1]) * x[:, 1] ** 2
    worst = gausscheck.analyze(x, directions="axes").levels["axes"].worst[0]
    assert worst.direction == "axis 1"
    assert worst.highest_rows[0] == x[:, 1].argmax()
    assert worst.lowest_rows[0] == x[:, 1].argmin()


def test_a_row_that_decides_is_named_and_left_out():
    x = np.random.default_rng(9).standard_normal((2000, 3))
    clean = gausscheck.analyze(x, directions="axes")
    x[123, 1] = 4000
    report = gausscheck.analyze(x, directions="axes")
    assert [found.rows for found in report.noticed if found.kind == "deciding_rows"] == [(123,)]
    level = report.levels["axes"]
    assert level.note == "without 1 row that decides (123)"
    assert level.n == 1999
    assert level.value == pytest.approx(clean.levels["axes"].value, abs=0.1)
    assert level.status == clean.levels["axes"].status
    assert 123 in report.use.rows_beyond


def test_save_load_show_the_same(report, tmp_path):
    report.save(tmp_path / "r")
    again = gausscheck.load_report(tmp_path / "r")
    assert again.to_dict() == report.to_dict()
    assert sorted(p.name for p in (tmp_path / "r").glob("[!.]*")) == ["report.json", "report.npz"]
    frame = again.to_frame()
    assert len(frame) == 16 + 24 + 6
    assert {"level", "label", "ad_star", "anderson_darling_pvalue"} <= set(frame.columns)
    assert "gaussian" in repr(again)
    assert "<table>" in again._repr_html_()


def test_unknown_options_are_refused(gaussian):
    with pytest.raises(TypeError, match="normalise"):
        gausscheck.analyze(gaussian, normalise="unit")
    with pytest.raises(GausscheckError, match="unknown option normalise"):
        gausscheck.Config.from_options({"normalise": "unit"})
    for bad in ({"threads": 0}, {"worst": "three"}, {"seed": True}, {"group": 1}, {"labels": 3}):
        with pytest.raises(GausscheckError, match=f"{next(iter(bad))}: expected"):
            gausscheck.analyze(gaussian, **bad)


@pytest.mark.slow
def test_the_default_audit_of_real_embeddings_says_what_is_so(minilm_path, clip_path):
    """Every level, no warning (warnings are errors), and words that fit the data."""
    told = gausscheck.analyze(minilm_path)
    assert told.verdict.status == "not_gaussian"
    assert told.verdict.worst_level == "learned"
    assert {found.kind for found in told.noticed} == {
        "serial_dependence", "sorted_rows", "unit_rows", "dead_columns"
    }  # fmt: skip
    assert told.preflight.rank == 381
    assert not told.not_applicable
    assert told.levels["norms"].k == told.levels["sphere"].k == 381
    assert told.norms.cv is None
    clip = gausscheck.analyze(clip_path)
    assert clip.verdict.status == "not_gaussian"
    assert clip.preflight.rank == 512
    assert set(clip.not_applicable) == {"norms", "sphere"}
    assert "3 rows a dimension" in clip.not_applicable["norms"]
    low, high = clip.norms.cv_ci
    assert low < clip.norms.cv < high < clip.norms.cv_gaussian


def test_the_docstring_tells_of_every_option():
    import inspect
    import re

    names = set(inspect.signature(gausscheck.analyze).parameters)
    block = inspect.getdoc(gausscheck.analyze).split("Parameters")[1].split("Returns")[0]
    told = {
        name.strip()
        for line in re.findall(r"^([a-z_, ]+) : ", block, re.M)
        for name in line.split(",")
    }
    assert names == told
