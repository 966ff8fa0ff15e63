# ruff: noqa: E501
"""Files as people store embeddings in them, each with what reading it must give.

    python tests/sources/cases.py [FOLDER]      # what each gave, and what is right (make cases)

Everything is synthetic and made here. A case's right answer is an array, or words of a refusal.
"""

from __future__ import annotations

import gzip
import json
import pickle
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROWS = np.random.default_rng(11).standard_normal((240, 12)).round(5)
GAP = np.where(np.arange(240)[:, None] == 5, np.nan, ROWS)


@dataclass(frozen=True)
class Case:
    """A file, how it is written, and what is right.

    Attributes
    ----------
    file : str
    kind : str
    write : callable
        Takes the path.
    right : (n, d) array, or str
        What is read; or words of the one line that refuses it.
    notes : tuple of str
        Words that the notes must hold.
    labels : tuple of str
        The first labels that are found without asking.
    options : dict
        Keywords of ``open_source``.
    needs : str
        A package to write or read it.
    """

    file: str
    kind: str
    write: Callable[[Path], Any]
    right: Any
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    needs: str = "numpy"


def text(lines: list[str]) -> Callable[[Path], Any]:
    return lambda path: path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def joined(separator: str, rows: Any = ROWS, head: str = "") -> list[str]:
    return [head + separator.join(map(repr, row)) for row in rows.tolist()]


def as_json(value: Any) -> Callable[[Path], Any]:
    return lambda path: path.write_text(json.dumps(value), encoding="utf-8")


def lines(values: list[Any]) -> Callable[[Path], Any]:
    return text([json.dumps(value) for value in values])


def vectors(rows: Any = ROWS) -> list[Any]:
    return [None if np.isnan(row).any() else row.tolist() for row in np.asarray(rows)]


def openai(row: list[float] | None, i: int) -> dict[str, Any]:
    failed = {"status_code": 400, "body": {"error": {"message": "too long"}}}
    body = {"data": [{"object": "embedding", "index": 0, "embedding": row}], "model": "m"}
    good = {"status_code": 200, "body": body}
    return {"custom_id": f"c{i}", "response": failed if row is None else good, "error": None}


def word2vec_binary(path: Path) -> None:
    with path.open("wb") as handle:
        handle.write(b"%d %d\n" % ROWS.shape)
        for i, row in enumerate(ROWS):
            handle.write(f"word{i} ".encode() + row.astype("<f4").tobytes() + b"\n")


def folder_of_vectors(path: Path) -> None:
    path.mkdir()
    for i, row in enumerate(ROWS):
        np.save(path / f"item_{i}.npy", row)


def hdf5(write: Callable[[Any], Any]) -> Callable[[Path], Any]:
    def made(path: Path) -> None:
        import h5py

        with h5py.File(path, "w") as file:
            write(file)

    return made


def one_dataset_a_row(file: Any) -> None:
    for i, row in enumerate(ROWS):
        file[f"P{i:05d}"] = row


def gaps(file: Any) -> None:
    data = file.create_dataset("embeddings", (240, 12), "f4", chunks=(60, 12), fillvalue=0.5)
    data[:120] = ROWS[:120]


def nothing_written(file: Any) -> None:
    file.create_dataset("embeddings", (240, 12), "f4")


def lost_sources(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((240, 12), "f4")
    layout[:] = h5py.VirtualSource("lost.h5", "x", (240, 12))
    file.create_virtual_dataset("embeddings", layout, fillvalue=-1)


def residues(file: Any) -> None:
    for name, low, high in (("A", 0, 100), ("B", 100, 110), ("C", 110, 240)):
        file[name] = ROWS[low:high]


def parquet(column: Callable[[], Any]) -> Callable[[Path], Any]:
    def made(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"id": np.arange(240), "embedding": column()}), path)

    return made


def sparse(kind: str) -> Callable[[Path], Any]:
    def made(path: Path) -> None:
        from scipy import sparse as module

        module.save_npz(path, getattr(module, f"{kind}_matrix")(thin()))

    return made


def thin() -> Any:
    return np.where(np.abs(ROWS) > 1, ROWS, 0)


def blobs(path: Path) -> None:
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT, embedding BLOB)")
        values = [(f"text {i}", row.astype("<f4").tobytes()) for i, row in enumerate(ROWS)]
        values[5] = ("no vector", None)
        base.executemany("INSERT INTO docs (body, embedding) VALUES (?, ?)", values)
    base.close()


def records(path: Path) -> None:
    kinds = [("label", "i4"), *((f"x{j}", "f4") for j in range(12))]
    np.save(path, np.array([(i % 3, *row) for i, row in enumerate(ROWS)], kinds))


def raw_with_sidecar(path: Path) -> None:
    path.write_bytes(ROWS.astype("<f2").tobytes())
    path.with_suffix(".json").write_text(json.dumps({"shape": [240, 12], "dtype": "float16"}))


def torch_list(path: Path) -> None:
    import torch

    torch.save([torch.from_numpy(row) for row in ROWS], path)


def without_ending(path: Path) -> None:
    with path.open("wb") as handle:
        np.save(handle, ROWS)


def safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({f"img{i}": row for i, row in enumerate(F4)}, path)


def packed(lines_of: list[str]) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(gzip.compress(("\n".join(lines_of) + "\n").encode()))


F4 = ROWS.astype("f4")
LISTS = [str(row) for row in ROWS.tolist()]
NUMPY_2 = ["[" + ", ".join(f"np.float64({v})" for v in row) + "]" for row in ROWS.tolist()]
WORDS = joined(" ")
TOKENS = ROWS.reshape(20, 12, 12)

# fmt: off
CASES = [
    # text
    Case("european.csv", "semicolons and decimal commas",
         text([line.replace(".", ",") for line in joined(";")]), ROWS, ("semicolons, decimal commas",)),
    Case("german.tsv", "tabs and decimal commas",
         text(["\t".join("abcdefghijkl"), *(ln.replace(".", ",") for ln in joined("\t"))]), ROWS,
         ("decimal commas",)),
    Case("bars.csv", "bars between cells", text(joined("|")), ROWS, ("bars",)),
    Case("spaces.txt", "columns of fixed width", lambda p: np.savetxt(p, ROWS, fmt="%12.5f"), ROWS,
         ("spaces",)),
    Case("numpy2_lists.csv", "lists as NumPy 2 prints them",
         text(["id,embedding", *(f'{i},"{v}"' for i, v in enumerate(NUMPY_2))]), ROWS),
    Case("arrays.csv", "arrays as NumPy prints their repr",
         text(["id;embedding", *(f"{i};array({v}, dtype=float32)" for i, v in enumerate(LISTS))]), ROWS),
    Case("postgres.csv", "arrays as Postgres exports them",
         text(["id,embedding", *(f'{i},"{{{v[1:-1]}}}"' for i, v in enumerate(LISTS))]), ROWS),
    Case("cut_short.csv", "arrays cut short with dots",
         text(["id,embedding", *(f'{i},"[0.5 1.5 ... 2.5]"' for i in range(40))]), "cut short"),
    Case("class_id_last.csv", "class ids in the last column",
         text([f"{line},{i % 10}" for i, line in enumerate(joined(","))]), ROWS, ("column 12",)),
    Case("class_id_first.csv", "class ids in the first column under a name",
         text(["digit," + ",".join(f"x{j}" for j in range(12)),
               *(f"{i % 10},{line}" for i, line in enumerate(joined(",")))]), ROWS, ("digit",)),
    Case("empty_cell.csv", "an empty cell in the column of lists",
         text(["id,embedding", *(f'{i},"{"" if i == 5 else v}"' for i, v in enumerate(LISTS))]), GAP,
         ("no vector",)),
    Case("utf16.csv", "UTF-16, as spreadsheets export it",
         lambda p: p.write_text("\n".join(joined(",")) + "\n", encoding="utf-16"), ROWS),
    # JSON
    Case("array.json", "a list of lists", as_json(ROWS.tolist()), ROWS),
    Case("named.json", "a name for each vector",
         as_json({f"item {i}": row for i, row in enumerate(ROWS.tolist())}), ROWS,
         labels=("item 0", "item 1")),
    Case("objects.json", "a list of objects",
         as_json([{"id": i, "vec": row} for i, row in enumerate(vectors(GAP))]), GAP, ("no vector",)),
    Case("openai_answer.json", "under one key",
         as_json({"object": "list", "usage": {"total_tokens": 9},
                  "data": [{"index": i, "embedding": r} for i, r in enumerate(ROWS.tolist())]}), ROWS),
    Case("side_by_side.json", "vectors and labels side by side",
         as_json({"labels": [f"c{i % 3}" for i in range(240)], "embeddings": ROWS.tolist()}), ROWS,
         labels=("c0", "c1")),
    Case("pandas.json", "columns by row numbers, as pandas writes them",
         as_json({"text": {str(i): "t" for i in range(240)},
                  "embedding": {str(i): row for i, row in enumerate(ROWS.tolist())}}), ROWS),
    Case("nan.json", "NaN, as Python writes it", as_json(GAP.tolist()), GAP),
    Case("null_vector.jsonl", "a null among the vectors",
         lines([{"id": i, "embedding": row} for i, row in enumerate(vectors(GAP))]), GAP, ("no vector",)),
    Case("openai_batch.jsonl", "a vector deep in each line, one request failed",
         lines([openai(row, i) for i, row in enumerate(vectors(GAP))]), GAP, ("no vector",)),
    Case("by_path.jsonl", "a dotted path asked for",
         lines([{"a": {"u": row, "v": [0.0, 1.0]}} for row in ROWS.tolist()]), ROWS,
         options={"dataset": "a.u"}),
    Case("cohere.jsonl", "several vectors a line",
         lines([{"id": i, "embeddings": {"float": ROWS[i : i + 48].tolist()}} for i in range(0, 240, 48)]),
         ROWS, ("5 lines hold 240 vectors",)),
    Case("packed.json.gz", "JSON in .gz", packed([json.dumps(ROWS.tolist())]), ROWS),
    Case("lines.json", "JSON lines under the ending of JSON",
         lines([{"id": i, "embedding": row} for i, row in enumerate(ROWS.tolist())]), ROWS),
    Case("one_line.jsonl", "one JSON value under the ending of JSON lines", as_json(ROWS.tolist()), ROWS),
    # word vectors
    Case("glove.txt", "word vectors without a header",
         text([f"word{i} {line}" for i, line in enumerate(WORDS)]), ROWS, labels=("word0", "word1")),
    Case("word2vec.vec", "word vectors with a header",
         text(["240 12", *(f"word{i} {line}" for i, line in enumerate(WORDS))]), ROWS,
         labels=("word0", "word1")),
    Case("blank_words.txt.gz", "words with blanks in .gz",
         packed([f"a word{i} {line}" for i, line in enumerate(WORDS)]), ROWS, labels=("a word0",)),
    Case("word2vec.bin", "word2vec binary", word2vec_binary, F4, labels=("word0", "word1")),
    # raw numbers
    Case("raw.bin", "raw numbers", lambda p: p.write_bytes(F4.tobytes()),
         r"np.fromfile('raw.bin', 'f4').reshape(-1, d)"),
    Case("shaped.bin", "raw numbers whose shape is given", lambda p: p.write_bytes(F4.tobytes()), F4,
         options={"shape": (-1, 12), "dtype": "f4"}),
    Case("sidecar.mmap", "raw numbers with a JSON file beside them", raw_with_sidecar,
         ROWS.astype("f2"), ("sidecar.json",)),
    Case("records.npy", "records whose fields are numbers", records, F4, labels=("0", "1", "2")),
    # one vector a file, a dataset, an entry
    Case("one_vector_a_file", "a folder of vectors", folder_of_vectors, ROWS, ("240 files",),
         ("item_0", "item_1")),
    Case("one_dataset_a_row.h5", "a dataset an item", hdf5(one_dataset_a_row), ROWS, ("240 datasets",),
         ("P00000", "P00001")),
    Case("one_row_each.npz", "an entry of one row an item",
         lambda p: np.savez(p, **{f"img{i}": row[None] for i, row in enumerate(ROWS)}), ROWS,
         ("240 members",), ("img0", "img1")),
    Case("entries.npz", "an entry an item",
         lambda p: np.savez(p, **{f"img{i}": row for i, row in enumerate(ROWS)}), ROWS, ("240 members",),
         ("img0", "img1")),
    Case("list.pt", "a list of tensors", torch_list, ROWS, ("240 tensors",), ("0", "1"), needs="torch"),
    Case("names.safetensors", "a tensor an item", safetensors, F4, ("240 tensors",), ("img0", "img1"),
         needs="safetensors"),
    # documents and tokens
    Case("tokens.npy", "documents, tokens, dimensions", lambda p: np.save(p, TOKENS),
         "flatten takes tokens as rows"),
    Case("flattened.npy", "tokens as rows", lambda p: np.save(p, TOKENS), ROWS, ("20 documents",),
         ("0", "0"), {"flatten": True}),
    Case("residues.h5", "a dataset of residues a protein", hdf5(residues), ROWS, ("by name",), ("A", "A"),
         {"flatten": True}),
    Case("squeezed.npy", "a dimension of one", lambda p: np.save(p, ROWS[:, None]), "x.squeeze()"),
    # containers
    Case("csr.npz", "a sparse matrix by rows", sparse("csr"), thin(), ("a sparse csr matrix",)),
    Case("csc.npz", "a sparse matrix by columns", sparse("csc"), thin(), ("a sparse csc matrix",)),
    Case("coo.npz", "a sparse matrix in no order", sparse("coo"), thin(), ("a sparse coo matrix",)),
    Case("gaps.h5", "chunks never written", hdf5(gaps), "found 2: the others were never written"),
    Case("preallocated.h5", "nothing ever written", hdf5(nothing_written), "found none written"),
    Case("virtual.h5", "a virtual dataset without its sources", hdf5(lost_sources), "view of other files"),
    Case("blobs.sqlite3", "float32 BLOBs, one NULL", blobs, GAP.astype("f4"), ("no vector",)),
    Case("bytes.parquet", "float32 bytes", parquet(lambda: [row.tobytes() for row in F4]), F4,
         ("bytes taken as float32",), needs="pyarrow"),
    Case("strings.parquet", "lists as text", parquet(lambda: LISTS), ROWS, ("as text",), needs="pyarrow"),
    Case("null.parquet", "a null vector", parquet(lambda: vectors(GAP)), GAP, needs="pyarrow"),
    # refused, with the way out
    Case("pickled.pkl", "a pickle", lambda p: p.write_bytes(pickle.dumps(ROWS)),
         "never loaded, for it can run any code of whoever made it; in the program that wrote it: np.save("),
    Case("model.joblib", "a joblib file", lambda p: p.write_bytes(pickle.dumps(ROWS)), "never loaded"),
    Case("pickled", "a pickle without ending", lambda p: p.write_bytes(pickle.dumps(ROWS)), "never loaded"),
    Case("objects.npy", "an array of objects", lambda p: np.save(p, np.array([*ROWS, None], object)[:9]),
         "pickled, which is never loaded"),
    Case("sheet.xlsx", "a spreadsheet", lambda p: p.write_bytes(b"PK\x03\x04"), "save the sheet as CSV"),
    Case("no_ending", "an array without ending", without_ending, ROWS),
]
"""Every case."""
# fmt: on


def outcome(case: Case, path: Path) -> str | None:
    """Read a case; return what is wrong, or None."""
    from gausscheck import GausscheckError
    from gausscheck.sources import open_source, read_labels

    try:
        source = open_source(path, **case.options)
        rows = source.read(0, source.n)
    except GausscheckError as err:
        told = str(err)
        good = isinstance(case.right, str) and case.right in told and "\n" not in told
        return None if good else f"refused: {told}"
    if isinstance(case.right, str):
        return f"read as {rows.shape}, expected a refusal: {case.right}"
    if rows.shape != case.right.shape or not np.array_equal(rows, case.right, equal_nan=True):
        return f"read as {rows.shape} {rows.dtype}, not the values that were written"
    missing = [words for words in case.notes if not any(words in note for note in source.notes)]
    if missing:
        return f"notes {source.notes} do not say {missing}"
    labels = read_labels(source, None)
    first = () if labels is None else tuple(map(str, labels[: len(case.labels)]))
    return None if first == case.labels else f"labels {first}, expected {case.labels}"


def main(folder: Path) -> int:
    """Write every case, read it, and print what came; return how many were wrong."""
    from importlib.util import find_spec

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from sources.odd_cases import ODD_CASES

    wrong, every = 0, [*CASES, *ODD_CASES]
    for case in every:
        if find_spec(case.needs) is None:
            print(f"-      {case.file}: {case.needs} is not installed")
            continue
        path = folder / case.file
        case.write(path)
        said = outcome(case, path)
        wrong += said is not None
        right = case.right if isinstance(case.right, str) else f"{case.right.shape} as written"
        print(f"{'right' if said is None else 'WRONG'}  {case.file} ({case.kind}): {said or right}")
    print(f"{len(every)} cases, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        sys.exit(min(main(Path(sys.argv[1])), 1))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(min(main(Path(made)), 1))
