"""Containers: faiss against files that faiss wrote, AnnData, zarr, torch, npz, tensors, bytes."""

import base64
import json
import os
import pickle
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import inspect_source, open_source, read_labels

X = np.random.default_rng(2).standard_normal((60, 4)).astype(np.float32)
FAISS = json.loads((Path(__file__).parents[1] / "data" / "faiss_indexes.json").read_text())["files"]


@pytest.mark.parametrize("kind", FAISS)
def test_indexes_that_faiss_wrote(tmp_path, kind):
    path = tmp_path / "x.faiss"
    path.write_bytes(base64.b64decode(FAISS[kind]))
    if kind.startswith("Index"):
        x = (np.arange(75).reshape(25, 3) * 7 % 23 / 4).astype(np.float32)
        np.testing.assert_array_equal(open_source(path).read(0, 25), x)
        assert inspect_source(path).format == f"faiss {kind}"
        return
    if find_spec("faiss") is not None and kind in ("IxSQ", "IHNf", "IwFl"):
        assert "given back by faiss" in open_source(path).notes[0]
        return
    with pytest.raises(GausscheckError, match=f"faiss index of kind {kind}: .*; .*save"):
        open_source(path)


@pytest.mark.parametrize("kind", ["IVF4,Flat", "HNSW4,Flat", "IDMap,IVF4,Flat", "SQ8", "IVF4,SQ8"])
def test_indexes_that_faiss_gives_back(tmp_path, kind):
    faiss = pytest.importorskip("faiss")
    x = np.random.default_rng(0).standard_normal((400, 8)).astype(np.float32)
    index = faiss.index_factory(8, kind)
    index.train(x)
    if kind.startswith("IDMap"):
        index.add_with_ids(x, np.arange(400) + 7)
    else:
        index.add(x)
    path = tmp_path / "x.index"
    faiss.write_index(index, str(path))
    source = pickle.loads(pickle.dumps(open_source(path)))
    close = 0.02 if "SQ" in kind else 0  # 8 bits over a range of 7
    np.testing.assert_allclose(source.read(5, 390), x[5:390], rtol=0, atol=close)
    assert any("scalar quantiser" in note for note in source.notes) == ("SQ" in kind)
    assert inspect_source(path).chosen == "vectors"
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(GausscheckError, match=r"x\.index: faiss cannot give its vectors back"):
        open_source(path)


def write_h5ad(path, **embeddings):
    with h5py.File(path, "w") as file:
        for key, value in embeddings.items():
            file[f"obsm/{key}"] = value
        file["obs/kind/codes"] = np.r_[-1, np.zeros(29), np.ones(30)].astype(np.int8)
        file["obs/kind/categories"] = np.array(["B cell", "T cell"], dtype=object)
        file["obs/count/values"], file["obs/count/mask"] = np.arange(60), np.arange(60) == 3
        file["obs/old"] = np.r_[np.zeros(59), 1].astype(np.int8)
        file["obs/__categories/old"] = np.array(["p", "q"], dtype=object)
        file["obs/broken/codes"] = np.full(60, 7, np.int8)
        file["obs/broken/categories"] = np.array(["p", "q"], dtype=object)
    return path


def test_drawings_of_cells_are_taken_only_where_asked_for(tmp_path):
    path = write_h5ad(tmp_path / "x.h5ad", X_pca=X, X_umap=X[:, :2], X_tsne=X[:, 2:])
    assert open_source(path).uri.endswith("/obsm/X_pca")
    assert open_source(path, dataset="obsm/X_umap").d == 2
    with h5py.File(path, "a") as file:
        file["obsm/names"] = np.array(["a"] * 60, dtype=object)
    told = inspect_source(path)
    assert (told.chosen, len(told.entries)) == ("X_pca", 4)
    assert {e.problem for e in told.entries} == {None, "strings are not numbers"}
    assert "drawings aside" in told.reason
    assert open_source(write_h5ad(tmp_path / "y.h5ad", X_umap=X[:, :2])).d == 2
    both = write_h5ad(tmp_path / "z.h5ad", X_pca=X, X_scVI=X, X_umap=X[:, :2])
    with pytest.raises(GausscheckError, match=r"choose with dataset=: X_pca .*; X_scVI [^;]*$"):
        open_source(both)


def test_columns_of_obs(tmp_path):
    source = open_source(write_h5ad(tmp_path / "x.h5ad", X_pca=X))
    assert read_labels(source, "kind")[[0, 1, 59]].tolist() == ["(missing)", "B cell", "T cell"]
    assert read_labels(source, "count")[[2, 3]].tolist() == ["2", "(missing)"]
    assert read_labels(source, "old")[[0, 59]].tolist() == ["p", "q"]
    with pytest.raises(GausscheckError, match=r"x\.h5ad.*broken.*beyond the 2 names"):
        read_labels(source, "broken")
    with pytest.raises(GausscheckError, match='labels="none": expected'):
        read_labels(source, "none")


def test_a_missing_zarr_chunk_is_not_read_as_zeros(tmp_path):
    import zarr

    for name, options in (("a", {}), ("b", {"shards": (20, 4)})):
        path = tmp_path / f"{name}.zarr"
        array = zarr.create_array(path, shape=X.shape, chunks=(10, 2), dtype="f4", **options)
        array[:] = X
        np.testing.assert_array_equal(open_source(path).read(0, 60), X)
        os.remove(path / "c" / "1" / "0")
        with pytest.raises(GausscheckError, match=rf"{name}\.zarr: expected \d+ chunks, found \d"):
            open_source(path)


def test_a_zarr_group_with_other_files_in_its_folder(tmp_path):
    import zarr

    group = zarr.open_group(tmp_path / "store", mode="w")
    group["emb"], group["label"] = X, np.arange(60)
    (tmp_path / "store" / "README.txt").write_text("read me")
    (tmp_path / "store" / "other").mkdir()
    np.testing.assert_array_equal(open_source(tmp_path / "store").read(7, 31), X[7:31])
    assert inspect_source(tmp_path / "store").chosen == "emb"


def test_torch_files_are_mapped_nested_and_judged(tmp_path):
    torch = pytest.importorskip("torch")

    x = torch.from_numpy(X)
    torch.save({"model": {"emb": x, "other": {"bias": x[0]}}, "epoch": 3}, tmp_path / "x.bin")
    source = open_source(tmp_path / "x.bin")
    assert source.uri.endswith("x.bin:model/emb")
    np.testing.assert_array_equal(source.read(3, 9), X[3:9])
    torch.save(x, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(open_source(tmp_path / "old.pth").read(0, 60), X)
    for tensor, words in (
        (x.to_sparse(), "a sparse tensor"),
        (x.to(torch.float8_e4m3fn), "NumPy has no such type"),
    ):
        torch.save(tensor, tmp_path / "y.pt")
        with pytest.raises(GausscheckError, match=rf"y\.pt: .*{words}"):
            open_source(tmp_path / "y.pt")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_a_large_torch_file_is_not_read_to_be_opened(tmp_path):
    torch = pytest.importorskip("torch")

    torch.save(torch.zeros(40_000, 256), tmp_path / "x.pt")  # 41 MB
    resident = 4096 * int(Path("/proc/self/statm").read_text().split()[1])
    source = open_source(tmp_path / "x.pt")
    source.read(10_000, 10_100)
    assert 4096 * int(Path("/proc/self/statm").read_text().split()[1]) - resident < 20e6


def test_labels_from_another_container(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    torch = pytest.importorskip("torch")
    import zarr
    from safetensors.numpy import save_file

    labels = np.arange(60) % 7
    pq.write_table(pa.table({"kind": labels}), tmp_path / "x.parquet")
    np.savez(tmp_path / "x.npz", kind=labels)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["kind"] = labels
    (tmp_path / "x.csv").write_text("a,b,kind\n" + "".join(f"1,2,{k}\n" for k in labels))
    save_file({"kind": labels}, tmp_path / "x.safetensors")
    torch.save({"kind": torch.from_numpy(labels)}, tmp_path / "x.pt")
    zarr.open_group(tmp_path / "x.zarr", mode="w")["kind"] = labels
    for ending in ("parquet", "npz", "h5", "csv", "safetensors", "pt", "zarr"):
        found = read_labels(open_source(X), f"{tmp_path}/x.{ending}:kind")
        assert found.astype(int).tolist() == labels.tolist(), ending
        with pytest.raises(GausscheckError, match="no such"):
            read_labels(open_source(X), f"{tmp_path}/x.{ending}:none")


def test_safetensors_headers_that_do_not_add_up(tmp_path):
    def save(header, room=96):
        text = json.dumps(header) if isinstance(header, dict) else header
        content = len(text).to_bytes(8, "little") + text.encode() + bytes(room)
        (tmp_path / "x.safetensors").write_bytes(content)

    def tensor(shape, low, high, dtype="F32"):
        return {"dtype": dtype, "shape": shape, "data_offsets": [low, high]}

    for header in (
        {"a": tensor([2, 3], 0, 24)},  # bytes left over
        {"a": tensor([4, 3], 0, 48), "b": tensor([4, 3], 40, 88)},  # one over the other
        {"a": tensor([4, 3], 8, 56), "b": tensor([10, 1], 56, 96)},  # a hole
        {"a": tensor([-4, -6], 0, 96)},
        {"a": tensor([2**32, 2**32], 0, 0), "b": tensor([4, 6], 0, 96)},
        {"a": tensor([4.0, 6.0], 0, 96)},
        {"a": {"dtype": "F32"}},
        "[1, 2]",
        "[" * 5000,
    ):
        save(header)
        with pytest.raises(GausscheckError, match=r"x\.safetensors: .*header is damaged") as caught:
            open_source(tmp_path / "x.safetensors")
        assert len(str(caught.value).splitlines()) == 1
    save({"a": tensor([4, 24], 0, 96, "F8_E4M3")})
    with pytest.raises(GausscheckError, match="F8_E4M3"):
        open_source(tmp_path / "x.safetensors")


def test_a_compressed_member_is_unpacked_to_a_file_and_damage_is_found(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, emb=np.asfortranarray(X))
    np.testing.assert_array_equal(open_source(path).read(5, 50), X[5:50])
    np.savez(path, emb=X)
    content = bytearray(path.read_bytes())
    content[250] ^= 1
    path.write_bytes(content)
    with pytest.raises(GausscheckError, match=r"x\.npz.*CRC"):
        open_source(path)


def test_bytes_past_the_end_of_an_npy_file(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with (tmp_path / "x.npy").open("ab") as handle:
        np.save(handle, X)
    with pytest.raises(GausscheckError, match="several arrays in one file"):
        open_source(tmp_path / "x.npy")


def test_names_alone_do_not_make_packed_bits(tmp_path):
    rng = np.random.default_rng(0)
    numbers = (30 * rng.standard_normal((500, 16))).round().clip(-128, 127).astype(np.int8)
    bits = np.packbits(rng.standard_normal((500, 128)) > 0.4, axis=1)
    (tmp_path / "binary_packed").mkdir()
    for name in ("binary_packed/x.npy", "binary_classifier.npy", "unbinary.npy"):
        np.save(tmp_path / name, numbers)
        assert "quantised" in open_source(tmp_path / name).notes[-1]
    np.save(tmp_path / "few_ubinary.npy", bits[:40])
    np.save(tmp_path / "few.npy", numbers[:40])
    assert open_source(tmp_path / "few.npy").n == 40
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["emb_ubinary"] = bits
    for name in ("few_ubinary.npy", "x.h5"):
        with pytest.raises(GausscheckError, match="packed bits"):
            open_source(tmp_path / name)


def test_quantised_uniform_numbers_of_many_rows_are_named_with_a_way_out(tmp_path):
    sphere = np.random.default_rng(0).standard_normal((4000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)  # uniform coordinates: as bits are
    stored = (127 * sphere).round().astype(np.int8)
    with pytest.raises(GausscheckError, match="as int16 if these are numbers"):
        open_source_of(tmp_path, stored)
    assert open_source_of(tmp_path, stored.astype(np.int16)).n == 4000


def open_source_of(folder, array):
    np.save(folder / "x.npy", array)
    return open_source(folder / "x.npy")
