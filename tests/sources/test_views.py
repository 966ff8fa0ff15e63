"""HDF5 files whose datasets show others, and those that keep the library busy: made by code."""

import struct
import sys
import time

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from gausscheck.cli import main
from gausscheck.core import GausscheckError
from gausscheck.sources import open_source, read_labels, untrusted

X = np.random.default_rng(3).standard_normal((60, 4)).astype(np.float32)


def hdf5(path, build):
    with h5py.File(path, "w") as file:
        build(file)
    return path


def view(file, parts, name="emb"):
    layout = h5py.VirtualLayout(X.shape, X.dtype)
    for rows, (shown, shape, chosen) in parts.items():
        layout[slice(*rows)] = h5py.VirtualSource(".", shown, shape)[chosen]
    file.create_virtual_dataset(name, layout, fillvalue=-1)


ALL = np.s_[:]


def test_a_view_of_datasets_of_its_file_is_read(tmp_path):
    def build(file):
        file["a"], file["b"] = X[:30], X[30:]
        view(file, {
            (0, 30): ("a", (30, 4), ALL),
            (30, 50): ("b", (30, 4), np.s_[:20]),
            (50, 60): ("b", (30, 4), np.s_[20:]),
        })  # fmt: skip

    source = open_source(hdf5(tmp_path / "x.h5", build), dataset="emb")
    np.testing.assert_array_equal(source.read(0, 60), X)


def made_up(file):
    file["a"] = X[:30]
    view(file, {(0, 30): ("a", (30, 4), ALL)})


def beyond(file):
    file["a"] = X[:30]
    view(file, {(0, 60): ("a", (99, 4), np.s_[30:90])})


def beyond_all(file):
    file["a"] = X[:30]
    view(file, {(0, 60): ("a", (60, 4), ALL)})


def gone(file):
    view(file, {(0, 60): ("a", (60, 4), ALL)})


def itself(file):
    view(file, {(0, 60): ("emb", (60, 4), ALL)})


def each_other(file):
    view(file, {(0, 60): ("other", (60, 4), ALL)})
    view(file, {(0, 60): ("emb", (60, 4), ALL)}, "other")


def elsewhere(file):
    file.create_dataset("a", X.shape, "f4", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])
    view(file, {(0, 60): ("a", (60, 4), ALL)})


def linked(file):
    file["a"] = h5py.ExternalLink("secret.h5", "a")
    view(file, {(0, 60): ("a", (60, 4), ALL)})


def plugin(file):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(X.shape)
    plist.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple(X.shape)
    shown = h5py.h5d.create(file.id, b"a", h5py.h5t.IEEE_F32LE, space, plist)
    shown.write_direct_chunk((0, 0), X.tobytes())
    view(file, {(0, 60): ("a", (60, 4), ALL)})


def unwritten(file):
    file.create_dataset("a", X.shape, "f4", fillvalue=0.5)
    view(file, {(0, 60): ("a", (60, 4), ALL)})


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (made_up, "a view with gaps, which HDF5 fills with -1"),
        (beyond, "reaches beyond a"),
        (beyond_all, "reaches beyond a"),
        (gone, "a view of a, which is not there"),
        (itself, "a view of a view"),  # HDF5 follows it until the stack is full, and crashes
        (each_other, "a view of a view"),
        (elsewhere, "its values lie in other files"),
        (linked, "a view of other files"),
        (plugin, "filter 32001, which is not part of HDF5"),
        (unwritten, "found none written"),
    ],
)
def test_a_view_shows_no_more_than_its_file_holds(tmp_path, build, words):
    hdf5(tmp_path / "secret.h5", lambda file: file.create_dataset("a", data=X))
    path = hdf5(tmp_path / "x.h5", build)
    with pytest.raises(GausscheckError, match=words):
        open_source(path, dataset="emb")

    def beside(file):
        file["rows"] = X
        build(file)
        file.move("emb", "labels")

    if build not in (itself, each_other):
        source = open_source(hdf5(tmp_path / "y.h5", beside), dataset="rows")
        with pytest.raises(GausscheckError, match=words):
            read_labels(source, None)


# what keeps HDF5 itself busy ---------------------------------------------------------------------


def endless(path):
    """Let the list of free places in the heap of a group's names lead back to its first entry.

    HDF5 walks it, and takes memory for each, without end: format specification III.D, Local Heaps.
    """
    hdf5(path, lambda file: file.create_dataset("emb", data=X))
    raw = bytearray(path.read_bytes())
    _, free, place = struct.unpack_from("<3Q", raw, raw.index(b"HEAP") + 8)
    struct.pack_into("<Q", raw, place + free, free)
    path.write_bytes(raw)
    return path


def with_texts(file):
    file["emb"], file["labels"] = X, [f"n{i}" for i in range(60)]


def busy(path):
    """Let the first text of the heap of texts be as long as leads into the room behind the last.

    HDF5 takes the zeros there for a text without length, again and again: III.E, Global Heap.
    """
    hdf5(path, with_texts)
    raw = bytearray(path.read_bytes())
    struct.pack_into("<Q", raw, raw.index(b"GCOL") + 24, 3000)
    path.write_bytes(raw)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="files are read apart on Linux and macOS")
@pytest.mark.parametrize("name", ["analyze", "compare", "score"])
def test_labels_that_keep_hdf5_busy_are_one_line_where_they_are_read_apart(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(untrusted, "SECONDS", 3.0)
    path = busy(tmp_path / "x.h5")
    out = tmp_path / "out.csv"
    more = {
        "analyze": (path, "--directions", "axes", "--levels", "none"),
        "compare": (path, path, "--names", "a,b", "--levels", "none"),
        "score": (path, path, "--rows", "100", "--groups-by", "labels"),
    }[name]
    start = time.monotonic()
    done = CliRunner().invoke(main, [name, *map(str, more), "--untrusted", "--out", str(out)])
    assert time.monotonic() - start < 30
    assert (done.exit_code, done.stdout) == (1, "")
    assert "x.h5: the process that read it gave no answer in 3 seconds and was ended" in done.stderr
    assert not out.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is kept there alone")
@pytest.mark.parametrize("name", ["inspect", "analyze", "compare", "scale"])
def test_a_heap_without_end_is_one_line_where_it_is_read_apart(tmp_path, monkeypatch, name):
    monkeypatch.setattr(untrusted, "MEMORY", 10**8)
    path = endless(tmp_path / "x.h5")
    more = {
        "analyze": ("--out", tmp_path / "out"),
        "compare": (path, "--names", "a,b", "--out", tmp_path / "out"),
        "scale": ("--prefix-dims", "2,3", "--out", tmp_path / "out"),
    }
    asked = [name, path, *more.get(name, ()), "--untrusted"]
    start = time.monotonic()
    done = CliRunner().invoke(main, [str(one) for one in asked])
    assert time.monotonic() - start < 60
    assert (done.exit_code, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "x.h5: " in done.stderr
    assert not (tmp_path / "out").exists()
