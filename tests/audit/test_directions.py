from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gausscheck.audit.directions import FAMILIES, PreparedSpace, parse
from gausscheck.audit.projector import Projector
from gausscheck.core import GausscheckError
from gausscheck.passes.sample import RowSample
from gausscheck.passes.scatter import ScatterMatrix
from gausscheck.preparation import Preparation
from gausscheck.rng import stream


@pytest.fixture
def space(rng):
    a = rng.standard_normal((7, 7))
    names = tuple(f"axis {j}" for j in range(7))
    return PreparedSpace(
        ScatterMatrix(a @ a.T), np.array([0, 1, 2, 4, 5, 6]), names, rank=7, seed=3
    )


def test_axes_skip_dead_coordinates(space):
    directions = FAMILIES["axes"](space, "")
    assert directions.labels == tuple(f"axis {j}" for j in (0, 1, 2, 4, 5, 6))
    np.testing.assert_array_equal(directions.columns().sum(axis=1), [1, 1, 1, 0, 1, 1, 1])


@pytest.mark.parametrize("count", [1, 7, 20])
def test_random_directions_are_unit_and_orthogonal_within_a_frame(space, count):
    directions = FAMILIES["random"](space, str(count))
    assert directions.matrix.shape == (7, count)
    np.testing.assert_allclose(np.linalg.norm(directions.matrix, axis=0), 1)
    frame = directions.matrix[:, :7]
    np.testing.assert_allclose(frame.T @ frame, np.eye(frame.shape[1]), atol=1e-12)


def test_random_directions_are_haar():
    """The first coordinate of a Haar direction squared is Beta(1/2, (d-1)/2)."""
    from scipy import stats

    first = []
    for seed in range(300):
        space = PreparedSpace(ScatterMatrix(np.eye(3)), np.arange(3), ("a", "b", "c"), 3, seed)
        first.append(FAMILIES["random"](space, "1").matrix[0, 0])
    first = np.array(first)
    assert stats.kstest(first**2, stats.beta(0.5, 1).cdf).pvalue > 1e-4
    assert abs((first > 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(300)


def test_seeds_are_named_streams():
    a = stream(1, "random").random(4)
    assert np.array_equal(a, stream(1, "random").random(4))
    assert not np.array_equal(a, stream(1, "pca").random(4))
    assert not np.array_equal(a, stream(2, "random").random(4))


def test_pca_directions_are_eigenvectors_in_order(space):
    directions = FAMILIES["pca"](space, "3")
    values = np.diag(space.covariance.within(directions.matrix))
    np.testing.assert_allclose(values, np.linalg.eigvalsh(space.covariance.dense())[::-1][:3])


def test_a_users_matrix_is_scaled_to_unit_columns(space, rng, tmp_path):
    np.save(tmp_path / "p.npy", rng.standard_normal((7, 2)) * 9)
    directions = FAMILIES["file"](space, str(tmp_path / "p.npy"))
    np.testing.assert_allclose(np.linalg.norm(directions.matrix, axis=0), 1)


@pytest.mark.parametrize(
    ("matrix", "match"),
    [
        (np.ones((6, 2)), r"expected a numeric matrix of shape \(7, k\)"),
        (np.ones(7), "expected a numeric matrix"),
        (np.zeros((7, 2)), "column 0 is zero"),
        (np.full((7, 2), np.nan), "column 0 is zero or not finite"),
        (np.ones((7, 2), dtype=complex), "expected a numeric matrix"),
    ],
)
def test_a_users_matrix_that_cannot_serve_is_refused(space, tmp_path, matrix, match):
    np.save(tmp_path / "p.npy", matrix)
    with pytest.raises(GausscheckError, match=match):
        FAMILIES["file"](space, str(tmp_path / "p.npy"))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("axis", "expected families out of axes, random"),
        ("axes,axes", "axes is named twice"),
        ("random:many", "expected a positive count"),
        ("random:0", "expected a positive count"),
        ("file", "file needs a path"),
        ("", "expected families"),
    ],
)
def test_malformed_directions_are_refused(text, match):
    with pytest.raises(GausscheckError, match=match):
        parse(text, FAMILIES)


class Rows(RowSample):
    """All rows, in their own order."""

    def __init__(self, x):
        super().__init__(len(x), x.shape[1], len(x), x.dtype, seed=0, memory=1 << 30)
        self.index = np.arange(len(x))
        self._rows = x


@pytest.mark.parametrize("kind", ["raw", "unit", "whiten"])
@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("family", ["axes", "random"])
def test_project_equals_the_plain_product(space, rng, kind, double, family):
    x = (rng.standard_normal((5000, 7)) + 50).astype(np.float32)
    matrix = rng.standard_normal((7, 7)) if kind == "whiten" else None
    prep = Preparation(kind, np.full(7, 1.0) if matrix is not None else np.zeros(7), matrix)
    center = prep.rows(x).mean(axis=0)
    directions = FAMILIES[family](space, "5")
    with ThreadPoolExecutor(2) as pool:
        projector = Projector(Rows(x), prep, center, double, 1 << 28, pool)
        got = projector.project(directions, slice(1, 4))
        few = projector.project(directions, slice(1, 4), rows=10).copy()
    effective = directions.columns() if matrix is None else matrix @ directions.columns()
    want = ((prep.rows(x) - center) @ effective).T[1:4]
    assert got.dtype == (np.float64 if double else np.float32)
    np.testing.assert_allclose(few, want[:, :10], atol=np.abs(want).max() * 3e-6)


@pytest.mark.parametrize("double", [True, False])
def test_projections_are_as_exact_as_their_type(space, rng, double):
    x = (rng.standard_normal((5000, 7)) + 50).astype(np.float32)
    prep, center = Preparation("raw", np.zeros(7)), x.mean(axis=0, dtype=float)
    directions = FAMILIES["random"](space, "5")
    with ThreadPoolExecutor(2) as pool:
        got = Projector(Rows(x), prep, center, double, 1 << 28, pool).project(
            directions, slice(0, 5)
        )
        want = ((x - center) @ directions.columns()).T
        np.testing.assert_allclose(got, want, atol=np.abs(want).max() * (1e-13 if double else 3e-6))


def test_projection_does_not_depend_on_threads_or_slabs(space, rng):
    x = rng.standard_normal((9000, 7)).astype(np.float32)
    directions = FAMILIES["random"](space, "200")
    prep, center = Preparation("raw", np.zeros(7)), x.mean(axis=0, dtype=float)
    results = []
    for threads, step in ((1, 200), (4, 64), (3, 128)):
        whole = np.empty((200, 9000), np.float32)
        with ThreadPoolExecutor(threads) as pool:
            projector = Projector(Rows(x), prep, center, False, 1 << 28, pool)
            for low in range(0, 200, step):
                part = slice(low, min(low + step, 200))
                whole[part] = projector.project(directions, part)
        results.append(whole)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_a_file_of_directions_that_cannot_be_held_or_read_is_one_line(space, tmp_path):
    path = tmp_path / "mine.npy"
    with path.open("wb") as handle:
        header = {"descr": "<f8", "fortran_order": False, "shape": (7, 2**32)}
        np.lib.format.write_array_header_1_0(handle, header)
        handle.truncate(handle.tell() + 7 * 2**35)  # sparse: takes no room
    with pytest.raises(GausscheckError, match="240,518,168,576 bytes, of which at most"):
        FAMILIES["file"](space, str(path))
    np.save(path, np.array([None] * 7), allow_pickle=True)
    with pytest.raises(GausscheckError, match="never loaded"):
        FAMILIES["file"](space, str(path))
    np.savez(tmp_path / "x.npz", a=np.eye(7))
    with pytest.raises(GausscheckError, match=r"expected a \.npy file"):
        FAMILIES["file"](space, str(tmp_path / "x.npz"))
