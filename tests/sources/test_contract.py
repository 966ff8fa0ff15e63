"""Every source: rows read in any way equal those of the array in memory."""

import io
import pickle

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gausscheck
from gausscheck.sources import SOURCES, inspect_source, open_source

N, D = 137, 5


def matrix(dtype):
    rng = np.random.default_rng(5)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal((N, D)).astype(dtype)
    return rng.integers(-100, 100, (N, D)).astype(dtype)


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


WRITERS = {
    "npy": (write_npy, ".npy"),
    "npz": (write_npz, ".npz"),
    "npz compressed": (write_npz_compressed, ".npz"),
    "hdf5": (write_h5, ".h5"),
    "hdf5 chunked": (write_h5_chunked, ".hdf5"),
}
DTYPES = ["f2", "f4", "f8", ">f4", ">f8", "i1", "i2", ">i4", "u1"]


def check_reads(source, x):
    want = x.astype(x.dtype.newbyteorder("="))
    assert (source.n, source.d) == x.shape
    assert source.dtype == want.dtype
    for start, stop in [(0, N), (0, 1), (N - 1, N), (3, 50), (50, 51), (10, 137)]:
        rows = source.read(start, stop)
        assert rows.flags.c_contiguous
        assert rows.dtype == want.dtype
        np.testing.assert_array_equal(rows, want[start:stop])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", WRITERS)
def test_reads_equal_the_array(tmp_path, form, dtype):
    writer, suffix = WRITERS[form]
    x = matrix(dtype)
    check_reads(open_source(writer(tmp_path / f"x{suffix}", x)), x)


@pytest.mark.parametrize("form", ["npy", "npz", "npz compressed"])
def test_fortran_order(tmp_path, form):
    writer, suffix = WRITERS[form]
    x = np.asfortranarray(matrix("f4"))
    check_reads(open_source(writer(tmp_path / f"x{suffix}", x)), x)


@pytest.mark.parametrize("form", WRITERS)
def test_a_source_can_travel(tmp_path, form):
    writer, suffix = WRITERS[form]
    x = matrix("f4")
    source = open_source(writer(tmp_path / f"x{suffix}", x))
    source.read(0, 3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(5, 9), x[5:9])


@given(st.integers(0, N - 1), st.integers(1, N))
@settings(max_examples=40, deadline=None)
def test_any_range(tmp_path_factory, start, length):
    x = matrix("f4")
    path = write_h5_chunked(tmp_path_factory.mktemp("h5") / "x.h5", x)
    stop = min(start + length, N)
    np.testing.assert_array_equal(open_source(path).read(start, stop), x[start:stop])


def test_every_format_of_the_table_is_tested():
    suffixes = {suffix for _, suffix in WRITERS.values()}
    for form in SOURCES.values():
        assert suffixes & set(form.suffixes), f"{form.name} has no contract test"


def test_well_known_names_come_first(tmp_path):
    x = matrix("f4")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["zzz"] = x + 1
        file["emb"] = x + 2
        file["group/features"] = x
    source = open_source(tmp_path / "x.h5")
    assert source.uri.endswith(":/group/features")
    np.testing.assert_array_equal(source.read(0, N), x)


def test_a_dataset_is_chosen_by_option_or_by_path(tmp_path):
    x = matrix("f4")
    np.savez(tmp_path / "x.npz", a=x, b=x + 1)
    np.testing.assert_array_equal(
        open_source(tmp_path / "x.npz", dataset="b").read(0, 2), x[:2] + 1
    )
    np.testing.assert_array_equal(open_source(f"{tmp_path}/x.npz:a").read(0, 2), x[:2])


@pytest.mark.parametrize("form", WRITERS)
def test_inspect_names_what_analyze_takes(tmp_path, form):
    writer, suffix = WRITERS[form]
    path = writer(tmp_path / f"x{suffix}", matrix("f2"))
    contents = inspect_source(path)
    chosen = next(e for e in contents.entries if e.key == contents.chosen)
    assert chosen.shape == (N, D)
    assert chosen.dtype == "float16"
    assert contents.size == path.stat().st_size


def test_arrays_in_memory():
    for x in (matrix("f2"), matrix(">f8"), matrix("i4"), np.asfortranarray(matrix("f4"))):
        check_reads(open_source(x), x)


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    x = matrix("f4")
    check_reads(open_source(torch.from_numpy(x)), x)
    check_reads(open_source(torch.from_numpy(x).requires_grad_()), x)
    half = open_source(torch.from_numpy(x).to(torch.bfloat16))
    np.testing.assert_array_equal(half.read(0, N), torch.from_numpy(x).bfloat16().float().numpy())
    assert half.eps == 2.0**-7
    assert any("bfloat16" in note for note in half.notes)


def test_anything_with_dlpack_or_array():
    x = matrix("f4")

    class Foreign:
        """An array of another library: DLPack and nothing else."""

        def __dlpack__(self, **options):
            return x.__dlpack__(**options)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    class Lazy:
        def __array__(self, dtype=None, copy=None):
            return x

    check_reads(open_source(Foreign()), x)
    check_reads(open_source(Lazy()), x)


def test_the_same_rows_give_the_same_report_from_any_container(tmp_path):
    x = np.random.default_rng(0).standard_normal((600, 6)).astype(np.float32)
    reports = []
    for form, (_, suffix) in WRITERS.items():
        path = tmp_path / f"{form.replace(' ', '_')}{suffix}"
        if suffix == ".npy":
            np.save(path, x)
        elif suffix == ".npz":
            np.savez(path, x)
        else:
            with h5py.File(path, "w") as file:
                file["x"] = x
        reports.append(gausscheck.analyze(path, directions="axes,random:8").to_dict()["levels"])
    reports.append(gausscheck.analyze(x, directions="axes,random:8").to_dict()["levels"])
    assert all(r == reports[0] for r in reports[1:])


def test_reading_leaves_no_pickle_door_open(tmp_path):
    class Trap:
        def __reduce__(self):
            return (io.open, (str(tmp_path / "opened"), "w"))

    np.save(tmp_path / "trap.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "trap.npz", embeddings=np.array([[Trap()]], dtype=object))
    for name in ("trap.npy", "trap.npz"):
        with pytest.raises(gausscheck.GausscheckError, match="pickled, which is never loaded"):
            open_source(tmp_path / name)
    assert not (tmp_path / "opened").exists()
