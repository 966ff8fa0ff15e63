"""Every source: rows read in any way equal those of the array in memory."""

import io
import json
import pickle
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gausscheck
from gausscheck.sources import SOURCES, inspect_source, open_source, read_labels
from sources.writers import (
    ONE_TYPE,
    WRITERS,
    D,
    N,
    matrix,
    write_csv,
    write_faiss,
    write_h5,
    write_jsonl,
    write_parquet,
    write_shards,
    write_zarr_array,
)  # fmt: skip

SPARSE = ("csr", "csc", "coo")
VECTORS = ("hdf5 vectors", "npz vectors", "npy vectors", "torch list", "torch names")
DTYPES = ["f2", "f4", "f8", ">f4", ">f8", "i1", "i2", ">i4", "u1"]


def check_reads(source, x):
    want = x.astype(x.dtype.newbyteorder("="))
    assert (source.n, source.d) == x.shape
    assert source.dtype == want.dtype
    for start, stop in [(0, N), (0, 1), (N - 1, N), (3, 50), (50, 51), (10, 137)]:
        rows = source.read(start, stop)
        assert rows.flags.c_contiguous
        assert rows.dtype == want.dtype
        np.testing.assert_array_equal(rows, want[start:stop])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", WRITERS)
def test_reads_equal_the_array(tmp_path, form, dtype):
    writer, suffix = WRITERS[form]
    x = matrix(dtype)
    check_reads(open_source(writer(tmp_path / f"x{suffix}", x)), x)


@pytest.mark.parametrize("form", ["npy", "npz", "npz compressed"])
def test_fortran_order(tmp_path, form):
    writer, suffix = WRITERS[form]
    x = np.asfortranarray(matrix("f4"))
    check_reads(open_source(writer(tmp_path / f"x{suffix}", x)), x)


@pytest.mark.parametrize("form", WRITERS)
def test_a_source_can_travel(tmp_path, form):
    writer, suffix = WRITERS[form]
    x = matrix("f4")
    source = open_source(writer(tmp_path / f"x{suffix}", x))
    source.read(0, 3)
    sent = pickle.dumps(source)
    assert len(sent) < 1000 * (80 if form == "shards" else 4)  # by path, not by content
    again = pickle.loads(sent)
    assert (again.n, again.d, again.dtype, again.eps) == (N, D, source.dtype, source.eps)
    np.testing.assert_array_equal(again.read(5, 9), x[5:9])


@pytest.mark.parametrize("form", ONE_TYPE)
def test_formats_of_one_type_read_the_same(tmp_path, form):
    writer, name, dtype = ONE_TYPE[form]
    x = matrix(dtype)
    source = open_source(writer(tmp_path / name, x))
    check_reads(source, x)
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again.read(5, 9), x[5:9])
    assert inspect_source(tmp_path / name).chosen is not None


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("form", WRITERS)
def test_labels_come_along(tmp_path, form, dtype):
    writer, suffix = WRITERS[form]
    source = open_source(writer(tmp_path / f"x{suffix}", matrix(dtype)))
    labels = read_labels(source, None)
    if form in ("npy", "shards", "parquet", "zarr array", "hdf5 chunked", "raw", *SPARSE):
        assert labels is None
    else:
        assert labels.shape == (N,)
        told = str(labels[1])
        assert told in ("1", "T cell", "doc 1", "item_1", "proteins/P1", "vectors/name 1")


def test_labels_of_text(tmp_path):
    for writer, name in ((write_csv, "x.csv"), (write_jsonl, "x.jsonl")):
        labels = read_labels(open_source(writer(tmp_path / name, matrix("f8"))), None)
        assert labels.tolist()[:4] == ["c0", "c1", "c2", "c0"]


def test_every_format_of_the_table_is_tested():
    tested = {suffix for _, suffix in WRITERS.values()}
    tested |= {Path(name).suffix for _, name, _ in ONE_TYPE.values()}
    for form in SOURCES.values():
        assert form.name in ("shards", "sketch", "chroma", "lance") or tested & set(
            form.suffixes
        ), f"{form.name} has no test"


def test_bfloat16_tensors_are_widened(tmp_path):
    torch = pytest.importorskip("torch")

    x = torch.randn(N, D).to(torch.bfloat16)
    torch.save(x, tmp_path / "x.pt")
    raw = x.view(torch.int16).numpy().tobytes()
    head = json.dumps({"emb": {"dtype": "BF16", "shape": [N, D], "data_offsets": [0, 2 * N * D]}})
    content = len(head).to_bytes(8, "little") + head.encode() + raw
    (tmp_path / "x.safetensors").write_bytes(content)
    for name in ("x.pt", "x.safetensors"):
        source = open_source(tmp_path / name)
        np.testing.assert_array_equal(source.read(0, N), x.float().numpy())
        assert source.eps == 2.0**-7
        assert "bfloat16" in source.notes[0]


def test_shards_come_in_numeric_order_and_by_pattern(tmp_path):
    x = matrix("f4")
    folder = write_shards(tmp_path / "clip.npy", x)
    for path in (folder, folder / "img_emb", f"{folder}/img_emb/*.npy"):
        np.testing.assert_array_equal(open_source(path).read(0, N), x)


def test_shards_of_mixed_floats_are_read_as_the_widest(tmp_path):
    x = matrix("f4")
    np.save(tmp_path / "a_1.npy", x[:70].astype("f2"))
    np.save(tmp_path / "a_2.npy", x[70:])
    source = open_source(tmp_path)
    assert source.dtype == np.float32
    assert "float16, float32" in source.notes[1]
    np.testing.assert_array_equal(source.read(60, 80)[10:], x[70:80])


def test_columns_of_numbers_in_parquet_are_one_matrix(tmp_path):
    import pandas as pd

    x = matrix("f4")
    frame = pd.DataFrame(x, columns=[f"e{i}" for i in range(D)])
    frame["label"] = np.arange(N)
    frame.to_parquet(tmp_path / "x.parquet", row_group_size=40)
    source = open_source(tmp_path / "x.parquet")
    np.testing.assert_array_equal(source.read(30, 90), x[30:90])
    assert read_labels(source, None)[5] == 5


def test_quantised_bytes_are_taken_with_a_note_and_packed_bits_refused(tmp_path):
    rng = np.random.default_rng(0)
    quantised = (30 * rng.standard_normal((500, 16))).round().clip(-128, 127).astype(np.int8)
    np.save(tmp_path / "int8.npy", quantised)
    assert "quantised" in open_source(tmp_path / "int8.npy").notes[-1]
    bits = np.packbits(rng.standard_normal((500, 128)) > 0, axis=1)
    for name, array in (("x", bits), ("y", (bits.astype(int) - 128).astype(np.int8))):
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(gausscheck.GausscheckError, match="packed bits"):
            open_source(tmp_path / f"{name}.npy")


def test_remote_files_by_fsspec(tmp_path):
    import fsspec

    x = matrix("f4")
    local = write_h5(tmp_path / "x.h5", x)
    with fsspec.open("memory://bucket/x.h5", "wb") as handle:
        handle.write(local.read_bytes())
    for address in ("memory://bucket/x.h5", "memory://bucket/x.h5:embeddings", f"file://{local}"):
        source = open_source(address)
        np.testing.assert_array_equal(source.read(3, 9), x[3:9])
        assert read_labels(source, None).shape == (N,)
    again = pickle.loads(pickle.dumps(open_source("memory://bucket/x.h5")))
    np.testing.assert_array_equal(again.read(3, 9), x[3:9])
    assert inspect_source("memory://bucket/x.h5").chosen == "embeddings"
    for address, words in (
        ("memory://bucket/none.h5", "cannot be fetched"),
        ("nowhere://bucket/x.h5", "cannot be fetched"),
        ("memory://bucket/x.h5:none", "memory://bucket/x.h5"),
    ):
        with pytest.raises(gausscheck.GausscheckError, match=words):
            open_source(address)


DAMAGED = {
    **{form: (writer, f"x{suffix}", "f4") for form, (writer, suffix) in WRITERS.items()},
    **ONE_TYPE,
}
FOLDERS = ("zarr", "zarr array", "parquet parts", "shards", "npy vectors")
ONE_FILE = [f for f in DAMAGED if f not in FOLDERS]
TEXT = (
    "csv", "csv of lists", "tsv", "jsonl", "openai batch", "cohere", "glove", "word2vec",
    "european", "fixed width",
)  # fmt: skip


def outcome(path, x):
    """Read a file that may be damaged: 'error', 'exact', or what is silently wrong."""
    try:
        source = open_source(path)
        rows = source.read(0, source.n)
    except gausscheck.GausscheckError as err:
        (line,) = str(err).splitlines()
        return "error" if path.name in line else f"a message that names no file: {line}"
    if rows.shape != x.shape:
        return "shape"
    return "exact" if np.array_equal(rows, x) else "values"


@pytest.mark.parametrize("form", [*WRITERS, "csv", "jsonl gz", "faiss"])
def test_any_range_in_any_order_and_any_block_size(tmp_path, form):
    writer, name, dtype = DAMAGED[form]
    x = matrix(dtype)
    with closing(open_source(writer(tmp_path / name, x))) as source:

        @given(st.integers(0, N - 1), st.integers(1, N))
        @settings(max_examples=40, deadline=None)
        def any_range(start, length):
            stop = min(start + length, N)
            np.testing.assert_array_equal(source.read(start, stop), x[start:stop])

        any_range()
        for block in (1, 2, 7, 16, 64, N):
            pieces = [source.read(low, min(low + block, N)) for low in range(0, N, block)]
            np.testing.assert_array_equal(np.concatenate(pieces), x)


@pytest.mark.parametrize("form", [form for form in ONE_FILE if form != "fvecs"])
def test_a_truncated_file_is_one_line(tmp_path, form):
    writer, name, dtype = DAMAGED[form]
    x = matrix(dtype)
    path = writer(tmp_path / name, x)
    content = path.read_bytes()
    keeps = {*range(0, min(len(content), 120), 5), *range(0, len(content), len(content) // 25)}
    for keep in sorted(keeps | {len(content) - 1, len(content) - 7}):
        path.write_bytes(content[:keep])
        found = outcome(path, x)
        if form == "word2vec binary" and keep == len(content) - 1:
            assert found == "exact"  # the last line break alone
        elif form not in TEXT:
            assert found == "error", keep
        elif found != "error":  # a cut between numbers cannot be told: it is noted
            cut = content[keep - 1 : keep] not in (b"\r", b"\n")
            assert any("may be cut short" in note for note in open_source(path).notes) == cut


@pytest.mark.parametrize("form", ONE_FILE)
def test_a_flipped_byte_never_ends_in_a_traceback_or_another_shape(tmp_path, form):
    writer, name, dtype = DAMAGED[form]
    x = matrix(dtype)
    path = writer(tmp_path / name, x)
    content = path.read_bytes()
    places = {*range(0, min(len(content), 90), 2), *range(0, len(content), len(content) // 40)}
    for place in sorted(places | set(range(len(content) - 200, len(content), 9))):
        flip = (0xFF, 0x01, 0x40)[place % 3]
        path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
        assert outcome(path, x) in ("error", "exact", "values"), place


@pytest.mark.parametrize("keep", [0, 20])
def test_damaged_chunks_of_a_zarr_store(tmp_path, keep):
    path = write_zarr_array(tmp_path / "x.zarr", matrix("f4"))
    chunk = next(p for p in sorted(path.rglob("*")) if p.is_file() and p.name != "zarr.json")
    chunk.write_bytes(chunk.read_bytes()[:keep])
    with pytest.raises(gausscheck.GausscheckError, match=r"x\.zarr"):
        open_source(path).read(0, N)
    (path / "zarr.json").write_text("{broken")
    with pytest.raises(gausscheck.GausscheckError, match=r"x\.zarr"):
        open_source(path)


def wrong_width(folder):
    np.save(folder / "e_0.npy", matrix("f4"))
    np.save(folder / "e_1.npy", matrix("f4")[:, :3])
    return folder


def wrong_kind(folder):
    np.save(folder / "e_0.npy", matrix("f4"))
    np.save(folder / "e_1.npy", matrix("i4"))
    return folder


def said(folder, name, text):
    (folder / name).write_text(text)
    return folder / name


def ragged_parquet(folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"emb": [[1.0, 2.0], [3.0, 4.0], [5.0]]}), folder / "x.parquet")
    return folder / "x.parquet"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (wrong_width, r"e_1\.npy: expected 5 dimensions"),
        (wrong_kind, r"e_1\.npy: expected float32"),
        (lambda f: f / "*.npz", "found none"),
        (lambda f: said(f, "x.csv", "a,b\n1,2\n3\n"), "line 3 has 1 cells"),
        (lambda f: said(f, "x.csv", "a,b\n1,2\n3,x\n"), "line 3: expected numbers"),
        (lambda f: said(f, "x.csv", 'e\n"[1,2]"\n"[1]"\n'), "line 3 has 1 numbers"),
        (lambda f: said(f, "x.csv", "name\nfish\n"), "columns of numbers"),
        (lambda f: said(f, "x.jsonl", "[1, 2]\n[1, 2\n"), "line 2 is not JSON"),
        (lambda f: said(f, "x.jsonl", '{"a": "b"}\n'), "got keys a; name its dotted path"),
        (lambda f: said(f, "x.jsonl", "[1, true]\n"), "line 1: expected numbers"),
        (ragged_parquet, "row 2 has 1 numbers"),
        (lambda f: write_faiss(f / "x.faiss", matrix("f4"), b"IwFl"), "inverted file|faiss cannot"),
        (lambda f: write_faiss(f / "x.faiss", matrix("f4"), b"IBxF"), "packed bits"),
        (lambda f: write_faiss(f / "x.faiss", matrix("f4"), b"IHNf"), "graph index|faiss cannot"),
        (lambda f: write_faiss(f / "x.faiss", matrix("f4"), cut=300), "damaged or truncated"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, make, words):
    def read_all(path):
        source = open_source(path)
        source.read(0, source.n)

    path = make(tmp_path)
    with pytest.raises(gausscheck.GausscheckError, match=words) as caught:
        read_all(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_reader_names_its_extra(tmp_path, monkeypatch):
    from gausscheck.sources import base

    path = write_parquet(tmp_path / "x.parquet", matrix("f4"))
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    with pytest.raises(gausscheck.GausscheckError, match=r"gausscheck\[parquet\]"):
        open_source(path)


def test_a_pickled_object_in_a_torch_file_is_refused(tmp_path):
    torch = pytest.importorskip("torch")

    torch.save({"model": np.array([object()])}, tmp_path / "x.pt")
    with pytest.raises(gausscheck.GausscheckError, match="weights_only"):
        open_source(tmp_path / "x.pt")


def test_well_known_names_come_first(tmp_path):
    x = matrix("f4")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["zzz"] = x + 1
        file["emb"] = x + 2
        file["group/features"] = x
    source = open_source(tmp_path / "x.h5")
    assert source.uri.endswith(":/group/features")
    np.testing.assert_array_equal(source.read(0, N), x)


def test_a_dataset_is_chosen_by_option_or_by_path(tmp_path):
    x = matrix("f4")
    np.savez(tmp_path / "x.npz", a=x, b=x + 1)
    np.testing.assert_array_equal(
        open_source(tmp_path / "x.npz", dataset="b").read(0, 2), x[:2] + 1
    )
    np.testing.assert_array_equal(open_source(f"{tmp_path}/x.npz:a").read(0, 2), x[:2])


@pytest.mark.parametrize("form", WRITERS)
def test_inspect_names_what_analyze_takes(tmp_path, form):
    writer, suffix = WRITERS[form]
    path = writer(tmp_path / f"x{suffix}", matrix("f2"))
    contents = inspect_source(path)
    chosen = next(e for e in contents.entries if e.key == contents.chosen)
    assert chosen.shape == (N, D)
    assert chosen.dtype == "float16"
    if path.is_file():
        assert contents.size == path.stat().st_size


def test_arrays_in_memory():
    for x in (matrix("f2"), matrix(">f8"), matrix("i4"), np.asfortranarray(matrix("f4"))):
        check_reads(open_source(x), x)


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    x = matrix("f4")
    check_reads(open_source(torch.from_numpy(x)), x)
    check_reads(open_source(torch.from_numpy(x).requires_grad_()), x)
    half = open_source(torch.from_numpy(x).to(torch.bfloat16))
    np.testing.assert_array_equal(half.read(0, N), torch.from_numpy(x).bfloat16().float().numpy())
    assert half.eps == 2.0**-7
    assert any("bfloat16" in note for note in half.notes)


def test_anything_with_dlpack_or_array():
    x = matrix("f4")

    class Foreign:
        """An array of another library: DLPack and nothing else."""

        def __dlpack__(self, **options):
            return x.__dlpack__(**options)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    class Lazy:
        def __array__(self, dtype=None, copy=None):
            return x

    check_reads(open_source(Foreign()), x)
    check_reads(open_source(Lazy()), x)


@pytest.mark.parametrize("form", ["npy", "hdf5", "shards", "parquet", "csr", "torch list", "arrow"])
def test_the_same_rows_give_the_same_report_from_any_container(tmp_path, form):
    x = matrix("f4")
    writer, suffix = WRITERS[form]
    path = writer(tmp_path / f"x{suffix}", x)
    plain, stored = (
        gausscheck.analyze(rows, directions="axes,random:8", levels="none").to_dict()
        for rows in (x, path)
    )
    assert stored["levels"] == plain["levels"]


def test_reading_leaves_no_pickle_door_open(tmp_path):
    class Trap:
        def __reduce__(self):
            return (io.open, (str(tmp_path / "opened"), "w"))

    np.save(tmp_path / "trap.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "trap.npz", embeddings=np.array([[Trap()]], dtype=object))
    for name in ("trap.npy", "trap.npz"):
        with pytest.raises(gausscheck.GausscheckError, match="pickled, which is never loaded"):
            open_source(tmp_path / name)
    assert not (tmp_path / "opened").exists()
