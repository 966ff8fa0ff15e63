import subprocess
import sys

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.utils.estimator_checks import parametrize_with_checks

from gausscheck import GausscheckError, GaussianScorer, GaussianWhitener, Preparation
from gausscheck.estimators.moments import merge_moments, moments_of, moments_of_rows

SETTINGS = [
    GaussianWhitener(),
    GaussianWhitener(1, shrinkage="ledoit-wolf"),
    GaussianWhitener(method="zca", shrinkage=0.1),
    GaussianWhitener(0.9, method="zca"),
    GaussianScorer(),
    GaussianScorer(threshold="gaussian"),
    GaussianScorer(contamination=0.1),
    GaussianScorer(1, calibration=0.5),
    GaussianScorer(shrinkage="ledoit-wolf", calibration=0),
]


@pytest.mark.filterwarnings("ignore:conformal ranks among:UserWarning")
@parametrize_with_checks(SETTINGS)
def test_scikit_learn_takes_it_for_its_own(estimator, check):
    check(estimator)


@pytest.fixture
def x(rng):
    return rng.standard_normal((400, 7)) @ rng.standard_normal((7, 7)) + 5


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_whitened_rows_have_covariance_one_and_come_back(x, method):
    found = GaussianWhitener(method=method)
    white = found.fit_transform(x)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.cov(white.T), np.eye(7), atol=1e-10)
    np.testing.assert_allclose(found.inverse_transform(white), x, atol=1e-10)
    np.testing.assert_allclose(found.covariance_, np.cov(x.T), atol=1e-10)


def test_components_are_those_of_pca(x):
    ours, theirs = GaussianWhitener(3).fit(x), PCA(3, whiten=True).fit(x)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(
        ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-10
    )
    np.testing.assert_allclose(np.abs(ours.transform(x)), np.abs(theirs.transform(x)), atol=1e-9)
    for share in (0.3, 0.8, 0.99):
        assert GaussianWhitener(share).fit(x).n_components_ == PCA(share).fit(x).n_components_


def test_zca_stays_nearest_to_the_rows_and_keeps_their_names(x):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(x, columns=[f"f{i}" for i in range(7)])
    zca = GaussianWhitener(method="zca").fit(frame)
    np.testing.assert_allclose(zca.matrix_, zca.matrix_.T, atol=1e-12)
    assert (np.linalg.eigvalsh(zca.matrix_) > 0).all()  # the symmetric root, and no other
    assert zca.get_feature_names_out().tolist() == list(frame.columns)
    assert GaussianWhitener(2).fit(frame).get_feature_names_out().tolist() == [
        "gaussianwhitener0", "gaussianwhitener1",
    ]  # fmt: skip


def test_frames_come_out_where_they_are_asked_for(x):
    pytest.importorskip("pandas")
    found = GaussianWhitener(2).set_output(transform="pandas").fit_transform(x)
    assert list(found.columns) == ["gaussianwhitener0", "gaussianwhitener1"]


def test_the_package_imports_no_scikit_learn():
    code = "import gausscheck, sys; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("settings", [{}, {"shrinkage": "ledoit-wolf"}, {"method": "zca"},
                                      {"n_components": 3, "shrinkage": 0.2}])  # fmt: skip
def test_a_stream_gives_what_all_rows_at_once_give(x, settings):
    x = x + 1e3  # a mean far off: raw power sums would lose the spread
    whole = GaussianWhitener(**settings).fit(x)
    stream = GaussianWhitener(**settings)
    for block in np.array_split(x, [1, 2, 50, 51, 333]):
        stream.partial_fit(block)
    assert stream.n_samples_seen_ == 400
    assert stream.shrinkage_ == pytest.approx(whole.shrinkage_, rel=1e-8)
    np.testing.assert_allclose(stream.transform(x), whole.transform(x), atol=1e-8)


def test_moments_merge_to_those_of_all_rows(x):
    whole, parts = moments_of(x), moments_of(x[:1])
    for low in range(1, 400, 57):
        parts = merge_moments(parts, moments_of(x[low : low + 57]))
    c = x - x.mean(axis=0)
    square = (c**2).sum(axis=1)
    for state in (whole, parts, moments_of_rows(x)):
        np.testing.assert_allclose(state.third, square @ c, rtol=1e-9, atol=1e-6)
        assert state.fourth == pytest.approx(float(square @ square), rel=1e-10)
        np.testing.assert_allclose(state.spread.covariance.dense(), np.cov(x.T), rtol=1e-10)


@pytest.mark.parametrize("n", [30, 400])
def test_ledoit_wolf_is_scikit_learns(rng, n):
    x = rng.standard_normal((n, 40)) * np.geomspace(1, 0.05, 40)
    found = GaussianWhitener(shrinkage="ledoit-wolf").fit(x)
    assert found.shrinkage_ == pytest.approx(ledoit_wolf_shrinkage(x), rel=1e-9)
    covariance = np.cov(x.T)
    a = found.shrinkage_
    expected = (1 - a) * covariance + a * np.trace(covariance) / 40 * np.eye(40)
    assert found.n_components_ == 40  # with 30 rows too: the other directions at the mean variance
    np.testing.assert_allclose(found.covariance_, expected, atol=1e-12)
    np.testing.assert_allclose(
        (found.transform(x) ** 2).sum(axis=1),
        np.einsum("ij,ji->i", x - x.mean(0), np.linalg.solve(expected, (x - x.mean(0)).T)),
        rtol=1e-8,
    )


def test_dead_columns_and_missing_rank_are_left_out(x):
    x = np.hstack([x, x[:, :2] @ np.ones((2, 1)), np.full((400, 1), 7.0)])
    found = GaussianWhitener().fit(x)
    assert (found.rank_, found.n_components_, found.dead_features_.tolist()) == (7, 7, [8])
    np.testing.assert_allclose(np.cov(found.transform(x).T), np.eye(7), atol=1e-8)
    np.testing.assert_allclose(found.inverse_transform(found.transform(x)), x, atol=1e-8)
    assert GaussianWhitener(8).fit(x).n_components_ == 7


def test_fewer_rows_than_columns(rng):
    x = rng.standard_normal((12, 50))
    found = GaussianWhitener().fit(x)
    assert found.rank_ == 11
    np.testing.assert_allclose(np.cov(found.transform(x).T), np.eye(11), atol=1e-8)
    np.testing.assert_allclose(found.inverse_transform(found.transform(x)), x, atol=1e-8)


def test_narrow_types_are_summed_wide_and_stay_narrow(x):
    single = x.astype(np.float32)
    white = GaussianWhitener().fit_transform(single)
    assert white.dtype == np.float32
    expected = GaussianWhitener().fit_transform(single.astype(np.float64))
    np.testing.assert_allclose(white, expected, rtol=2e-6, atol=2e-6)
    half = GaussianWhitener().fit(x.astype(np.float16))
    assert half.transform(x.astype(np.float16)).dtype == np.float32
    assert half.inverse_transform(half.transform(x.astype(np.float16))).dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_components": 8}, "1 to 7"),
        ({"n_components": 0}, "1 to 7"),
        ({"n_components": 1.5}, "1 to 7"),
        ({"n_components": True}, "1 to 7"),
        ({"method": "zcaa"}, "pca, zca"),
        ({"shrinkage": 2}, "from 0 to 1"),
        ({"shrinkage": "oas"}, "ledoit-wolf"),
    ],
)
def test_parameters_that_cannot_mean_anything_are_refused(x, settings, words):
    with pytest.raises(GausscheckError, match=words):
        GaussianWhitener(**settings).fit(x)


def test_equal_rows_are_refused():
    with pytest.raises(GausscheckError, match="rows that vary"):
        GaussianWhitener().fit(np.ones((10, 3)))


def test_a_stream_of_one_row_is_not_fitted_yet(x):
    stream = GaussianWhitener().partial_fit(x[:1])
    with pytest.raises(ValueError, match="not fitted"):
        stream.transform(x)
    np.testing.assert_allclose(
        stream.partial_fit(x[1:]).transform(x), GaussianWhitener().fit_transform(x), atol=1e-9
    )


def test_the_map_is_saved_for_the_command_line(x, tmp_path):
    found = make_pipeline(Normalizer(), GaussianWhitener(3)).fit(x)[-1]
    found.preparation_.save(tmp_path / "map.npz")
    loaded = Preparation.load(tmp_path / "map.npz")
    np.testing.assert_array_equal(loaded.apply(x), found.transform(x))
