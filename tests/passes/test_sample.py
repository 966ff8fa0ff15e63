import numpy as np
import pytest

from gausscheck import rng as random
from gausscheck.passes.sample import Places, RowSample
from gausscheck.rng import hashed_order, hashed_sample


def fill(x, m, memory, block):
    sample = RowSample(len(x), x.shape[1], m, x.dtype, seed=1, memory=memory)
    for row in range(0, len(x), block):
        sample.put(x[row : row + block], row)
    return sample


@pytest.mark.parametrize("block", [1, 7, 100])
@pytest.mark.parametrize("memory", [10**6, 0], ids=["in memory", "spilled"])
def test_sample_is_the_start_of_the_hashed_order(block, memory):
    x = np.arange(300, dtype=np.float32).reshape(100, 3)
    with fill(x, 40, memory, block) as sample:
        assert sample.m == 40
        np.testing.assert_array_equal(sample.read(0, 40), x[hashed_order(100, 1)[:40]])
        np.testing.assert_array_equal(sample.read(5, 9), x[sample.index[5:9]])


def test_dropped_rows_leave_the_sample():
    x = np.arange(60, dtype=np.float64).reshape(20, 3)
    with fill(x, 20, 10**6, 8) as sample:
        sample.drop(np.array([3, 4]))
        assert sample.m == 18
        np.testing.assert_array_equal(np.sort(sample.read(0, 18)[:, 0]),
                                      np.delete(x, [3, 4], axis=0)[:, 0])  # fmt: skip


@pytest.mark.parametrize("most", [1, 100, 3000, 9999, 10_000, 20_000])
def test_the_sample_of_many_rows_is_the_start_of_the_same_order(monkeypatch, most):
    monkeypatch.setattr(random, "_CHUNK", 777)
    np.testing.assert_array_equal(hashed_sample(10_000, most, 5), hashed_order(10_000, 5)[:most])


def test_more_rows_are_hashed_again_where_too_few_lie_below_the_first_limit(monkeypatch):
    monkeypatch.setattr(random, "isqrt", lambda m: -m // 16)  # half as many as are wanted
    np.testing.assert_array_equal(hashed_sample(10_000, 400, 5), hashed_order(10_000, 5)[:400])


def test_places_of_a_stretch_are_those_of_its_rows():
    index = np.array([8, 3, 11, 4])
    mine = Places.of(index).within(4, 11)
    assert mine.rows.tolist() == [4, 8]
    assert mine.places.tolist() == [3, 0]
