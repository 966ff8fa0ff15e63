"""Reading by a child process: the same rows, and limits that end it."""

import pickle
import time

import h5py
import numpy as np
import pytest

import gausscheck
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
