"""Files by the programs that people write them with: where one is installed, its are read.

``make test-stores`` installs them all; the fast tests have those that the package needs anyway.
"""

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import inspect_source, open_source, read_labels

X = np.random.default_rng(4).standard_normal((300, 12)).astype(np.float32)
LABELS = [f"c{i % 3}" for i in range(300)]


def check(path, labels=LABELS, want=X, tolerance=0.0, key=None, **options):
    source = open_source(path, **options)
    np.testing.assert_allclose(source.read(0, source.n), want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(source.read(7, 9), want[7:9], rtol=tolerance, atol=tolerance)
    held = read_labels(source, key)
    assert (None if held is None else [str(one) for one in held]) == labels
    if not options:
        told = inspect_source(path)
        assert next(e.shape for e in told.entries if e.key == told.chosen) == want.shape


def frames():
    polars = pytest.importorskip("polars")
    lists = polars.DataFrame(
        {"label": LABELS, "embedding": X.tolist()},
        schema={"label": polars.String, "embedding": polars.List(polars.Float32)},
    )
    arrays = lists.with_columns(polars.col("embedding").cast(polars.Array(polars.Float32, 12)))
    return {"lists": lists, "arrays": arrays}


@pytest.mark.parametrize("kind", ["lists", "arrays"])
def test_polars(tmp_path, kind):
    frame = frames()[kind]
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_ipc(tmp_path / "x.arrow")
    frame.write_ipc(tmp_path / "x.feather", compression="zstd")
    frame.write_ipc_stream(tmp_path / "x.arrows")
    frame.write_ndjson(tmp_path / "x.jsonl")
    frame.write_json(tmp_path / "x.json")
    for path in sorted(tmp_path.iterdir()):
        check(path, tolerance=1e-6 if "json" in path.suffix else 0)


def test_polars_by_columns(tmp_path):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X, schema=[f"x{j}" for j in range(12)])
    frame = frame.with_columns(label=polars.Series(LABELS))
    frame.write_csv(tmp_path / "x.csv")
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_parquet(tmp_path / "parts", partition_by="label")
    check(tmp_path / "x.csv", tolerance=1e-6)
    check(tmp_path / "x.parquet")
    by_label = np.argsort(LABELS, kind="stable")
    check(tmp_path / "parts", sorted(LABELS), X[by_label])


def test_duckdb(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    base = duckdb.connect()
    base.execute("CREATE TABLE docs (label VARCHAR, embedding FLOAT[12])")
    base.executemany("INSERT INTO docs VALUES (?, ?)", list(zip(LABELS, X.tolist(), strict=True)))
    for name, how in {
        "x.parquet": "parquet",
        "x.csv": "csv, header",
        "x.tsv": "csv, header, delimiter '\t'",
        "x.csv.gz": "csv, header, compression gzip",
        "x.json": "json",
        "y.json": "json, array true",
    }.items():
        base.execute(f"COPY docs TO '{tmp_path / name}' (FORMAT {how})")
        check(tmp_path / name, tolerance=1e-6)
    for name in ("x.duckdb", "x.db"):
        base.execute(f"ATTACH '{tmp_path / name}' AS kept; CREATE TABLE kept.docs AS FROM docs")
        base.execute("DETACH kept")
        with pytest.raises(GausscheckError, match="in it: COPY"):
            open_source(tmp_path / name)
    base.close()


def test_lancedb(tmp_path):
    pytest.importorskip("lance")
    lancedb = pytest.importorskip("lancedb")
    held = [{"label": la, "vector": row} for la, row in zip(LABELS, X.tolist(), strict=True)]
    base = lancedb.connect(tmp_path / "base")
    table = base.create_table("docs", data=held[:200])
    table.add(held[200:])
    check(tmp_path / "base" / "docs.lance")
    table.delete("label = 'c1'")
    kept = [i for i in range(300) if i % 3 != 1]
    check(tmp_path / "base" / "docs.lance", [LABELS[i] for i in kept], X[kept])
    with pytest.raises(GausscheckError, match=r"a folder of LanceDB: name one .*docs\.lance"):
        open_source(tmp_path / "base")


@pytest.fixture
def cells():
    pandas = pytest.importorskip("pandas")
    with pandas.option_context("future.infer_string", False):  # what AnnData 0.12 can write
        yield pandas.DataFrame(
            {"cell_type": pandas.Categorical(LABELS), "label": LABELS},
            index=[f"cell {i}" for i in range(300)],
        )


@pytest.mark.filterwarnings("ignore")  # those of AnnData on its own format
def test_anndata(tmp_path, cells):
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    counts = np.abs(X[:, :5])
    held = anndata.AnnData(counts, obs=cells, obsm={"X_pca": X, "X_umap": X[:, :2]})
    held.layers["scaled"] = X[:, :5]
    held.write_h5ad(tmp_path / "x.h5ad")
    held.write_h5ad(tmp_path / "packed.h5ad", compression="gzip")
    for path in (tmp_path / "x.h5ad", tmp_path / "packed.h5ad"):
        check(path)
        check(path, key="cell_type")
        check(path, want=counts, dataset="X")
        check(path, want=X[:, :5], dataset="layers/scaled")
        check(path, want=X[:, :2], dataset="X_umap")
    held.write_zarr(tmp_path / "x.zarr")
    check(tmp_path / "x.zarr", None)
    alone = anndata.AnnData(X, obs=cells)
    alone.write_h5ad(tmp_path / "alone.h5ad")
    with pytest.raises(GausscheckError, match="take what was measured with dataset X"):
        open_source(tmp_path / "alone.h5ad")
    check(tmp_path / "alone.h5ad", dataset="X")
    frame = pandas.DataFrame(X, index=cells.index, columns=[f"p{j}" for j in range(12)])
    odd = anndata.AnnData(sparse.csr_matrix(X), obs=cells, obsm={"F": frame})
    odd.obsm["S"] = sparse.csr_matrix(X)
    odd.write_h5ad(tmp_path / "odd.h5ad")
    for key, words in {
        "F": r"np\.save\('x\.npy', adata\.obsm\['F'\]\.to_numpy\(\)\)",
        "S": r"save_npz\('x\.npz', adata\.obsm\['S'\]\)",
        "X": r"save_npz\('x\.npz', X\)",
    }.items():
        with pytest.raises(GausscheckError, match=words):
            open_source(tmp_path / "odd.h5ad", dataset=key)


WORDS = {"plain": "word{}", "German": "größe {}", "Chinese": "，深度{}"}


@pytest.mark.parametrize("kind", WORDS)
def test_gensim(tmp_path, kind):
    models = pytest.importorskip("gensim.models")
    words = [WORDS[kind].format(i) for i in range(300)]
    vectors = models.KeyedVectors(12)
    vectors.add_vectors(words, X)
    for name in ("x.txt", "x.vec", "x.txt.gz"):
        vectors.save_word2vec_format(str(tmp_path / name), binary=False)
        source = open_source(tmp_path / name)
        np.testing.assert_allclose(source.read(0, 300), X, rtol=1e-6)
        assert source.beside("word").tolist() == words
    if kind != "German":  # word2vec binary ends a word at its first blank
        for name in ("x.bin", "x.bin.gz", "x.w2v"):
            vectors.save_word2vec_format(str(tmp_path / name), binary=True)
            check(tmp_path / name, words, key="word")
    vectors.save(str(tmp_path / "x.kv"))
    with pytest.raises(GausscheckError, match="which is never loaded; in gensim"):
        open_source(tmp_path / "x.kv")


@pytest.mark.parametrize("packed", [False, True])
def test_matlab_5_by_scipy(tmp_path, packed):
    io = pytest.importorskip("scipy.io")
    held = {"embeddings": X, "labels": np.arange(300) % 3, "rate": 0.5, "note": "a text"}
    io.savemat(tmp_path / "x.mat", held, do_compression=packed)
    check(tmp_path / "x.mat", [str(i % 3) for i in range(300)])
    io.savemat(tmp_path / "y.mat", {"x": X.astype("f8")}, format="4")
    check(tmp_path / "y.mat", None)


def test_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"label": LABELS, "embedding": X.tolist()})
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_feather(tmp_path / "x.feather")
    frame.to_csv(tmp_path / "x.csv")
    frame.to_json(tmp_path / "x.json", orient="records", double_precision=15)
    frame.to_json(tmp_path / "x.jsonl", orient="records", lines=True, double_precision=15)
    frame.to_json(tmp_path / "table.json", orient="table", double_precision=15)
    for path in sorted(tmp_path.iterdir()):
        check(path, tolerance=1e-6)
    wide = pandas.DataFrame(X)
    wide.to_json(tmp_path / "wide.json")
    with pytest.raises(GausscheckError, match=r"to_json\(orient='records'\)"):
        open_source(tmp_path / "wide.json")
    frame.to_pickle(tmp_path / "x.pkl")
    with pytest.raises(GausscheckError, match="never loaded"):
        open_source(tmp_path / "x.pkl")


def test_the_stores_of_others_are_refused_with_the_lines_that_export_them(tmp_path):
    """Qdrant's local mode keeps pickles in SQLite: they are not loaded."""
    qdrant = pytest.importorskip("qdrant_client")
    models = qdrant.models
    client = qdrant.QdrantClient(path=str(tmp_path / "store"))
    client.create_collection("docs", models.VectorParams(size=12, distance=models.Distance.COSINE))
    points = [models.PointStruct(id=i, vector=row) for i, row in enumerate(X.tolist())]
    client.upsert("docs", points)
    client.close()
    (kept,) = (tmp_path / "store").rglob("*.sqlite")
    with pytest.raises(GausscheckError, match=r"points\.point: pickles, which are never loaded"):
        open_source(kept)
