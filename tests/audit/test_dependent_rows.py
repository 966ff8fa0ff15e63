"""Rows that depend on each other: no p-value is claimed, and every interval knows of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.signal import lfilter

import gausscheck
from gausscheck.audit.isotropic import isotropic
from gausscheck.normality.groups import delete_group, group_sizes, jackknife_interval
from gausscheck.passes.row_norms import NormSums

N, D = 3000, 16
SETTINGS = {"directions": "axes", "levels": "marginals", "null": "isotropic", "threads": 1}


def autoregressive(seed, phi=0.95):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((N + 500, D)) * np.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], noise, axis=0)[500:]


@pytest.fixture(scope="module")
def drifting():
    return gausscheck.analyze(autoregressive(0), **SETTINGS)


@pytest.fixture(scope="module")
def shuffled():
    x = autoregressive(0)
    return gausscheck.analyze(x[np.random.default_rng(1).permutation(N)], **SETTINGS)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    path = tmp_path_factory.mktemp("clusters") / "clusters.npy"
    np.save(path, np.arange(N) // 50)
    return gausscheck.analyze(autoregressive(0, 0.0), groups_by=str(path), **SETTINGS)


def pvalues(value, path=""):
    """Every number under a key that names a p-value, of a report as JSON."""
    if isinstance(value, dict):
        return [one for key, part in value.items() for one in pvalues(part, f"{path}/{key}")]
    if isinstance(value, list):
        return [one for part in value for one in pvalues(part, path)]
    mine = "pvalue" in path and "sphere_claim" not in path and value is not None
    return [(path, value)] if mine and not isinstance(value, str) else []


@pytest.mark.parametrize("name", ["drifting", "clusters"])
def test_no_pvalue_is_given_where_rows_depend(name, request):
    report = request.getfixturevalue(name)
    assert pvalues(json.loads(json.dumps(report.to_dict()))) == []
    assert not [column for column in report.to_frame() if "pvalue" in column]
    assert "depend on each other" in report.why_no_pvalues
    assert report.outcomes["axes"]["anderson_darling"].statistic_mean > 0


def test_pvalues_are_given_where_they_do_not(shuffled):
    assert len(pvalues(shuffled.to_dict())) > 20
    assert shuffled.why_no_pvalues is None


def test_the_cv_of_the_norms_has_the_error_of_blocks(drifting, shuffled):
    def width(report):
        low, high = report.norms.cv_ci
        return high - low

    assert width(drifting) > 2 * width(shuffled)
    assert drifting.norms.cv == pytest.approx(shuffled.norms.cv)


def test_the_cv_of_the_norms_has_the_error_of_clusters(tmp_path):
    rng = np.random.default_rng(2)
    group = rng.permutation(np.arange(N) % 40)
    x = rng.standard_normal((N, D)) * np.exp(0.2 * rng.standard_normal(40))[group][:, None]
    np.save(tmp_path / "group.npy", group)
    plain, by = (
        gausscheck.analyze(x, directions="axes", levels="none", groups_by=name).norms.cv_ci
        for name in (None, str(tmp_path / "group.npy"))
    )
    assert by[1] - by[0] > 2 * (plain[1] - plain[0])


def test_rows_that_repeat_do_not_sharpen_the_cv_of_the_norms():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((600, D))
    rows = np.repeat(x, 5, axis=0)[rng.permutation(3000)]
    once, often = (
        gausscheck.analyze(one, directions="axes", levels="none").norms.cv_ci for one in (x, rows)
    )
    assert often[1] - often[0] == pytest.approx(once[1] - once[0], rel=0.4)


def test_drifting_gaussian_rows_do_not_fail_the_isotropic_null():
    for seed in range(5):
        report = gausscheck.analyze(autoregressive(seed), **SETTINGS | {"levels": "none"})
        assert report.isotropic.status != "fails"
        assert report.isotropic.john_pvalue is None
        assert not report.isotropic.rejected


def test_drifting_rows_off_the_isotropic_null_fail_it_by_their_interval():
    x = autoregressive(0, 0.5)
    x[:, 0] *= 4
    report = gausscheck.analyze(x, **SETTINGS | {"levels": "none"})
    sphericity = next(p for p in report.isotropic.parts if p.name == "sphericity")
    assert report.isotropic.status == sphericity.status == "fails"
    assert sphericity.pvalue is None


def test_the_jackknife_takes_off_what_dependent_pairs_add_to_the_isotropic_mean():
    """Clusters of 20 rows with a common part: pairs within one lift the mean effect."""
    effects = {"independent": [], "clusters": []}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        common = np.repeat(rng.standard_normal((40, 8)), 20, axis=0)
        rows = (common + rng.standard_normal((800, 8))) / np.sqrt(2)
        for name, sizes in (("independent", None), ("clusters", np.full(20, 40))):
            found = isotropic(rows, np.random.default_rng(0), sizes=sizes)
            effects[name].append(next(p.effect for p in found.parts if p.name == "mean"))
    lifted = np.mean(effects["independent"])
    left = np.mean(effects["clusters"])
    error = np.std(effects["clusters"]) / np.sqrt(30)
    assert abs(left) < 3 * error < lifted


def test_delete_group_of_equal_groups_is_the_usual_jackknife():
    left = np.random.default_rng(4).standard_normal(12)
    value, variance = delete_group(0.3, left, np.full(12, 7))
    assert np.sqrt(variance) == pytest.approx(jackknife_interval(0.3, left, 0.95)[0])
    assert value == pytest.approx(12 * 0.3 - 11 * left.mean())


def test_sums_of_norms_by_groups_side_by_side_are_those_of_the_norms():
    norms = np.random.default_rng(5).gamma(9, size=101)
    sizes = group_sizes(101, 7)
    found = NormSums.of_groups(norms, sizes)
    assert found.cv == pytest.approx(norms.std() / norms.mean())
    rest = norms[sizes[0] :]
    assert found.cv_without[0] == pytest.approx(rest.std() / rest.mean())
