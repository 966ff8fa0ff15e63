"""Parquet and shards: bounded memory, order, what lies beside, what is left out."""

import os
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import inspect_source, open_source, read_labels

X = np.random.default_rng(3).standard_normal((600, 8)).astype(np.float16)


def lists(x):
    return pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), x.shape[1])


def write(path, x, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"emb": lists(x)}), path, **options)
    return path


def open_files():
    return len(os.listdir("/proc/self/fd"))


def test_one_large_row_group_is_decoded_in_small_batches(tmp_path, monkeypatch):
    from gausscheck.sources import columns

    monkeypatch.setattr(columns, "BATCH_BYTES", 64 * 16)
    source = open_source(write(tmp_path / "x.parquet", X, row_group_size=len(X)))
    np.testing.assert_array_equal(source.read(0, 600), X)
    assert max(len(rows) for _, rows in source._held) == 64
    assert len(source._held) <= 3
    for start, stop in [(500, 600), (10, 20), (300, 301), (0, 600), (63, 65)]:
        np.testing.assert_array_equal(source.read(start, stop), X[start:stop])


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="counts open files in /proc")
def test_many_parts_hold_neither_files_nor_rows(tmp_path):
    for i in range(60):
        write(tmp_path / f"p_{i}.parquet", X[10 * i : 10 * i + 10])
    before = open_files()
    source = open_source(tmp_path)
    for start in range(0, 600, 7):
        np.testing.assert_array_equal(source.read(start, min(start + 7, 600)), X[start : start + 7])
        assert open_files() - before <= 3
    assert sum(bool(part._held) for part in source._parts) <= 2
    assert len(pickle.dumps(source)) < 60_000


def test_rows_that_were_promised_and_are_not_there(tmp_path, monkeypatch):
    source = open_source(write(tmp_path / "x.parquet", X))
    write(tmp_path / "x.parquet", X[:100])
    with pytest.raises(GausscheckError, match=r"x\.parquet.*600 rows promised, 100 found"):
        source.read(0, 600)


def test_a_dataset_in_nested_folders(tmp_path):
    for i in (10, 2, 1):
        write(tmp_path / f"year={i}" / "part_0.parquet", X[i : i + 40])
    (tmp_path / "year=1" / "_metadata.parquet").write_bytes(b"not for readers")
    source = open_source(tmp_path)
    np.testing.assert_array_equal(source.read(0, 120), np.concatenate([X[1:41], X[2:42], X[10:50]]))


def test_a_pattern_over_folders_is_in_numeric_order(tmp_path):
    for i in (10, 2):
        (tmp_path / f"run_{i}").mkdir()
        np.save(tmp_path / f"run_{i}" / "emb.npy", X[i : i + 30])
    rows = open_source(f"{tmp_path}/run_*/emb.npy").read(0, 60)
    np.testing.assert_array_equal(rows, np.concatenate([X[2:32], X[10:40]]))


def test_clip_retrieval_metadata_lies_beside_the_rows(tmp_path):
    for folder in ("img_emb", "metadata"):
        (tmp_path / folder).mkdir()
    for i, (low, high) in enumerate([(0, 100), (100, 600)]):
        np.save(tmp_path / f"img_emb/img_emb_{i}.npy", X[low:high])
        table = pa.table({"caption": [f"cat {j}" for j in range(low, high)]})
        pq.write_table(table, tmp_path / f"metadata/metadata_{i}.parquet")
    for path in (tmp_path, tmp_path / "img_emb", f"{tmp_path}/img_emb/*.npy"):
        assert read_labels(open_source(path), "caption")[[0, 100, 599]].tolist() == [
            "cat 0", "cat 100", "cat 599"
        ]  # fmt: skip
    with pytest.raises(GausscheckError, match="expected a subfolder 'captions'"):
        open_source(tmp_path, dataset="captions")


def test_a_null_list_is_a_row_that_is_not_finite(tmp_path):
    pq.write_table(pa.table({"emb": [None, [1.0, 2.0], [3.0, 4.0]]}), tmp_path / "x.parquet")
    source = open_source(tmp_path / "x.parquet")
    assert source.d == 2
    np.testing.assert_array_equal(source.read(0, 3), [[np.nan] * 2, [1, 2], [3, 4]])
    whole = pa.array([[1, 2], None], pa.list_(pa.int8()))
    pq.write_table(pa.table({"emb": whole}), tmp_path / "y.parquet")
    with pytest.raises(GausscheckError, match="row 1 is null"):
        open_source(tmp_path / "y.parquet")


def test_a_null_inside_a_list_and_a_null_in_a_column(tmp_path):
    pq.write_table(pa.table({"emb": [[1.0, 2.0], [3.0, None]]}), tmp_path / "x.parquet")
    rows = open_source(tmp_path / "x.parquet").read(0, 2)
    np.testing.assert_array_equal(rows, [[1, 2], [3, np.nan]])
    whole = pa.array([[1, 2], [3, None]], pa.list_(pa.int32()))
    pq.write_table(pa.table({"emb": whole}), tmp_path / "z.parquet")
    with pytest.raises(GausscheckError, match="row 1 holds a null"):
        open_source(tmp_path / "z.parquet").read(0, 2)
    half = pa.array(np.array([1, 0, 3], "f2"), mask=np.array([False, True, False]))
    table = pa.table({"a": half, "b": half, "index": [0.5, 1.5, 2.5], "name": ["x", "y", "z"]})
    pq.write_table(table, tmp_path / "y.parquet")
    source = open_source(tmp_path / "y.parquet")
    assert source.dtype == np.float16
    assert source.notes == ("columns left out: index, name",)
    np.testing.assert_array_equal(source.read(0, 3), [[1, 1], [np.nan] * 2, [3, 3]])


def test_lists_of_text_are_named_for_what_they_are(tmp_path):
    pq.write_table(pa.table({"emb": [["a"], ["b"]]}), tmp_path / "x.parquet")
    with pytest.raises(GausscheckError, match="lists of string, not of numbers"):
        open_source(tmp_path / "x.parquet")


def test_tensor_columns_and_large_lists(tmp_path):
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(X[:50])
    large = pa.LargeListArray.from_arrays(
        np.arange(0, 401, 8), pa.array(X[:50].astype("f4").reshape(-1))
    )
    for column in (tensor, large):
        pq.write_table(pa.table({"emb": column, "label": ["a", "b"] * 25}), tmp_path / "x.parquet")
        source = open_source(tmp_path / "x.parquet")
        np.testing.assert_array_equal(source.read(7, 31), X[7:31])
        assert read_labels(source, None)[:2].tolist() == ["a", "b"]
        assert inspect_source(tmp_path / "x.parquet").chosen == "emb"


def test_page_checksums_are_held_against_the_values(tmp_path):
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    path = write(tmp_path / "x.parquet", X, **options)
    np.testing.assert_array_equal(open_source(path).read(0, 600), X)
    content = bytearray(path.read_bytes())
    content[content.index(X[300].tobytes()) + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(GausscheckError, match=r"x\.parquet:emb: rows from \d+ on.*damaged"):
        open_source(path).read(0, 600)
