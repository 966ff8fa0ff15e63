"""The sample by lowest hashes: the same whatever the batches, uniform, and that of the audit."""

import numpy as np
import pytest
from scipy import stats

from gausscheck.monitor.drawn import DrawnRows
from gausscheck.rng import hashed_order


def offer(drawn, ids, batch):
    for start in range(0, len(ids), batch):
        part = ids[start : start + batch]
        places = drawn.enter(part)
        drawn.put(part[places], {"rows": part[places, None].astype(np.float32)})
        assert drawn.ids.size <= drawn.most
    return drawn


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_it_is_the_start_of_the_hashed_order_whatever_the_batches(batch):
    drawn = offer(DrawnRows(100, seed=3), np.arange(1000), batch)
    np.testing.assert_array_equal(drawn.ids, np.sort(hashed_order(1000, 3)[:100]))
    np.testing.assert_array_equal(drawn.column("rows")[:, 0], drawn.ids)


def test_order_does_not_matter():
    ids = np.random.default_rng(0).permutation(500)
    forwards, mixed = (offer(DrawnRows(50, 0), x, 33) for x in (np.arange(500), ids))
    np.testing.assert_array_equal(forwards.ids, mixed.ids)
    np.testing.assert_array_equal(forwards.column("rows"), mixed.column("rows"))


def test_every_row_is_as_likely():
    """600 samples of 20 of 100: a share of each that differs would be seen at 5 sigma."""
    counts = np.zeros(100)
    for seed in range(600):
        counts[offer(DrawnRows(20, seed), np.arange(100), 9).ids] += 1
    assert counts.sum() == 600 * 20
    chi = ((counts - 120) ** 2 / (120 * 0.8)).sum() * 0.99  # without replacement
    assert stats.norm.sf(5) < stats.chi2.sf(chi, 99)


def test_types_widen_and_nothing_is_rounded():
    drawn = DrawnRows(4, 0)
    drawn.put(np.array([0]), {"rows": np.array([[1]], np.float16), "groups": np.array(["a"])})
    drawn.put(np.array([1]), {"rows": np.array([[0.1]]), "groups": np.array(["longer"])})
    assert drawn.column("rows").tolist() == [[1.0], [0.1]]
    assert drawn.column("groups").tolist() == ["a", "longer"]
