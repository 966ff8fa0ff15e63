"""Keys of rows: all of them, or those of a part of the hash space with all their occurrences."""

from itertools import pairwise

import numpy as np
import pytest

from gausscheck.passes.leaf import Leaf
from gausscheck.passes.row_keys import CAP, HELD, CountKeys, RowKeys, level_of, row_keys


@pytest.fixture
def rows(rng):
    x = rng.standard_normal((6000, 3)).astype(np.float32)
    x[4000:] = x[rng.integers(0, 500, 2000)]
    return x


def test_what_is_held_does_not_grow_with_the_rows():
    assert level_of(CAP) == 0
    for n in (CAP + 1, 3 * CAP, 10**7, 2**30, 10**12):
        assert HELD / 2 < n / 2 ** level_of(n) <= HELD


@pytest.mark.parametrize("level", [1, 3, 5])
def test_held_keys_come_with_all_their_occurrences(rows, level):
    keys, ids = row_keys(rows), np.arange(len(rows))
    whole = RowKeys.of(keys, ids, level)
    every, first, count = np.unique(keys, return_index=True, return_counts=True)
    mine = every < 2 ** (64 - level)
    np.testing.assert_array_equal(whole.keys, every[mine])
    np.testing.assert_array_equal(whole.first, first[mine])
    np.testing.assert_array_equal(whole.count, count[mine])
    # a share 2^-level of 4,000 keys, within five standard deviations
    assert abs(mine.sum() - every.size / 2**level) < 5 * np.sqrt(every.size / 2**level)
    cuts = [0, 17, 17, 3000, 6000]
    parts = [RowKeys.of(keys[a:b], ids[a:b], level) for a, b in pairwise(cuts)]
    for order in (parts, parts[::-1]):
        got = RowKeys.join(order)
        for name in ("keys", "first", "count"):
            np.testing.assert_array_equal(getattr(got, name), getattr(whole, name))


def test_wanted_keys_are_counted_wherever_they_lie(rows):
    keys = row_keys(rows)
    wanted = np.unique(keys[5000:5100])
    count = CountKeys(wanted)
    parts = Leaf(rows[:2500], 0), Leaf(rows[2500:], 2500)
    got = count.merge(*map(count.of_leaf, parts))
    np.testing.assert_array_equal(got.keys, wanted)
    for key, first, times in zip(got.keys, got.first, got.count, strict=True):
        places = np.flatnonzero(keys == key)
        assert (first, times) == (places[0], places.size)
