"""The report's two files: what programs may rely on."""

import json
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import gausscheck
from gausscheck.report import Level
from gausscheck.report.codec import decode, encode
from gausscheck.report.result import level_class

DATA = Path(__file__).parents[1] / "data"
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(3).standard_normal((500, 6)).astype(np.float32)
    return gausscheck.analyze(x, directions="axes,random:8,pca:3")


def test_the_keys_that_programs_rely_on(report):
    data = report.to_dict()
    assert data["schema"] == "gausscheck.report"
    assert data["schema_version"] == [2, 0]
    assert set(data) >= {"verdict", "source", "config", "preflight", "paper_table", "outcomes",
                         "spectrum", "groups", "levels", "norms", "not_applicable"}  # fmt: skip
    for column in ("raw", "unit", "gaussian"):
        row = data["paper_table"][column]
        assert set(row) == {"cv", "ad_avg", "ad_pass", "dp_avg", "dp_pass"}
    assert set(data["levels"]) == {"axes", "random", "pca", "marginals", "norms", "sphere"}
    for level in data["levels"].values():
        assert set(level) >= {"status", "statistic", "value", "value_ci", "null_mean", "limit",
                              "times_limit", "n", "reference"}  # fmt: skip
        low, high = level["value_ci"]
        assert low <= level["value"] <= high
        scale = level["limit"] - level["null_mean"]
        assert level["times_limit"] == pytest.approx((level["value"] - level["null_mean"]) / scale)
        at_reference = level["null_mean"] + level["reference"] * level["discrepancy"]
        assert level["value"] == pytest.approx(at_reference)
    assert "ad_mean" not in str(data["levels"])
    assert not {"kolmogorov", "rms_cdf_error"} & set(data["levels"]["norms"])
    assert {"status", "worst_level", "summary"} <= set(data["verdict"])


def test_saved_and_loaded_it_is_the_same(report, tmp_path):
    report.save(tmp_path)
    back = gausscheck.load_report(tmp_path)
    assert back.to_dict() == report.to_dict()
    assert back.to_frame().equals(report.to_frame())
    assert back.levels_frame().equals(report.levels_frame())
    mine, theirs = back.arrays(), report.arrays()
    assert set(mine) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values)
    assert {p.name for p in tmp_path.glob("[!.]*")} == {"report.json", "report.npz"}


def test_the_json_has_no_nan(report, tmp_path):
    x = np.random.default_rng(0).standard_normal((40, 4))
    small = gausscheck.analyze(x, directions="axes")
    for one in (report, small):
        one.save(tmp_path)
        text = (tmp_path / "report.json").read_text()

        def refuse(word):
            raise AssertionError(word)

        json.loads(text, parse_constant=refuse)


def test_the_frame_has_a_row_a_direction(report):
    frame = report.to_frame()
    assert len(frame) == 6 + 8 + 3
    assert {"level", "label", "ad_star", "ad_discrepancy", "skewness", "l_kurtosis", "kolmogorov",
            "wasserstein1", "anderson_darling_pvalue"} <= set(frame)  # fmt: skip


def test_the_levels_frame_has_a_row_a_level(report):
    frame = report.levels_frame()
    assert list(frame["level"]) == list(report.levels)
    assert list(frame.columns) == ["level", *(f.name for f in fields(Level))]


def test_it_reads_well_in_a_shell_and_in_a_notebook(report):
    assert "axes" in repr(report)
    assert report.verdict.summary in repr(report)
    html = report._repr_html_()
    assert html.count("<tr>") == 1 + len(report.levels)
    assert "<script" not in html


def test_names_of_others_are_text_in_a_notebook(report):
    nasty = replace(report, source=replace(report.source, uri="<script>alert(1)</script>"))
    assert "<script>" not in nasty._repr_html_()


def test_the_fitted_map_travels_with_the_report(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((800, 5)) @ rng.standard_normal((5, 5)) + 3
    gausscheck.analyze(x, normalize="whiten", directions="axes").save(tmp_path)
    white = gausscheck.load_report(tmp_path).preparation.apply(x)
    np.testing.assert_allclose(np.cov(white.T), np.eye(5), atol=1e-8)


def test_a_report_of_version_1_0_loads_forever():
    report = gausscheck.load_report(DATA / "report_1_0")
    assert report.verdict.status == "not_gaussian"
    assert report.levels["axes"].directions == 6
    assert len(report.to_frame()) == 6 + 8


def test_a_report_of_version_1_1_loads_forever():
    report = gausscheck.load_report(DATA / "report_1_1")
    data = json.loads((DATA / "report_1_1" / "report.json").read_text())
    assert report.verdict.summary == data["verdict"]["summary"]
    for name, old in data["levels"].items():
        level = report.levels[name]
        assert level.value == old["ad_at_reference"]
        assert level.discrepancy_ci == tuple(old["ad_discrepancy_ci"])
        assert level.status == old["status"]
    assert report.levels["axes"].statistic_mean == data["levels"]["axes"]["ad_mean"]
    assert report.levels["axes"].global_test.pvalue == data["levels"]["axes"]["global"]["pvalue"]
    assert report.levels["marginals"].curve[1].k == 2
    assert report.spectrum.rankme == data["spectrum"]["rankme"]
    assert report.groups.shown["b"].n == data["groups"]["shown"]["b"]["n"]
    assert report.norms.counts.sum() == data["source"]["n"]


@pytest.mark.parametrize("null", ["fitted", "isotropic"])
def test_reports_are_as_the_published_schema_says(null, tmp_path):
    schema = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))
    x = np.random.default_rng(2).standard_normal((300, 6))
    gausscheck.analyze(x, null=null, directions="axes,random:8,pca:2,ica:2").save(tmp_path)
    for folder in (tmp_path, DATA / "report_2_0"):
        data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(data)
    data["levels"]["axes"]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(data)


def test_a_report_of_version_2_0_loads_forever():
    report = gausscheck.load_report(DATA / "report_2_0")
    data = json.loads((DATA / "report_2_0" / "report.json").read_text())
    assert len(data.pop("arrays_sha256")) == 64  # of the .npz that was saved; load compares
    known = report.to_dict()
    for section, values in data.items():
        _holds(known[section], values, section)


def _holds(new, old, path):
    """Every key and value of the old is in the new, whatever a later minor version adds."""
    if path in ("schema_version", "gausscheck_version"):
        return
    if isinstance(old, dict):
        for key, value in old.items():
            assert key in new, f"{path}.{key}"
            _holds(new[key], value, f"{path}.{key}")
    else:
        assert new == old, path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": [3, 0]}, "upgrade"),
        ({"schema": "other"}, "expected schema gausscheck.report"),
        ({"schema_version": "1"}, r"\[major, minor\]"),
        ({"levels": None}, "expected levels, which is missing"),
        ({"levels": 3}, "levels: expected an object, got 3"),
        ({"verdict": {"status": "fine"}}, "verdict.status: expected one of gaussian"),
        ({"norms": {"applicable": "yes"}}, "norms.applicable: expected true or false, got 'yes'"),
        ({"config": {"seed": -1}}, "seed: expected an integer of at least 0"),
    ],
)
def test_what_cannot_be_read_is_refused(report, tmp_path, change, words):
    report.save(tmp_path)
    path = tmp_path / "report.json"
    data = json.loads(path.read_text()) | change
    path.write_text(json.dumps({k: v for k, v in data.items() if v is not None}))
    with pytest.raises(gausscheck.GausscheckError, match=words):
        gausscheck.load_report(tmp_path)


def test_every_value_of_every_key_may_be_damaged(report, tmp_path):
    """Whatever stands in the place of a value, loading gives a report or one line."""
    report.save(tmp_path)
    arrays = report.arrays()
    whole = report.to_dict()
    text = json.dumps(whole)

    def places(value, path):
        yield path
        if isinstance(value, dict):
            for key, item in value.items():
                yield from places(item, (*path, key))
        elif isinstance(value, list):
            for i, item in enumerate(value[:3]):
                yield from places(item, (*path, i))

    tried, refused = 0, []
    every = list(places(whole, ()))[1:]
    for place, path in enumerate(every[::5]):
        for junk in ((None, "x", []), (-1, {}), (True, 1e308))[place % 3]:
            data = json.loads(text)
            inside = data
            for key in path[:-1]:
                inside = inside[key]
            inside[path[-1]] = junk
            tried += 1
            try:
                decode(type(report), {**data, "version": ""}, arrays, level_class)
            except gausscheck.GausscheckError as err:
                refused.append(str(err))
    assert tried > 300
    assert len(refused) > tried / 4
    assert not any("\n" in message for message in refused)


def test_a_newer_minor_version_loads(report, tmp_path):
    report.save(tmp_path)
    path = tmp_path / "report.json"
    data = json.loads(path.read_text()) | {"schema_version": [2, 7], "something_new": 1}
    path.write_text(json.dumps(data))
    assert gausscheck.load_report(tmp_path).verdict == report.verdict


def test_missing_and_damaged_files(report, tmp_path):
    with pytest.raises(gausscheck.GausscheckError, match="found none"):
        gausscheck.load_report(tmp_path)
    report.save(tmp_path)
    (tmp_path / "report.npz").write_bytes(b"PK broken")
    with pytest.raises(gausscheck.GausscheckError, match=r"report\.npz"):
        gausscheck.load_report(tmp_path)
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(gausscheck.GausscheckError, match="JSON"):
        gausscheck.load_report(tmp_path)
    (tmp_path / "report.json").write_text("[" * 100_000)
    with pytest.raises(gausscheck.GausscheckError, match="JSON"):
        gausscheck.load_report(tmp_path)


def test_not_finite_is_null_and_comes_back_as_nothing(report):
    level = replace(report.levels["axes"], n_detect=float("nan"), l_kurtosis=float("inf"))
    data = encode(level)
    assert data["n_detect"] is None
    assert data["l_kurtosis"] is None
