"""A file that goes away while it is read is told as such, whichever pass finds out."""

import os

import numpy as np
import pytest

import gausscheck
from gausscheck.sources.npy import NpySource

QUICK = {"directions": "axes", "levels": "none", "rows": 1000, "memory": "64MB"}


@pytest.mark.parametrize("reads", [1, 2, 3, 4])
def test_a_file_that_is_deleted_before_a_read_is_gone(tmp_path, monkeypatch, rng, reads):
    path = tmp_path / "x.npy"
    np.save(path, rng.standard_normal((80_000, 16)).astype(np.float32))
    before, done = NpySource.read, []

    def read(self, start, stop):
        done.append(start)
        if len(done) == reads:
            os.unlink(path)
        return before(self, start, stop)

    monkeypatch.setattr(NpySource, "read", read)
    with pytest.raises(gausscheck.GausscheckError, match="gone while it was read"):
        gausscheck.analyze(path, **QUICK)
    assert len(done) >= reads


def test_what_else_the_system_says_is_said(tmp_path, monkeypatch, rng):
    np.save(tmp_path / "x.npy", rng.standard_normal((5_000, 16)).astype(np.float32))

    def read(self, start, stop):
        raise OSError(5, "Input/output error", "x.npy")

    monkeypatch.setattr(NpySource, "read", read)
    with pytest.raises(OSError, match="Input/output error"):
        gausscheck.analyze(tmp_path / "x.npy", **QUICK)
