"""Groups of rows: which are left out together, and which are learned from."""

import numpy as np

from gausscheck.audit.grouping import Grouping


def test_halves_are_alternate_quarters_of_the_file(rng):
    index = rng.permutation(400)
    order = Grouping("blocks", 20).halves(index)
    learned, tested = index[order[:200]], index[order[200:]]
    assert set(learned // 100) == {0, 2}
    assert set(tested // 100) == {1, 3}
    assert (np.diff(learned) < 0).any()  # in the order of the sample, not of the file


def test_halves_keep_clusters_whole(rng):
    labels = np.repeat(np.arange(40), 10)
    index = rng.permutation(400)
    order = Grouping("labels", 20, labels).halves(index)
    learned, tested = labels[index[order[:200]]], labels[index[order[200:]]]
    assert not set(learned) & set(tested)
    assert Grouping("random", 20).halves(index) is None


def test_blocks_are_too_short_for_long_dependence():
    grouping = Grouping("blocks", 20, tau=30.0)
    assert grouping.too_few(1500)
    assert not grouping.too_few(1800)
    assert not Grouping("random", 20).too_few(20)
