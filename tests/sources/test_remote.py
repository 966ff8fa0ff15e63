"""Remote files: folders, patterns and keys on memory:// and file://, and what goes wrong."""

import pickle
from pathlib import Path

import fsspec
import numpy as np
import pytest

import gausscheck
from gausscheck.core import GausscheckError
from gausscheck.sources import inspect_source, open_source, read_labels
from gausscheck.sources.remote import split_address

X = np.random.default_rng(4).standard_normal((90, 4)).astype(np.float32)


@pytest.fixture
def bucket(tmp_path):
    fs = fsspec.filesystem("memory")

    def put(local):
        for path in sorted(Path(local).rglob("*")) if Path(local).is_dir() else [Path(local)]:
            if path.is_file():
                fs.pipe(f"/bucket/{path.relative_to(tmp_path)}", path.read_bytes())

    yield put
    if fs.exists("/bucket"):
        fs.rm("/bucket", recursive=True)


def shards(folder):
    folder.mkdir(parents=True)
    for i in range(12):
        np.save(folder / f"img_emb_{i}.npy", X[7 * i : 90 if i == 11 else 7 * i + 7])


def test_a_folder_and_a_pattern_of_shards(tmp_path, bucket):
    shards(tmp_path / "clip" / "img_emb")
    bucket(tmp_path / "clip")
    for address in (
        "memory://bucket/clip",
        "memory://bucket/clip/img_emb/",
        "memory://bucket/clip/img_emb/*.npy",
        f"file://{tmp_path}/clip",
    ):
        source = open_source(address)
        np.testing.assert_array_equal(source.read(0, 90), X)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(5, 80), X[5:80])
        assert inspect_source(address).entries[0].shape == (90, 4)


def test_a_zarr_store_and_a_key_in_a_group(tmp_path, bucket):
    import h5py
    import zarr

    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    group["emb"], group["label"] = X, np.arange(90)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["g/one"], file["g/two"] = X, X + 1
    bucket(tmp_path / "x.zarr")
    bucket(tmp_path / "x.h5")
    source = open_source("memory://bucket/x.zarr")
    np.testing.assert_array_equal(source.read(10, 20), X[10:20])
    assert read_labels(source, None)[7] == 7
    for how in ({"source": "memory://bucket/x.h5:g/two"},):
        np.testing.assert_array_equal(open_source(**how).read(0, 9), X[:9] + 1)
    keyed = open_source("memory://bucket/x.h5", dataset="g/one")
    np.testing.assert_array_equal(keyed.read(0, 9), X[:9])


def test_an_audit_is_the_same_and_leaves_nothing_behind(tmp_path, bucket, monkeypatch):
    import tempfile

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    shards(tmp_path / "emb")
    bucket(tmp_path / "emb")
    options = {"directions": "axes", "levels": "none"}
    told = gausscheck.analyze("memory://bucket/emb", **options).to_dict()
    assert told["levels"] == gausscheck.analyze(X, **options).to_dict()["levels"]
    assert told["source"]["uri"] == "memory://bucket/emb"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_goes_wrong_is_said_of_the_address(tmp_path, bucket):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:500])
    bucket(tmp_path)
    for address, words in (
        ("memory://bucket/none.npy", "cannot be fetched: no such file"),
        ("memory://bucket/*.parquet", "found none"),
        ("memory://bucket/cut.npy", "memory://bucket/cut.npy: truncated"),
        ("nowhere://bucket/x.npy", "cannot be fetched"),
    ):
        with pytest.raises(GausscheckError, match=words) as caught:
            open_source(address)
        assert len(str(caught.value).splitlines()) == 1
        assert str(caught.value).startswith(address)


def test_addresses_are_parted_where_a_key_begins():
    for address, parts in {
        "s3://b/x.h5": ("s3://b/x.h5", None),
        "s3://b/x.h5:emb": ("s3://b/x.h5", "emb"),
        "s3://b/x.h5:g/emb": ("s3://b/x.h5", "g/emb"),
        "https://h.org:8080/x.npy": ("https://h.org:8080/x.npy", None),
        "https://h.org:8080/x.npz:emb": ("https://h.org:8080/x.npz", "emb"),
        "https://h.org/x.npy?sig=a:b": ("https://h.org/x.npy?sig=a:b", None),
        "memory://b/folder": ("memory://b/folder", None),
    }.items():
        assert split_address(address) == parts
