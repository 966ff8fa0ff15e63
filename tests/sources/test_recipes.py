"""The recipes of docs/recipes.md: each block is run, and what it leaves is read."""

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


@pytest.mark.parametrize(("name", "block"), list(recipes()), ids=lambda value: value.split("\n")[0])
def test_a_recipe_leaves_what_is_read(tmp_path, monkeypatch, name, block):
    held = STAND_INS[name]()
    monkeypatch.chdir(tmp_path)
    exec(compile(block, name, "exec"), {"np": np, **held})
    (left,) = tmp_path.iterdir()
    source = open_source(left)
    np.testing.assert_array_equal(source.read(0, 40).astype(np.float32), X)
