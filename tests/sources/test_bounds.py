"""Small files that say they are large: what they say is held against what is there, first."""

import gzip
import io
import json
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import inspect_source, open_source, read_labels
from gausscheck.sources.parts import natural
from gausscheck.sources.patterns import matches

X = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)


def element(kind, body):
    return struct.pack("<II", kind, len(body)) + body + bytes(-len(body) % 8)


def variable(inner, name, kind, flags=0):
    """Return a variable of a MATLAB file of version 5: 1 is a cell, 6 an array of doubles."""
    head = element(6, struct.pack("<II", kind | flags << 8, 0)) + element(
        5, struct.pack("<ii", 1, 1)
    )
    return element(14, head + element(1, name.encode()) + inner)


def nested(depth, name, flags=0):
    """Return a cell of cells, so deep; nothing is copied once a level."""
    leaf = variable(element(9, struct.pack("<d", 1.0)), "", 6)
    heads, size = [], len(leaf)
    for level in range(depth):
        last = level == depth - 1
        head = variable(b"", name if last else "", 1, flags if last else 0)[8:]
        size += len(head)
        heads.append(struct.pack("<II", 14, size) + head)
        size += 8
    return b"".join(reversed(heads)) + leaf


@pytest.mark.parametrize("flags", [0, 2], ids=["cell", "marked as logical"])
@pytest.mark.parametrize("asked", [None, "labels"])
def test_cells_in_cells_are_not_looked_into(tmp_path, flags, asked):
    """Loading 100,000 levels ends the process."""
    savemat = pytest.importorskip("scipy.io").savemat
    path = tmp_path / "x.mat"
    savemat(path, {"embeddings": X})
    path.write_bytes(path.read_bytes() + nested(100_000, "labels", flags))
    source = open_source(path)
    if asked is None:
        assert read_labels(source, None) is None
    else:
        with pytest.raises(GausscheckError, match="no such"):
            read_labels(source, asked)
    kinds = {entry.key: entry.dtype for entry in inspect_source(path).entries}
    assert kinds == {"embeddings": "float32", "labels": "cell"}


@pytest.mark.parametrize("packed", [False, True])
def test_labels_of_a_matlab_file(tmp_path, packed):
    savemat = pytest.importorskip("scipy.io").savemat
    held = {"embeddings": X, "labels": np.arange(300) % 3 == 0, "names": np.array(["a", "b"])}
    savemat(tmp_path / "x.mat", {**held, "c": {"d": 1}}, do_compression=packed)
    assert read_labels(open_source(tmp_path / "x.mat"), None).sum() == 100


def test_words_are_counted_once_a_number(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(("w " + "1 " * 60_000 + "\n") * 20)
    start = time.process_time()
    source = open_source(path)
    assert (source.n, source.d) == (20, 60_000)
    assert time.process_time() - start < 4


@pytest.mark.parametrize("cell", ["1", "word"])
def test_columns_are_told_apart_once_each(tmp_path, cell):
    """100,000 columns, of numbers or left out, in time that grows with their number."""
    path = tmp_path / "x.csv"
    path.write_text((f"{cell},0.5,0.25," + f"{cell}," * 100_000 + "0.5\n") * 2)
    start = time.process_time()
    assert open_source(path).n == 2
    assert time.process_time() - start < 5


def test_a_line_of_millions_of_numbers_is_not_taken_apart(tmp_path):
    path = tmp_path / "x.txt.gz"
    with gzip.open(path, "wt") as file:
        file.write(("w " + "1 " * 2_000_000 + "\n") * 2)
    from gausscheck.sources.words import _look

    tracemalloc.start()
    try:
        assert _look(path) is None
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_header_of_gigabytes(tmp_path, name, version):
    raw = b"\x93NUMPY" + bytes([version, 0]) + (2_000_000_000).to_bytes(4, "little")
    path = tmp_path / name
    if name == "x.npy":
        path.write_bytes(raw + b" " * 1000)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("embeddings.npy", raw + b" " * (50 << 20))
    tracemalloc.start()
    try:
        for look in (open_source, inspect_source):
            with pytest.raises(GausscheckError, match=r"2,000,000,000 bytes, of which at most"):
                look(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_size_that_cannot_be_written_out(tmp_path):
    file = io.BytesIO()
    shape = f"(0x{'f' * 4000}, 8)"
    told = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(told)) + told)
    (tmp_path / "x.npy").write_bytes(file.getvalue())
    with pytest.raises(GausscheckError, match=r"beyond 2\^63"):
        inspect_source(tmp_path / "x.npy")


def test_a_header_of_json_beyond_what_is_read(tmp_path):
    head = b'{"a":[' + b"[]," * 3_000_000 + b"0]}"
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(head)) + head)
    tracemalloc.start()
    try:
        with pytest.raises(GausscheckError, match="at most 8,388,608 are read"):
            inspect_source(tmp_path / "x.safetensors")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    head = json.dumps({"a": {"dtype": "F32", "shape": [1] * 65, "data_offsets": [0, 4]}}).encode()
    (tmp_path / "y.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
    with pytest.raises(GausscheckError, match="65 dimensions"):
        inspect_source(tmp_path / "y.safetensors")


@pytest.mark.parametrize("shape", ["[1e999, 8]", f"[{'9' * 4000}, {'9' * 4000}]", "[-5, 8]"])
def test_a_sidecar_of_no_shape(tmp_path, shape):
    (tmp_path / "x.raw").write_bytes(X.tobytes())
    (tmp_path / "x.raw.json").write_text(f'{{"shape": {shape}}}')
    with pytest.raises(GausscheckError, match=r"x\.raw\.json: expected"):
        open_source(tmp_path / "x.raw")


def test_a_tensor_larger_than_what_is_stored(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "x.pt"
    torch.save(torch.randn(8).expand(10**10, 8), path)
    with pytest.raises(GausscheckError, match=r"more values than are stored"):
        open_source(path)
    wide = {f"v{place}": torch.zeros(1).expand(10**10) for place in range(30)}
    torch.save(wide, path)
    with pytest.raises(GausscheckError, match=r"more values than are stored"):
        open_source(path)
    rows = torch.from_numpy(X)
    torch.save({"embeddings": rows, "labels": torch.zeros(1).expand(300)}, path)
    assert read_labels(open_source(path), None) is None
    torch.save({"embeddings": rows.T.contiguous().T[::2]}, path)
    np.testing.assert_array_equal(open_source(path).read(0, 150), X[::2])


def test_names_of_many_digits(tmp_path):
    names = [f"v{'9' * 4500}{place}" for place in range(25)]
    np.savez(tmp_path / "x.npz", **{name: np.full(4, place) for place, name in enumerate(names)})
    source = open_source(tmp_path / "x.npz")
    assert source.read(0, 25)[:, 0].tolist() == list(range(25))
    told = ["a10", "a9", "a009b", "a2/b10", "a2/b9"]
    assert sorted(told, key=natural) == ["a2/b9", "a2/b10", "a9", "a009b", "a10"]


def test_a_folder_of_links_to_itself_has_an_end(tmp_path, monkeypatch):
    (tmp_path / "in" / "part").mkdir(parents=True)
    for name in ("one", "two", "three"):
        (tmp_path / "in" / name).symlink_to(".", target_is_directory=True)
    np.save(tmp_path / "elsewhere.npy", X)
    (tmp_path / "in" / "part" / "x_0.npy").symlink_to(tmp_path / "elsewhere.npy")
    np.save(tmp_path / "in" / "x_1.npy", X)
    (tmp_path / "in" / "apart").symlink_to(tmp_path / "other", target_is_directory=True)
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "other" / "x_2.npy", X)
    assert open_source(f"{tmp_path}/in/**/*.npy").n == 900
    monkeypatch.chdir(tmp_path / "in")
    for pattern in ("**/x_?.npy", "./**/**/*.npy", "**"):
        assert sum(name.endswith(".npy") for name in matches(pattern)) == 3


def test_values_that_are_no_paths_and_no_arrays():
    for source in (X, [1, 2]):
        with pytest.raises(GausscheckError, match="inspect_source: expected a path, got"):
            inspect_source(source)
    for look in (open_source, inspect_source):
        with pytest.raises(GausscheckError, match=r"\.\.\.: cannot be a path: File name too long"):
            look("x" * 5000)
    rows = np.empty(300, dtype=object)
    rows[:] = list(X)
    with pytest.raises(GausscheckError, match=r"Python objects of shape \(300,\).*np\.stack\(list"):
        open_source(rows)
    with pytest.raises(GausscheckError, match=r"generator; take np\.stack\(list\(x\)\)"):
        open_source(row for row in X)
    with pytest.raises(GausscheckError, match=r"got shape \(300,\), not \(rows, dimensions\)$"):
        open_source(X[:, 0])
