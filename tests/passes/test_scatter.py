"""Few rows of many dimensions: everything is asked of the rows, and no d x d matrix is made."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

import gausscheck
from gausscheck.passes import scatter
from gausscheck.passes.first_pass import sketch_rows
from gausscheck.passes.fold import tree_fold
from gausscheck.passes.plan import check_budget
from gausscheck.passes.scatter import ScatterMatrix, is_wide, unpacked
from gausscheck.passes.sketch import load_pass, save_pass
from gausscheck.passes.spread import merge_spread, spread_of
from gausscheck.sources import open_source


@pytest.fixture(params=["rows are held", "the matrix is held"])
def both(request, rng):
    """A scatter matrix held either way, and the rows it is of."""
    rows = rng.standard_normal((12, 60)) * np.geomspace(1, 1e-4, 60)
    held = ScatterMatrix.of(rows) if request.param == "rows are held" else None
    return held or ScatterMatrix(rows.T @ rows), rows


def test_both_answer_alike(both, rng):
    held, rows = both
    exact = rows.T @ rows
    some, matrix, vector = np.array([3, 7, 11]), rng.standard_normal((60, 4)), rows[5] + 1
    plane = np.outer(vector, vector)
    for got, want in (
        (held.dense(), exact),
        (held.diagonal(), np.diag(exact)),
        (held.trace(), np.trace(exact)),
        (held.square_sum(), (exact**2).sum()),
        (held.times(vector), exact @ vector),
        (held.times(matrix), exact @ matrix),
        (held.within(matrix), matrix.T @ exact @ matrix),
        (held.mapped(matrix).dense(), matrix.T @ exact @ matrix),
        (held.of_columns(some).dense(), exact[np.ix_(some, some)]),
        (held.over(7.0).dense(), exact / 7),
        (held.plus(vector, 3.0).dense(), exact + 3 * plane),
        (held.plus(0 * vector, others=[ScatterMatrix.of(rows)]).dense(), 2 * exact),
        (held.plus(vector, others=[ScatterMatrix.zero(60)]).dense(), exact + plane),
        (held.plus(vector, 3.0, [ScatterMatrix(exact)] * 2).dense(), 3 * exact + 3 * plane),
    ):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12 * exact.max())


def test_eigenvectors_are_those_of_the_matrix(both):
    held, rows = both
    exact, largest = np.linalg.eigvalsh(rows.T @ rows), 0.0
    values, vectors = held.eigh()
    largest = values[-1]
    np.testing.assert_allclose(values[-12:], exact[-12:], atol=1e-13 * largest)
    np.testing.assert_allclose((vectors * values) @ vectors.T, rows.T @ rows, atol=1e-12 * largest)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(values.size), atol=1e-12)


def test_rows_of_zeros_have_an_eigenvector():
    values, vectors = ScatterMatrix.zero(9).plus(np.zeros(9)).eigh()
    assert values.tolist() == [0.0]
    assert vectors.shape == (9, 1)


def test_rows_are_held_until_they_are_many(rng):
    x = rng.standard_normal((40, 60))
    cuts = [0, 3, 9, 20, 40]
    states = [spread_of(x[low:high].copy()) for low, high in pairwise(cuts)]
    assert [state.scatter.wide for state in states] == [is_wide(k, 60) for k in (3, 6, 11, 20)]
    whole = tree_fold(merge_spread, iter(states))
    assert not whole.scatter.wide
    np.testing.assert_allclose(whole.covariance.dense(), np.cov(x.T), rtol=1e-10, atol=1e-13)
    few = merge_spread(states[0], states[1])
    assert few.scatter.wide
    np.testing.assert_allclose(few.covariance.dense(), np.cov(x[:9].T), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("normalize", ["raw", "unit", "standardize"])
def test_a_report_says_the_same_whatever_is_held(monkeypatch, rng, normalize):
    x = rng.standard_t(5, (90, 300)).astype(np.float32)
    ours = gausscheck.analyze(x, normalize=normalize).to_dict()
    monkeypatch.setattr(scatter, "WIDE", 10**9)
    dense = gausscheck.analyze(x, normalize=normalize).to_dict()
    assert compared(ours, dense) > 500


def compared(one, other):
    """Compare what two reports say, but for signs of eigenvectors; return how many numbers."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return sum(
            compared(one[key], other[key]) for key in one if key not in ("created", "seconds")
        )
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        return sum(map(compared, one, other))
    if isinstance(one, float):
        assert other == pytest.approx(one, rel=1e-5, abs=1e-7)
        return 1
    assert one == other
    return 0


def test_no_matrix_of_all_dimensions_is_made(rng):
    n, d = 60, 6_000
    x = rng.standard_normal((n, d)).astype(np.float32)
    tracemalloc.start()
    try:
        report = gausscheck.analyze(x, memory="64MB")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.preflight.rank == n - 1
    assert peak < 8 * d * d / 2


def test_more_than_the_budget_is_refused_in_one_line(rng):
    x = np.broadcast_to(rng.standard_normal(400_000).astype(np.float32), (60, 400_000))
    with pytest.raises(gausscheck.GausscheckError, match="expected at most 133,333 dimensions"):
        gausscheck.analyze(x, memory="64MB")


@pytest.mark.parametrize(
    ("n", "d", "scaled", "most"),
    [(60, 9_000, False, None), (60, 9_000, True, 2_828), (2_000, 4_000, False, 2_828),
     (900, 9_000, False, 8_888), (10**9, 2_800, False, None)],
)  # fmt: skip
def test_the_budget_is_for_what_is_held(n, d, scaled, most):
    if most is None:
        check_budget(n, d, 64_000_000, "x.npy", scaled=scaled)
        return
    with pytest.raises(gausscheck.GausscheckError, match=f"at most {most:,} dimensions"):
        check_budget(n, d, 64_000_000, "x.npy", scaled=scaled)


def test_a_sketch_of_few_rows_holds_the_rows(tmp_path, rng):
    n, d = 120, 3_000
    np.save(tmp_path / "x.npy", rng.standard_normal((n, d)).astype(np.float32))
    part = sketch_rows(
        open_source(tmp_path / "x.npy"), 0, 1, memory=1 << 28, seed=0, rows=n, unit=False
    )
    save_pass(part, tmp_path / "x.sketch")
    assert (tmp_path / "x.sketch").stat().st_size < 8 * d * d / 10
    found = load_pass(tmp_path / "x.sketch")
    assert [node.state.scatter.wide for node in found.nodes] == [True]
    np.testing.assert_array_equal(found.spread.scatter.held, part.spread.scatter.held)
    direct = gausscheck.analyze(tmp_path / "x.npy", rows=n).levels["axes"].value
    assert gausscheck.analyze(tmp_path / "x.sketch", rows=n).levels["axes"].value == direct


@pytest.mark.parametrize(
    ("held", "rows"),
    [((5, 4), [[9, 1]]), ((5, 4), [[5, 0]]), ((4, 4), [[-1, 1], [5, 1]]), ((4,), [[4, 1]])],
)
def test_packed_matrices_that_do_not_fit_are_refused(held, rows):
    with pytest.raises(ValueError, match="scatter matri"):
        unpacked({"nodes/held": np.zeros(held), "nodes/rows": np.array(rows)})
