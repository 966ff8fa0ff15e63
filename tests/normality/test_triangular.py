"""Lower triangular matrices beside what NumPy and SciPy say of full ones."""

import numpy as np
import pytest

from gausscheck.normality.triangular import STEP, inverse, map_rows, squared_lengths


def root(rng, k):
    x = rng.standard_normal((3 * k + 5, k)) * np.geomspace(1, 30, k)
    return np.linalg.cholesky(x.T @ x / len(x))


@pytest.mark.parametrize("k", [1, 2, STEP, STEP + 1, 200])
def test_inverse_and_products_are_those_of_full_matrices(rng, k):
    lower = root(rng, k)
    found = inverse(lower)
    assert np.allclose(found, np.linalg.inv(lower), rtol=1e-9, atol=1e-12)
    assert not np.triu(found, 1).any()
    rows = rng.standard_normal((1777, k))
    assert np.allclose(map_rows(lower, rows.copy()), rows @ lower.T, rtol=1e-12, atol=1e-10)
    shift = rng.standard_normal(k)
    columns = np.ascontiguousarray(rows.T, dtype=np.float32)
    plain = np.cumsum((lower @ rows.T - shift[:, None]) ** 2, axis=0)
    factors = lower.astype(np.float32), columns, shift.astype(np.float32)
    assert np.allclose(squared_lengths(*factors)[-1], plain[-1], rtol=1e-4)
    ends = sorted({1, (k + 1) // 2, k})
    assert np.allclose(squared_lengths(*factors, ends), plain[np.array(ends) - 1], rtol=1e-4)


def test_rows_are_mapped_in_their_place(rng):
    rows = rng.standard_normal((30_000, 70))  # more than one tile
    assert np.shares_memory(map_rows(np.eye(70), rows), rows)
    before = rows.copy()
    assert np.array_equal(map_rows(2 * np.eye(70), rows), 2 * before)
