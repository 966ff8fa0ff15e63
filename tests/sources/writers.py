"""Writers of every format: each makes a file of the same N x D matrix and returns its path."""

import gzip
import json
import sqlite3
import struct

import h5py
import numpy as np
import pytest

N, D = 137, 5


def matrix(dtype):
    rng = np.random.default_rng(5)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal((N, D)).astype(dtype)
    middle = 128 if np.dtype(dtype).kind == "u" else 0
    return (middle + 25 * rng.standard_normal((N, D))).round().astype(dtype)


def write_npy(path, x):
    np.save(path, x)
    return path


def write_npz(path, x):
    np.savez(path, embeddings=x, labels=np.arange(N))
    return path


def write_npz_compressed(path, x):
    np.savez_compressed(path, labels=np.arange(N), feats=x)
    return path


def write_h5(path, x):
    with h5py.File(path, "w") as file:
        file["labels"] = np.arange(N)
        file["embeddings"] = x
    return path


def write_h5_chunked(path, x):
    with h5py.File(path, "w") as file:
        file.create_dataset("a/b/only", data=x, chunks=(16, 3), compression="gzip", shuffle=True)
    return path


def write_shards(path, x):
    path = path.with_suffix("") / "img_emb"
    path.mkdir(parents=True)
    for i, (low, high) in enumerate(
        [(0, 50), (50, 51), (51, 60)] + [(60 + j, 61 + j) for j in range(77)]
    ):
        np.save(path / f"img_emb_{i}.npy", x[low:high])
    return path.parent


def write_parquet(path, x):
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(x.astype(x.dtype.newbyteorder("=")).reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat, D)
    table = pa.table({"caption": [str(i) for i in range(N)], "embedding": column})
    pq.write_table(table, path, row_group_size=30)
    return path


def write_parquet_lists(path, x):
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(x.astype(x.dtype.newbyteorder("=")).reshape(-1))
    column = pa.ListArray.from_arrays(np.arange(0, N * D + 1, D, dtype=np.int32), flat)
    path = path.with_suffix("")
    path.mkdir()
    for i, low in enumerate(range(0, N, 60)):
        part = pa.table({"emb": column.slice(low, 60), "labels": np.arange(N)[low : low + 60]})
        pq.write_table(part, path / f"part_{i}.parquet", row_group_size=17)
    return path


def write_safetensors(path, x):
    from safetensors.numpy import save_file

    save_file({"labels": np.arange(N), "emb": x.astype(x.dtype.newbyteorder("="))}, path)
    return path


def write_zarr(path, x):
    import zarr

    group = zarr.open_group(path, mode="w")
    group["embeddings"] = x
    group["labels"] = np.arange(N)
    return path


def write_zarr_array(path, x):
    import zarr

    array = zarr.create_array(path, shape=x.shape, chunks=(16, 3), dtype=x.dtype)
    array[:] = x
    return path


def write_h5ad(path, x):
    with h5py.File(path, "w") as file:
        file["obsm/X_pca"] = x
        file["X"] = x[:, :2]
        file["obs/label/codes"] = np.arange(N) % 3
        file["obs/label/categories"] = np.array(["B cell", "T cell", "other"], dtype=object)
    return path


def write_torch(path, x):
    torch = pytest.importorskip("torch")

    native = torch.from_numpy(x.astype(x.dtype.newbyteorder("=")))
    torch.save({"embeddings": native, "labels": torch.arange(N)}, path)
    return path


def write_faiss(path, x, fourcc=b"IxF2", cut=None):
    head = struct.pack("<iqqq?i", D, N, 1 << 20, 1 << 20, True, 1)
    content = fourcc + head + (N * D).to_bytes(8, "little") + x.astype("<f4").tobytes()
    path.write_bytes(content[:cut])
    return path


def write_csv(path, x):
    names = ",".join(f"x{i}" for i in range(D))
    lines = [f"label,{names}"] + [
        f"c{i % 3}," + ",".join(map(repr, r)) for i, r in enumerate(x.tolist())
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_openai(path, x):
    lines = ["text;embedding".replace(";", ",")]
    lines += [f'"some, text","{row.tolist()}"' for row in x]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_tsv(path, x):
    path.write_text("".join("\t".join(map(repr, row)) + "\n" for row in x.tolist()))
    return path


def write_jsonl(path, x):
    lines = [
        json.dumps({"label": f"c{i % 3}", "embedding": row}) for i, row in enumerate(x.tolist())
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_jsonl_gz(path, x):
    with gzip.open(path, "wt") as handle:
        handle.writelines(json.dumps(row) + "\n" for row in x.tolist())
    return path


def native(x):
    return x.astype(x.dtype.newbyteorder("="))


def arrow_table(x):
    import pyarrow as pa

    column = pa.FixedSizeListArray.from_arrays(pa.array(native(x).reshape(-1)), D)
    return pa.table({"embedding": column, "labels": np.arange(N)})


def write_arrow(path, x):
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, arrow_table(x).schema) as file:
        file.write_table(arrow_table(x), max_chunksize=50)
    return path


def write_arrow_stream(path, x):
    import pyarrow as pa

    table = arrow_table(x)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return path


def write_feather(path, x):
    from pyarrow import feather

    feather.write_feather(arrow_table(x), str(path), compression="zstd", chunksize=40)
    return path


def write_csr(path, x):
    ends = np.arange(0, N * D + 1, D)
    inner = np.tile(np.arange(D, dtype=np.int32), N)
    np.savez_compressed(
        path, indices=inner, indptr=ends, format=b"csr", shape=(N, D), data=x.reshape(-1)
    )
    return path


def write_csc(path, x):
    ends = np.arange(0, N * D + 1, N)
    inner = np.tile(np.arange(N, dtype=np.int32), D)
    np.savez(path, indices=inner, indptr=ends, format=b"csc", shape=(N, D), data=x.T.reshape(-1))
    return path


def write_coo(path, x):
    order = np.random.default_rng(0).permutation(N * D)
    row, col = np.divmod(order, D)
    np.savez(path, row=row, col=col, format=b"coo", shape=(N, D), data=x.reshape(-1)[order])
    return path


def write_h5_vectors(path, x):
    with h5py.File(path, "w") as file:
        for i, row in enumerate(x):
            file[f"proteins/P{i}"] = row
    return path


def write_npz_vectors(path, x):
    np.savez(path, **{f"doc {i}": row for i, row in enumerate(x)})
    return path


def write_npy_vectors(path, x):
    path = path.with_suffix("")
    path.mkdir()
    for i, row in enumerate(x):
        np.save(path / f"item_{i}.npy", row)
    return path


def write_torch_list(path, x):
    torch = pytest.importorskip("torch")

    torch.save([torch.from_numpy(row.copy()) for row in native(x)], path)
    return path


def write_torch_names(path, x):
    torch = pytest.importorskip("torch")

    rows = {f"name {i}": torch.from_numpy(row.copy()) for i, row in enumerate(native(x))}
    torch.save({"epoch": 3, "vectors": rows}, path)
    return path


def write_records(path, x):
    records = np.zeros(N, [("labels", "i8"), ("vec", x.dtype, (D,))])
    records["labels"], records["vec"] = np.arange(N), x
    np.save(path, records)
    return path


def write_raw(path, x):
    path.write_bytes(x.tobytes())
    told = {"shape": [N, D], "dtype": x.dtype.str}
    path.with_name(f"{path.name}.json").write_text(json.dumps(told))
    return path


def write_matlab(path, x):
    from scipy.io import savemat

    savemat(path, {"labels": np.arange(N), "embeddings": x}, do_compression=True)
    return path


def write_matlab_73(path, x):
    with h5py.File(path, "w", userblock_size=512) as file:
        file["labels"] = np.arange(N)[None]
        file["embeddings"] = x.T
        file["embeddings"].attrs["MATLAB_class"] = np.bytes_(b"double")
    return path


def write_json(path, x):
    path.write_text(json.dumps(x.tolist()))
    return path


def write_json_names(path, x):
    path.write_text(json.dumps({f"item {i}": row for i, row in enumerate(x.tolist())}))
    return path


def write_json_nested(path, x):
    rows = [{"index": i, "embedding": row} for i, row in enumerate(x.tolist())]
    path.write_text(json.dumps({"object": "list", "data": rows, "model": "m"}, indent=1))
    return path


def write_openai_batch(path, x):
    with path.open("w") as handle:
        for i, row in enumerate(x.tolist()):
            body = {"data": [{"index": 0, "embedding": row}], "usage": {"total_tokens": 3}}
            answer = {"status_code": 200, "body": body}
            handle.write(json.dumps({"custom_id": str(i), "response": answer}) + "\n")
    return path


def write_cohere(path, x):
    with path.open("w") as handle:
        for low in range(0, N, 50):
            vectors = {"float": x[low : low + 50].tolist()}
            handle.write(json.dumps({"id": str(low), "embeddings": vectors}) + "\n")
    return path


def write_glove(path, x):
    rows = [f"word{i} " + " ".join(map(repr, row)) for i, row in enumerate(x.tolist())]
    path.write_text("\n".join(rows) + "\n")
    return path


def write_word2vec(path, x):
    rows = [f"word{i} " + " ".join(map(repr, row)) for i, row in enumerate(x.tolist())]
    path.write_text(f"{N} {D}\n" + "\n".join(rows) + "\n")
    return path


def write_word2vec_binary(path, x):
    with path.open("wb") as handle:
        handle.write(f"{N} {D}\n".encode())
        for i, row in enumerate(x):
            handle.write(f"word{i} ".encode() + row.astype("<f4").tobytes() + b"\n")
    return path


def write_fbin(path, x):
    path.write_bytes(struct.pack("<ii", N, D) + x.astype("<f4").tobytes())
    return path


def write_fvecs(path, x):
    rows = np.zeros(N, [("d", "<i4"), ("row", "<f4", (D,))])
    rows["d"], rows["row"] = D, x
    path.write_bytes(rows.tobytes())
    return path


def write_sqlite(path, x):
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, label TEXT, vec BLOB)")
        rows = [(f"c{i % 3}", row.astype("<f4").tobytes()) for i, row in enumerate(x)]
        base.executemany("INSERT INTO items (label, vec) VALUES (?, ?)", rows)
    base.close()
    return path


def write_sqlite_text(path, x):
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE items (label TEXT, vec TEXT)")
        rows = [(f"c{i % 3}", json.dumps(row)) for i, row in enumerate(x.tolist())]
        base.executemany("INSERT INTO items VALUES (?, ?)", rows)
    base.close()
    return path


def write_parquet_bytes(path, x):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"embedding": [row.astype("<f4").tobytes() for row in x]}), path)
    return path


def write_parquet_text(path, x):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"embedding": [str(row) for row in x.tolist()]}), path)
    return path


def write_european(path, x):
    rows = [";".join(repr(v).replace(".", ",") for v in row) for row in x.tolist()]
    path.write_text("\n".join(rows) + "\n")
    return path


def write_fixed_width(path, x):
    np.savetxt(path, x, fmt="%26.17e", header="five columns", comments="")
    path.write_text("\n".join(path.read_text().splitlines()[1:]) + "\n")
    return path


WRITERS = {
    "npy": (write_npy, ".npy"),
    "npz": (write_npz, ".npz"),
    "npz compressed": (write_npz_compressed, ".npz"),
    "hdf5": (write_h5, ".h5"),
    "hdf5 chunked": (write_h5_chunked, ".hdf5"),
    "shards": (write_shards, ".npy"),
    "parquet": (write_parquet, ".parquet"),
    "parquet parts": (write_parquet_lists, ".parquet"),
    "safetensors": (write_safetensors, ".safetensors"),
    "zarr": (write_zarr, ".zarr"),
    "zarr array": (write_zarr_array, ".zarr"),
    "h5ad": (write_h5ad, ".h5ad"),
    "torch": (write_torch, ".pt"),
    "arrow": (write_arrow, ".arrow"),
    "arrow stream": (write_arrow_stream, ".arrow"),
    "feather": (write_feather, ".feather"),
    "csr": (write_csr, ".npz"),
    "csc": (write_csc, ".npz"),
    "coo": (write_coo, ".npz"),
    "hdf5 vectors": (write_h5_vectors, ".h5"),
    "npz vectors": (write_npz_vectors, ".npz"),
    "npy vectors": (write_npy_vectors, ".npy"),
    "torch list": (write_torch_list, ".pt"),
    "torch names": (write_torch_names, ".pt"),
    "npy records": (write_records, ".npy"),
    "raw": (write_raw, ".bin"),
    "matlab 7.3": (write_matlab_73, ".mat"),
}

ONE_TYPE = {
    "faiss": (write_faiss, "x.faiss", "f4"),
    "faiss inner product": (lambda p, x: write_faiss(p, x, b"IxFI"), "x.index", "f4"),
    "csv": (write_csv, "x.csv", "f8"),
    "csv of lists": (write_openai, "x.csv", "f8"),
    "tsv": (write_tsv, "x.tsv", "f8"),
    "jsonl": (write_jsonl, "x.jsonl", "f8"),
    "jsonl gz": (write_jsonl_gz, "x.jsonl.gz", "f8"),
    "matlab": (write_matlab, "x.mat", "f8"),
    "matlab single": (write_matlab, "x.mat", "f4"),
    "json": (write_json, "x.json", "f8"),
    "json names": (write_json_names, "x.json", "f8"),
    "json nested": (write_json_nested, "x.json", "f8"),
    "openai batch": (write_openai_batch, "x.jsonl", "f8"),
    "cohere": (write_cohere, "x.jsonl", "f8"),
    "glove": (write_glove, "x.txt", "f8"),
    "word2vec": (write_word2vec, "x.vec", "f8"),
    "word2vec binary": (write_word2vec_binary, "x.bin", "f4"),
    "fbin": (write_fbin, "x.fbin", "f4"),
    "fvecs": (write_fvecs, "x.fvecs", "f4"),
    "sqlite": (write_sqlite, "x.sqlite", "f4"),
    "sqlite text": (write_sqlite_text, "x.db", "f8"),
    "parquet bytes": (write_parquet_bytes, "x.parquet", "f4"),
    "parquet text": (write_parquet_text, "x.parquet", "f8"),
    "european": (write_european, "x.csv", "f8"),
    "fixed width": (write_fixed_width, "x.txt", "f8"),
}
