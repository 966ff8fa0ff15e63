"""Directions learned on one half of the rows and tested on the other."""

import h5py
import numpy as np
import pytest

import gausscheck
from gausscheck.audit.learned_directions import LEARNED, FittingRows
from gausscheck.normality import profile


def turned(rng, x):
    return x @ np.linalg.qr(rng.standard_normal((x.shape[1], x.shape[1])))[0]


@pytest.mark.parametrize("family", ["ica", "pursuit"])
def test_finds_the_direction_that_is_not_gaussian(rng, family):
    x = rng.standard_normal((4000, 20))
    x[:, 0] = rng.laplace(size=4000) / np.sqrt(2)
    turn = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    rows = x @ turn.T
    matrix, names = LEARNED[family](FittingRows(rows - rows.mean(axis=0), None, 0), "5")
    assert matrix.shape == (20, len(names))
    assert len(names) == 5 or (family == "pursuit" and 3 <= len(names) <= 5)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=0), 1)
    assert np.abs(matrix.T @ turn[:, 0]).max() > 0.9


def two_clusters(rng, n, share=0.2113, apart=10.0):
    """Skewness 1.3 and no excess kurtosis, where a share of 21 % is far from the others."""
    s = rng.standard_normal(n) + apart * (rng.random(n) < share)
    return (s - s.mean()) / s.std()


@pytest.mark.parametrize("sign", [-1, 1])
def test_pursuit_finds_skewness_without_kurtosis(rng, sign):
    x = rng.standard_normal((5000, 48))
    x[:, 0] = sign * two_clusters(rng, 5000)
    assert abs((x[:, 0] ** 4).mean() - 3) < 0.2
    turn = np.linalg.qr(rng.standard_normal((48, 48)))[0]
    rows = x @ turn.T
    matrix, names = LEARNED["pursuit"](FittingRows(rows - rows.mean(axis=0), None, 0), "10")
    assert len(names) == 10
    assert np.abs(matrix.T @ turn[:, 0]).argmax() == 1  # the second is the most skewed one
    assert np.abs(matrix[:, 1] @ turn[:, 0]) > 0.95


def test_pursuit_finds_each_of_several_skewed_directions(rng):
    x = rng.standard_normal((6000, 24))
    for j in range(3):
        x[:, j] = two_clusters(rng, 6000)
    matrix, _ = LEARNED["pursuit"](FittingRows(x - x.mean(axis=0), None, 0), "10")
    assert (np.abs(matrix[:3]).max(axis=1) > 0.9).all()


def test_two_clusters_far_apart_are_no_clean_bill(rng):
    x = rng.standard_normal((6000, 32))
    x[:, 0] = two_clusters(rng, 6000)
    report = gausscheck.analyze(turned(rng, x).astype(np.float32), levels="none")
    assert report.levels["axes"].status == "gaussian"
    assert report.verdict.status == "not_gaussian"
    assert report.levels["learned"].rejected == ("pursuit 2",)
    assert "bimodal" in report.levels["learned"].worst[0].shape


@pytest.mark.parametrize("d", [1, 2])
def test_pursuit_of_points_without_a_third_moment(d):
    rows = np.array(np.meshgrid(*[[-1.0, 1.0]] * d)).reshape(d, -1).T.repeat(100, axis=0)
    matrix, names = LEARNED["pursuit"](FittingRows(rows, None, 0), "3")
    assert 1 <= len(names) <= d
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=0), 1)


def test_the_learned_level_sees_what_axes_hide(rng):
    x = rng.standard_normal((8000, 24))
    x[:, 0] = rng.exponential(size=8000) - 1
    report = gausscheck.analyze(turned(rng, x), directions="axes,random:64,ica:6")
    assert report.levels["axes"].status == "gaussian"
    assert report.levels["learned"].status == "not_gaussian"
    assert report.verdict.worst_level == "learned"
    assert report.levels["learned"].fit_rows == "half"
    assert report.levels["learned"].n == 4000


@pytest.mark.parametrize("normalize", ["raw", "standardize", "whiten", "unit"])
def test_every_preparation_goes_with_every_family(rng, normalize):
    x = rng.standard_normal((600, 8)) * np.geomspace(1, 1e-3, 8) + 4
    labels = (x[:, 0] > 4).astype(int)
    np.save("labels.npy", labels)
    report = gausscheck.analyze(
        x, normalize=normalize, directions="ica:3,pursuit:3,lda", labels="labels.npy"
    )
    assert report.levels["learned"].directions in (6, 7)  # pursuit keeps no two alike


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_labels_come_from_the_container_or_by_name(rng, tmp_path):
    x = rng.standard_normal((400, 6)).astype(np.float32)
    groups = np.array(["cat", "dog"])[rng.integers(0, 2, 400)]
    x[groups == "cat", 2] += 6
    with h5py.File("x.h5", "w") as file:
        file["embeddings"] = x
        file["kind"] = groups.astype("S")
        file["label"] = groups.astype(object)
    np.savez("x.npz", emb=x, y=groups)
    np.save("groups.npy", groups)
    found = [
        gausscheck.analyze("x.h5", directions="lda"),
        gausscheck.analyze("x.h5", directions="lda", labels="kind"),
        gausscheck.analyze("x.h5", directions="lda", labels="groups.npy"),
        gausscheck.analyze("x.h5", directions="lda", labels="x.npz:y"),
        gausscheck.analyze("x.npz", directions="lda", labels="x.h5:label"),
        gausscheck.analyze("x.npz", directions="lda"),
    ]
    first = found[0].levels["learned"]
    assert "bimodal" in first.worst[0].shape
    for other in found[1:]:
        assert other.levels["learned"].statistic_mean == first.statistic_mean


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "expected labels, got none"),
        ("nowhere.npy", "expected a .npy file"),
        ("short.npy", "expected 400 labels"),
        ("same.npy", "got 1"),
    ],
)
def test_labels_that_do_not_fit(rng, labels, words):
    np.save("short.npy", np.arange(3))
    np.save("same.npy", np.zeros(400))
    x = rng.standard_normal((400, 6))
    with pytest.raises(gausscheck.GausscheckError, match=words):
        gausscheck.analyze(x, directions="lda", labels=labels)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ica", "pursuit"])
def test_on_other_rows_the_level_is_kept_and_on_their_own_it_is_not(family):
    rng = np.random.default_rng(20_260_308)
    own, other = [], []
    for _ in range(25):
        x = rng.standard_normal((2000, 60))
        half = x[:1000] - x[:1000].mean(axis=0)
        matrix, _ = LEARNED[family](FittingRows(half, None, 0), "10")
        for rows, found in ((x[:1000], own), (x[1000:], other)):
            outcome = profile(np.ascontiguousarray((rows @ matrix).T), effects=False).outcomes
            found.append(np.mean(outcome["anderson_darling"].pvalue < 0.05))
    sigma = np.sqrt(0.05 * 0.95 / 250)
    assert np.mean(other) < 0.05 + 5 * sigma
    assert np.mean(own) > 0.05 + 5 * sigma


@pytest.mark.slow
def test_the_default_audit_finds_one_direction_hidden_in_256():
    rng = np.random.default_rng(20_260_315)
    x = rng.standard_normal((20_000, 256))
    x[:, 0] = rng.standard_normal(20_000) + 6 * (rng.random(20_000) < 0.02)
    report = gausscheck.analyze(turned(rng, x))
    assert report.levels["axes"].status == "gaussian"
    assert report.verdict.status == "not_gaussian"
    assert report.verdict.worst_level == "learned"


def test_the_learned_level_does_not_hang_on_the_signs_of_eigenvectors(rng, monkeypatch):
    """Other processors give eigenvectors other signs, and near the identity any at all."""
    x = turned(rng, rng.standard_t(6, size=(1500, 12)))
    plain = np.linalg.eigh
    options = {"directions": "ica:4,pursuit:4", "levels": "none"}
    want = gausscheck.analyze(x, **options).levels["learned"]

    def flipped(matrix):
        values, vectors = plain(matrix)
        signs = np.where(np.arange(vectors.shape[1]) % 3, -1.0, 1.0)
        if np.allclose(matrix, np.eye(len(matrix)), atol=1e-9):  # any basis will do
            turn = np.linalg.qr(np.random.default_rng(0).standard_normal(matrix.shape))[0]
            return values, vectors @ turn
        return values, vectors * signs

    monkeypatch.setattr(np.linalg, "eigh", flipped)
    got = gausscheck.analyze(x, **options).levels["learned"]
    assert got.value == pytest.approx(want.value, rel=1e-4)
