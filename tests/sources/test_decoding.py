"""Reading rows in order decodes each byte at most twice; listing a store is linear in its files."""

import gzip
import io
import os

import h5py
import numpy as np
import pytest

from gausscheck import analyze
from gausscheck.sources import chunked, fortran, hdf5, npz, open_source, read_labels, zarr

N, D = 240, 12
X = np.random.default_rng(4).standard_normal((N, D)).astype("f4")
BLOCKS = (7, 64, 239)
"""Rows of a block, none of which fits the chunks."""

CHUNKS = [(N, D), (N, 1), (64, 5), (1, D), (100, D), (16, 3)]


def read_in_order(source, block, x=X):
    """Read all rows as a pass does, and hold them against the array."""
    rows = [source.read(low, min(low + block, len(x))) for low in range(0, len(x), block)]
    np.testing.assert_array_equal(np.concatenate(rows), x)


@pytest.fixture(params=["memory", "disk"])
def kept(request, monkeypatch):
    """Keep bands in memory, or almost all of them on the disk."""
    if request.param == "disk":
        for module in (chunked, fortran, hdf5, zarr):
            monkeypatch.setattr(module, "HELD", 600)


class CountedFile(io.BytesIO):
    """A file that says how often each of its bytes is read."""

    def __init__(self, path, counts):
        super().__init__(path.read_bytes())
        self.counts = counts

    def readinto(self, buffer):
        place = self.tell()
        size = super().readinto(buffer)
        self.counts[place : place + size] += 1
        return size


@pytest.fixture
def counted(monkeypatch):
    """Return what counts the reads of each byte of an HDF5 file from now on."""
    real = h5py.File

    def count(path):
        counts = np.zeros(path.stat().st_size, int)
        with real(path) as file:
            held = file["emb"].id
            places = [held.get_chunk_info(i) for i in range(held.get_num_chunks())]

        def opened(path, mode, **options):
            return real(CountedFile(path, counts), mode, **options)

        monkeypatch.setattr(h5py, "File", opened)
        return counts, [slice(p.byte_offset, p.byte_offset + p.size) for p in places]

    return count


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("chunks", CHUNKS)
def test_each_packed_chunk_of_hdf5_is_read_once_a_pass(tmp_path, kept, counted, chunks, block):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("emb", data=X, chunks=chunks, compression="gzip")
    counts, places = counted(path)
    source = open_source(path)
    counts[:] = 0
    read_in_order(source, block)
    assert {int(counts[place].max()) for place in places} == {1}
    counts[:] = 0
    read_in_order(source, block)  # a band may still be there
    assert {int(counts[place].max()) for place in places} <= {0, 1}


@pytest.mark.parametrize("chunks", CHUNKS)
def test_bytes_of_hdf5_that_are_not_packed_are_read_once(tmp_path, counted, chunks):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("emb", data=X, chunks=chunks)
    counts, places = counted(path)
    source = open_source(path)
    counts[:] = 0
    read_in_order(source, 7)
    assert max(int(counts[place].max()) for place in places) <= 2


@pytest.mark.parametrize("chunks", [(D, N), (1, N), (5, 64)])
def test_each_chunk_of_matlab_7_3_is_read_once_a_pass(tmp_path, kept, counted, chunks):
    path = tmp_path / "x.mat"
    with h5py.File(path, "w") as file:
        file.create_dataset("emb", data=X.T, chunks=chunks, compression="gzip")
    counts, places = counted(path)
    source = open_source(path)
    counts[:] = 0
    read_in_order(source, 50)
    assert {int(counts[place].max()) for place in places} == {1}


def test_chunks_that_a_view_shows_are_read_at_most_twice(tmp_path, kept, counted):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("emb", data=X[:200], chunks=(90, 4), compression="gzip")
        file["rest"] = X[200:]
        layout = h5py.VirtualLayout((N, D), "f4")
        layout[:200] = h5py.VirtualSource(".", "emb", (200, D))
        layout[200:] = h5py.VirtualSource(".", "rest", (40, D))
        file.create_virtual_dataset("all", layout)
    counts, places = counted(path)
    source = open_source(path, dataset="all")
    counts[:] = 0
    read_in_order(source, 7)
    assert max(int(counts[place].max()) for place in places) <= 2


@pytest.fixture
def fetched(monkeypatch):
    """Count how often zarr fetches each file."""
    storage = pytest.importorskip("zarr.storage")
    real, counts = storage.LocalStore.get, {}

    async def get(self, key, *rest, **options):
        counts[key] = counts.get(key, 0) + 1
        return await real(self, key, *rest, **options)

    monkeypatch.setattr(storage.LocalStore, "get", get)
    return counts


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("chunks", CHUNKS)
def test_each_chunk_of_zarr_is_fetched_once_a_pass(tmp_path, kept, fetched, chunks, block):
    import zarr as library

    library.create_array(tmp_path / "x.zarr", data=X, chunks=chunks)
    source = open_source(tmp_path / "x.zarr")
    fetched.clear()
    read_in_order(source, block)
    assert len(fetched) == -(-N // chunks[0]) * -(-D // chunks[1])
    assert set(fetched.values()) == {1}


@pytest.mark.parametrize(("chunks", "shards"), [((8, 4), (80, 12)), ((240, 1), (240, 6))])
def test_shards_of_zarr_are_fetched_once_where_they_fit(tmp_path, fetched, chunks, shards):
    import zarr as library

    library.create_array(tmp_path / "x.zarr", data=X, chunks=chunks, shards=shards)
    source = open_source(tmp_path / "x.zarr")
    fetched.clear()
    read_in_order(source, 7)
    assert set(fetched.values()) == {1}


def test_documents_of_one_chunk_are_decoded_at_most_twice(tmp_path, fetched):
    import zarr as library

    tokens = X.reshape(24, 10, D)
    library.create_array(tmp_path / "x.zarr", data=tokens, chunks=(6, 4, D))
    source = open_source(tmp_path / "x.zarr", flatten=True)
    fetched.clear()
    read_in_order(source, 7)
    assert set(fetched.values()) == {1}


def test_a_long_document_is_decoded_once(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", a=X[:150], b=X[150:])
    source = open_source(tmp_path / "x.npz", flatten=True)
    decoded = []
    real = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(
        np.lib.npyio.NpzFile, "__getitem__", lambda s, k: (decoded.append(k), real(s, k))[1]
    )
    read_in_order(source, 7)
    assert len(decoded) <= 2


@pytest.mark.parametrize("rows", [(240,), (100, 0, 40, 100), (1,) * 240])
def test_each_chunk_of_a_dask_array_is_computed_once_a_pass(kept, rows):
    array = pytest.importorskip("dask.array")
    computed = []

    def made(block, block_info=None):
        computed.append(block_info[0]["chunk-location"])
        return block * 2

    lazy = array.from_array(X, chunks=(rows, (6, 6))).map_blocks(made, dtype="f4", meta=X[:0])
    source = open_source(lazy)
    computed.clear()
    read_in_order(source, 7, X * 2)
    assert len(computed) == len(set(computed)) == 2 * np.count_nonzero(rows)


@pytest.mark.parametrize("form", ["npy", "npz", "npz compressed"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8"])
def test_bytes_of_fortran_order_are_read_once_a_pass(tmp_path, monkeypatch, kept, form, dtype):
    x = np.asfortranarray(X.astype(dtype))
    path = tmp_path / f"x.{form[:3]}"
    save = {"npy": np.save, "npz": np.savez, "npz compressed": np.savez_compressed}[form]
    save(path, x)
    source = open_source(path)
    taken = []
    real = fortran.FortranRows._runs

    def runs(self, out, low, high, columns):
        taken.append((low, high))
        real(self, out, low, high, columns)

    monkeypatch.setattr(fortran.FortranRows, "_runs", runs)
    read_in_order(source, 7, X.astype(dtype))
    assert sum(high - low for low, high in taken) == N


def test_rows_far_apart_in_fortran_order_do_not_read_others_along(tmp_path, monkeypatch):
    monkeypatch.setattr(fortran, "HELD", 20 * 2 * D * X.itemsize)  # stretches of 20 rows
    np.save(tmp_path / "x.npy", np.asfortranarray(X))
    source = open_source(tmp_path / "x.npy")
    taken = []
    real = fortran.FortranRows._runs
    monkeypatch.setattr(
        fortran.FortranRows, "_runs", lambda s, *a: (taken.append(a[1:3]), real(s, *a))[1]
    )
    rows = (5, 47, 103, 105, 118, 160)
    for row in rows:
        np.testing.assert_array_equal(source.read(row, row + 1), X[row : row + 1])
    assert taken == [(5, 6), (47, 48), (103, 104), (100, 120), (160, 161)]


def test_a_sample_of_rows_decodes_each_chunk_once(tmp_path, fetched):
    import zarr as library

    library.create_array(tmp_path / "x.zarr", data=X, chunks=(100, 5))
    source = open_source(tmp_path / "x.zarr", limit=30)
    fetched.clear()
    rows = [source.read(low, low + 7) for low in range(0, 28, 7)] + [source.read(28, 30)]
    np.testing.assert_array_equal(np.concatenate(rows), X[source.index])
    assert set(fetched.values()) == {1}


@pytest.mark.parametrize("form", ["feather", "stream"])
def test_packed_batches_of_arrow_are_unpacked_once_a_pass(tmp_path, monkeypatch, form):
    pa = pytest.importorskip("pyarrow")
    from gausscheck.sources import arrow, columns

    monkeypatch.setattr(columns, "BATCH_BYTES", 1)  # 64 rows a batch
    table = pa.table({"emb": list(X)})
    make = pa.ipc.new_file if form == "feather" else pa.ipc.new_stream
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    path = tmp_path / "x.arrow"
    with make(str(path), table.schema, options=options) as out:
        out.write_table(table, max_chunksize=100)
    unpacked = []
    real = arrow._checked
    monkeypatch.setattr(
        arrow, "_checked", lambda batch: (unpacked.append(batch.num_rows), real(batch))[1]
    )
    source = open_source(path)
    assert sum(unpacked) <= N + 100  # rows are counted, and the first batch is looked at
    for block in BLOCKS:
        unpacked.clear()
        read_in_order(source, block)
        assert sum(unpacked) == N


def test_a_file_in_fortran_order_that_shrinks_is_one_line(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.asfortranarray(X))
    source = open_source(path)
    os.truncate(path, 3000)
    with pytest.raises(ValueError, match=r"x\.npy: the file shrank"):
        source.read(0, N)


def test_text_in_gzip_is_unpacked_once_and_labels_once_more(tmp_path, monkeypatch):
    path = tmp_path / "x.csv.gz"
    text = "".join(
        f"c{i % 3}," + ",".join(map(repr, row)) + "\n" for i, row in enumerate(X.tolist())
    )
    with gzip.open(path, "wt") as handle:
        handle.write("label," + ",".join(f"x{i}" for i in range(D)) + "\n" + text)
    size = len(gzip.decompress(path.read_bytes()))
    given = []
    real = gzip.GzipFile.read1
    monkeypatch.setattr(
        gzip.GzipFile, "read1", lambda s, n=-1: (lambda r: (given.append(len(r)), r)[1])(real(s, n))
    )
    source = open_source(path)
    look = 1 << 16  # what the first lines are told from
    assert sum(given) <= size + 2 * look
    for _ in range(2):
        given.clear()
        read_in_order(source, 7, X.astype("f8"))
        assert given == []
    assert len(read_labels(source, None)) == N
    assert sum(given) <= size + 4 * look


@pytest.mark.parametrize("form", ["parquet", "arrow", "stream"])
def test_a_row_group_of_all_rows_is_decoded_once_a_pass(tmp_path, monkeypatch, form):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    from gausscheck.sources import columns

    monkeypatch.setattr(columns, "BATCH_BYTES", 1)  # 64 rows a batch
    table = pa.table({"emb": list(X)})
    path = tmp_path / f"x.{'parquet' if form == 'parquet' else 'arrow'}"
    if form == "parquet":
        pq.write_table(table, path)
    else:
        make = pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream
        with make(str(path), table.schema) as out:
            out.write_table(table)
    decoded = []
    real = columns.BatchedSource._decode
    monkeypatch.setattr(
        columns.BatchedSource,
        "_decode",
        lambda self, table, first: (decoded.append(table.num_rows), real(self, table, first))[1],
    )
    source = open_source(path)
    for block in BLOCKS:
        decoded.clear()
        read_in_order(source, block)
        assert sum(decoded) == N


def test_packed_members_are_unpacked_once(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", X)
    unpacked = []
    real = npz.NpzSource._unpack
    monkeypatch.setattr(npz.NpzSource, "_unpack", lambda s: (unpacked.append(s), real(s))[1])
    source = open_source(tmp_path / "x.npz")
    for block in BLOCKS:
        read_in_order(source, block)
    assert len(unpacked) == 1


def listed(monkeypatch, path):
    """Count the files and the names of chunks that opening a store of zarr asks for."""
    import zarr as library

    from gausscheck.sources import zarr_metadata

    asked, keys = [], []
    real = zarr_metadata.check_regular
    kind = type(library.open_array(path, mode="r").metadata)
    encode = kind.encode_chunk_key
    with monkeypatch.context() as held:
        held.setattr(zarr_metadata, "check_regular", lambda p: (asked.append(p), real(p))[1])
        held.setattr(kind, "encode_chunk_key", lambda s, c: (keys.append(c), encode(s, c))[1])
        held.setattr(
            library.Array, "nchunks_initialized", property(lambda s: pytest.fail("quadratic"))
        )
        open_source(path)
    return len(asked), len(keys)


@pytest.mark.parametrize("version", [2, 3])
def test_listing_a_store_asks_once_for_each_chunk(tmp_path, monkeypatch, version):
    library = pytest.importorskip("zarr")

    for chunks in (120, 240):
        path = tmp_path / f"{chunks}.zarr"
        library.create_array(path, data=X, chunks=(N // chunks, D), zarr_format=version)
        asked, keys = listed(monkeypatch, path)
        assert chunks <= asked <= chunks + 6
        assert keys == chunks


def test_columns_beside_many_files_are_asked_of_the_first_alone(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    from gausscheck.sources import parquet

    for i in range(30):
        pq.write_table(pa.table({"emb": list(X[8 * i : 8 * i + 8])}), tmp_path / f"p_{i}.parquet")
    source = open_source(tmp_path)
    opened = []
    real = parquet.column_parquet
    monkeypatch.setattr(parquet, "column_parquet", lambda p, k: (opened.append(p), real(p, k))[1])
    assert read_labels(source, None) is None
    assert len(opened) == 4  # one for each name that labels go by


def test_a_torch_file_without_labels_is_loaded_once(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from gausscheck.sources import torchfile

    path = tmp_path / "x.pt"
    torch.save({"emb": torch.from_numpy(X)}, path, _use_new_zipfile_serialization=False)
    source = open_source(path)
    monkeypatch.setattr(torchfile, "_tensors", lambda p: pytest.fail("loaded again"))
    read_in_order(source, 7)
    assert read_labels(source, None) is None


def test_what_is_kept_is_given_back(tmp_path, kept):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("emb", data=X, chunks=(100, D), compression="gzip")
    source = open_source(path)
    source.read(0, 7)
    file = source._reader._file
    source.close()
    assert file is None or file.closed
    np.testing.assert_array_equal(source.read(3, 9), X[3:9])


def test_a_band_that_does_not_fit_the_disk_is_one_line(tmp_path, monkeypatch):
    import errno

    monkeypatch.setattr(chunked, "HELD", 600)
    monkeypatch.setattr(hdf5, "HELD", 600)
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("emb", data=X, chunks=(100, D), compression="gzip")
    source = open_source(path)

    def full(handle, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gausscheck.files.set_aside", full)
    with pytest.raises(ValueError, match="expected room for 4,800 bytes") as caught:
        source.read(0, 7)
    assert len(str(caught.value).splitlines()) == 1


# --- a whole audit of rows that its sample does not hold: two passes, and nothing else is read

LONG = np.random.default_rng(5).standard_normal((70_000, 4)).astype("f4")
QUICK = {"directions": "axes", "levels": "none", "rows": 1000}


def test_an_audit_decodes_each_chunk_of_a_store_at_most_twice(tmp_path, fetched):
    import zarr as library

    library.create_array(tmp_path / "x.zarr", data=LONG, chunks=(7000, 2))
    analyze(tmp_path / "x.zarr", **QUICK)
    chunks = {name: count for name, count in fetched.items() if name.startswith("c/")}
    assert len(chunks) == 20
    assert max(chunks.values()) <= 2


@pytest.mark.parametrize("chunks", [(len(LONG), 4), (3000, 4)])
def test_an_audit_decodes_each_chunk_of_hdf5_at_most_twice(tmp_path, counted, chunks):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("emb", data=LONG, chunks=chunks, compression="gzip")
    counts, places = counted(path)
    analyze(path, **QUICK)
    for place in places:
        assert counts[place].min() >= 1
        assert counts[place].max() <= 2


def test_an_audit_parses_text_once(tmp_path, monkeypatch):
    from gausscheck.sources.text import TextSource

    with gzip.open(tmp_path / "x.csv.gz", "wt") as file:
        np.savetxt(file, LONG[:3000], fmt="%.9g", delimiter=",")
    parsed = []
    real = TextSource._spool
    monkeypatch.setattr(TextSource, "_spool", lambda s: (parsed.append(s), real(s))[1])
    analyze(tmp_path / "x.csv.gz", **QUICK)
    assert len(parsed) == 1
