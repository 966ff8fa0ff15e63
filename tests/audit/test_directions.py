from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gausscheck.audit import directions as projections
from gausscheck.audit.directions import FAMILIES, Scene, parse
from gausscheck.audit.projector import project
from gausscheck.core import GausscheckError
from gausscheck.preparation import Preparation


@pytest.fixture
def scene(rng):
    a = rng.standard_normal((7, 7))
    names = tuple(f"axis {j}" for j in range(7))
    return Scene(a @ a.T, np.array([0, 1, 2, 4, 5, 6]), names, rank=7, seed=3)


def test_axes_skip_dead_coordinates(scene):
    ways = FAMILIES["axes"](scene, "")
    assert ways.labels == tuple(f"axis {j}" for j in (0, 1, 2, 4, 5, 6))
    np.testing.assert_array_equal(ways.matrix.sum(axis=1), [1, 1, 1, 0, 1, 1, 1])


@pytest.mark.parametrize("count", [1, 7, 20])
def test_random_directions_are_unit_and_orthogonal_within_a_frame(scene, count):
    ways = FAMILIES["random"](scene, str(count))
    assert ways.matrix.shape == (7, count)
    np.testing.assert_allclose(np.linalg.norm(ways.matrix, axis=0), 1)
    frame = ways.matrix[:, :7]
    np.testing.assert_allclose(frame.T @ frame, np.eye(frame.shape[1]), atol=1e-12)


def test_random_directions_are_haar():
    """The first coordinate of a Haar direction squared is Beta(1/2, (d-1)/2)."""
    from scipy import stats

    first = []
    for seed in range(300):
        scene = Scene(np.eye(3), np.arange(3), ("a", "b", "c"), 3, seed)
        first.append(FAMILIES["random"](scene, "1").matrix[0, 0])
    first = np.array(first)
    assert stats.kstest(first**2, stats.beta(0.5, 1).cdf).pvalue > 1e-4
    assert abs((first > 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(300)


def test_seeds_are_named_streams():
    a = projections.stream(1, "random").random(4)
    assert np.array_equal(a, projections.stream(1, "random").random(4))
    assert not np.array_equal(a, projections.stream(1, "pca").random(4))
    assert not np.array_equal(a, projections.stream(2, "random").random(4))


def test_pca_directions_are_eigenvectors_in_order(scene):
    ways = FAMILIES["pca"](scene, "3")
    values = np.diag(ways.matrix.T @ scene.covariance @ ways.matrix)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(scene.covariance)[::-1][:3])


def test_a_users_matrix_is_scaled_to_unit_columns(scene, rng, tmp_path):
    np.save(tmp_path / "p.npy", rng.standard_normal((7, 2)) * 9)
    ways = FAMILIES["file"](scene, str(tmp_path / "p.npy"))
    np.testing.assert_allclose(np.linalg.norm(ways.matrix, axis=0), 1)


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
def test_a_users_matrix_that_cannot_serve_is_refused(scene, tmp_path, matrix, match):
    np.save(tmp_path / "p.npy", matrix)
    with pytest.raises(GausscheckError, match=match):
        FAMILIES["file"](scene, str(tmp_path / "p.npy"))


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


@pytest.mark.parametrize("kind", ["raw", "unit", "whiten"])
@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("family", ["axes", "random"])
def test_project_equals_the_plain_product(scene, rng, kind, double, family):
    x = (rng.standard_normal((5000, 7)) + 50).astype(np.float32)
    matrix = rng.standard_normal((7, 7)) if kind == "whiten" else None
    prep = Preparation(kind, np.full(7, 1.0) if matrix is not None else np.zeros(7), matrix)
    center = prep.rows(x).mean(axis=0)
    ways = FAMILIES[family](scene, "5")
    got = np.empty((3, 5000), np.float64 if double else np.float32)
    with ThreadPoolExecutor(2) as pool:
        project(lambda a, b: x[a:b], 5000, prep, center, ways, slice(1, 4), out=got, pool=pool)
    effective = ways.matrix if matrix is None else matrix @ ways.matrix
    want = ((prep.rows(x) - center) @ effective).T[1:4]
    scale = np.abs(want).max()
    np.testing.assert_allclose(got, want, atol=scale * (1e-13 if double else 3e-6))


def test_projection_does_not_depend_on_threads_or_slabs(scene, rng):
    x = rng.standard_normal((9000, 7)).astype(np.float32)
    ways = FAMILIES["random"](scene, "200")
    prep, center = Preparation("raw", np.zeros(7)), x.mean(axis=0, dtype=float)
    results = []
    for threads, step in ((1, 200), (4, 64), (3, 128)):
        whole = np.empty((200, 9000), np.float32)
        with ThreadPoolExecutor(threads) as pool:
            for low in range(0, 200, step):
                part = slice(low, min(low + step, 200))
                project(lambda a, b: x[a:b], 9000, prep, center, ways, part, out=whole[part],
                        pool=pool)  # fmt: skip
        results.append(whole)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])
