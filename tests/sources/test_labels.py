"""Labels beside the rows: none is so long, and no array of them so wide, that memory ends."""

import io
import json
import sqlite3
import tracemalloc
import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import label_column, open_source, read_labels
from gausscheck.sources.labels import LONGEST, LabelsTooLarge, as_text, check_beside, texts

N = 600
X = np.random.default_rng(0).standard_normal((N, 4)).astype(np.float32)
LONG = "z" * 100_000
LABELS = ["a"] * 5 + [LONG] + ["b"] * (N - 6)


def as_csv(path):
    rows = zip(X.tolist(), LABELS, strict=True)
    lines = (f"{','.join(map(str, row))},{label}\n" for row, label in rows)
    path.write_text("x0,x1,x2,x3,labels\n" + "".join(lines))


def as_jsonl(path):
    rows = zip(X.tolist(), LABELS, strict=True)
    path.write_text("".join(json.dumps({"embedding": r, "labels": t}) + "\n" for r, t in rows))


def as_json(path):
    rows = zip(X.tolist(), LABELS, strict=True)
    path.write_text(json.dumps([{"embedding": r, "labels": t} for r, t in rows]))


def as_lists(path):
    path.write_text(json.dumps({"embeddings": X.tolist(), "labels": LABELS}))


def named():
    return [LONG if label == LONG else f"w{place}" for place, label in enumerate(LABELS)]


def as_names(path):
    path.write_text(json.dumps(dict(zip(named(), X.tolist(), strict=True))))


def as_words(path):
    rows = zip(named(), X.tolist(), strict=True)
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows))


def as_binary_words(path):
    words = [f"{word[:60_000]} ".encode() for word in named()]
    body = b"".join(word + row.tobytes() for word, row in zip(words, X, strict=True))
    path.write_bytes(f"{N} 4\n".encode() + body)


def as_sqlite(path):
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE t (v BLOB, labels TEXT)")
    values = ((row.tobytes(), label) for row, label in zip(X, LABELS, strict=True))
    base.executemany("INSERT INTO t VALUES (?, ?)", values)
    base.commit()
    base.close()


def table(labels):
    return pa.table({"emb": pa.FixedSizeListArray.from_arrays(X.ravel(), 4), "labels": labels})


def as_parquet(path):
    pq.write_table(table(LABELS), path)


def as_one_word(path):
    """Write a text that the file holds once, for every row."""
    words = pa.DictionaryArray.from_arrays(np.zeros(N, np.int32), [LONG])
    pq.write_table(table(words), path, store_schema=False)


def as_arrow(path):
    held = table(LABELS)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, held.schema) as writer:
        writer.write_table(held)


def as_hdf5(path):
    with h5py.File(path, "w") as file:
        file["emb"] = X
        file["labels"] = LABELS


WRITERS = {
    "x.csv": as_csv, "x.jsonl": as_jsonl, "x.json": as_json, "lists.json": as_lists,
    "names.json": as_names, "x.txt": as_words, "x.bin": as_binary_words, "x.db": as_sqlite,
    "x.parquet": as_parquet, "one.parquet": as_one_word, "x.arrow": as_arrow, "x.h5": as_hdf5,
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_long_text_is_no_label(tmp_path, name):
    """600 rows as wide as the longest would take 240 MB."""
    path = tmp_path / name
    WRITERS[name](path)
    source = open_source(path)
    assert (source.n, source.d) == (N, 4)
    tracemalloc.start()
    try:
        assert read_labels(source, None) is None  # nobody asked
        with pytest.raises(LabelsTooLarge, match=r"00 characters, of which a label has at most"):
            read_labels(source, "labels")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_a_child_that_reads_minds_as_little(tmp_path):
    path = tmp_path / "x.jsonl"
    as_jsonl(path)
    source = open_source(path, untrusted=True)
    assert read_labels(source, None) is None
    with pytest.raises(GausscheckError, match="a label has at most"):
        read_labels(source, "labels")
    source.close()


def test_labels_of_usual_lengths_stay(tmp_path):
    told = ["é" * LONGEST, b"bytes", 10, None]
    assert texts(told, "x", "labels").tolist() == [told[0], "bytes", "10", "None"]
    words = pa.array(["a", None, "b"]).dictionary_encode()
    held = {"emb": X[:3].tolist(), "labels": words, "code": pa.array([5, 6, 5]).dictionary_encode()}
    pq.write_table(pa.table(held), tmp_path / "x.parquet")
    assert label_column(f"{tmp_path}/x.parquet:labels").tolist() == ["a", "None", "b"]
    assert label_column(f"{tmp_path}/x.parquet:code").tolist() == [5, 6, 5]
    assert label_column(f"{tmp_path}/x.parquet:emb") is None  # lists are no labels


def test_many_short_labels_beside_one_that_makes_room(monkeypatch):
    monkeypatch.setattr("gausscheck.sources.labels._SMALL", 1 << 20)
    many = np.array(["a"] * 100_000 + ["z" * 4000], dtype=object)
    with pytest.raises(LabelsTooLarge, match=r"4,000 characters for each of 100,001 labels"):
        as_text(many, "x", "labels")
    check_beside(4000, "x", "labels", 2)
    with pytest.raises(LabelsTooLarge, match="one value a row"):
        check_beside(1 << 22, "x", "labels", 2)


def header(shape, descr):
    file = io.BytesIO()
    held = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, held)
    return file.getvalue()


@pytest.mark.parametrize(("shape", "descr"), [((25_000_000,), "<f8"), ((N,), "<U200000")])
def test_a_member_that_unpacks_to_hundreds_of_megabytes(tmp_path, shape, descr):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        file = io.BytesIO()
        np.save(file, X)
        archive.writestr("embeddings.npy", file.getvalue())
        archive.writestr("labels.npy", header(shape, descr) + bytes(1 << 20))
    source = open_source(path)
    assert read_labels(source, None) is None
    with pytest.raises(LabelsTooLarge, match="labels beside the rows takes"):
        read_labels(source, "labels")
