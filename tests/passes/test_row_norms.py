"""Norms without a value a row: moments, groups and cells of parts are those of the whole."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gausscheck.passes import row_norms
from gausscheck.passes.row_norms import NormCells, NormSums

LAWS = {
    "shell": lambda rng, n: np.linalg.norm(rng.standard_normal((n, 30)), axis=1),
    "near one": lambda rng, n: 1 + 1e-5 * rng.standard_normal(n),
    "heavy": lambda rng, n: np.exp(8 * rng.standard_normal(n)),
    "few values": lambda rng, n: rng.choice([1.0, 1.5, 1e-200, 1e150], n),
}


def pieces(x, cuts):
    return [x[a:b] for a, b in pairwise([0, *sorted({c for c in cuts if c < x.size}), x.size])]


@settings(max_examples=40)
@given(
    law=st.sampled_from(["shell", "near one", "heavy"]),
    cuts=st.lists(st.integers(1, 999), max_size=8),
    groups=st.sampled_from([2, 7, 20, 100]),
)
def test_moments_of_parts_are_those_of_the_norms(law, cuts, groups):
    norms = LAWS[law](np.random.default_rng(0), 1000)
    got = reduce(NormSums.merge, (NormSums.of(part, groups) for part in pieces(norms, cuts)))
    tight = 1e-10 if law == "near one" else 1e-12
    assert got.n == 1000
    assert got.mean == pytest.approx(norms.mean(), rel=1e-13)
    assert got.cv == pytest.approx(norms.std() / norms.mean(), rel=tight)
    assert got.mean_square == pytest.approx((norms**2).mean(), rel=1e-12)
    member = np.arange(1000) % groups
    kept = [norms[member != g] for g in range(groups)]
    want = [x.std() / x.mean() for x in kept]
    np.testing.assert_allclose(got.cv_without, want, rtol=max(tight, 1e-11))


def test_more_groups_than_rows_leave_nobody_out():
    norms = np.arange(1.0, 31)
    without = NormSums.of(norms, 50).cv_without
    assert without[40] == pytest.approx(norms.std() / norms.mean())
    assert without[3] == pytest.approx(np.delete(norms, 3).std() / np.delete(norms, 3).mean())


@settings(max_examples=40)
@given(law=st.sampled_from(sorted(LAWS)), cuts=st.lists(st.integers(1, 4999), max_size=6))
def test_cells_are_those_of_the_norms_however_they_are_cut(law, cuts):
    norms = LAWS[law](np.random.default_rng(1), 5000)
    plain, row_norms.CELLS = row_norms.CELLS, 64
    try:
        whole = NormCells.of(norms)
        parts = [NormCells.of(part) for part in pieces(norms, cuts)]
        for got in (
            NormCells.join(parts),
            reduce(lambda a, b: NormCells.join([a, b]), parts[::-1]),
        ):
            assert (got.low, got.high, got.shift) == (whole.low, whole.high, whole.shift)
            np.testing.assert_array_equal(got.cell, whole.cell)
            np.testing.assert_array_equal(got.count, whole.count)
    finally:
        row_norms.CELLS = plain
    assert whole.cell.size <= 64
    finer = np.unique(norms.view(np.int64) >> max(whole.shift - 1, 0)).size
    assert whole.shift == 0 or finer > 64
    assert (
        np.repeat(whole.cell, whole.count) == np.sort(norms.view(np.int64) >> whole.shift)
    ).all()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [500, 100_000])
def test_a_histogram_counts_exactly_what_lies_between_its_edges(law, n):
    norms = LAWS[law](np.random.default_rng(2), n)
    counts, edges = NormCells.of(norms).histogram()
    assert counts.sum() == n
    assert (edges[0], edges[-1]) == (norms.min(), norms.max())
    np.testing.assert_array_equal(counts, np.histogram(norms, edges)[0])
    even, even_edges = np.histogram(norms, bins=min(80, max(20, int(np.sqrt(n)))))
    if n == 500:  # every norm has its own cell
        np.testing.assert_array_equal(counts, even)
    elif law == "shell":  # edges are moved a little
        width = even_edges[1] - even_edges[0]
        np.testing.assert_allclose(edges, even_edges, rtol=0, atol=width / 50)


def test_no_norms_are_no_cells():
    assert NormCells.join([NormCells.none(), NormCells.none()]).cell.size == 0
    some = NormCells.of(np.array([2.0, 3.0]))
    assert NormCells.join([NormCells.none(), some]) is some
