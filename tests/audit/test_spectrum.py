"""Companions of the audit, against closed forms and plain sums."""

import numpy as np
import pytest
from scipy.special import ive

import gausscheck
from gausscheck.audit.spectrum import (
    RankMe,
    companions,
    concentration,
    sum_of_unit_rows,
    vmf_concentration,
    with_interval,
)
from gausscheck.passes.row_norms import NormSums
from gausscheck.passes.scatter import ScatterMatrix
from gausscheck.passes.spread import Spread, spread_of


def told(eigenvalues, mean=None):
    values = np.sort(np.asarray(eigenvalues, dtype=float))
    d = values.size
    spread = Spread(
        1001,
        np.zeros(d) if mean is None else mean,
        ScatterMatrix(np.diag(values) * 1000),
        np.ones(d),
    )
    return companions(values, d) | {"rankme": RankMe.of(spread).value}


def test_equal_eigenvalues_use_every_dimension():
    found = told(np.full(40, 3.0))
    for key in ("effective_rank", "rankme", "participation_ratio"):
        assert found[key] == pytest.approx(40)
    assert found["first_share"] == pytest.approx(1 / 40)
    assert found["alpha_req"] == pytest.approx(0, abs=1e-9)


def test_a_power_law_gives_its_exponent():
    assert told(np.arange(1, 101) ** -1.3)["alpha_req"] == pytest.approx(1.3)
    assert told(np.ones(8))["alpha_req"] is None


def test_a_far_mean_shows_in_rankme_alone():
    far = told(np.ones(30), mean=np.full(30, 100.0))
    assert far["rankme"] < 5
    assert far["effective_rank"] == pytest.approx(30)


def test_mean_cosine_is_that_of_all_pairs(rng):
    x = rng.standard_normal((300, 7)) + 0.4
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = u @ u.T
    found = concentration(sum_of_unit_rows(lambda a, b: x[a:b], 300, 7, block=64), 300)
    assert found["mean_cosine"] == pytest.approx((cosines.sum() - 300) / (300 * 299))
    assert found["mean_resultant"] == pytest.approx(np.linalg.norm(u.mean(axis=0)))


@pytest.mark.parametrize(("p", "kappa"), [(3, 0.5), (3, 40.0), (64, 10.0), (384, 500.0)])
def test_vmf_concentration_inverts_the_mean_resultant_length(p, kappa):
    resultant = ive(p / 2, kappa) / ive(p / 2 - 1, kappa)
    assert vmf_concentration(float(resultant), p) == pytest.approx(kappa, rel=1e-3)


def test_the_report_carries_them(minilm_path):
    found = gausscheck.analyze(minilm_path, directions="axes:8", levels="none").spectrum
    assert 100 < found.effective_rank < 381
    assert 0 < found.mean_cosine < 0.2


def test_norm_cv_has_an_interval_that_covers():
    from gausscheck.audit.norms import cv_interval

    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(100):
        norms = np.linalg.norm(rng.standard_normal((500, 32)), axis=1)
        low, high = cv_interval(NormSums.of(norms, 20), 0.95)
        inside += low < 0.12549 < high  # sd/mean of a chi variable on 32 degrees of freedom
    assert 88 <= inside <= 100


@pytest.mark.parametrize(("n", "d"), [(100, 400), (300, 1024), (500, 32), (2000, 384)])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_the_gaussian_cv_of_norms_is_free_of_how_many_rows_there_are(n, d, offset):
    from gausscheck.audit.norms import gaussian_norm_cv

    rng = np.random.default_rng(6)
    scale = np.linspace(0.5, 2, d)
    mean = np.full(d, offset)
    truth = np.sqrt(2 * (scale**4).sum() + 4 * (mean**2 * scale**2).sum()) / (
        2 * ((scale**2).sum() + mean @ mean)
    )
    found = [
        gaussian_norm_cv(spread_of(mean + scale * rng.standard_normal((n, d)))) for _ in range(8)
    ]
    assert np.mean(found) == pytest.approx(truth, rel=0.03)


def rankme(x):
    values = np.linalg.svd(x, compute_uv=False)
    share = values / values.sum()
    return float(np.exp(-(share @ np.log(share))))


def interval_of(x, member, blocks=None):
    return with_interval(RankMe.of(spread_of(x.copy())), blocks or [x], member, 0.95).interval


def test_rankme_without_a_group_is_close_to_exact_deletion():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2000, 24)) * np.arange(1, 25) ** -0.7 + 0.2
    member = np.arange(2000) % 20
    whole = rankme(x)
    low, high = interval_of(x, member, np.split(x, [300, 1500]))
    exact = np.array([rankme(x[member != g]) for g in range(20)])
    half = 2.093 * np.sqrt(19 / 20 * ((exact - exact.mean()) ** 2).sum())
    assert (low + high) / 2 == pytest.approx(whole, rel=1e-3)  # 1/(n-1) against 1/n
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


@pytest.mark.parametrize("law", ["normal", "heavy"])
def test_the_interval_of_rankme_covers_what_so_many_rows_average(law):
    """200 samples: 0.95 ± 5 standard errors is 0.87 to 1; half the width would cover 0.7."""
    rng = np.random.default_rng(11)
    scale, member = np.arange(1, 33) ** -0.5, np.arange(600) % 20
    values, spans = [], []
    for _ in range(200):
        raw = rng.standard_normal((600, 32)) if law == "normal" else rng.standard_t(5, (600, 32))
        x = raw * scale + 0.1
        spans.append(interval_of(x, member))
        values.append(rankme(x))
    low, high = np.array(spans).T
    inside = float(((low < np.mean(values)) & (np.mean(values) < high)).mean())
    assert 0.87 <= inside <= 1


def test_rankme_has_the_groups_that_levels_leave_out(rng):
    """Rows in runs of 50 alike: 80 independent ones, and an interval that says so."""
    runs = np.repeat(rng.standard_normal((80, 8)), 50, axis=0)
    x = (runs + 0.05 * rng.standard_normal(runs.shape)) * np.arange(1, 9) ** -1.0
    alike = gausscheck.analyze(x, directions="axes", levels="none").spectrum
    mixed = gausscheck.analyze(rng.permutation(x), directions="axes", levels="none").spectrum
    assert alike.rankme == pytest.approx(mixed.rankme)
    width = [span.rankme_ci[1] - span.rankme_ci[0] for span in (alike, mixed)]
    assert width[0] > 3 * width[1]


def test_one_group_tells_nothing_of_the_spread(rng):
    x = rng.standard_normal((40, 3))
    assert interval_of(x, np.zeros(40, int)) is None
