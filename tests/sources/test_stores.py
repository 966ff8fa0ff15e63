"""Vector stores: SQLite with sqlite-vec, Chroma, Lance; by their documented layouts and writers."""

import pickle
import sqlite3
import struct

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import inspect_source, open_source, read_labels

X = np.random.default_rng(6).standard_normal((90, 4)).astype(np.float32)


def rows_of(path, **options):
    source = pickle.loads(pickle.dumps(open_source(path, **options)))
    return source.read(0, source.n)


def virtual(base, name, sql):
    """Declare a virtual table as its module would, without the module."""
    base.execute("PRAGMA writable_schema = ON")
    base.execute(
        "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) "
        "VALUES ('table', ?, ?, 0, ?)",
        (name, name, sql),
    )


def write_vec(path, chunk=32, damage=0):
    """Write the tables that sqlite-vec keeps: chunks of vectors, with a bitmap of those there."""
    there = np.ones(96, bool)
    there[[3, 40]] = False
    there[92:] = False
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE docs_chunks (chunk_id INTEGER PRIMARY KEY, size, validity BLOB)")
        base.execute("CREATE TABLE docs_rowids (rowid INTEGER PRIMARY KEY, id, chunk_id)")
        base.execute(
            "CREATE TABLE docs_vector_chunks00 (rowid INTEGER PRIMARY KEY, vectors BLOB NOT NULL)"
        )
        room = np.zeros((96, 4), np.float32)
        room[there] = X
        for i in range(3):
            mine = slice(chunk * i, chunk * (i + 1))
            bits = np.packbits(there[mine], bitorder="little").tobytes()
            raw = room[mine].tobytes()
            base.execute("INSERT INTO docs_chunks VALUES (?, ?, ?)", (i + 1, chunk, bits))
            base.execute("INSERT INTO docs_vector_chunks00 VALUES (?, ?)", (i + 1, raw[damage:]))
        base.executemany("INSERT INTO docs_rowids (rowid) VALUES (?)", [(i,) for i in range(90)])
        virtual(base, "docs", "CREATE VIRTUAL TABLE docs USING vec0(embedding float[4])")
    base.close()
    return path


def test_tables_of_sqlite_vec(tmp_path):
    path = write_vec(tmp_path / "x.db")
    np.testing.assert_array_equal(rows_of(path), X)
    assert inspect_source(path).chosen == "docs"
    np.testing.assert_array_equal(rows_of(f"{path}:docs"), X)
    with pytest.raises(GausscheckError, match=r"y\.db:docs: a chunk of another size"):
        open_source(write_vec(tmp_path / "y.db", damage=4))


def test_nothing_of_a_sqlite_file_is_run_or_written(tmp_path):
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE t (label TEXT, vec BLOB, other BLOB)")
        rows = [(f"c{i % 2}", row.tobytes(), row[:2].tobytes()) for i, row in enumerate(X)]
        base.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        base.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) "
            "SELECT * FROM n"
        )
    base.close()
    before = path.read_bytes()
    source = open_source(path, dataset="t.vec")
    np.testing.assert_array_equal(source.read(0, 90), X)
    assert read_labels(source, None)[:3].tolist() == ["c0", "c1", "c0"]
    assert read_labels(open_source(X), f"{path}:t.label")[1] == "c1"
    assert [entry.key for entry in inspect_source(path).entries] == ["t.label", "t.vec", "t.other"]
    with pytest.raises(GausscheckError, match=r"several arrays .*t\.vec .*; t\.other"):
        open_source(path)
    with pytest.raises(GausscheckError, match=r"expected an array 'endless'"):
        open_source(path, dataset="endless")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.db"]


def write_chroma(folder, queued, saved=(), cosine=False, n=None, after=0):
    """Write Chroma's folder: changes in its queue, and vectors in an HNSW segment."""
    folder.mkdir()
    with sqlite3.connect(folder / "chroma.sqlite3") as base:
        base.execute("CREATE TABLE collections (id, name, dimension, config_json_str)")
        base.execute("CREATE TABLE segments (id, type, scope, collection)")
        base.execute("CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id, embedding_id)")
        base.execute("CREATE TABLE max_seq_id (segment_id, seq_id)")
        columns = "seq_id INTEGER PRIMARY KEY, operation, topic, id, vector"
        base.execute(f"CREATE TABLE embeddings_queue ({columns})")
        told = '{"space": "cosine"}' if cosine else "{}"
        base.execute("INSERT INTO collections VALUES ('c1', 'docs', 4, ?)", (told,))
        base.execute("INSERT INTO segments VALUES ('m1', '', 'METADATA', 'c1')")
        base.execute("INSERT INTO segments VALUES ('v1', '', 'VECTOR', 'c1')")
        base.execute("INSERT INTO max_seq_id VALUES ('v1', ?)", (after,))
        rows = [("m1", str(i)) for i in range(len(queued) + len(saved) if n is None else n)]
        base.executemany("INSERT INTO embeddings (segment_id, embedding_id) VALUES (?, ?)", rows)
        for i, (operation, name, row) in enumerate(queued):
            raw = None if row is None else row.tobytes()
            base.execute(
                "INSERT INTO embeddings_queue VALUES (?, ?, 'persistent://default/c1', ?, ?)",
                (after + 1 + i, operation, name, raw),
            )
    base.close()
    if len(saved):
        segment, links = folder / "v1", 20
        segment.mkdir()
        size, count = links + 16 + 8, len(saved)
        head = struct.pack("<i6Q", 1, 0, count, count, size, links + 16, links)
        (segment / "header.bin").write_bytes(head + bytes(48))
        elements = np.zeros(count, [("links", "u1", links), ("row", "<f4", 4), ("label", "<u8")])
        lengths = np.linalg.norm(saved, axis=1).astype("<f4")
        elements["row"] = saved / lengths[:, None] if cosine else saved
        elements["links"][5, 2] = 1  # the mark of what was deleted
        (segment / "data_level0.bin").write_bytes(elements.tobytes())
        (segment / "length.bin").write_bytes(lengths.tobytes())
    return folder


def test_a_chroma_collection_in_its_queue(tmp_path):
    changes = [(0, f"id{i}", row) for i, row in enumerate(X)]
    changes += [(3, "id3", None), (1, "id4", None), (2, "id5", X[0]), (0, "id90", X[1])]
    path = write_chroma(tmp_path / "db", changes, n=90)
    want = np.concatenate([np.delete(X, 3, 0), X[1:2]])
    want[4] = X[0]
    for place in (path, path / "chroma.sqlite3", f"{path}:docs"):
        np.testing.assert_array_equal(rows_of(place), want)
    assert read_labels(open_source(path), None)[[0, 3, 89]].tolist() == ["id0", "id4", "id90"]
    assert inspect_source(path).chosen == "docs"


@pytest.mark.parametrize("cosine", [False, True])
def test_a_chroma_collection_in_its_index_and_its_queue(tmp_path, cosine):
    changes = [(0, f"new{i}", row) for i, row in enumerate(X[60:])]
    path = write_chroma(tmp_path / "db", changes, X[:60], cosine, n=89, after=1000)
    np.testing.assert_allclose(rows_of(path), np.delete(X, 5, 0), rtol=1e-6)
    assert "in the order of its index" in open_source(path).notes[0]


def test_what_only_chroma_can_put_together_is_refused_with_the_lines_that_do(tmp_path):
    gone = [(3, "somewhere in the index", None)]
    for i, (changes, n) in enumerate([(gone, 58), ([(0, "new", X[0])], 70)]):
        path = write_chroma(tmp_path / f"db{i}", changes, X[:60], n=n, after=1000)
        with pytest.raises(GausscheckError, match=r"get_collection\('docs'\); np\.save") as caught:
            open_source(path)
        assert len(str(caught.value).splitlines()) == 1


def test_what_chroma_itself_wrote(tmp_path):
    chromadb = pytest.importorskip("chromadb")
    x = np.random.default_rng(0).standard_normal((1200, 8)).astype(np.float32)
    made = chromadb.PersistentClient(str(tmp_path / "db"))
    for space, name in (("l2", "plain"), ("cosine", "unit")):
        docs = made.create_collection(name, embedding_function=None, metadata={"hnsw:space": space})
        docs.add(ids=[str(i) for i in range(1200)], embeddings=x)
        rows = rows_of(tmp_path / "db", dataset=name)
        same = [np.sort(held[:, 0]) for held in (rows, x)]
        np.testing.assert_allclose(*same, rtol=1e-5, atol=1e-6)


def test_lance_data_sets(tmp_path):
    lance = pytest.importorskip("lance")
    pa = pytest.importorskip("pyarrow")
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1)), 4)
    table = pa.table({"label": ["a", "b"] * 45, "vector": vectors})
    lance.write_dataset(table, str(tmp_path / "x.lance"), max_rows_per_file=40)
    source = open_source(tmp_path / "x.lance")
    for start, stop in ((0, 90), (30, 50), (5, 6)):
        np.testing.assert_array_equal(source.read(start, stop), X[start:stop])
    assert read_labels(source, None)[:2].tolist() == ["a", "b"]
    np.testing.assert_array_equal(rows_of(tmp_path / "x.lance"), X)
    (tmp_path / "y.lance").mkdir()
    with pytest.raises(GausscheckError, match=r"y\.lance: expected a Lance data set"):
        open_source(tmp_path / "y.lance")


def test_a_missing_reader_of_lance_is_named(tmp_path, monkeypatch):
    from gausscheck.sources import base

    (tmp_path / "x.lance").mkdir()
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    with pytest.raises(GausscheckError, match=r"gausscheck\[lance\]"):
        open_source(tmp_path / "x.lance")
