"""Grids, unit rows, collapse, dead columns, rank: fire on their case and are silent elsewhere."""

import h5py
import numpy as np
import pytest

import gausscheck
from audit.noticed_steps import LIMIT, blocked_interval, mean_ad, says, truncated_bfloat16
from gausscheck.audit import noticed as found_in
from gausscheck.audit.noticed import serial
from gausscheck.audit.preflight import dead_coordinates, eigenbasis
from gausscheck.normality import A0
from gausscheck.passes.reductions import FirstPass

QUICK = {"directions": "axes", "levels": "none"}

# grids

ON_A_GRID = {
    "int8": lambda x: np.round(6 * x).clip(-127, 127).astype(np.int8),
    "int8, own scale a column": lambda x: (
        np.round(6 * x) * (0.013 * (1 + np.arange(x.shape[1])))
    ).astype(np.float32),
    "float16 near 270": lambda x: (x + 270).astype(np.float16),
    "float16 near 270, now float32": lambda x: (x + 270).astype(np.float16).astype(np.float32),
    "one decimal in float32 near 1000": lambda x: np.round(x + 1000, 1).astype(np.float32),
    "one decimal in float64": lambda x: np.round(x, 1),
    "thirds": lambda x: np.round(3 * x) / 3,
}

FINE = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: x.astype(np.float16),
    "bfloat16": truncated_bfloat16,
    "four decimals": lambda x: np.round(x, 4),
}


@pytest.mark.parametrize("name", ON_A_GRID)
def test_a_gaussian_on_a_grid_is_noticed_and_gaussian_again_once_dithered(rng, name):
    x = ON_A_GRID[name](rng.standard_normal((5000, 64)))
    grid = found_in.find_grid(x)
    assert grid.columns.size == 64
    says(found_in.notice_grid(grid, 5000), "grid")
    before = mean_ad(x) - A0
    after = mean_ad(grid.dithered(x, rng)) - A0
    assert before > 1
    told = 0.0396 * 5000 * float((grid.ratio**2).mean())
    assert told == pytest.approx(before, rel=0.05, abs=0.15)
    assert abs(after) < 0.15  # se .03


@pytest.mark.parametrize("name", FINE)
def test_full_and_half_precision_around_zero_are_no_grid(rng, name):
    for _ in range(5):
        x = FINE[name](rng.standard_normal((500, 16)))
        assert found_in.notice_grid(found_in.find_grid(x), 5000) is None


def test_the_excess_of_a_sixth_of_an_sd_is_five_and_a_half(rng):
    x = np.round(6 * rng.standard_normal((5000, 128))) / 6
    grid = found_in.find_grid(x)
    assert mean_ad(x) - A0 == pytest.approx(5.5, abs=0.15)
    assert mean_ad(grid.dithered(x, rng)) - A0 == pytest.approx(0, abs=0.12)


@pytest.mark.parametrize("step", [0.02, 1 / 6, 0.4, 0.5, 0.7, 0.95])
def test_a_gaussian_on_a_grid_is_never_not_gaussian(rng, step):
    for _ in range(3):
        x = np.round(rng.standard_normal((5000, 64)) / step) * step
        assert blocked_interval(found_in.find_grid(x).dithered(x, rng))[0] < LIMIT


def test_dither_does_not_hide_a_law_that_is_not_normal(rng):
    x = np.round(6 * rng.laplace(size=(2000, 16))) / 6
    assert mean_ad(found_in.find_grid(x).dithered(x, rng)) > 10


def test_counts_and_switches_are_no_grid(rng):
    x = np.column_stack([rng.choice([-1.0, 1.0], 500), rng.standard_normal(500)])
    grid = found_in.find_grid(x)
    assert grid.columns.size == 0
    assert (grid.dithered(x, rng) == x).all()


def test_dither_stays_within_the_step_whatever_the_magnitude(rng):
    x = (rng.standard_normal((500, 3)) * [1, 300, 3000]).astype(np.float16)
    grid = found_in.find_grid(x)
    spacing = grid.spacing(x)
    # float16's own spacing, by NumPy
    assert spacing[x != 0] == pytest.approx(np.spacing(np.abs(x[x != 0])).astype(float))
    moved = found_in.dithered(x, spacing, np.random.default_rng(1)) - x
    assert (np.abs(moved) <= spacing / 2).all()
    assert (moved / spacing).std() == pytest.approx(1 / np.sqrt(12), rel=0.1)


def test_shipped_files_lie_on_no_grid_that_matters(minilm_path, clip_path):
    with h5py.File(minilm_path) as f:
        minilm = f["embeddings"][:]
    for x in (minilm, np.load(clip_path)):
        for stored in (x, x.astype(np.float32)):
            assert found_in.notice_grid(found_in.find_grid(stored), 5000) is None


# unit rows, collapse, dead columns, rank

STORED = {
    **FINE,
    "float16, now float32": lambda x: x.astype(np.float16).astype(np.float32),
    "int8": lambda x: np.round(127 * x / np.abs(x).max()).astype(np.int8),
    "int8, scaled to float32": lambda x: (
        np.round(127 * x / np.abs(x).max()) * np.float32(0.00321)
    ).astype(np.float32),
}


def few_bits(x, bits):
    """Values rounded to so many significant bits: 8 are bfloat16, 4 and 3 the formats of float8."""
    part, power = np.frexp(x)
    return np.ldexp(np.round(part * 2.0**bits) / 2.0**bits, power)


FEW_BITS = {
    "bfloat16, now float32": lambda x: few_bits(x, 8).astype(np.float32),
    "float8 (e4m3), now float16": lambda x: few_bits(x, 4).astype(np.float16),
    "float8 (e5m2), now float16": lambda x: few_bits(x, 3).astype(np.float16),
    "int4": lambda x: np.round(7 * x / np.abs(x).max()).astype(np.int8),
}


def unit_rows(x):
    norms = np.linalg.norm(x.astype(float), axis=1)
    live = np.flatnonzero(np.ptp(x, axis=0))
    return found_in.notice_unit_rows(
        norms.mean(),
        norms.std(),
        found_in.rounding_spread(x, found_in.find_grid(x, live), live),
        found_in.share_of_gaussian(x, live),
    )


@pytest.mark.parametrize("d", [8, 64, 1024])
@pytest.mark.parametrize("name", [*STORED, *FEW_BITS])
def test_rows_normalised_before_rounding_are_recognised_whatever_the_type(rng, name, d):
    stored = {**STORED, **FEW_BITS}[name]
    x = rng.standard_normal((500, d))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    says(unit_rows(stored(unit)), "unit_rows")
    assert unit_rows(stored(x)) is None


@pytest.mark.parametrize("bits", [8, 11])
def test_lengths_that_were_computed_in_few_bits_are_recognised(rng, bits):
    x = rng.standard_normal((500, 1024))
    lengths = few_bits(np.linalg.norm(x, axis=1, keepdims=True), bits)
    says(unit_rows(few_bits(x / lengths, bits)), "unit_rows")


@pytest.mark.parametrize("varies", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("name", [*FEW_BITS, "three values", "bits"])
def test_few_bits_do_not_make_lengths_alike(rng, name, varies):
    """They were all allowed 2^-bits: lengths that differ by 5 to 15 % were called one length."""
    coarse = {
        "three values": lambda x: np.round(x).clip(-1, 1).astype(np.int8),
        "bits": lambda x: (x > 0.5).astype(np.float32),
    }
    for d in (64, 384):
        x = rng.standard_normal((500, d)) * np.exp(varies * rng.standard_normal((500, 1)))
        assert unit_rows({**FEW_BITS, **coarse}[name](x)) is None


@pytest.mark.parametrize("stored", [np.float32, np.float64])
@pytest.mark.parametrize("far", [3e3, 1e5, 1.7e9])
def test_a_constant_column_or_a_far_mean_makes_no_unit_rows(rng, far, stored):
    """Lengths of 3000 differ by 1e-6 whatever the rest of a row is."""
    x = rng.standard_normal((500, 32)) * np.exp(0.06 * rng.standard_normal((500, 1)))
    beside = np.hstack([x, np.full((500, 1), far)])
    assert unit_rows(beside.astype(stored)) is None
    if stored is np.float64 or far < 1e6:
        assert unit_rows((x + far).astype(stored)) is None


@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64])
def test_unit_rows_with_a_constant_column_are_recognised(rng, stored):
    x = rng.standard_normal((500, 32))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    for scale, constant in ((0.8, 0.6), (1.0, 0.0), (1.0, 3000.0)):
        rows = np.hstack([scale * x, np.full((500, 1), constant)])
        says(unit_rows(rows.astype(stored)), "unit_rows")


@pytest.mark.parametrize(("n", "d"), [(20, 1024), (300, 1024), (2000, 6)])
def test_gaussian_rows_have_a_gaussians_spread_of_lengths_however_few(rng, n, d):
    scales = np.arange(1, d + 1) ** -0.5
    for mean in (0.0, 0.5, 1e6):
        x = [scales * rng.standard_normal((n, d)) + mean for _ in range(20)]
        shares = [found_in.share_of_gaussian(one) for one in x]
        assert np.mean(shares) == pytest.approx(1, abs=0.15)
        assert min(shares) > 0.5


def test_lengths_that_spread_a_little_more_than_rounding_are_not_unit(rng):
    x = rng.standard_normal((500, 64))
    x *= (1 + 2e-3 * rng.standard_normal((500, 1))) / np.linalg.norm(x, axis=1, keepdims=True)
    assert unit_rows(x.astype(np.float16)) is None


def test_minilm_is_unit_in_float16_and_float32_and_clip_is_not(minilm_path, clip_path):
    with h5py.File(minilm_path) as f:
        x = f["embeddings"][:]
    assert unit_rows(x) == unit_rows(x.astype(np.float32)) is not None
    assert unit_rows(np.load(clip_path)) is None


def collapse_of(x):
    return found_in.notice_collapse(found_in.measure_collapse(x))


def test_collapse_is_said(rng):
    x = rng.standard_normal((500, 64))
    one_way = x / 60 + rng.standard_normal(64)
    notice = says(collapse_of(one_way), "collapse")
    assert "mean cosine .9997" in notice.text.replace("0.", ".")
    flat = x * np.r_[np.full(1, 50.0), np.full(63, 0.01)]
    assert "1.0 of 64 dimensions" in says(collapse_of(flat), "collapse").text


def test_rows_that_use_the_space_have_not_collapsed(rng, minilm_path, clip_path):
    for d in (2, 64, 300):
        x = rng.standard_normal((400, d))
        assert collapse_of(x) is None
        assert collapse_of(x * np.arange(1, d + 1) ** -0.5) is None
        assert collapse_of(x * np.geomspace(1, 1e-3, d)) is None  # condition 1e6
    with h5py.File(minilm_path) as f:
        assert collapse_of(f["embeddings"][:]) is None
    assert collapse_of(np.load(clip_path)) is None


def test_the_mean_cosine_is_that_over_all_pairs(rng):
    x = rng.standard_normal((40, 5)) + 1
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    pairs = (unit @ unit.T)[np.triu_indices(40, 1)]
    assert found_in.measure_collapse(x).mean_cosine == pytest.approx(pairs.mean(), rel=1e-12)


def test_the_effective_rank_is_the_number_of_dimensions_that_share_the_variance(rng):
    for k in (2, 10, 100):
        x = rng.standard_normal((3000, k)) @ np.linalg.qr(rng.standard_normal((200, k)))[0].T
        assert found_in.measure_collapse(x + 5).effective_rank == pytest.approx(k, rel=0.03)


def test_one_huge_row_has_not_collapsed_the_others(rng):
    x = rng.standard_normal((500, 128))
    x[3] *= 1e5
    assert collapse_of(x) is None
    assert collapse_of(np.maximum(rng.standard_normal((500, 512)) - 1, 0)) is None


def test_dead_columns_and_rank_are_named(rng):
    x = rng.standard_normal((300, 12)) @ rng.standard_normal((12, 20))
    x[:, 5] = 1
    _, spread = FirstPass().of(x, 0)
    dead = dead_coordinates(spread, 2.2e-16)
    notice = says(found_in.notice_dead_columns(dead), "dead_columns")
    assert notice.columns == (5,)
    live = np.setdiff1d(np.arange(20), dead)
    assert (
        "12 of 19"
        in says(found_in.notice_rank(eigenbasis(spread, live).rank, 19, 300), "rank").text
    )
    assert "30 rows in 50" in says(found_in.notice_rank(29, 50, 30), "rank").text
    assert found_in.notice_rank(19, 19, 300) is None
    assert found_in.notice_dead_columns(np.array([], int)) is None


def test_texts_stay_short_with_large_numbers():
    many = np.arange(100_000, 101_000)
    says(found_in.notice_dead_columns(many), "dead_columns")
    says(found_in.notice_rank(10_000, 20_000, 10**9), "rank")
    says(found_in.notice_rank(19_998, 20_000, 19_999), "rank")
    long = serial.SerialDependence(10**9, 0.123, 1e6, 123_456.0, 8100.0)
    says(found_in.notice_serial(long, 20_000), "serial_dependence")
    keys = np.r_[np.zeros(10**5, np.uint64), np.arange(10**5, dtype=np.uint64)]
    says(found_in.notice_duplicates(found_in.distinct_rows(keys), 10_000, A0), "duplicates")
    unusual = found_in.Unusual(10**6, np.full(200_000, 1234))
    says(
        found_in.notice_sparse(unusual, many, np.arange(10**6) < 30_000, np.arange(10**6) + 10**9),
        "sparse_columns",
    )
    ids = np.arange(10**9, 10**9 + 5000)
    lengths = np.r_[np.full(10, 9.0), np.ones(4990)]

    def value(rows):
        return 0.5 if len(rows) == 10 else 90.0

    notice = found_in.deciding_rows("random subspaces", 99.0, A0, LIMIT, lengths, value, index=ids)
    assert says(notice, "deciding_rows").rows == tuple(range(10**9, 10**9 + 10))


@pytest.mark.parametrize("order", ["C", "F"])
def test_looking_at_values_leaves_them_as_they_are(rng, order):
    x = np.array(rng.standard_normal((301, 7)), order=order)
    before = x.copy()
    usual = found_in.usual_values(x)
    found_in.measure_collapse(x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(usual, np.median(x, axis=0))


@pytest.mark.parametrize("offset", [1e5, 1e6, 3e6])
def test_float32_far_from_zero_is_a_grid_that_is_taken_off(offset):
    x = (offset + np.random.default_rng(0).standard_normal((4000, 8))).astype(np.float32)
    report = gausscheck.analyze(x, directions="axes", levels="none")
    grid = [found for found in report.noticed if found.kind == "grid"]
    assert bool(grid) == (offset >= 1e6)
    assert not grid or "float32" in grid[0].text
    assert report.levels["axes"].status == "gaussian"
    assert report.levels["axes"].times_limit < 0.5


@pytest.mark.parametrize(("count", "times"), [(12, 1000), (25, 1000), (100, 80)])
def test_more_far_rows_than_may_decide_are_named(count, times):
    x = np.random.default_rng(1).standard_normal((5000, 8))
    x[:count] *= times
    found = {one.kind: one for one in gausscheck.analyze(x, **QUICK).noticed}
    assert set(found["far_rows"].rows) <= set(range(count))
    assert f"{count} of 5,000 rows" in found["far_rows"].text


@pytest.mark.parametrize("law", ["normal", "laplace", "student", "scales", "half of them zero"])
def test_tails_that_have_a_covariance_have_no_far_rows(law):
    rng = np.random.default_rng(2)
    for d in (1, 2, 32):
        x = {
            "normal": rng.standard_normal,
            "laplace": lambda size: rng.laplace(size=size),
            "student": lambda size: rng.standard_t(5, size),
            "scales": lambda size: rng.standard_normal(size) * rng.gamma(0.5, size=(size[0], 1)),
            "half of them zero": lambda size: np.maximum(rng.standard_normal(size), 0),
        }[law]((3000, d))
        x = x[np.any(x != 0, axis=1)]
        assert "far_rows" not in [one.kind for one in gausscheck.analyze(x, **QUICK).noticed]


def test_a_row_that_decides_is_not_said_twice():
    x = np.random.default_rng(3).standard_normal((5000, 8))
    x[7] *= 1000
    kinds = [one.kind for one in gausscheck.analyze(x, **QUICK).noticed]
    assert "deciding_rows" in kinds
    assert "far_rows" not in kinds


def test_a_column_that_hides_the_others_is_named_and_not_called_their_combination():
    rng = np.random.default_rng(4)
    x = np.column_stack([rng.standard_t(4, (3000, 12)), 1.7e9 + 1e9 * rng.random(3000)])
    found = {one.kind: one for one in gausscheck.analyze(x, **QUICK).noticed}
    assert found["rank"].columns == (12,)
    assert "do not show" in found["rank"].text
    assert "combinations" not in found["rank"].text


def test_columns_that_depend_on_others_are_still_called_combinations():
    x = np.random.default_rng(5).standard_normal((3000, 6))
    x = np.column_stack([x, x[:, :3] @ np.ones((3, 1)), 1e5 * x[:, :1]])
    found = {one.kind: one for one in gausscheck.analyze(x, **QUICK).noticed}
    assert "combinations" in found["rank"].text


def test_columns_that_vary_faintly_are_not_said_not_to_vary():
    rng = np.random.default_rng(6)
    x = np.column_stack([rng.standard_normal((3000, 12)), 1e-8 * rng.laplace(size=(3000, 3))])
    x = np.column_stack([x, np.full(3000, 7.0)])
    found = {one.kind: one for one in gausscheck.analyze(x, **QUICK).noticed}
    assert "3 columns vary by less than a millionth" in found["dead_columns"].text
    assert "1 not at all" in found["dead_columns"].text
    assert set(found["dead_columns"].columns) == {12, 13, 14, 15}
