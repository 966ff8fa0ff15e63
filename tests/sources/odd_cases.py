# ruff: noqa: E501
"""More ways to write the same rows: what other programs and other people do.

As in :mod:`sources.cases`, a right answer is an array, or words of a refusal.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sources.cases import F4, LISTS, ROWS, Case, as_json, hdf5, joined, lines, text

VECTORS = ROWS.tolist()
TABLE = "\n".join(joined(",")) + "\n"
NAMES = ",".join(f"x{j}" for j in range(12))
GERMAN = [f"größe {i} {line}" for i, line in enumerate(joined(" "))]
CHINESE = [f"，深度{i} {line}" for i, line in enumerate(joined(" "))]
BYTES = [(row.tobytes(),) for row in F4]


def raw(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


def cells(values: list[str]) -> Callable[[Path], Any]:
    return text(["id,embedding", *(f'{i},"{value}"' for i, value in enumerate(values))])


def matlab(**values: Any) -> Callable[[Path], Any]:
    def made(path: Path) -> None:
        from scipy.io import savemat

        savemat(path, values)

    return made


def torch_saved(make: Callable[[Any], Any], **options: Any) -> Callable[[Path], Any]:
    def made(path: Path) -> None:
        import torch

        torch.save(make(torch.from_numpy(F4)), path, **options)

    return made


def holding_itself(rows: Any) -> dict[str, Any]:
    held = {"embeddings": rows}
    held["self"] = held
    return held


def doubled(rows: Any) -> list[Any]:
    """Lists that hold one list twice, 40 deep: a walk of every way through them never ends."""
    held = [rows]
    for _ in range(40):
        held = [held, held]
    return held


def database(*statements: str, values: list[tuple[Any, ...]]) -> Callable[[Path], Any]:
    def made(path: Path) -> None:
        with sqlite3.connect(path) as base:
            for statement in statements[:-1]:
                base.execute(statement)
            base.executemany(statements[-1], values)
        base.close()

    return made


def members(**arrays: Any) -> Callable[[Path], Any]:
    return lambda path: np.savez(path, **arrays)


def spread_archive(path: Path) -> None:
    """Write an archive whose end says that it goes on on another disk."""
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w", force_zip64=True) as out:
        np.save(out, ROWS)
    content = path.read_bytes()
    end = content.index(b"PK\x05\x06")
    locator = b"PK\x06\x07" + struct.pack("<IQI", 7, 0, 9)
    path.write_bytes(content[:end] + locator + content[end:])


def hdf5_with(path: Path, **options: Any) -> None:
    import h5py

    with h5py.File(path, "w", **options) as file:
        file["embeddings"] = ROWS


def zipped(path: Path, name: str, how: int = zipfile.ZIP_STORED) -> None:
    held = io.BytesIO()
    np.save(held, ROWS)
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr(name, held.getvalue())


def header(shape: str) -> bytes:
    told = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00\x76\x00" + told.encode().ljust(117) + b"\n"


def blocks(path: Path) -> None:
    from scipy import sparse

    sparse.save_npz(path, sparse.bsr_matrix(ROWS))


def references(file: Any) -> None:
    import h5py

    file["X"] = ROWS
    file.create_dataset("r", data=np.array([file["X"].ref] * 5, dtype=h5py.ref_dtype))


def ragged(file: Any) -> None:
    import h5py

    data = file.create_dataset("emb", (240,), dtype=h5py.vlen_dtype("f4"))
    for i, row in enumerate(F4):
        data[i] = row


def records_of_rows(file: Any) -> None:
    file.create_dataset("emb", (240,), dtype=np.dtype(("f4", (12,))))[...] = F4


def names_of_codes(file: Any) -> None:
    import h5py

    kind = h5py.enum_dtype({"LEFT": 0, "RIGHT": 1}, "i1")
    file.create_dataset("emb", data=(F4 > 0).astype("i1"), dtype=kind)


def one_never_written(file: Any) -> None:
    for i, row in enumerate(F4):
        file[f"P{i:05d}"] = row
    file.create_dataset("P00240", (12,), "f4", fillvalue=0.5)


# fmt: off
ODD_CASES = [
    # text
    Case("carriage_returns.csv", "lines that end in carriage returns", raw(TABLE.replace("\n", "\r").encode()), ROWS),
    Case("comment.csv", "a comment before the names", text(["# made by me", NAMES, *joined(",")]), ROWS),
    Case("savetxt.csv", "a header as np.savetxt writes it",
         lambda p: np.savetxt(p, ROWS, "%.5f", ",", header=NAMES), ROWS),
    Case("percent.txt", "a comment of MATLAB's", text(["% x0 ... x11", *joined(" ")]), ROWS),
    Case("excel.csv", "a first line that tells Excel what parts cells", text(["sep=;", *joined(";")]), ROWS),
    Case("hash_word.csv", "a word that is the mark of comments",
         text([f"{'#' if i == 0 else 'w'},{line}" for i, line in enumerate(joined(","))]), ROWS, ("left out: 0",)),
    Case("float_ids.csv", "ids that pandas made floats",
         text([f"{i}.0,{line}" for i, line in enumerate(joined(","))]), ROWS, ("column 0",)),
    Case("float_names.csv", "names that pandas made floats",
         text([",".join(f"{j}.0" for j in range(12)), *joined(",")]), ROWS),
    Case("unpacked.csv.gz", "text that a browser unpacked and named as before", raw(TABLE.encode()), ROWS),
    Case("packed.csv", "gzip under the ending of text", raw(gzip.compress(TABLE.encode())), ROWS),
    Case("parts.csv.gz", "two archives in one", raw(gzip.compress(TABLE[:900].encode()) + gzip.compress(TABLE[900:].encode())), ROWS),
    Case("latin1.csv", "an encoding of the past", raw(("größe," + NAMES + "\n" + "ä,".join(["", *joined(",")])).encode("latin-1")),
         "save it as UTF-8"),
    Case("nested_lists.csv", "a list of one list", cells([f"[{v}]" for v in LISTS]), ROWS),
    Case("tuples.csv", "tuples", cells([f"({v[1:-1]})" for v in LISTS]), ROWS),
    Case("on_a_device.csv", "tensors as torch prints them",
         cells([f"tensor({v}, device='cuda:0')" for v in LISTS]), ROWS),
    Case("spaces_in_cells.csv", "numbers of a list without brackets", cells([v[1:-1].replace(",", "") for v in LISTS]),
         'lists as "[0.1, 0.2]"'),
    Case("uneven_lists.csv", "a list that is shorter", cells([v if i != 7 else "[1, 2]" for i, v in enumerate(LISTS)]),
         "line 9 has 2 numbers"),
    Case("hex.csv", "a hexadecimal number", text([*joined(","), ",".join(["0x10"] * 12)]), "line 241: expected numbers"),
    Case("page.csv", "a page in place of data", text(["<html><body>404</body></html>"]), "an HTML page"),
    # word vectors
    Case("german.vec", "words with blanks, accents and numbers", text(["240 12", *GERMAN]), ROWS, labels=("größe 0", "größe 1")),
    Case("chinese.vec", "words that are not ASCII", text(["240 12", *CHINESE]), ROWS, labels=("，深度0",)),
    Case("chinese.txt", "the same without a header", text(CHINESE), ROWS, labels=("，深度0",)),
    Case("chinese.bin", "the same as word2vec binary",
         raw(b"240 12\n" + b"".join(f"深{i} ".encode() + row.tobytes() for i, row in enumerate(F4))), F4, labels=("深0",)),
    Case("other_count.vec", "a header that promises more", text(["241 12", *GERMAN]), "promises 241 words, found 240"),
    Case("fasttext.bin", "a model of fastText", raw(struct.pack("<2i", 793712314, 12) + bytes(4000)), "model.get_word_vector"),
    # JSON
    Case("base64.json", "base64, as embedding services send it",
         as_json({"data": [{"embedding": base64.b64encode(np.tile(r, 2).tobytes()).decode()} for r in F4]}), np.tile(F4, 2)),
    Case("one_token.json", "a list of one vector a row", as_json([[row] for row in VECTORS]), ROWS),
    Case("chroma_query.json", "all vectors in a list of one", as_json({"ids": [["a"] * 240], "embeddings": [VECTORS]}), ROWS),
    Case("documents.json", "lists of vectors", as_json([[row, row] for row in VECTORS]), "* takes each as a row"),
    Case("all_tokens.json", "each of them as a row", as_json([VECTORS[:100], VECTORS[100:]]), ROWS, options={"dataset": "*"}),
    Case("pinecone.json", "vectors and lists that lie beside", as_json({"vectors": {f"i{i}": {"values": r, "metadata": {"k": [1, 2]}} for i, r in enumerate(VECTORS)}}),
         "choose with dataset=: vectors.values, vectors.metadata.k"),
    Case("pinecone_values.json", "one of them asked for", as_json({"vectors": {f"i{i}": {"values": r, "metadata": {"k": [1, 2]}} for i, r in enumerate(VECTORS)}}),
         ROWS, labels=("i0",), options={"dataset": "vectors.values"}),
    Case("qdrant.json", "what Qdrant answers", as_json({"result": {"points": [{"id": i, "vector": {"text": r}} for i, r in enumerate(VECTORS)]}, "time": 0.1}), ROWS),
    Case("elastic.json", "what Elasticsearch answers", as_json({"hits": {"total": 240, "hits": [{"_id": str(i), "_source": {"v": r}} for i, r in enumerate(VECTORS)]}}), ROWS),
    Case("llamaindex.json", "a store of LlamaIndex", as_json({"embedding_dict": {f"id{i}": r for i, r in enumerate(VECTORS)}, "metadata_dict": {f"id{i}": {"k": "v"} for i in range(240)}}),
         ROWS, labels=("id0", "id1")),
    Case("vertex.json", "what Vertex answers", as_json({"predictions": [{"embeddings": {"values": r, "statistics": {"token_count": 6}}} for r in VECTORS]}), ROWS),
    Case("split.json", "columns, index and data, as pandas splits a frame", as_json({"columns": list(range(12)), "index": list(range(240)), "data": VECTORS}), ROWS),
    Case("frame.json", "a frame as pandas writes it without being told: by columns",
         as_json({f"x{j}": {str(i): v for i, v in enumerate(column)} for j, column in enumerate(ROWS.T.tolist())}), "to_json(orient='records')"),
    Case("frame_of_numbers.json", "the same without names", as_json({str(j): {str(i): v for i, v in enumerate(c)} for j, c in enumerate(ROWS.T.tolist())}), "orient='records'"),
    Case("by_index.json", "a frame by rows", as_json({str(i): {f"x{j}": v for j, v in enumerate(r)} for i, r in enumerate(VECTORS)}), ROWS, labels=("0", "1")),
    Case("columns.json", "lists that are columns, or vectors by name", as_json({f"x{j}": c for j, c in enumerate(ROWS.T.tolist())}), ROWS.T,
         ("if the names are those of columns",), ("x0", "x1")),
    Case("twice.json", "a key twice", text([f'{{"embeddings": {VECTORS}, "embeddings": {VECTORS}}}']), "the key 'embeddings' twice"),
    Case("two_values.json", "two values in one file", text([json.dumps(VECTORS) + json.dumps(VECTORS)]), "more after its end"),
    Case("comma_at_the_end.json", "a comma too many", text([json.dumps(VECTORS)[:-1] + ",]"]), "expected JSON"),
    Case("huge_number.json", "a number beyond floats", text([f"[[{'9' * 400}, 1], [1, 2]]"]), "too large"),
    Case("deep.json", "brackets without end", text(["[" * 50_000]), "expected JSON"),
    Case("bools.json", "true and false", as_json([[True, False]] * 240), "no vectors"),
    Case("lines_of_one.jsonl", "one JSON value of many lines", text(["[", *(f"{v}," for v in LISTS[:-1]), LISTS[-1], "]"]), "is a .json"),
    Case("commas.jsonl", "commas between lines", text([f"{v}," for v in LISTS]), "line 1 is not JSON"),
    Case("carriage_returns.jsonl", "lines that end in carriage returns", raw("\r".join(LISTS).encode() + b"\r"), ROWS),
    Case("dotted.jsonl", "a key that holds a dot", lines([{"a.b": row} for row in VECTORS]), ROWS, options={"dataset": "a.b"}),
    # HDF5
    Case("user_block.h5", "bytes of others before the file", lambda p: hdf5_with(p, userblock_size=1024), ROWS),
    Case("latest.h5", "the newest version of the format", lambda p: hdf5_with(p, libver="latest"), ROWS),
    Case("more_behind.h5", "bytes of others behind the file", lambda p: (hdf5_with(p), p.write_bytes(p.read_bytes() + b"x" * 99)), ROWS),
    Case("references.h5", "references beside the rows", hdf5(references), ROWS),
    Case("ragged.h5", "lists of any length", hdf5(ragged), "a dataset of two dimensions"),
    Case("row_type.h5", "a row as one value", hdf5(records_of_rows), "save one numeric array"),
    Case("codes.h5", "codes of names", hdf5(names_of_codes), "codes of the names LEFT, RIGHT"),
    Case("one_never_written.h5", "a vector of many that was never written", hdf5(one_never_written), "P00240: expected values, found none written"),
    Case("attribute.h5", "an array that is an attribute", hdf5(lambda f: f.attrs.update(x=F4[:4])), "an empty container"),
    # MATLAB
    Case("complex.mat", "complex numbers", matlab(x=ROWS * 1j), "complex numbers have no order"),
    Case("struct.mat", "a struct", matlab(s={"features": ROWS}), "save('x.mat', '-struct', 's')"),
    Case("cell.mat", "a cell of vectors", matlab(c=np.array([*ROWS, None], object)[:-1]), "cell2mat(c(:))"),
    Case("row_of_labels.mat", "labels in a row", matlab(fea=ROWS, labels=np.arange(240)[None] % 3), ROWS, labels=("0", "1", "2")),
    Case("text.mat", "what Octave writes without being told", text(["# Created by Octave", "# name: x", "# type: matrix"]), "save it with -v7.3"),
    # archives of arrays
    Case("bsr.npz", "a sparse matrix of blocks", blocks, "use tocsr()"),
    Case("many_rows.npz", "a sparse matrix that says it has 2^40 rows", members(row=np.arange(9), col=np.arange(9), data=np.ones(9), format=b"coo", shape=(2**40, 12)), "bytes that are held"),
    Case("outside.npz", "an index outside of a sparse matrix", members(indices=np.full(240, -1), indptr=np.arange(241), data=np.ones(240), format=b"csr", shape=(240, 12)), "an index beyond 12"),
    Case("folders.npz", "an array in folders", lambda p: zipped(p, "a/b/emb.npy"), ROWS),
    Case("lzma.npz", "an array packed with LZMA", lambda p: zipped(p, "emb.npy", zipfile.ZIP_LZMA), ROWS),
    Case("spread.bin", "an archive on several disks", spread_archive, "expected tensors", needs="torch"),
    Case("negative.npy", "a negative number of rows", raw(header("(-240, 12)") + F4.tobytes()), "its header cannot be read"),
    Case("code.npy", "code in a header", raw(header("__import__('os').abort()") + F4.tobytes()), "its header cannot be read"),
    # torch
    Case("itself.pt", "a dict that holds itself", torch_saved(holding_itself), F4, needs="torch"),
    Case("doubled.pt", "lists that hold one list twice, 40 deep", torch_saved(doubled), F4, needs="torch"),
    Case("meta.pt", "a tensor without values", torch_saved(lambda x: x.to("meta")), "a tensor without values", needs="torch"),
    Case("turned.pt", "a tensor that lies by columns", torch_saved(lambda x: x.T.contiguous().T), F4, needs="torch"),
    Case("legacy.pt", "what torch wrote before 1.6", torch_saved(lambda x: x, _use_new_zipfile_serialization=False), F4, needs="torch"),
    Case("of_numpy.pt", "an array of NumPy among tensors", torch_saved(lambda x: {"x": x.numpy()}), "objects of other kinds, which are never loaded", needs="torch"),
    Case("pickled.pt", "a pickle under the ending of torch", raw(pickle.dumps(ROWS)), "a pickle is never loaded", needs="torch"),
    # little that unpacks to much
    Case("blank_lines.csv.gz", "lines that hold nothing", raw(gzip.compress(b"\n" * (3 << 20))), "lines on end without a row"),
    Case("comments.csv.gz", "comments without end", raw(gzip.compress(b"# none\n" * (3 << 20))), "lines on end without a row"),
    Case("blank_lines.jsonl.gz", "JSON lines that hold nothing", raw(gzip.compress(b"[1, 2]\n" + b"\n" * (3 << 20))), "blank lines on end"),
    Case("blank_lines.vec.gz", "words that are none", raw(gzip.compress(b"9 2\nw 1 2\n" + b"\n" * (3 << 20))), "blank lines on end"),
    # SQLite and its like
    Case("uneven.db", "BLOBs of different lengths", database("CREATE TABLE t (e BLOB)", "INSERT INTO t VALUES (?)", values=[*BYTES[:3], (b"12345678",)]), "bytes of different lengths (8, 48)"),
    Case("columns.db", "a column a coordinate", database("CREATE TABLE t (x0 REAL, x1 REAL)", "INSERT INTO t VALUES (?, ?)", values=[tuple(row[:2]) for row in VECTORS]), "sqlite3 -csv -header"),
    Case("quoted.db", "names that would end a query", database('CREATE TABLE "a""; DROP TABLE t"("e""x" BLOB)', 'INSERT INTO "a""; DROP TABLE t" VALUES (?)', values=BYTES), F4),
    Case("endless_view.db", "views of each other", database("CREATE TABLE t (e BLOB)", "CREATE VIEW v AS SELECT * FROM w", "CREATE VIEW w AS SELECT * FROM v", "INSERT INTO t VALUES (?)", values=BYTES), F4),
    Case("duck.db", "a DuckDB database under the ending of SQLite", raw(bytes(8) + b"DUCK" + bytes(4000)), "a DuckDB database"),
]
"""Every one of them."""
# fmt: on
