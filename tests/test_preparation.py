import numpy as np
import pytest

from gausscheck.audit import preflight as checks
from gausscheck.core import GausscheckError
from gausscheck.passes.reductions import FirstPass
from gausscheck.preparation import Preparation, apply_to_file, fit
from gausscheck.sources.base import BaseSource


class Rows(BaseSource):
    """The least of a Source."""

    def __init__(self, x):
        self.x, (self.n, self.d), self.dtype, self.uri, self.notes = x, x.shape, x.dtype, "x", ()
        self.eps = 2.2e-16

    def read(self, start, stop):
        return self.x[start:stop]


def fitted(kind, x, eps=2.2e-16):
    _, spread = FirstPass(kind == "unit").of(x, 0)
    dead = checks.dead_coordinates(spread, eps)
    live = np.setdiff1d(np.arange(x.shape[1]), dead)
    return fit(kind, spread, checks.eigenbasis(spread, live), live)


@pytest.fixture
def rows(rng):
    return rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6)) + 4


def test_raw_is_the_identity(rows):
    np.testing.assert_array_equal(fitted("raw", rows).apply(rows), rows)


def test_center_removes_the_mean(rows):
    np.testing.assert_allclose(fitted("center", rows).apply(rows).mean(axis=0), 0, atol=1e-13)


def test_unit_rows_have_length_one(rows):
    np.testing.assert_allclose(np.linalg.norm(fitted("unit", rows).apply(rows), axis=1), 1)


def test_standardize_gives_unit_variances_of_live_coordinates(rows):
    rows[:, 2] = 5.0
    out = fitted("standardize", rows).apply(rows)
    assert out.shape == (300, 5)
    np.testing.assert_allclose(out.std(axis=0, ddof=1), 1)


def test_whitening_gives_the_identity_within_the_rank(rows):
    rows[:, 5] = rows[:, 0] - rows[:, 1]  # rank 5, no dead coordinate
    out = fitted("whiten", rows).apply(rows)
    assert out.shape == (300, 5)
    np.testing.assert_allclose(np.cov(out.T), np.eye(5), atol=1e-9)


def test_whitening_is_fitted_once_and_applies_to_other_rows(rows, rng, tmp_path):
    prep = fitted("whiten", rows)
    prep.save(tmp_path / "map.npz")
    other = rng.standard_normal((10, 6))
    np.testing.assert_array_equal(Preparation.load(tmp_path / "map.npz").apply(other),
                                  prep.apply(other))  # fmt: skip


def test_a_missing_map_is_one_line(tmp_path):
    with pytest.raises(GausscheckError, match=r"none\.npz: expected a saved preparation"):
        Preparation.load(tmp_path / "none.npz")


def test_rows_of_another_dimension_are_refused(rows):
    with pytest.raises(GausscheckError, match="expected rows of 6 dimensions"):
        fitted("center", rows).apply(rows[:, :4])


def test_apply_to_file_streams_the_same_rows(rows, tmp_path):
    prep = fitted("whiten", rows)
    path = tmp_path / "out.npy"
    assert apply_to_file(prep, Rows(rows), path) == (300, 6)
    np.testing.assert_allclose(np.load(path), prep.apply(rows), rtol=1e-6, atol=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == ["out.npy"]


def test_apply_to_file_leaves_nothing_on_failure(rows, tmp_path):
    prep = fitted("center", rows)
    with pytest.raises(GausscheckError, match="expected rows of 6"):
        apply_to_file(prep, Rows(rows[:, :3]), tmp_path / "out.npy")
    assert list(tmp_path.iterdir()) == []
