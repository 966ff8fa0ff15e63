"""Levels that look at several dimensions at once: subspaces, shell and sphere."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gausscheck
from audit import exact_shell
from gausscheck.audit.noticed import corrected
from gausscheck.normality import residuals, whiten_tall
from gausscheck.normality.groups import Partition, group_sizes
from gausscheck.normality.rotated import whitened_rows
from gausscheck.normality.sphere.energy import (
    energy_left_out,
    energy_null,
    energy_shift,
)
from gausscheck.normality.sphere.shell import (
    _squared_without,
    shell_left_out,
    shell_limit,
    shell_mean,
    shell_refitted,
    shell_without,
)

DEEP = {"directions": "axes", "levels": "marginals,norms,sphere"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("GAUSSCHECK_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def student(rng, n, d, freedom):
    return rng.standard_normal((n, d)) * np.sqrt(freedom / rng.chisquare(freedom, (n, 1)))


def clusters(rng, n, d):
    centres = np.zeros((10, d))
    centres[:, :9] = 3 * rng.standard_normal((10, 9))
    return rng.standard_normal((n, d)) + centres[rng.integers(0, 10, n)]


def test_normal_rows_of_any_covariance_are_gaussian_at_every_level(rng):
    x = rng.standard_normal((4000, 12)) @ rng.standard_normal((12, 12)) - 7
    report = gausscheck.analyze(x, **DEEP)
    assert {k: v.status for k, v in report.levels.items()} == dict.fromkeys(
        ("axes", "marginals", "norms", "sphere"), "gaussian"
    )


def test_heavy_radii_show_in_the_norms(rng):
    report = gausscheck.analyze(student(rng, 3000, 16, 10), **DEEP)
    assert report.levels["norms"].status == "not_gaussian"
    assert report.levels["sphere"].status == "gaussian"
    assert report.use.false_alarm["0.01"].ci[0] > 0.02


def test_clusters_show_in_the_directions_of_whitened_rows(rng):
    report = gausscheck.analyze(clusters(rng, 4000, 16), **DEEP)
    assert report.levels["sphere"].status == "not_gaussian"


def test_a_shell_shows_in_its_subspaces_while_its_axes_pass(rng):
    z = rng.standard_normal((3000, 64))
    z *= (1 + 0.01 * rng.standard_normal((3000, 1))) / np.linalg.norm(z, axis=1, keepdims=True)
    report = gausscheck.analyze(z, **DEEP)
    assert report.levels["axes"].status == "gaussian"
    assert report.levels["marginals"].status == "not_gaussian"
    assert report.levels["marginals"].k == 32
    assert [p.k for p in report.levels["marginals"].curve] == [1, 2, 4, 8, 16, 32]
    assert report.use.too_few[-1] == 64


def test_rows_of_length_one_that_are_uniform_are_on_the_sphere_and_no_more_is_said(rng):
    z = rng.standard_normal((3000, 64))
    report = gausscheck.analyze(z / np.linalg.norm(z, axis=1, keepdims=True), **DEEP)
    assert report.verdict.claims.sphere == "holds"
    assert set(report.not_applicable) == {"norms", "marginals"}
    assert "On the sphere" in report.verdict.summary
    assert report.verdict.status != "not_gaussian"
    assert report.use.false_alarm["0.05"].value == 0


def test_norms_and_sphere_do_not_change_under_affine_maps(rng):
    x = student(rng, 2000, 8, 8)
    turn = rng.standard_normal((8, 8)) + 3 * np.eye(8)
    plain = gausscheck.analyze(x, **DEEP).levels
    moved = gausscheck.analyze(x @ turn * 1e-3 + 20, **DEEP).levels
    for level in ("norms", "sphere"):
        assert moved[level].value == pytest.approx(plain[level].value, rel=1e-6)


def test_they_do_not_depend_on_the_number_of_rows(rng):
    x = student(rng, 8000, 8, 30)
    few, many = (gausscheck.analyze(x[:n], **DEEP).levels["norms"] for n in (2000, 8000))
    low, high = few.value_ci
    assert low < many.value < high


@pytest.mark.parametrize(
    ("shape", "level", "words"),
    [((60, 30), "norms", "3 rows a dimension"), ((400, 2), "sphere", "needs 3 dimensions")],
)
def test_a_level_that_cannot_speak_says_why(rng, shape, level, words):
    report = gausscheck.analyze(rng.standard_normal(shape), **DEEP)
    assert level not in report.levels
    assert words in report.not_applicable[level]


def test_levels_can_be_left_out_and_misspelt(rng):
    x = rng.standard_normal((300, 4))
    assert set(gausscheck.analyze(x, directions="axes", levels="none").levels) == {"axes"}
    with pytest.raises(gausscheck.GausscheckError, match="marginals, norms, sphere"):
        gausscheck.analyze(x, levels="shells")


@pytest.mark.parametrize("sizes", [[50] * 8, [1, 120, 30, 249]])
def test_sums_from_the_side_of_a_group_are_the_plain_statistic(rng, sizes):
    u, member = np.sort(rng.random(400)), rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    (left,) = _squared_without([(np.log(u), np.log1p(-u))], member)
    plain = [exact_shell.anderson_darling(u[member != group]) for group in range(len(sizes))]
    np.testing.assert_allclose(left, plain)


@pytest.mark.parametrize(("n", "k"), [(50, 3), (1000, 8), (10_000, 1), (10_000, 64), (10_000, 384)])
@pytest.mark.parametrize("tails", [np.inf, 4])
def test_transforms_that_are_interpolated_give_the_shell_of_exact_ones(rng, n, k, tails):
    # chords of the curves themselves lie on one side of them: 8e-4 off at 10,000 x 384
    y = rng.standard_normal((n, k))
    if tails < np.inf:
        y *= np.sqrt(tails / rng.chisquare(tails, (n, 1)))
    y -= y.mean(axis=0)
    y /= y.std(axis=0)
    whole, left = shell_without(y, 5)
    assert whole == pytest.approx(exact_shell.shell(y), rel=1e-5, abs=1e-4)
    expected = exact_shell.shell_without(y, group_sizes(n, 5))
    assert left == pytest.approx(expected, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("k", [1, 4, 32])
def test_shell_null_is_what_simulation_gives(k):
    rng = np.random.default_rng([11, k])
    found = np.array([
        exact_shell.shell(residuals(rng.standard_normal((800, k)))[0])
        for _ in range(300)
    ])  # fmt: skip
    assert abs(found.mean() - shell_mean(k)) < 5 * found.std() / np.sqrt(300)
    assert abs((found > shell_limit(k)).mean() - 0.05) < 5 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("p", [3, 16, 64])
def test_sphere_null_is_what_simulation_gives(p):
    rng = np.random.default_rng([12, p])
    null = energy_null(p)
    n, found = 400, []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(200):
            u = rng.standard_normal((n, p))
            u /= np.linalg.norm(u, axis=1, keepdims=True)
            whole, _ = energy_left_out(u, [Partition.equal(n, 4)], pool)
            found.append(whole + energy_shift(n, p))  # they are not whitened
    found = np.array(found)
    assert abs(found.mean() - null.mean) < 5 * found.std() / np.sqrt(200)
    assert abs((found > null.limit).mean() - 0.05) < 5 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize(("p", "rel"), [(5, 1e-8), (40, 1e-5)])
def test_sphere_without_groups_is_the_plain_sum_over_the_others(rng, p, rel):
    u = rng.standard_normal((1500, p)) ** 3
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    null = energy_null(p)
    t = np.clip(u @ u.T, -1, 1)
    kernel = null.constant - np.sqrt(2 - 2 * t) - null.linear * t - null.square * t * t
    partitions = [
        Partition.equal(1500, 6),
        Partition(np.array([1200, 1, 299]), rng.permutation(1500)),  # one of more than a block
    ]
    with ThreadPoolExecutor(2) as pool:
        whole, left = energy_left_out(u, partitions, pool)
    assert whole == pytest.approx(kernel.sum() / 1500 - energy_shift(1500, p), rel=rel)
    for part, values in zip(partitions, left, strict=True):
        for g, value in enumerate(values):
            keep = part.members() != g
            m = int(keep.sum())
            plain = kernel[np.ix_(keep, keep)].sum() / m - energy_shift(1500, p) * m / 1500
            assert value == pytest.approx(plain, rel=rel)


@pytest.mark.parametrize(("n", "p", "times"), [(500, 16, 80), (500, 128, 40)])
def test_independent_rows_need_no_correction_for_blocks(n, p, times):
    # what whitening adds to N is of all rows, and not of those that are left
    null, sizes, moved = energy_null(p).mean, group_sizes(n, 20), []
    with ThreadPoolExecutor(2) as pool:
        for seed in range(times):
            rows = np.random.default_rng([seed, n, p]).standard_normal((n, p))
            y, _ = whiten_tall(centred(rows))
            u = y / np.linalg.norm(y, axis=1, keepdims=True)
            whole, (left,) = energy_left_out(u, [Partition(sizes)], pool)
            delta, deltas = (whole - null) / n, (left - null) / (n - sizes)
            moved.append(n * (corrected(delta, deltas, sizes, n).value - delta))
    assert abs(np.mean(moved)) < 5 * np.std(moved) / np.sqrt(times) + 0.1 * energy_shift(n, p)


def test_labels_tell_a_mixture_from_its_components(rng, tmp_path):
    x = rng.standard_normal((3000, 6)).astype(np.float32)
    groups = rng.integers(0, 2, 3000)
    x[groups == 1] += 5
    np.savez(tmp_path / "x.npz", emb=x, labels=np.array(["left", "right"])[groups])
    report = gausscheck.analyze(tmp_path / "x.npz", directions="axes,random:16", group=True)
    assert report.levels["axes"].status == "not_gaussian"
    assert report.groups.labels == 2
    assert set(report.groups.shown) == {"left", "right"}
    for name, found in report.groups.shown.items():
        assert found.n == (groups == (name == "right")).sum()
        assert found.levels["axes"].value < 1
        assert found.verdict != "not_gaussian"
    with pytest.raises(gausscheck.GausscheckError, match="expected labels for the audit of groups"):
        gausscheck.analyze(x, directions="axes", group=True)


def test_shell_refitted_whitens_the_rows_that_are_left_anew(rng):
    y, _ = whiten_tall(centred(rng.standard_t(5, (400, 6))))
    whole, left = shell_refitted(y, 7)
    assert whole == shell_without(y, 7)[0]
    for g, part in enumerate(np.array_split(np.arange(400), 7)):
        rest, _ = whiten_tall(centred(np.delete(y, part, axis=0)))
        assert left[g] == pytest.approx(shell_without(rest, 7)[0], rel=1e-3)


@pytest.mark.parametrize("refitted", [False, True])
def test_groups_that_do_not_stand_side_by_side_are_left_out_as_if_they_did(rng, refitted):
    y, _ = whiten_tall(centred(rng.standard_t(5, (403, 6))))
    order, sizes = rng.permutation(403), np.array([100, 3, 150, 50, 100])
    partitions = [Partition.equal(403, 7), Partition(sizes, order)]
    whole, (equal, mixed) = shell_left_out(y, partitions, refitted=refitted)
    beside, (same,) = shell_left_out(y[order], [Partition(sizes)], refitted=refitted)
    assert whole == beside == shell_without(y, 7)[0]
    assert mixed == pytest.approx(same, rel=1e-5)
    assert np.array_equal(equal, (shell_refitted if refitted else shell_without)(y, 7)[1])


def test_groups_of_any_size_leave_the_plain_statistic(rng):
    y, sizes = whiten_tall(centred(rng.standard_normal((300, 4))))[0], np.array([1, 120, 30, 149])
    _, (left,) = shell_left_out(y, [Partition(sizes)], refitted=False)
    np.testing.assert_allclose(left, exact_shell.shell_without(y, sizes), rtol=1e-3)


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("law", ["standard_normal", "standard_exponential"])
def test_groups_of_few_dimensions_are_left_out_with_their_share_of_the_fit(rng, law, k):
    # on the fit of all rows, the correction for blocks takes 1 - a0 off, and errors miss the scale
    n, a0, sizes = 3000, shell_mean(k), group_sizes(3000, 20)
    ends, apart, errors = np.cumsum(sizes), [], []
    for _ in range(12):
        y, _ = whiten_tall(centred(getattr(rng, law)((n, k))))
        whole, left = shell_without(y, 20)
        rest = (np.delete(y, np.s_[end - size : end], axis=0) for size, end in
                zip(sizes, ends, strict=True))  # fmt: skip
        anew = np.array([exact_shell.shell(whiten_tall(centred(rows))[0]) for rows in rest])
        ours, exact = (
            corrected((whole - a0) / n, (found - a0) / (n - sizes), sizes, n)
            for found in (left, anew)
        )
        apart.append((ours.value - exact.value) / exact.standard_error)
        errors.append(ours.standard_error / exact.standard_error)
    assert np.abs(apart).mean() < 0.35
    assert 0.85 < np.median(errors) < 1.15


def test_rows_are_whitened_up_to_a_rotation_where_that_is_safe(rng):
    x = rng.standard_normal((200, 5)) @ rng.standard_normal((5, 5)) * [1, 1e4, 1, 1, 1e-1] + 7
    y, (z, rank) = whitened_rows(x, residuals), residuals(x)
    assert y.shape[1] == rank == 5
    assert y @ y.T == pytest.approx(z @ z.T, abs=1e-9)
    alike = np.column_stack([x, x.sum(axis=1)])  # rank 5 of 6: by the other way
    assert np.array_equal(whitened_rows(alike, residuals), residuals(alike)[0])
    still = np.column_stack([x, np.full(200, 0.1)])
    assert np.array_equal(whitened_rows(still, residuals), residuals(still)[0])


def centred(x):
    return x - x.mean(axis=0)
