"""The recipes of docs/recipes.md: each block is run, and what it leaves is read.

On a stand-in with the same calls, and on the real library where it is installed (make test-stores).
"""

import re
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import ROOT
from gausscheck.sources import open_source

X = np.random.default_rng(8).standard_normal((40, 6)).astype(np.float32)
PAGES = (X[:25], X[25:])


def recipes():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for part in page.split("\n## ")[1:]:
        found = re.search(r"```python\n(.*?)```", part, re.S)
        if found is not None:
            yield part.splitlines()[0], found[1]


class Qdrant:
    def scroll(self, name, limit, offset, with_vectors):
        page = 0 if offset is None else offset
        points = [SimpleNamespace(vector=row.tolist()) for row in PAGES[page]]
        return points, (page + 1 if page + 1 < len(PAGES) else None)


class Postgres:
    @contextmanager
    def cursor(self):
        yield self

    @contextmanager
    def copy(self, sql):
        lines = ["id,embedding"] + [f'{i},"{row.tolist()}"' for i, row in enumerate(X)]
        yield [f"{line}\n".encode() for line in lines]


class Milvus:
    def query_iterator(self, name, output_fields, batch_size):
        pages = iter([*PAGES, []])
        return SimpleNamespace(next=lambda: [{"vector": row.tolist()} for row in next(pages)])


class Pinecone:
    def list(self, namespace):
        return [["0", "1"], ["2"]]

    def fetch(self, ids, namespace):
        places = (slice(0, 20), slice(20, 30)) if "0" in ids else (slice(30, 40),)
        rows = [row for place in places for row in X[place]]
        return SimpleNamespace(
            vectors={str(i): SimpleNamespace(values=r) for i, r in enumerate(rows)}
        )


class Weaviate:
    def iterator(self, include_vector):
        return (SimpleNamespace(vector={"default": row.tolist()}) for row in X)


def chroma():
    return SimpleNamespace(get=lambda include: {"embeddings": X})


def lance():
    pa = pytest.importorskip("pyarrow")
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1)), 6)
    return SimpleNamespace(to_arrow=lambda: pa.table({"vector": vectors}))


def duck():
    duckdb = pytest.importorskip("duckdb")
    base = duckdb.connect()
    base.execute("CREATE TABLE docs (embedding FLOAT[6])")
    base.executemany("INSERT INTO docs VALUES (?)", [[row.tolist()] for row in X])
    return base


def gensim():
    def save(path, binary):
        with open(path, "wb") as out:
            out.write(b"40 6\n")
            out.writelines(b"w%d " % i + row.tobytes() + b"\n" for i, row in enumerate(X))

    return SimpleNamespace(wv=SimpleNamespace(save_word2vec_format=save))


def faiss():
    return SimpleNamespace(ntotal=40, reconstruct_n=lambda low, count: X[low : low + count])


STAND_INS = {
    "Qdrant": lambda: {"client": Qdrant()},
    "Postgres with pgvector": lambda: {"connection": Postgres()},
    "Milvus": lambda: {"client": Milvus()},
    "Pinecone": lambda: {"index": Pinecone()},
    "Weaviate": lambda: {"collection": Weaviate()},
    "Chroma": lambda: {"collection": chroma()},
    "LanceDB": lambda: {"table": lance()},
    "DuckDB": lambda: {"duck": duck()},
    "gensim": lambda: {"model": gensim()},
    "faiss indexes with codes": lambda: {"index": faiss()},
    "A pickle or joblib file": lambda: {"loaded": {"embeddings": X}},
}


def real_qdrant(folder):
    qdrant = pytest.importorskip("qdrant_client")
    size = qdrant.models.VectorParams(size=6, distance=qdrant.models.Distance.DOT)
    client = qdrant.QdrantClient(":memory:")
    client.create_collection("docs", size)
    points = [qdrant.models.PointStruct(id=i, vector=row) for i, row in enumerate(X.tolist())]
    client.upsert("docs", points)
    return {"client": client}, client.close


def real_milvus(folder):
    pytest.importorskip("milvus_lite")
    client = pytest.importorskip("pymilvus").MilvusClient(str(folder / "milvus.db"))
    client.create_collection("docs", dimension=6)
    client.insert("docs", [{"id": i, "vector": row} for i, row in enumerate(X.tolist())])
    return {"client": client}, client.close


def real_chroma(folder):
    client = pytest.importorskip("chromadb").PersistentClient(str(folder / "chroma"))
    docs = client.create_collection("docs", embedding_function=None)
    docs.add(ids=[str(i) for i in range(40)], embeddings=X)
    return {"collection": docs}, lambda: None


def real_lancedb(folder):
    base = pytest.importorskip("lancedb").connect(folder / "base")
    table = base.create_table("docs", data=[{"vector": row} for row in X.tolist()])
    return {"table": table}, lambda: None


def real_gensim(folder):
    vectors = pytest.importorskip("gensim.models").KeyedVectors(6)
    vectors.add_vectors([f"w{i}" for i in range(40)], X)
    return {"model": SimpleNamespace(wv=vectors)}, lambda: None


def real_faiss(folder):
    index = pytest.importorskip("faiss").IndexHNSWFlat(6, 8)
    index.add(X)
    return {"index": index}, lambda: None


REAL = {
    "Qdrant": real_qdrant,
    "Milvus": real_milvus,
    "Chroma": real_chroma,
    "LanceDB": real_lancedb,
    "gensim": real_gensim,
    "faiss indexes with codes": real_faiss,
}
"""DuckDB has no stand-in. Postgres, Pinecone and Weaviate are servers: no package holds one."""

BLOCKS = dict(recipes())


def run(name, folder, monkeypatch, held):
    folder.mkdir()
    monkeypatch.chdir(folder)
    exec(compile(BLOCKS[name], name, "exec"), {"np": np, **held})
    (left,) = folder.iterdir()
    source = open_source(left)
    np.testing.assert_array_equal(source.read(0, 40).astype(np.float32), X)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_recipe_leaves_what_is_read(tmp_path, monkeypatch, name):
    run(name, tmp_path / "left", monkeypatch, STAND_INS[name]())


@pytest.mark.filterwarnings("ignore")  # those of the libraries on themselves
@pytest.mark.parametrize("name", REAL)
def test_a_recipe_is_run_on_the_real_library(tmp_path, monkeypatch, name):
    held, close = REAL[name](tmp_path)
    run(name, tmp_path / "left", monkeypatch, held)
    close()
