"""Counts below edges by group: those of plain comparison, whatever lies where."""

import numpy as np
import pytest

from gausscheck.normality.engine.jackknife import EDGES, group_counts, group_powers
from gausscheck.normality.groups import group_sizes


def parts(row, sizes):
    return np.split(row, np.cumsum(sizes)[:-1])


def plain(z, sd, sizes):
    return np.array([
        [(part[:, None] / scale <= EDGES).sum(axis=0) for part in parts(row, sizes)]
        for row, scale in zip(z, sd, strict=True)
    ])  # fmt: skip


@pytest.mark.parametrize(("n", "groups"), [(60, 3), (61, 3), (20, 20), (23, 20), (400, 1)])
@pytest.mark.parametrize("kind", ["normal", "heavy", "on the edges", "huge", "one value"])
def test_counts_are_those_of_plain_comparison(rng, n, groups, kind):
    draws = {
        "normal": lambda: rng.standard_normal((5, n)),
        "heavy": lambda: rng.standard_cauchy((5, n)) * 20,
        "on the edges": lambda: rng.choice(EDGES, (5, n)),
        "huge": lambda: rng.choice([-1e300, -101.0, 0.0, 5.0, 101.0, 1e300], (5, n)),
        "one value": lambda: np.full((5, n), 0.3),
    }
    z = draws[kind]()
    before = z.copy()
    sd = np.array([1.0, 0.5, 4.0, 1.0, 0.125])
    sizes = group_sizes(n, groups)
    np.testing.assert_array_equal(group_counts(z, sd, sizes), plain(z, sd, sizes))
    spare = np.empty_like(z)
    np.testing.assert_array_equal(group_counts(z, sd, sizes, spare), plain(z, sd, sizes))
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("sizes", [[7], [3, 4], [0, 3, 0, 0, 4, 0], [1, 1, 5, 0]])
def test_sums_and_counts_of_groups_of_any_size_and_of_none(rng, sizes):
    z, sizes = rng.standard_normal((4, 7)), np.array(sizes)
    one, two = group_powers(z, sizes)
    expected = [[[f(part) for part in parts(row, sizes)] for row in z] for f in (
        np.sum, lambda part: part @ part)]  # fmt: skip
    np.testing.assert_allclose([one, two], expected)
    sd = np.ones(4)
    np.testing.assert_array_equal(group_counts(z, sd, sizes), plain(z, sd, sizes))
