"""Reading by a child process: the same rows, and limits that end it."""

import json
import pickle
import re
import time

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.core import GausscheckError
from gausscheck.sources import open_source, read_labels, untrusted
from gausscheck.sources.untrusted import UntrustedSource

X = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["emb"], file["labels"] = X, np.arange(300) % 3
        file["names"] = [f"n{i}" for i in range(300)]
    return tmp_path / "x.h5"


def told_by(monkeypatch, program):
    monkeypatch.setattr(untrusted, "_PROGRAM", program)


def test_rows_labels_and_reports_are_the_same(path):
    apart, plain = UntrustedSource(path), open_source(path)
    for low, high in ((0, 300), (7, 8), (290, 300), (3, 3)):
        rows = apart.read(low, high)
        np.testing.assert_array_equal(rows, plain.read(low, high))
        assert rows.dtype == plain.dtype
    assert (apart.n, apart.d, apart.eps, apart.uri) == (300, 4, plain.eps, plain.uri)
    np.testing.assert_array_equal(read_labels(apart, None), read_labels(plain, None))
    assert read_labels(apart, "names").tolist() == read_labels(plain, "names").tolist()
    assert apart.beside("none") is None
    back = pickle.loads(pickle.dumps(apart))
    np.testing.assert_array_equal(back.read(5, 9), X[5:9])
    apart.close()
    np.testing.assert_array_equal(apart.read(5, 9), X[5:9])
    options = {"directions": "axes", "levels": "none"}
    assert isinstance(open_source(f"{path}:emb", untrusted=True), UntrustedSource)
    assert gausscheck.analyze(apart, **options).levels == gausscheck.analyze(path, **options).levels


def test_what_the_reader_says_arrives_in_one_line(tmp_path, path):
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(GausscheckError, match="expected an HDF5 file"):
        UntrustedSource(path)
    with pytest.raises(GausscheckError, match="no such file"):
        UntrustedSource(tmp_path / "none.npy")


def test_a_reader_that_never_answers_is_ended(path, monkeypatch):
    told_by(monkeypatch, "import time; time.sleep(60)")
    start = time.monotonic()
    with pytest.raises(GausscheckError, match=r"no answer in 0\.5 seconds"):
        UntrustedSource(path, seconds=0.5)
    assert time.monotonic() - start < 5


def test_a_reader_that_crashes_is_one_line(path, monkeypatch):
    told_by(monkeypatch, "import os; os.abort()")
    with pytest.raises(GausscheckError, match=r"died \(exit code -6\)"):
        UntrustedSource(path)


def test_a_reader_that_takes_too_much_is_one_line(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", emb=X)
    program = (
        "import gausscheck.sources.npz as m, numpy as np\n"
        "m.open_npz = lambda path, key: np.ones(3 << 30, np.uint8)\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(untrusted, "_PROGRAM", program + untrusted._PROGRAM)
        with pytest.raises(GausscheckError, match="takes more than the 100,000,000 bytes"):
            UntrustedSource(tmp_path / "x.npz", memory=10**8)


@pytest.mark.parametrize(
    "answer",
    [
        b"not json\n",
        b"[]\n",
        b"{}\n",
        b"null\n",
        b'{"error": null, "uri": 3}\n',
        b'{"error": null, "uri": "x", "n": -1, "d": 2}\n',
        b'{"error": null, "uri": "x", "n": 5, "d": 2, "dtype": "|O", "eps": 1, "notes": []}\n',
        b'{"error": null, "uri": "x", "n": 5, "d": 2, "dtype": "huh", "eps": 1, "notes": []}\n',
        b'{"error": null, "uri": "x", "n": 5, "d": 2, "dtype": "<f4", "eps": "x", "notes": 1}\n',
        b"[" * 100_000 + b"\n",
        b"x" * (3 << 20),
    ],
)
def test_what_a_reader_taken_over_answers_is_not_believed(path, monkeypatch, answer):
    if len(answer) > 1000:
        made = f"{answer[:1]!r} * {len(answer) - 1} + {answer[-1:]!r}"
    else:
        made = repr(answer)
    told_by(monkeypatch, f"import sys; sys.stdin.readline(); sys.stdout.buffer.write({made}); "
            "sys.stdout.flush(); import time; time.sleep(9)")  # fmt: skip
    with pytest.raises(GausscheckError):
        UntrustedSource(path, seconds=5)


def test_rows_that_were_never_shared_are_not_believed(path, monkeypatch):
    first = '{"error": null, "uri": "x", "n": 300, "d": 4, "dtype": "<f4", "eps": 0.1, "notes": []}'
    told_by(monkeypatch, f"import sys\nfor line in sys.stdin: print('{first}', flush=True)")
    source = UntrustedSource(path)
    with pytest.raises(GausscheckError, match="answered what cannot be"):
        source.read(0, 300)


# through analyze and the command line -----------------------------------------------------------

QUICK = {"directions": "axes", "levels": "none"}


def command(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def test_labels_directions_and_rows_of_an_audit_are_read_apart(path, tmp_path, monkeypatch):
    np.save(tmp_path / "mine.npy", np.eye(4)[:, :2])
    np.save(tmp_path / "labels.npy", np.arange(300) % 2)
    options = {"levels": "none", "directions": f"axes,file:{tmp_path / 'mine.npy'}"}
    plain = gausscheck.analyze(path, labels=str(tmp_path / "labels.npy"), **options)

    def here(*_):
        raise AssertionError("read in this process")

    for place in ("hdf5.Hdf5Source", "npy.read_header", "whole_npy"):
        monkeypatch.setattr(f"gausscheck.sources.{place}", here)
    monkeypatch.setattr("gausscheck.audit.directions.whole_npy", here)
    for labels in ("names", f"{path}:labels", str(tmp_path / "labels.npy")):
        apart = gausscheck.analyze(path, labels=labels, untrusted=True, **options)
        assert apart.levels == plain.levels
        assert apart.to_dict()["config"]["untrusted"] is True
    assert "read by a child process with limits" in apart.source.notes
    with pytest.raises(AssertionError, match="in this process"):
        gausscheck.analyze(path, labels=str(tmp_path / "labels.npy"), **options)


def test_what_a_child_says_of_labels_and_directions_is_one_line(path, tmp_path):
    (tmp_path / "bad.npy").write_bytes(b"noise" * 99)
    with pytest.raises(GausscheckError, match=r"bad\.npy: expected a \.npy file"):
        gausscheck.analyze(path, untrusted=True, labels=str(tmp_path / "bad.npy"), **QUICK)
    with pytest.raises(GausscheckError, match=r"directions file:.*readable \.npy matrix"):
        gausscheck.analyze(path, untrusted=True, directions=f"file:{tmp_path / 'bad.npy'}")
    with pytest.raises(GausscheckError, match=f'labels="{path}:none": expected'):
        gausscheck.analyze(path, untrusted=True, labels=f"{path}:none", **QUICK)


def test_rows_in_memory_are_taken_as_they_are_and_a_sketch_is_refused(tmp_path):
    assert gausscheck.analyze(X, untrusted=True, **QUICK).levels
    with pytest.raises(GausscheckError, match="leave untrusted= out"):
        gausscheck.analyze(tmp_path / "x.sketch", untrusted=True)
    with pytest.raises(GausscheckError, match="untrusted: expected true or false"):
        gausscheck.analyze(X, untrusted="yes")


def asked_of(tmp_path, path):
    """Every command that opens a file of rows, with what it needs beside it."""
    np.save(tmp_path / "x.npy", X)
    gausscheck.analyze(X, normalize="unit", **QUICK).save(tmp_path / "report")
    (tmp_path / "train.toml").write_text(
        f"data = 'file'\nfile = '{path}'\ndim = 2\nwidth = 8\nepochs = 1\nbatch = 64\n"
    )
    quick = ("--directions", "axes", "--levels", "none")
    return {
        "analyze": (path, *quick, "--out", tmp_path / "out"),
        "inspect": (path,),
        "apply": (tmp_path / "report", path, "--out", tmp_path / "out"),
        "sketch": (path, "--out", tmp_path / "out.sketch"),
        "pairs": (f"{path}:emb", tmp_path / "x.npy", "--out", tmp_path / "out"),
        "compare": (f"{path}:emb", tmp_path / "report", *quick, "--out", tmp_path / "out"),
        "scale": (path, "--prefix-dims", "3,4", "--out", tmp_path / "out"),
        "score": (f"{path}:emb", tmp_path / "x.npy", "--out", tmp_path / "out.csv"),
        "plot": (f"{path}:emb", "--figure", "radii", "--format", "svg", "--out", tmp_path / "out"),
        "repair": (path, "--repeats", "1", "--out", tmp_path / "out"),
        "train": ("--config", tmp_path / "train.toml", "--out", tmp_path / "out"),
    }


OPENING = (
    "analyze", "inspect", "apply", "sketch", "pairs", "compare", "scale", "score", "repair",
    "plot", "train",
)  # fmt: skip


def told(done):
    """What a command said, without the speed of its run."""
    return [line for line in done.stdout.splitlines() if "views/s" not in line]


def test_every_command_that_takes_a_file_of_rows_can_read_it_apart():
    files = {"file", "files", "inputs", "anchor", "reference"}
    taking = {
        name
        for name, held in main.commands.items()
        if files & {p.name for p in held.params if p.param_type_name == "argument"}
    }
    assert {*taking, "train"} == {*OPENING}


@pytest.mark.parametrize("name", OPENING)
def test_a_command_reads_apart(path, tmp_path, monkeypatch, name):
    if name == "train":
        pytest.importorskip("torch")
    asked = asked_of(tmp_path, path)[name]
    plain = command(name, *asked)
    assert plain.exit_code == 0, plain.output

    def here(*_):
        raise AssertionError("read in this process")

    monkeypatch.setattr("gausscheck.sources.hdf5.Hdf5Source", here)
    assert name == "inspect" or command(name, *asked).exit_code == 1
    apart = command(name, *asked, "--untrusted")
    assert apart.exit_code == 0, apart.output
    if name == "apply":
        unit = X / np.linalg.norm(X, axis=1)[:, None]
        np.testing.assert_allclose(np.load(tmp_path / "out"), unit, rtol=1e-6)
    elif name != "analyze":  # whose notes name the child
        assert told(apart) == told(plain)


def test_untrusted_is_an_option_of_files_too(path, tmp_path):
    (tmp_path / "options.toml").write_text("untrusted = true\n")
    quick = ("--directions", "axes", "--levels", "none", "--json")
    done = command("analyze", path, "--config", tmp_path / "options.toml", *quick)
    assert json.loads(done.stdout)["config"]["untrusted"] is True


def test_compare_and_scale_give_the_numbers_of_rows_read_here(path):
    def measured(found):
        return [(p["size"], p["values"]) for p in found.points]

    sizes = {"prefix_dims": (3, 4)}
    assert measured(gausscheck.scale(path, untrusted=True, **sizes)) == measured(
        gausscheck.scale(X, **sizes)
    )
    found = gausscheck.compare({"a": str(path), "b": X**3}, untrusted=True, **QUICK)
    plain = gausscheck.compare({"a": X, "b": X**3}, **QUICK)
    assert [str(d) for d in found.differences] == [str(d) for d in plain.differences]
    assert "read by a child process with limits" in found.reports["a"].source.notes


def test_training_reads_no_other_data_apart():
    pytest.importorskip("torch")
    done = command("train", "--data", "digits", "--untrusted", "--out", "run.h5")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "untrusted: expected data = file" in done.stderr


@pytest.mark.parametrize("name", OPENING)
def test_a_file_that_crashes_its_reader_is_one_line_and_exit_1(path, tmp_path, monkeypatch, name):
    if name == "train":
        pytest.importorskip("torch")
    asked = asked_of(tmp_path, path)[name]
    program = "import h5py, os\nh5py.File = lambda *a, **k: os.kill(os.getpid(), 11)\n"
    told_by(monkeypatch, program + untrusted._PROGRAM)
    done = command(name, *asked, "--untrusted")
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.fullmatch(r"gausscheck: .*x\.h5(:emb)?: the process that read it died "
                        r"\(exit code -11\); the file is damaged or made to do harm\n",
                        done.stderr)  # fmt: skip
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("name", OPENING)
def test_a_file_that_keeps_its_reader_busy_is_one_line_and_exit_1(
    path, tmp_path, monkeypatch, name
):
    if name == "train":
        pytest.importorskip("torch")
    asked = asked_of(tmp_path, path)[name]
    monkeypatch.setattr(untrusted, "SECONDS", 1.0)
    program = "import h5py, itertools\nh5py.File = lambda *a, **k: all(itertools.repeat(1))\n"
    told_by(monkeypatch, program + untrusted._PROGRAM)
    start = time.monotonic()
    done = command(name, *asked, "--untrusted")
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.fullmatch(r"gausscheck: .*x\.h5.* gave no answer in 1 seconds and was ended; .*\n",
                        done.stderr)  # fmt: skip
    assert time.monotonic() - start < 8
    assert not list(tmp_path.glob("out*"))
