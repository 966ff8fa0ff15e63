"""A column that is named as labels or groups is no coordinate, in whatever table it lies."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gausscheck
from gausscheck.sources import open_source, read_labels

pd = pytest.importorskip("pandas")
N, D = 200, 6
NAMES = ["x0", "x1", "cluster", "x2", "x3", "video", "x4", "x5"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.standard_normal(N) for name in NAMES})
    frame["cluster"] = np.arange(N) % 4 + 0.0  # as floats: their type tells nothing
    frame["video"] = np.arange(N) // 10 + 0.5
    return frame


def frame(table, place):
    return table


def arrow(table, place):
    return pytest.importorskip("pyarrow").Table.from_pandas(table)


def csv(table, place):
    table.to_csv(place / "t.csv", index=False)
    return place / "t.csv"


def parquet(table, place):
    table.to_parquet(place / "t.parquet")
    return place / "t.parquet"


def jsonl(table, place):
    lines = [json.dumps(row) for row in table.to_dict("records")]
    (place / "t.jsonl").write_text("\n".join(lines) + "\n")
    return place / "t.jsonl"


def records(table, place):
    np.save(place / "t.npy", table.to_records(index=False))
    return place / "t.npy"


@pytest.mark.parametrize("make", [frame, arrow, csv, parquet, jsonl, records])
@pytest.mark.parametrize("untrusted", [False, True])
def test_a_named_column_is_no_coordinate(table, tmp_path, make, untrusted):
    given = make(table, tmp_path)
    assert open_source(given).d == D + 2
    opened = open_source(given, beside=["cluster", "video"], untrusted=untrusted)
    assert opened.d == D
    rows = table.drop(columns=["cluster", "video"]).to_numpy()
    assert np.allclose(opened.read(0, N), rows)
    assert read_labels(opened, "cluster").astype(float).tolist() == table["cluster"].tolist()


@pytest.mark.parametrize("make", [frame, csv])
def test_an_audit_leaves_them_out_and_says_so(table, tmp_path, make):
    given = make(table, tmp_path)
    quick = {"directions": "axes", "levels": "none"}
    report = gausscheck.analyze(given, labels="cluster", groups_by="video", **quick)
    assert report.source.d == D
    assert "cluster" in " ".join(report.source.notes)
    assert "video" in " ".join(report.source.notes)


def test_repair_and_score_leave_groups_out(table, tmp_path):
    wide = pd.concat([table] * 4, ignore_index=True)
    wide += 1e-3 * np.random.default_rng(1).standard_normal(wide.shape)
    wide["video"] = np.arange(len(wide)) // 10
    found = gausscheck.repair(wide, groups_by="video", dataset="columns")
    assert found.d == D + 1
    out = gausscheck.score(wide, wide, tmp_path / "s.npz", groups_by="video", dataset="columns")
    assert out.d == D + 1


def test_whole_numbers_beside_fractions_are_no_coordinates_of_a_frame(table):
    whole = table.assign(cluster=np.arange(N) % 4, video=np.arange(N))
    opened = open_source(whole)
    assert opened.d == D
    assert "cluster, video" in " ".join(opened.notes)
    assert open_source((table * 10).astype("int8")).d == D + 2
