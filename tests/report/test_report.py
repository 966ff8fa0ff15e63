"""The report's two files: what programs may rely on."""

import json
from pathlib import Path

import numpy as np
import pytest

import gausscheck

GOLDEN = Path(__file__).parents[1] / "data" / "report_1_0"


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(3).standard_normal((500, 6)).astype(np.float32)
    return gausscheck.analyze(x, directions="axes,random:8,pca:3")


def test_the_schema(report):
    data = report.to_dict()
    assert data["schema"] == "gausscheck.report"
    assert data["schema_version"] == [1, 1]
    top = ("source", "config", "preflight", "paper_table", "levels", "outcomes", "verdict")
    assert set(top) <= set(data)
    for column in ("raw", "unit"):
        row = data["paper_table"][column]
        assert set(row) == {"cv", "ad_avg", "ad_pass", "dp_avg", "dp_pass"}
    assert set(data["levels"]) == {"axes", "random", "pca", "marginals", "norms", "sphere"}
    for level in data["levels"].values():
        assert level["status"] in ("gaussian", "not_gaussian", "inconclusive")
        for key in ("ad_discrepancy", "ad_at_reference"):
            low, high = level[f"{key}_ci"]
            assert low <= level[key] <= high
        assert {"rms_cdf_error", "n_detect"} <= set(level)
    assert {"status", "worst_level", "summary"} <= set(data["verdict"])


def test_saved_and_loaded_it_is_the_same(report, tmp_path):
    report.save(tmp_path)
    back = gausscheck.load_report(tmp_path)
    assert back.to_dict() == report.to_dict()
    assert back.to_frame().equals(report.to_frame())
    assert set(back.arrays) == set(report.arrays)
    assert {p.name for p in tmp_path.iterdir()} == {"report.json", "report.npz"}


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


def test_it_reads_well_in_a_shell_and_in_a_notebook(report):
    assert "axes" in repr(report)
    assert report.verdict.summary in repr(report)
    html = report._repr_html_()
    assert html.count("<tr>") == 1 + len(report.levels)
    assert "<script" not in html


def test_the_fitted_map_travels_with_the_report(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((800, 5)) @ rng.standard_normal((5, 5)) + 3
    gausscheck.analyze(x, normalize="whiten", directions="axes").save(tmp_path)
    white = gausscheck.load_report(tmp_path).preparation.apply(x)
    np.testing.assert_allclose(np.cov(white.T), np.eye(5), atol=1e-8)


def test_a_report_of_version_1_0_loads_forever(tmp_path):
    report = gausscheck.load_report(GOLDEN)
    assert report.verdict.status == "not_gaussian"
    assert report.levels["axes"]["directions"] == 6
    assert len(report.to_frame()) == 6 + 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": [2, 0]}, "upgrade"),
        ({"schema": "other"}, "expected schema gausscheck.report"),
        ({"schema_version": "1"}, r"\[major, minor\]"),
        ({"levels": None}, "lacks levels"),
    ],
)
def test_what_cannot_be_read_is_refused(report, tmp_path, change, words):
    report.save(tmp_path)
    path = tmp_path / "report.json"
    data = json.loads(path.read_text()) | change
    path.write_text(json.dumps({k: v for k, v in data.items() if v is not None}))
    with pytest.raises(gausscheck.GausscheckError, match=words):
        gausscheck.load_report(tmp_path)


def test_a_newer_minor_version_loads(report, tmp_path):
    report.save(tmp_path)
    path = tmp_path / "report.json"
    data = json.loads(path.read_text()) | {"schema_version": [1, 7], "something_new": 1}
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
