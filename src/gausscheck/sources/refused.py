"""Files that are known and not read: why, and what to do in the program that wrote them."""

from __future__ import annotations

from pathlib import Path

from gausscheck.core import GausscheckError

_PICKLE = (
    "a pickle is never loaded, for it can run any code of whoever made it; in the program that "
    "wrote it: np.save('x.npy', np.asarray(X))"
)

_DUCKDB = "a DuckDB database; in it: COPY (SELECT embedding FROM t) TO 'x.parquet'"

_FASTTEXT = (
    "a model of fastText, not vectors; in Python: np.save('x.npy', [model.get_word_vector(w) for w "
    "in model.get_words()])"
)

REASONS: dict[tuple[str, ...], str] = {
    (".pkl", ".pickle", ".p", ".pk", ".dill"): _PICKLE,
    (".joblib", ".jbl", ".sav"): _PICKLE.replace("a pickle", "joblib's file is a pickle and"),
    (".model", ".kv", ".wv"): "gensim's own file is a pickle, which is never loaded; in gensim: "
    "model.wv.save_word2vec_format('x.bin', binary=True)",
    (".ann", ".annoy"): "an Annoy index does not say its dimensions; save the vectors themselves: "
    "np.save('x.npy', [index.get_item_vector(i) for i in range(index.get_n_items())])",
    (".hnsw", ".usearch", ".scann", ".voyager"): "an index of another library; save its vectors: "
    "np.save('x.npy', vectors)",
    (".rds", ".rdata", ".rda"): "R's own format; in R: write.csv(x, 'x.csv', row.names = FALSE)",
    (".xls", ".xlsx", ".ods"): "a spreadsheet; save the sheet as CSV",
    (".zip", ".tar", ".tgz", ".7z", ".rar", ".xz", ".bz2", ".zst"): "an archive; unpack it first",
    (".tfrecord", ".tfrecords"): "TensorFlow's records; save the vectors: np.save('x.npy', X)",
    (".onnx", ".gguf", ".ckpt"): "a model, not embeddings; embed something with it and save that: "
    "np.save('x.npy', X)",
    (".orc", ".avro"): "a table of another format; save it as .parquet",
    (".duckdb", ".ddb"): _DUCKDB,
    (".jpg", ".jpeg", ".png", ".wav", ".mp3", ".mp4"): "media, not embeddings; embed it first",
}
"""Why files of some endings are not read."""

_MAGIC = {
    b"\x93NUMPY": "npy",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"SQLite format 3\x00": "sqlite",
    b"MATLAB 5.0": "matlab",
}
"""What files of some formats begin with, whatever they are called."""


def refused_by_content(path: Path) -> GausscheckError | None:
    """Return the error for a file whose first bytes name what is known and not read."""
    with path.open("rb") as handle:
        head = handle.read(12)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and len(head) > 1:
        return GausscheckError(f"{path}: {_PICKLE}")
    if head[8:12] == b"DUCK":
        return GausscheckError(f"{path}: {_DUCKDB}")
    if head[:4] == b"\xba\x16\x4f\x2f":
        return GausscheckError(f"{path}: {_FASTTEXT}")
    return None


def known_by_content(path: Path) -> str | None:
    """Return the format that a file's first bytes name; None where they name none."""
    if not path.is_file():
        return None
    with path.open("rb") as handle:
        head = handle.read(16)
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def refusal(path: Path) -> GausscheckError:
    """Return the error for a file that no reader takes."""
    suffix = path.suffix.lower()
    for suffixes, reason in REASONS.items():
        if suffix in suffixes:
            return GausscheckError(f"{path}: {reason}")
    if path.is_file() and (known := refused_by_content(path)) is not None:
        return known
    named = f"the ending {suffix}" if suffix else "no ending"
    return GausscheckError(
        f"{path}: expected a file of embeddings, got {named}, which no reader takes; save the rows "
        "with np.save('x.npy', X), or give raw numbers their shape and dtype"
    )
