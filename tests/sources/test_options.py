"""What open_source takes besides a file: lists, frames, sources; its options."""

import pickle

import h5py
import numpy as np
import pandas as pd
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import open_source, read_labels

X = np.random.default_rng(4).standard_normal((300, 6)).astype(np.float32)


class Counting:
    """A Source of another make that counts what is read of it."""

    uri, dtype, eps, notes = "<counting>", np.dtype(np.float32), 1e-7, ("mine",)
    n, d = 1_000_000, 64

    def __init__(self):
        self.rows = 0

    def read(self, start, stop):
        self.rows += stop - start
        return np.repeat(np.arange(start, stop, dtype=np.float32)[:, None], self.d, axis=1)

    def beside(self, key):
        return np.arange(self.n) if key == "labels" else None

    def fingerprint(self):
        return "abc"

    def close(self):
        pass


def test_a_source_is_taken_as_it_is():
    mine = Counting()
    assert open_source(mine) is mine
    with pytest.raises(GausscheckError, match="holds no datasets"):
        open_source(mine, dataset="x")


def test_a_limit_samples_rows_and_reads_little_else():
    mine = Counting()
    source = open_source(mine, limit=2000, seed=3)
    rows = np.concatenate([source.read(low, low + 400) for low in range(0, 2000, 400)])
    assert mine.rows < 6000  # rows of 256 bytes: a gap of 8 KB at most is read along
    assert (np.diff(rows[:, 0]) > 0).all()
    np.testing.assert_array_equal(rows[:, 0], read_labels(source, None))
    # 2,000 of 1e6: the mean of uniform places has a standard error of 6,500
    assert abs(rows[:, 0].mean() - 5e5) < 5 * 6500
    assert source.notes == ("a random sample of 2,000 of 1,000,000 rows", "mine")
    again, other = open_source(mine, limit=2000, seed=3), open_source(mine, limit=2000, seed=4)
    np.testing.assert_array_equal(again.read(0, 50), rows[:50])
    assert not np.array_equal(other.read(0, 50), rows[:50])
    assert len({s.fingerprint() for s in (source, again, other, mine)}) == 3
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(7, 9), rows[7:9])


def test_a_limit_beyond_the_rows_is_none_and_must_be_positive(tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert open_source(tmp_path / "x.npy", limit=300).notes == ()
    sample = open_source(tmp_path / "x.npy", limit=40)
    np.testing.assert_array_equal(sample.read(0, 40), X[sample.index])
    with pytest.raises(GausscheckError, match="positive number of rows, got 0"):
        open_source(X, limit=0)


@pytest.mark.parametrize("rows", [X.tolist(), list(X), tuple(X.tolist())])
def test_lists_of_vectors(rows):
    np.testing.assert_array_equal(open_source(rows).read(0, 300).astype("f4"), X)
    holed = open_source([*rows[:7], None, *rows[8:]]).read(0, 300)
    assert np.flatnonzero(np.isnan(holed).any(axis=1)).tolist() == [7]


def test_lists_that_are_no_matrix():
    for value, words in (
        ([], "an empty list"),
        ([[1.0, 2.0], [3.0]], "of one length"),
        ([1.0, 2.0], r"\(2,\), not"),
        (["a", "b"], "strings are not numbers"),
        (3, "got int"),
    ):
        with pytest.raises(GausscheckError, match=words):
            open_source(value)


def test_a_list_of_tensors():
    torch = pytest.importorskip("torch")
    rows = [torch.from_numpy(row).requires_grad_() for row in X]
    np.testing.assert_array_equal(open_source(rows).read(0, 300), X)


def test_frames_of_pandas():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    np.testing.assert_array_equal(open_source(frame).read(5, 50), X[5:50])
    frame["label"], frame["text"] = np.arange(300) % 3, "t"
    source = open_source(frame)
    np.testing.assert_array_equal(source.read(0, 300), X)
    assert source.notes == ("columns left out: label, text",)
    assert read_labels(source, None)[4] == 1
    lists = pd.DataFrame({"id": range(300), "embedding": list(X), "text": "t"})
    lists.loc[7, "embedding"] = None
    rows = open_source(lists).read(0, 300)
    np.testing.assert_array_equal(np.delete(rows, 7, 0), np.delete(X, 7, 0))
    assert np.isnan(rows[7]).all()
    assert open_source(lists, dataset="embedding").d == 6
    with pytest.raises(GausscheckError, match="expected a column 'x', got id, embedding, text"):
        open_source(lists, dataset="x")
    with pytest.raises(GausscheckError, match="columns of numbers, or one of vectors, got text"):
        open_source(pd.DataFrame({"text": ["a", "b"]}))


def test_frames_of_polars_and_arrow():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({**{f"x{j}": X[:, j] for j in range(6)}, "label": ["a", "b"] * 150})
    frames = [table]
    try:
        import polars

        frames.append(polars.from_arrow(table))
    except ImportError:
        pass
    for frame in frames:
        source = open_source(frame)
        np.testing.assert_array_equal(source.read(0, 300), X)
        assert read_labels(source, None)[:2].tolist() == ["a", "b"]


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("form", ["matrix", "array"])
def test_sparse_matrices_in_memory(kind, form):
    from scipy import sparse

    thin = np.where(X > 1, X, 0)
    source = open_source(getattr(sparse, f"{kind}_{form}")(thin))
    np.testing.assert_array_equal(source.read(3, 77), thin[3:77])
    assert "sparse" in source.notes[0]


def tokens_npy(path, x):
    np.save(path / "x.npy", x)
    return path / "x.npy"


def tokens_fortran(path, x):
    np.save(path / "x.npy", np.asfortranarray(x))
    return path / "x.npy"


def tokens_npz(path, x):
    np.savez_compressed(path / "x.npz", embeddings=x, labels=np.arange(len(x)))
    return path / "x.npz"


def tokens_h5(path, x):
    with h5py.File(path / "x.h5", "w") as file:
        file.create_dataset("a/emb", data=x, chunks=(7, 3, 6))
    return path / "x.h5"


def tokens_zarr(path, x):
    zarr = pytest.importorskip("zarr")
    zarr.create_array(path / "x.zarr", data=x, chunks=(7, 3, 6))
    return path / "x.zarr"


def tokens_safetensors(path, x):
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file({"emb": x}, path / "x.safetensors")
    return path / "x.safetensors"


def tokens_torch(path, x):
    torch = pytest.importorskip("torch")
    torch.save({"emb": torch.from_numpy(x)}, path / "x.pt")
    return path / "x.pt"


@pytest.mark.parametrize(
    "write",
    [tokens_npy, tokens_fortran, tokens_npz, tokens_h5, tokens_zarr, tokens_safetensors,
     tokens_torch],
)  # fmt: skip
def test_tokens_are_rows_and_documents_their_groups(tmp_path, write):
    path = write(tmp_path, X.reshape(60, 5, 6))
    with pytest.raises(GausscheckError, match=r"\(60, 5, 6\), not .*flatten"):
        open_source(path)
    source = open_source(path, flatten=True)
    assert (source.n, source.d, source.dtype) == (300, 6, np.float32)
    for start, stop in ((0, 300), (3, 4), (4, 6), (5, 10), (299, 300), (12, 271)):
        np.testing.assert_array_equal(source.read(start, stop), X[start:stop])
    np.testing.assert_array_equal(source.beside("document"), np.arange(300) // 5)
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again.read(8, 9), X[8:9])


def test_tokens_in_memory_and_what_cannot_be_flattened(tmp_path):
    np.testing.assert_array_equal(open_source(X.reshape(60, 5, 6), flatten=True).read(7, 9), X[7:9])
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    for value, words in (
        (X, r"to flatten, got \(300, 6\)"),
        (tmp_path / "x.npy", r"to flatten, got array float32 \(300, 6\)"),
        (tmp_path / "x.csv", "another format"),
    ):
        with pytest.raises(GausscheckError, match=words):
            open_source(value, flatten=True)


def test_shape_and_element_type_of_raw_numbers(tmp_path):
    path = tmp_path / "x.raw"
    path.write_bytes(X.astype(">f8").tobytes())
    for shape in ((300, 6), (-1, 6), (300, -1)):
        np.testing.assert_array_equal(open_source(path, shape=shape, dtype=">f8").read(0, 300), X)
    for options, words in (
        ({"shape": (300, 6)}, "expected 7,200 bytes for shape .* of float32, the file has 14,400"),
        ({"shape": (300, 6), "dtype": "f9"}, "an element type such as f4, got 'f9'"),
        ({"shape": (300, 6), "dtype": "U2"}, "strings are not numbers"),
        ({"dtype": "f8"}, "give shape and dtype"),
        ({"shape": (3, 100, 6), "dtype": "f8"}, "flatten takes tokens"),
        ({"shape": (300, 6), "dtype": "f8", "dataset": "x"}, "leave dataset"),
    ):
        with pytest.raises(GausscheckError, match=words):
            open_source(path, **options)
    with pytest.raises(GausscheckError, match="has its own"):
        open_source(X, shape=(300, 6))
    (tmp_path / "x.json").write_text('{"shape": "wide"}')
    with pytest.raises(GausscheckError, match=r"x\.json: expected .*shape"):
        open_source(path)


def test_an_odd_one_among_vectors_is_named(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for i, row in enumerate(X[:40]):
            file[f"P{i}"] = row if i != 7 else row[:3]
    with pytest.raises(GausscheckError, match=r"x\.h5:P7: expected float32 of shape \(6,\) like"):
        open_source(tmp_path / "x.h5")
    (tmp_path / "vectors").mkdir()
    for i, row in enumerate(X[:40]):
        np.save(tmp_path / "vectors" / f"v{i}.npy", row if i != 7 else row[:3])
    with pytest.raises(GausscheckError, match=r"v7\.npy: expected one vector of shape \(6,\)"):
        open_source(tmp_path / "vectors")


def test_indices_beyond_a_sparse_matrix_are_damage(tmp_path):
    from scipy import sparse

    good = sparse.csr_matrix(np.where(X > 1, X, 0))
    members = {"format": b"csr", "shape": good.shape, "data": good.data}
    for change in (
        {"indices": good.indices + 3},
        {"indices": -good.indices},
        {"indptr": good.indptr[::-1].copy()},
        {"indptr": good.indptr[:9]},
        {"shape": (10**15, 6)},
    ):
        held = {**members, "indices": good.indices, "indptr": good.indptr, **change}
        np.savez(tmp_path / "x.npz", **held)
        with pytest.raises(GausscheckError, match=r"x\.npz: .*save it again"):
            open_source(tmp_path / "x.npz")
