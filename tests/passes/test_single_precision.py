"""Spreads by products in float32: what they are off, and where float64 takes over."""

import numpy as np
import pytest

import gausscheck
from gausscheck.passes import single_precision
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.leaf import widened
from gausscheck.passes.single_precision import SinglePrecision, rows_first
from gausscheck.passes.spread import merge_spread, spread_of

D, LEAF = 128, 2048
FIRST = 512


def rows_of(rng, n, variances, offset=0.0):
    """Return rows whose covariance has those eigenvalues, along directions that lie anywhere."""
    frame = np.linalg.qr(rng.standard_normal((D, D)))[0]
    return (rng.standard_normal((n, D)) * np.sqrt(variances)) @ frame.T + offset


def falling(least):
    """Return eigenvalues from 50 on, the last eight of them down to that."""
    return np.append(np.geomspace(50, 0.5, D - 8), np.geomspace(0.3, least, 8))


def both(x, first=FIRST):
    """Return how rows are multiplied, their spread by float32, and by float64."""
    leaves = [x[low : low + LEAF] for low in range(0, len(x), LEAF)]
    single = SinglePrecision.of(spread_of(x[:first].astype(np.float64)))
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
@pytest.mark.parametrize("least", [0.1, 1e-2, 1e-5, 1e-8])
def test_eigenvalues_are_off_by_a_fiftieth_of_their_standard_errors(rng, stored, least):
    x = rows_of(rng, 20_000, falling(least), offset=3.0).astype(stored)
    single, ours, exact = both(x)
    assert single.weak.shape[1] <= (0 if least > 1e-3 else 8)
    assert single.holds(ours)
    assert off(ours, exact) < 0.02
    np.testing.assert_allclose(ours.mean, exact.mean, atol=1e-6 * np.sqrt(50 / len(x)))
    np.testing.assert_array_equal(ours.largest, exact.largest)
    np.testing.assert_array_equal(ours.scatter.dense(), ours.scatter.dense().T)


def test_weak_components_are_needed_for_it(rng, monkeypatch):
    x = rows_of(rng, 20_000, falling(1e-8)).astype(np.float32)
    monkeypatch.setattr(single_precision, "WEAK", -1.0)
    single, ours, exact = both(x)
    assert single.weak.shape[1] == 0
    assert off(ours, exact) > 1
    assert not single.holds(ours)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e25])
def test_scales_of_coordinates_do_not_matter(rng, scale):
    x = rows_of(rng, 8192, falling(1e-4))
    x[:, ::2] *= scale
    single, ours, exact = both(x.astype(np.float32))
    units = np.sqrt(exact.covariance.diagonal())
    ratio = (ours.covariance.dense() - exact.covariance.dense()) / np.outer(units, units)
    assert np.abs(ratio).max() < 1e-6
    assert single.holds(ours)


def test_components_without_variance_stay_without(rng):
    x = rows_of(rng, 8192, np.ones(D))
    x[:, 5] = x[:, 7] + 2 * x[:, 9]
    x[:, 20] = 4.0
    single, ours, _ = both(x)
    assert single.weak.shape[1] == 2
    values = np.linalg.eigvalsh(ours.covariance.dense())
    rank = values > D * np.finfo(float).eps * values[-1]
    assert rank.sum() == D - 2
    assert single.holds(ours)
    assert ours.covariance.diagonal()[20] == 0


def test_a_coordinate_that_moves_later_is_not_lost(rng):
    x = rows_of(rng, 8192, np.ones(D))
    x[:FIRST, 3] = 1.0
    x[4096:, 3] *= 1e4
    single, ours, exact = both(x.astype(np.float32))
    assert single.holds(ours)
    np.testing.assert_allclose(ours.covariance.diagonal(), exact.covariance.diagonal(), rtol=1e-6)


def test_rows_whose_squares_float32_does_not_hold(rng):
    x = rows_of(rng, 6144, np.ones(D)).astype(np.float32)
    x[3000, :4] = 1e25
    _, ours, exact = both(x)
    assert np.isfinite(ours.scatter.dense()).all()
    size = exact.covariance.diagonal().max()
    assert np.abs(ours.covariance.dense() - exact.covariance.dense()).max() < 1e-6 * size


def unlike_first(rng, n):
    """Return rows of which the first are independent coordinates, and the others almost one."""
    x = rng.standard_normal((n, D)) + 1000 * rng.standard_normal((n, 1))
    x[:FIRST] = rng.standard_normal((FIRST, D))
    return x.astype(np.float32)


def test_it_does_not_hold_where_the_first_rows_do_not_show_what_is_weak(rng):
    single, ours, _ = both(unlike_first(rng, 8192))
    assert single.weak.shape[1] == 0
    assert not single.holds(ours)


@pytest.mark.parametrize(("n", "d", "rows"), [
    (1_000_000, 768, 2304), (100_000, 768, 2304), (18_000, 384, 0), (10**9, 64, 0),
    (10**6, 4096, 0), (20_000, 1024, 0), (70_000, 2048, 6144),
])  # fmt: skip
def test_how_many_rows_are_looked_at_first(n, d, rows):
    assert rows_first(n, d) == rows


@pytest.mark.parametrize("first", ["too few", "too many weak"])
def test_float64_where_the_first_rows_say_so(rng, first):
    n, least = (2 * D - 1, 1) if first == "too few" else (FIRST, 1e-12)
    variances = np.geomspace(1, least, D)
    assert SinglePrecision.of(spread_of(rows_of(rng, n, variances))) is None


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
    np.save(tmp_path / "x.npy", unlike_first(rng, 20_000))
    stages = []
    exact, ours = audited(
        tmp_path / "x.npy", monkeypatch, progress=lambda stage, _: stages.append(str(stage)), **FAST
    )
    assert "reading in float64" in stages
    for name, held in exact.items():
        np.testing.assert_array_equal(ours[name], held)
