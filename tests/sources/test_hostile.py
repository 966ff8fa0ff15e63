"""Files made to do harm: nothing runs, nothing outside is read, nothing is inflated."""

import json
import os
import pickle
import socket
import zlib

import h5py
import numcodecs
import numpy as np
import pytest
import zarr

import gausscheck
from gausscheck.core import GausscheckError
from gausscheck.files import check_file, printable
from gausscheck.sources import inspect_source, open_source, read_labels
from gausscheck.sources.labels import as_text

X = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


def store(path, version=2, **options):
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("emb", data=X, **options)
    return path


def armed(path, mark, name="labels", **changes):
    """Add an array to a store whose one chunk is a pickle that makes a file."""
    folder = path / name
    folder.mkdir()
    described = {
        "zarr_format": 2, "shape": [60], "chunks": [60], "dtype": "<i8", "fill_value": 0,
        "order": "C", "filters": None, "compressor": {"id": "pickle", "protocol": 5}, **changes,
    }  # fmt: skip
    (folder / ".zarray").write_text(json.dumps(described))
    (folder / "0").write_bytes(pickle.dumps(Bomb(mark)))
    return path


ARMED = {
    "compressor": {},
    "filter": {"filters": [{"id": "pickle"}], "compressor": None},
    "objects": {"dtype": "|O", "filters": [{"id": "pickle"}], "compressor": None},
    "objects bare": {"dtype": "|O", "compressor": None},
    "hidden in shuffle": {"compressor": None, "filters": [{"id": "delta", "dtype": "|O"}]},
    "json": {"dtype": "|O", "filters": [{"id": "json2"}], "compressor": None},
    "twice packed": {"filters": [{"id": "zlib"}], "compressor": {"id": "zlib"}},
}


@pytest.mark.parametrize("case", ARMED)
@pytest.mark.parametrize("unsafe_allowed", [False, True])
def test_no_codec_of_a_zarr_store_runs_code(tmp_path, monkeypatch, case, unsafe_allowed):
    from numcodecs import pickles

    # what stops us must not be the installed numcodecs, which older versions do without
    monkeypatch.setattr(pickles, "ALLOW_UNSAFE_PICKLE_DECODE", unsafe_allowed, raising=False)
    mark = tmp_path / "ran"
    path = armed(store(tmp_path / "x.zarr"), mark, **ARMED[case])
    source = open_source(path)  # the embeddings are sound
    np.testing.assert_array_equal(source.read(0, 60), X)
    for act in (
        lambda: read_labels(source, None),
        lambda: read_labels(source, "labels"),
        lambda: open_source(path, dataset="labels"),
        lambda: gausscheck.analyze(path, directions="axes", levels="none"),
    ):
        with pytest.raises(GausscheckError) as caught:
            act()
        assert "labels" in str(caught.value)
        assert not mark.exists()
    inspect_source(path)
    assert not mark.exists()


def test_the_pickle_of_the_test_would_run(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("codec", ["pickle", "numcodecs.pickle", "json2", "my.codec"])
def test_no_codec_of_version_3_but_those_listed(tmp_path, codec):
    path = store(tmp_path / "x.zarr", version=3)
    meta = path / "emb" / "zarr.json"
    held = json.loads(meta.read_text())
    held["codecs"].append({"name": codec, "configuration": {}})
    meta.write_text(json.dumps(held))
    with pytest.raises(GausscheckError, match="codec"):
        open_source(path)


def test_sharded_strings_and_filters_of_numbers_are_read(tmp_path):
    path = tmp_path / "x.zarr"
    group = zarr.open_group(path, mode="w")
    group.create_array("emb", data=X, chunks=(8, 4), shards=(32, 4))
    names = np.array([f"k{i % 3}" for i in range(60)], dtype=np.dtypes.StringDType())
    group.create_array("labels", data=names)
    source = open_source(path)
    np.testing.assert_array_equal(source.read(0, 60), X)
    assert read_labels(source, None).tolist() == names.tolist()
    old = store(tmp_path / "old.zarr", filters=[numcodecs.Shuffle(4)])
    np.testing.assert_array_equal(open_source(old).read(3, 50), X[3:50])


def test_what_consolidated_metadata_says_is_not_believed(tmp_path):
    path = store(tmp_path / "x.zarr")
    mark = tmp_path / "ran"
    zarr.consolidate_metadata(path, zarr_format=2)
    held = json.loads((path / ".zmetadata").read_text())
    held["metadata"]["emb/.zarray"]["compressor"] = {"id": "pickle"}
    (path / ".zmetadata").write_text(json.dumps(held))
    (path / "emb" / "junk").write_bytes(pickle.dumps(Bomb(mark)))
    np.testing.assert_array_equal(open_source(path).read(0, 60), X)
    assert not mark.exists()


def test_a_store_is_no_way_out_of_it(tmp_path):
    path = store(tmp_path / "x.zarr")
    store(tmp_path / "other.zarr")
    with pytest.raises(GausscheckError, match="expected an array"):
        open_source(path, dataset="../other.zarr/emb")
    assert open_source(path).beside("../other.zarr/emb") is None
    os.remove(path / "emb" / "0.0")
    os.mkfifo(path / "emb" / "0.0")
    with pytest.raises(GausscheckError, match="not a regular file but a pipe"):
        open_source(path)


@pytest.mark.parametrize("version", [2, 3])
def test_a_chunk_of_2_to_the_40_rows(tmp_path, version):
    path = store(tmp_path / "x.zarr", version, chunks=(60, 4))
    meta = path / "emb" / ("zarr.json" if version == 3 else ".zarray")
    held = json.loads(meta.read_text())
    held["shape"] = [2**40, 4]
    if version == 3:
        held["chunk_grid"]["configuration"]["chunk_shape"] = [2**40, 4]
    else:
        held["chunks"] = [2**40, 4]
    meta.write_text(json.dumps(held))
    with pytest.raises(GausscheckError, match="chunks of 17,592,186,044,416 bytes"):
        open_source(path)


BLOSC = {
    "version 2": (2, {"compressors": numcodecs.Blosc()}, "0.0"),
    "version 3": (3, {"compressors": zarr.codecs.BloscCodec()}, "c/0/0"),
    "with a checksum": (3, {"compressors": [zarr.codecs.BloscCodec(), zarr.codecs.Crc32cCodec()]},
                        "c/0/0"),
    "in a shard": (3, {"compressors": zarr.codecs.BloscCodec(), "shards": (40, 4)}, "c/0/0"),
}  # fmt: skip


@pytest.mark.parametrize("case", BLOSC)
def test_a_chunk_that_says_it_is_longer_never_reaches_blosc(tmp_path, case):
    version, options, name = BLOSC[case]
    path = store(tmp_path / "x.zarr", version, chunks=(20, 4), **options)
    np.testing.assert_array_equal(open_source(path).read(0, 60), X)
    chunk = path / "emb" / name
    raw = bytearray(chunk.read_bytes())
    assert raw[0] == 2  # the version of a chunk of blosc: its header lies here
    for place, value in ((12, 0x68BA0D2D), (12, 17), (4, 0x7FFFFFFF)):
        bad = raw.copy()
        bad[place : place + 4] = value.to_bytes(4, "little")
        chunk.write_bytes(bad)
        with pytest.raises(GausscheckError, match="not as long as it says"):
            open_source(path)
    chunk.write_bytes(raw[: len(raw) - 1])
    with pytest.raises(GausscheckError):
        open_source(path)


# HDF5 ---------------------------------------------------------------------------------------


def hdf5(path, build):
    with h5py.File(path, "w") as file:
        build(file)
    return path


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.h5"
    hdf5(path, lambda f: (f.create_dataset("emb", data=X), f.create_dataset("y", data=[1] * 60)))
    return path


def test_links_to_other_files_are_not_followed(tmp_path, secret):
    def build(file):
        file["emb"] = X
        file["labels"] = h5py.ExternalLink(str(secret), "/y")
        file["far"] = h5py.ExternalLink(str(secret), "/")
        file["near"] = h5py.SoftLink("/far/emb")
        file["loop"] = h5py.SoftLink("/loop")

    source = open_source(hdf5(tmp_path / "x.h5", build))
    matlab = open_source(hdf5(tmp_path / "x.mat", build))  # version 7.3 is HDF5
    for rows in (source, matlab):
        with pytest.raises(GausscheckError, match="labels is a link to another file"):
            read_labels(rows, None)
    for key in ("far/y", "near"):
        with pytest.raises(GausscheckError, match="a link to another file"):
            source.beside(key)
    with pytest.raises(GausscheckError, match="in circles"):
        source.beside("loop")
    with pytest.raises(GausscheckError):
        open_source(tmp_path / "x.h5", dataset="far/emb")


def test_links_inside_a_file_are(tmp_path):
    def build(file):
        file["g/emb"] = X
        file["g/told"] = np.arange(60)
        file["g/labels"] = h5py.SoftLink("told")
        file["labels"] = h5py.SoftLink("/g/labels")

    source = open_source(hdf5(tmp_path / "x.h5", build))
    assert read_labels(source, None).tolist() == list(range(60))


def test_views_and_storage_elsewhere_are_not_read(tmp_path, secret):
    layout = h5py.VirtualLayout(X.shape, X.dtype)
    layout[:] = h5py.VirtualSource(str(secret), "emb", X.shape)
    path = hdf5(tmp_path / "x.h5", lambda f: f.create_virtual_dataset("emb", layout))
    with pytest.raises(GausscheckError, match="a view of other files"):
        open_source(path)

    def build(file):
        raw = [("/etc/hostname", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("emb", (60, 4), "u1", external=raw)

    with pytest.raises(GausscheckError, match="lie in other files"):
        open_source(hdf5(tmp_path / "y.h5", build))


def test_a_filter_that_is_no_part_of_hdf5_loads_nothing(tmp_path, monkeypatch):
    def build(file):
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((60, 4))
        plist.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((60, 4))
        made = h5py.h5d.create(file.id, b"emb", h5py.h5t.IEEE_F32LE, space, plist)
        made.write_direct_chunk((0, 0), X.tobytes())

    (tmp_path / "plugins").mkdir()
    path = hdf5(tmp_path / "x.h5", build)
    with pytest.raises(GausscheckError, match="filter 32001, which is not part of HDF5"):
        open_source(path)


def test_chunks_and_values_that_are_not_there(tmp_path):
    path = hdf5(
        tmp_path / "x.h5",
        lambda f: f.create_dataset("emb", (2**40, 4), "f4", chunks=(2**20, 4)),
    )
    with pytest.raises(GausscheckError, match="none written"):
        open_source(path)

    def part(file):
        file.create_dataset("emb", (60, 4), "f4", chunks=(20, 4))[:20] = X[:20]

    with pytest.raises(GausscheckError, match="expected 3 chunks, found 1"):
        open_source(hdf5(tmp_path / "y.h5", part))


def test_labels_that_would_not_fit(tmp_path):
    def build(file):
        file["emb"] = X
        file.create_dataset("labels", (2**36,), "i4", chunks=(1024,))

    with pytest.raises(GausscheckError, match=r"beside the rows takes 274,877,906,944 bytes"):
        read_labels(open_source(hdf5(tmp_path / "x.h5", build)), "labels")
    assert read_labels(open_source(tmp_path / "x.h5"), None) is None
    many = np.array(["x"] * 5000 + ["y" * 100_000], dtype=object)
    with pytest.raises(GausscheckError, match="a label has at most 4,096"):
        as_text(many, "x", "labels")


# files that are none, names that are not shown ----------------------------------------------


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".safetensors", ".csv"])
def test_pipes_devices_and_sockets_are_no_files(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    os.mkfifo(path)
    with pytest.raises(GausscheckError, match="not a regular file but a pipe"):
        open_source(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(GausscheckError, match="not a regular file but a device"):
        inspect_source(path)


def test_a_socket_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as held:
        held.bind("x.npy")
        with pytest.raises(GausscheckError, match="a socket"):
            check_file(tmp_path / "x.npy")


def test_foreign_text_shows_itself():
    assert printable("a\x1b[31m\r\n\tb") == r"a\x1b[31m\r\n\tb"
    assert printable("\u202egnp.exe") == r"\u202egnp.exe"
    assert printable(b"x\xff.npy".decode("utf-8", "surrogateescape")) == r"x\xff.npy"
    assert printable("[/INST] Zürich 深度") == "[/INST] Zürich 深度"
    assert len(printable("x" * 10**6)) < 3000


def test_names_do_nothing_to_a_terminal(tmp_path):
    from click.testing import CliRunner

    from gausscheck.cli import main

    path = tmp_path / "a\x1b[31mred.npz"
    np.savez(path, **{"\x1b[31mkey": X, "other[/]": X[:, 0]})
    out = tmp_path / "out"
    quick = ["--directions", "axes", "--levels", "none"]
    gausscheck.analyze(X, directions="axes", levels="none").save(out)
    held = json.loads((out / "report.json").read_text())
    held["source"] |= {"dtype": "\x1b[31mf4", "uri": "\x1b[31mx", "notes": ["\x1b[31mnote"]}
    (out / "report.json").write_text(json.dumps(held))
    for args in (["inspect", path], ["analyze", path, *quick], ["show", out], ["show", out, "-v"]):
        done = CliRunner().invoke(main, [str(arg) for arg in args])
        assert done.exit_code == 0, done.output
        assert "\x1b" not in done.output
        assert r"\x1b[31m" in done.output


# what is small and becomes large ------------------------------------------------------------


def test_rows_and_columns_beyond_the_budget_are_one_line(tmp_path):
    path = tmp_path / "x.npy"
    for shape, rows, words in (
        ((2**38, 4), 10**9, "sampled rows in a budget of"),
        ((2**20, 2**20), 1000, "dimensions of so many rows in a budget of"),
    ):
        with path.open("wb") as handle:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(handle, header)
            handle.truncate(handle.tell() + 2**42)  # sparse: takes no room
        with pytest.raises(GausscheckError, match=words):
            gausscheck.analyze(path, rows=rows)


def test_a_report_that_unpacks_to_gigabytes(tmp_path):
    import zipfile

    from gausscheck.files import read_arrays

    path = tmp_path / "report.npz"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"")
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\x01\x02")
    raw[central + 24 : central + 28] = (3 << 30).to_bytes(4, "little")
    path.write_bytes(raw + body[:0])
    with pytest.raises(GausscheckError, match="it unpacks to 3,221,225,472 bytes"):
        read_arrays(path)


def test_nothing_is_asked_of_the_network(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from gausscheck.cli import main

    def asked(*_, **__):
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, asked)
    monkeypatch.setattr(socket, "getaddrinfo", asked)
    with pytest.raises(AssertionError):
        socket.create_connection(("127.0.0.1", 9))
    path = hdf5(tmp_path / "x.h5", lambda f: f.create_dataset("emb", data=X))
    for args in (
        [
            "analyze",
            path,
            "--directions",
            "axes",
            "--levels",
            "none",
            "--normalize",
            "unit",
            "--out",
            tmp_path / "out",
        ],
        ["inspect", path],
        ["show", tmp_path / "out"],
        ["apply", tmp_path / "out", path, "--out", tmp_path / "y.npy"],
    ):
        done = CliRunner().invoke(main, [str(arg) for arg in args])
        assert done.exit_code == 0, done.output
