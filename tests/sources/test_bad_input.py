"""Each kind of bad input: one line on stderr, exit code 1, and nothing half-written."""

import re

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from gausscheck.cli import main

GOOD = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)


def npy(array):
    return lambda path: np.save(path, array, allow_pickle=True)


def npz(**arrays):
    return lambda path: np.savez(path, **arrays)


def h5(**arrays):
    def write(path):
        with h5py.File(path, "w") as file:
            for name, value in arrays.items():
                file[name] = value

    return write


def raw(content):
    return lambda path: path.write_bytes(content)


def cut(writer, keep):
    """Write, then lose the end of the file."""

    def write(path):
        writer(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    return write


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html><html><body>Not found</body></html>"
BAD_ROW = np.where(np.arange(200)[:, None] == 7, np.nan, GOOD)
ZERO_ROW = np.where(np.arange(200)[:, None] == 7, 0, GOOD)

CASES = {
    "complex": ("x.npy", npy(GOOD.astype(complex)), "complex numbers have no order"),
    "object": ("x.npy", npy(GOOD.astype(object)), "pickled, which is never loaded"),
    "string": ("x.npy", npy(GOOD.astype(str)), "strings are not numbers"),
    "boolean": ("x.npy", npy(GOOD > 0), "booleans are not embeddings"),
    "record": ("x.npy", npy(np.zeros(5, [("a", "f4")])), "a: a field of single values"),
    "1-d": ("x.npy", npy(GOOD[:, 0]), r"\(200,\), not \(rows, dimensions\)"),
    "3-d": ("x.npy", npy(GOOD[None]), r"\(1, 200, 4\), not"),
    "no rows": ("x.npy", npy(GOOD[:0]), "holds nothing"),
    "no columns": ("x.npy", npy(GOOD[:, :0]), "holds nothing"),
    "few rows": ("x.npy", npy(GOOD[:10]), "at least 20 rows, got 10"),
    "equal rows": ("x.npy", npy(np.ones((50, 3))), "50 equal rows"),
    "nan row": ("x.npy", npy(BAD_ROW), "1 .*(7).*--on-bad-rows drop"),
    "zero row": ("x.npy", npy(ZERO_ROW), "(7).*--on-bad-rows drop"),
    "empty npy": ("x.npy", raw(b""), "the file is empty"),
    "empty npz": ("x.npz", raw(b""), "the file is empty"),
    "empty h5": ("x.h5", raw(b""), "the file is empty"),
    "pointer npy": ("x.npy", raw(POINTER), "Git LFS pointer.*git lfs pull"),
    "pointer h5": ("x.h5", raw(POINTER), "Git LFS pointer.*git lfs pull"),
    "page npy": ("x.npy", raw(PAGE), "HTML page"),
    "page npz": ("x.npz", raw(PAGE), "HTML page"),
    "page h5": ("x.h5", raw(PAGE), "HTML page"),
    "truncated npy": ("x.npy", cut(npy(GOOD), 0.7), "truncated: the header promises 3,328 bytes"),
    "truncated header": ("x.npy", cut(npy(GOOD), 0.02), "header cannot be read"),
    "truncated npz": ("x.npz", cut(npz(a=GOOD), 0.7), "damaged or truncated"),
    "truncated h5": ("x.h5", cut(h5(a=GOOD), 0.7), "truncated"),
    "noise npy": ("x.npy", raw(b"\x01\x02" * 500), "header cannot be read"),
    "noise npz": ("x.npz", raw(b"\x01\x02" * 500), "expected an .npz archive"),
    "noise h5": ("x.h5", raw(b"\x01\x02" * 500), "expected an HDF5 file"),
    "several h5": ("x.h5", h5(a=GOOD, b=GOOD), r"--dataset: a float32 \(200, 4\); b float32"),
    "several npz": ("x.npz", npz(a=GOOD, b=GOOD), r"--dataset: a float32 \(200, 4\); b float32"),
    "none in h5": ("x.h5", h5(a=GOOD[:, 0]), r"got a: shape \(200,\), not"),
    "empty container": ("x.h5", h5(), "empty container"),
    "object in npz": ("x.npz", npz(a=GOOD.astype(object)), "a: object: Python objects are pickled"),
    "unknown suffix": ("x.xyz", raw(b"abc"), r"the ending .xyz, which no reader takes; .*np\.save"),
}  # fmt: skip


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args])


@pytest.mark.parametrize("case", CASES)
def test_one_line_exit_one_and_nothing_written(tmp_path, case):
    name, writer, words = CASES[case]
    path, out = tmp_path / name, tmp_path / "out"
    writer(path)
    done = run("analyze", path, "--out", out, "--directions", "axes")
    assert done.exit_code == 1, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("gausscheck: ")
    assert done.stdout == ""
    assert re.search(words, line), line
    assert not out.exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("no/such/file.npy",), "no such file"),
        (("docs",), "expected a folder or pattern"),
        (("data/clip_vitb32_lvis_text.npy", "--dataset", "emb"), "leave --dataset out"),
        (("data/minilm_docstrings_5k.h5", "--dataset", "vectors"), "embeddings float16"),
        (("data/minilm_docstrings_5k.h5:labels",), "labels: expected a 2-D array"),
        (("data/clip_vitb32_lvis_text.npy", "--directions", "axis"), "got 'axis'"),
        (("data/clip_vitb32_lvis_text.npy", "--directions", "random:0"), "positive count"),
        (("data/clip_vitb32_lvis_text.npy", "--directions", "file:none.npy"), "readable .npy"),
        (("data/clip_vitb32_lvis_text.npy", "--directions", "file:/dev/zero"), "but a device"),
        (("data/clip_vitb32_lvis_text.npy", "--directions", "file:data"), "got a folder"),
        (("data/clip_vitb32_lvis_text.npy", "--levels", "none,norms"), "none excludes the others"),
        (("data/clip_vitb32_lvis_text.npy", "--labels", "nowhere"), "--labels nowhere: expected"),
        (("data/clip_vitb32_lvis_text.npy", "--subsets", "5by3"), "BxM"),
        (("data/clip_vitb32_lvis_text.npy", "--subsets", "50x1000"), "take fewer or smaller"),
        (("data/clip_vitb32_lvis_text.npy", "--memory", "lots"), "512MB"),
        (("data/clip_vitb32_lvis_text.npy", "--memory", "1MB"), "at least 32MB"),
    ],
)
def test_bad_names_and_options(tmp_path, monkeypatch, args, words):
    from conftest import ROOT

    monkeypatch.chdir(ROOT)
    done = run("analyze", *args, "--out", tmp_path / "out")
    assert done.exit_code == 1, done.output
    (line,) = done.stderr.splitlines()
    assert words in line
    assert not (tmp_path / "out").exists()


def test_usage_errors_exit_two(tmp_path):
    assert run("analyze").exit_code == 2
    assert run("analyze", "x.npy", "--normalize", "rotate").exit_code == 2
    assert run("analyze", "x.npy", "--frobnicate").exit_code == 2


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path):
    np.save(tmp_path / "x.npy", GOOD)
    (tmp_path / "taken").write_text("a file, not a folder")
    done = run("analyze", tmp_path / "x.npy", "--out", tmp_path / "taken" / "out")
    assert done.exit_code == 1
    assert "can be written" in done.stderr
    assert (tmp_path / "taken").read_text() == "a file, not a folder"


def test_a_report_that_fails_midway_leaves_no_file(tmp_path, monkeypatch):
    import gausscheck

    report = gausscheck.analyze(GOOD, directions="axes")

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(gausscheck.GausscheckError, match="No space left"):
        report.save(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_bad_rows_can_be_dropped(tmp_path):
    np.save(tmp_path / "x.npy", BAD_ROW)
    done = run("analyze", tmp_path / "x.npy", "--on-bad-rows", "drop", "--directions", "axes")
    assert done.exit_code == 0, done.output
    assert "dropped" in done.stdout


def test_inspect_explains_bad_files_too(tmp_path):
    (tmp_path / "x.npy").write_bytes(POINTER)
    done = run("inspect", tmp_path / "x.npy")
    assert done.exit_code == 1
    assert "git lfs pull" in done.stderr


@pytest.mark.parametrize("compressed", [False, True])
def test_a_flipped_bit_in_an_npz_is_told_by_its_checksum(tmp_path, compressed):
    (np.savez_compressed if compressed else np.savez)(tmp_path / "x.npz", emb=GOOD)
    raw = bytearray((tmp_path / "x.npz").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "x.npz").write_bytes(raw)
    done = run("analyze", tmp_path / "x.npz", "--directions", "axes", "--levels", "none")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "damaged" in line
