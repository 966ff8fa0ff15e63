from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gausscheck.passes.fold import TreeFold, tree_fold
from gausscheck.passes.plan import Plan, plan


@given(st.lists(st.text(max_size=3), min_size=1, max_size=70))
def test_tree_fold_keeps_row_order(parts):
    assert tree_fold(lambda a, b: a + b, iter(parts)) == "".join(parts)


@given(st.integers(1, 3000))
def test_tree_fold_keeps_few_states_alive(count):
    fold = TreeFold(lambda a, b: a + b)
    alive = 0
    for _ in range(count):
        fold.push(1)
        alive = max(alive, len(fold.nodes))
    assert fold.result() == count
    assert alive <= count.bit_length()


def test_folding_nothing_is_an_error():
    with pytest.raises(LookupError, match="no leaf"):
        tree_fold(lambda a, b: a + b, iter([]))


@given(n=st.integers(1, 50_000), leaf=st.integers(1, 5000), batch=st.integers(1, 9))
def test_plan_covers_every_row_once(n, leaf, batch):
    cut = Plan(n, leaf, batch)
    rows = [r for read in cut.reads() for r in cut.leaves(*read)]
    assert rows[0][0] == 0
    assert rows[-1][1] == n
    assert all(a[1] == b[0] for a, b in pairwise(rows))
    assert all(stop - start == leaf for start, stop in rows[:-1])


@given(n=st.integers(1, 10**7), d=st.integers(1, 20_000), item=st.sampled_from([2, 4, 8]))
def test_leaves_do_not_depend_on_memory_and_reads_do(n, d, item):
    small, large = plan(n, d, item, 10**7), plan(n, d, item, 10**10)
    assert small.leaf == large.leaf
    assert small.batch <= large.batch
    assert small.batch == 1 or small.leaf * small.batch * d * item * 4 <= 10**7
