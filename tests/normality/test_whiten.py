"""Whitening in float32 where it loses nothing, in float64 where it would."""

import numpy as np
import pytest

from gausscheck.normality.whiten import REACH, whiten
from gausscheck.passes.leaf import centred


def fitted(x):
    values, vectors = np.linalg.eigh(np.cov(x.T))
    return x.mean(axis=0), (vectors / np.sqrt(values))[:, ::-1]


@pytest.mark.parametrize("decades", [2, 5, 7])
@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("unit", [False, True])
def test_every_component_keeps_what_is_promised(rng, decades, stored, unit):
    """float32 loses 6e-8 of a row's length: 6e-3 of a component 1e5 times shorter."""
    turned, _ = np.linalg.qr(rng.standard_normal((24, 24)))
    x = rng.standard_normal((600, 24)) * np.geomspace(1, 10.0**-decades, 24) @ turned
    x = x.astype(stored)
    if unit:
        x[:, 0] += 3
    rows = x.astype(np.float64)
    if unit:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    mean, matrix = fitted(rows)
    want = (rows - mean) @ matrix
    got = whiten(x, mean, matrix, unit=unit)
    assert got.dtype == np.float32
    assert np.abs(got - want).max() < 24**0.5 * np.finfo(np.float32).eps * REACH
    plain = (rows - mean).astype(np.float32) @ matrix.astype(np.float32)
    if decades == 7 and stored == np.float64:
        assert np.abs(plain - want).max() > 10 * np.abs(got - want).max()


def test_a_mean_far_away_costs_no_digits(rng):
    x = (rng.standard_normal((500, 6)) + 1e4).astype(np.float32)
    mean, matrix = fitted(x.astype(np.float64))
    want = (x.astype(np.float64) - mean) @ matrix
    np.testing.assert_allclose(whiten(x, mean, matrix), want, atol=1e-5)


@pytest.mark.parametrize("stored", [np.float16, np.float32])
def test_a_weak_component_keeps_its_digits_beside_a_mean_far_away(rng, stored):
    """In float32 the mean alone, 1e7 of its standard deviations along it, would hide it."""
    turned, _ = np.linalg.qr(rng.standard_normal((8, 8)))
    x = (rng.standard_normal((900, 8)) * [1, 1, 1, 1, 1, 1, 1, 1e-6] @ turned + 7.3).astype(stored)
    mean, matrix = fitted(x.astype(np.float64))
    if stored == np.float16:  # whose rounding is what varies there
        matrix[:, -1] *= 1e3
    want = (x.astype(np.float64) - mean) @ matrix
    got = whiten(x, mean, matrix)
    np.testing.assert_allclose(got, want, atol=1e-3, rtol=1e-6)
    narrow = centred(x, mean, np.float32)
    np.testing.assert_array_equal(whiten(x, mean, matrix, narrow=narrow), got)
