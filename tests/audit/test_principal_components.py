"""Principal components: tested on rows that they were not found from."""

import numpy as np
import pytest

import gausscheck
from gausscheck.normality import A0

OPTIONS = {"directions": "random:32,pca:16", "levels": "none"}


def mixture(rng, n, d):
    return rng.standard_normal((n, d)) * rng.choice([1.0, 2.0], (n, 1), p=[0.8, 0.2])


def levels(draw, samples, **options):
    return [
        gausscheck.analyze(draw(np.random.default_rng([51, i])), **{**OPTIONS, **options}).levels
        for i in range(samples)
    ]


def test_components_of_like_directions_deviate_like_any_direction():
    # in sample, the components of these rows have 1.8 times the deviation of random directions
    found = levels(lambda rng: mixture(rng, 2000, 32), 6)
    ratio = [(one["pca"].value - A0) / (one["random"].value - A0) for one in found]
    assert np.mean(ratio) == pytest.approx(1, abs=0.2)
    for one in found:
        assert one["pca"].value_ci[0] < one["random"].value < one["pca"].value_ci[1]
        assert one["pca"].standard_error > one["random"].standard_error


def test_components_of_gaussian_rows_have_no_deviation():
    scale = np.arange(1, 25) ** -1.0
    found = [one["pca"] for one in levels(lambda rng: rng.standard_normal((600, 24)) * scale, 20)]
    deltas = np.array([one.discrepancy for one in found])
    assert abs(deltas.mean()) < 5 * deltas.std(ddof=1) / np.sqrt(deltas.size)
    low, high = np.array([one.discrepancy_ci for one in found]).T
    assert np.mean((low <= 0) & (high >= 0)) >= 0.75
    assert not any(one.status == "not_gaussian" for one in found)


def test_two_clusters_cannot_be_halved(tmp_path):
    np.save(tmp_path / "names.npy", np.repeat([0, 1], 100))
    x = np.random.default_rng(53).standard_normal((200, 5))
    report = gausscheck.analyze(x, groups_by=str(tmp_path / "names.npy"), **OPTIONS)
    assert np.isfinite(report.levels["pca"].value)


@pytest.mark.parametrize(("n", "d"), [(60, 200), (45, 3), (30, 8), (400, 1)])
def test_few_rows_and_few_dimensions_have_components(n, d):
    (found,) = levels(lambda rng: rng.standard_normal((n, d)), 1)
    assert np.isfinite(found["pca"].value_ci).all()


def test_components_of_clusters_are_tested_on_other_clusters(tmp_path):
    rng = np.random.default_rng(52)
    labels = np.repeat(np.arange(50), 20)
    x = np.repeat(rng.standard_normal((50, 12)), 20, axis=0) + 0.5 * rng.standard_normal((1000, 12))
    np.save(tmp_path / "names.npy", labels)
    groups = str(tmp_path / "names.npy")
    level = gausscheck.analyze(x, groups_by=groups, **OPTIONS).levels["pca"]
    plain = gausscheck.analyze(rng.permutation(x), **OPTIONS).levels["pca"]
    assert level.status != "not_gaussian"
    assert level.standard_error > plain.standard_error
