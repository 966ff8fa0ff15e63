"""Spreads by products in float32: what they are off, and where float64 takes over."""

from dataclasses import replace

import numpy as np
import pytest

import gausscheck
from gausscheck.passes import single_precision
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.leaf import widened
from gausscheck.passes.single_precision import SinglePrecision, rows_first
from gausscheck.passes.spread import merge_spread, spread_of

D, LEAF, FIRST = 128, 2048, 512
SAID = 0.1
"""What rounding may be off, in standard errors; it is a fiftieth of that where rows are alike."""


def rows_of(rng, n, variances, offset=0.0):
    """Return rows whose covariance has those eigenvalues, along directions that lie anywhere."""
    d = len(variances)
    frame = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return (rng.standard_normal((n, d)) * np.sqrt(variances)) @ frame.T + offset


def falling(least):
    """Return eigenvalues from 50 on, the last eight of them down to that."""
    return np.append(np.geomspace(50, 0.5, D - 8), np.geomspace(0.1, least, 8))


def single_of(x, first=FIRST):
    return SinglePrecision.of(spread_of(x[:first].astype(np.float64)))


def both(x, first=FIRST):
    """Return how rows are multiplied, their spread by float32, and by float64."""
    leaves = [x[low : low + LEAF] for low in range(0, len(x), LEAF)]
    single = single_of(x, first)
    assert single is not None
    ours = tree_fold(merge_spread, (single.spread_of(widened(b, np.float32)) for b in leaves))
    exact = tree_fold(merge_spread, (spread_of(b.astype(np.float64)) for b in leaves))
    return single, single.settled(ours), exact


def off(ours, exact):
    """Return what variances along the components, and eigenvalues, are off in standard errors."""
    values, vectors = np.linalg.eigh(exact.covariance.dense())
    covariance = ours.covariance.dense()
    along = np.einsum("ij,ij->j", vectors, covariance @ vectors)
    found = np.array([along, np.linalg.eigvalsh(covariance)])
    return (np.abs(found - values) / values).max() / np.sqrt(2 / exact.n)


@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("least", "weak"), [(0.1, 0), (1e-3, 6), (1e-5, 7), (1e-7, 7)])
def test_eigenvalues_are_off_by_little_of_their_standard_errors(rng, stored, least, weak):
    x = rows_of(rng, 20_000, falling(least), offset=3.0).astype(stored)
    single, ours, exact = both(x)
    assert abs(single.weak.shape[1] - weak) <= (weak > 0)
    assert single.holds(ours)
    assert off(ours, exact) < SAID / 10
    np.testing.assert_allclose(ours.mean, exact.mean, atol=1e-6 * np.sqrt(50 / len(x)))
    np.testing.assert_array_equal(ours.largest, exact.largest)
    np.testing.assert_array_equal(ours.scatter.dense(), ours.scatter.dense().T)


def test_weak_components_are_carried_for_that(rng):
    x = rows_of(rng, 20_000, falling(1e-7)).astype(np.float32)
    single, ours, exact = both(x)
    plain = replace(single, weak=single.weak[:, :0])
    spread = plain.settled(tree_fold(merge_spread, map(plain.spread_of, np.split(x, 10))))
    assert off(spread, exact) > 10 * SAID > 100 * off(ours, exact)
    assert not plain.holds(spread)


def long_row(x, rng):
    x[7000] = 3e4 * rng.choice([-1, 1], D)


def long_rows_at_the_end(x, rng):
    x[-500:] += 1000 * rng.standard_normal((500, 1))


def one_factor(x, rng):
    x += 8 * rng.standard_normal((len(x), 1))


def heavy_factor(x, rng):
    x += 3 * rng.standard_t(2.5, (len(x), 1))


def wider_later(x, rng):
    x += np.where(np.arange(len(x)) < LEAF, 3, 100)[:, None] * rng.standard_normal((len(x), 1))


def by_class(x, rng):
    x += 30 * rng.standard_normal((40, D))[np.sort(rng.integers(0, 40, len(x)))]


def far_first_rows_of_a_leaf(x, rng):
    for low in range(LEAF, len(x), LEAF):
        x[low : low + 256] += 30 * rng.choice([-1, 1], D)


def pair_that_grows(x, rng):
    x[:, 5] = x[:, 6] + 0.03 * x[:, 5]
    x[FIRST:, 5:7] += 1e3 * rng.standard_normal((len(x) - FIRST, 1))


@pytest.mark.parametrize("change", [
    long_row, long_rows_at_the_end, one_factor, heavy_factor, wider_later, by_class,
    far_first_rows_of_a_leaf, pair_that_grows,
])  # fmt: skip
@pytest.mark.parametrize("stored", [np.float32, np.float64])
def test_it_holds_for_rows_that_are_unlike_the_first(rng, change, stored):
    x = rng.standard_normal((20_000, D))
    change(x, rng)
    single, ours, exact = both(x.astype(stored))
    assert off(ours, exact) < SAID or not single.holds(ours)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e25])
def test_scales_of_coordinates_do_not_matter(rng, scale):
    x = rows_of(rng, 8192, falling(1e-4))
    x[:, ::2] *= scale
    single, ours, exact = both(x.astype(np.float32))
    units = np.sqrt(exact.covariance.diagonal())
    ratio = (ours.covariance.dense() - exact.covariance.dense()) / np.outer(units, units)
    assert np.abs(ratio).max() < 1e-6
    assert single.holds(ours)


@pytest.mark.parametrize("stored", [np.float32, np.float64])
def test_a_constant_coordinate_has_no_variance(rng, stored):
    x = rng.standard_normal((8192, D)).astype(stored)
    x[:, 20] = 0.1
    single, ours, exact = both(x)
    assert ours.covariance.diagonal()[20] <= 1e-30
    others = np.delete(np.arange(D), 20)
    assert off(*(replace(s, scatter=s.scatter.of_columns(others)) for s in (ours, exact))) < SAID
    assert off(ours, exact) > 0
    assert single.holds(ours)


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25])
@pytest.mark.parametrize("later", [1.0, 1e4])
def test_a_coordinate_that_moves_later_is_not_lost(rng, scale, later):
    x = rng.standard_normal((8192, D)) * scale
    x[:FIRST, 3] = 0
    x[4096:, 3] *= later
    _, ours, exact = both(x.astype(np.float32))
    np.testing.assert_allclose(ours.covariance.diagonal(), exact.covariance.diagonal(), rtol=1e-6)


def test_rows_whose_squares_float32_does_not_hold(rng):
    x = rng.standard_normal((6144, D)).astype(np.float32)
    x[3000, :4] = 1e25
    _, ours, exact = both(x)
    size = exact.covariance.diagonal().max()
    assert np.abs(ours.covariance.dense() - exact.covariance.dense()).max() < 1e-12 * size


def test_it_does_not_hold_where_the_first_rows_do_not_show_what_is_weak(rng):
    x = rng.standard_normal((FIRST, D))
    single = single_of(x)
    assert single.weak.shape[1] == 0
    one = rng.standard_normal((40_000, 1)) + 0.02 * rng.standard_normal((40_000, D))
    assert single.holds(spread_of(x.copy()))
    assert single.holds(merge_spread(spread_of(x), spread_of(one[: 10 * FIRST].copy())))
    assert not single.holds(spread_of(one))


@pytest.mark.parametrize(("n", "d", "rows"), [
    (1_000_000, 768, 3072), (100_000, 768, 3072), (18_000, 384, 0), (10**9, 64, 0),
    (10**6, 4096, 0), (20_000, 1024, 0), (90_000, 2048, 8192),
])  # fmt: skip
def test_how_many_rows_are_looked_at_first(n, d, rows):
    assert rows_first(n, d) == rows


@pytest.mark.parametrize(("n", "variances"), [
    (2 * D - 1, np.ones(D)),
    (FIRST, np.geomspace(1, 1e-12, D)),
    (FIRST, np.append(np.ones(D - 1), 1e-11)),
    (FIRST, np.append(np.ones(D - 1), 0)),
    (FIRST, np.full(D, 1e-65)),
    (FIRST, np.full(D, 1e65)),
], ids=["few", "many weak", "too weak", "none", "short", "long"])  # fmt: skip
def test_float64_where_the_first_rows_say_so(rng, n, variances):
    assert single_of(rows_of(rng, n, variances), n) is None


def test_float64_where_nothing_moves():
    assert single_of(np.ones((FIRST, D))) is None


FAST = {"directions": "axes", "levels": "none", "rows": 1000}


def audited(path, monkeypatch, **options):
    """Return the numbers of an audit in float64, and by products in float32."""
    exact = gausscheck.analyze(path, **options).arrays()
    monkeypatch.setattr(single_precision, "VALUES", 1 << 20)
    return exact, gausscheck.analyze(path, **options).arrays()


@pytest.mark.parametrize("normalize", ["raw", "unit"])
def test_a_file_is_audited_alike_by_both(rng, tmp_path, monkeypatch, normalize):
    x = rows_of(rng, 20_000, falling(1e-3)).astype(np.float16)
    x[[3, 300, 15_000]] = np.nan
    np.save(tmp_path / "x.npy", x)
    options = {"normalize": normalize, "on_bad_rows": "drop", **FAST}
    exact, ours = audited(tmp_path / "x.npy", monkeypatch, **options)
    again = gausscheck.analyze(tmp_path / "x.npy", memory="64MB", threads=1, **options).arrays()
    values = "spectrum/eigenvalues"
    assert not np.array_equal(ours[values], exact[values])
    np.testing.assert_allclose(ours[values], exact[values], rtol=0.02 * np.sqrt(2 / len(x)))
    for name, held in exact.items():
        np.testing.assert_array_equal(ours[name], again[name])
        if held.dtype == np.float64:
            np.testing.assert_allclose(ours[name], held, rtol=1e-4, atol=1e-4, err_msg=name)


def test_rows_are_read_again_in_float64_where_it_does_not_hold(rng, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", rng.standard_normal((20_480, D)).astype(np.float32))
    holds = SinglePrecision.holds
    monkeypatch.setattr(
        SinglePrecision, "holds", lambda self, spread, *more: bool(more) and holds(self, spread)
    )
    stages = []
    exact, ours = audited(
        tmp_path / "x.npy", monkeypatch, progress=lambda stage, _: stages.append(str(stage)), **FAST
    )
    assert "reading in float64" in stages
    for name, held in exact.items():
        np.testing.assert_array_equal(ours[name], held)


@pytest.mark.filterwarnings("error")
def test_a_leaf_without_a_usable_row_says_nothing(rng, tmp_path, monkeypatch):
    x = rng.standard_normal((3 << 14, D)).astype(np.float32)
    x[1 << 14 : 2 << 14] = np.nan
    np.save(tmp_path / "x.npy", x)
    exact, ours = audited(tmp_path / "x.npy", monkeypatch, on_bad_rows="drop", **FAST)
    for name in ("spectrum/eigenvalues", "preparation/mean"):
        np.testing.assert_allclose(ours[name], exact[name], rtol=1e-5, atol=1e-8)
