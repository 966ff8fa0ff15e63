"""The isotropic null: mean 0, covariance σ² I known."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, norm

from gausscheck.audit.isotropic import isotropic
from gausscheck.core import GausscheckError
from gausscheck.normality.multivariate.known_epps_pulley import (
    EP_MEAN,
    epps_pulley_known_log_p,
)


def run(x, seed=0, **options):
    return isotropic(x, np.random.default_rng(seed), **options)


def test_isotropic_gaussian_rows_hold(rng):
    found = run(rng.standard_normal((6000, 32)), scale=1.0)
    assert found.status == "holds"
    assert not found.rejected
    assert {part.name for part in found.parts} == {
        "mean", "sphericity", "scale", "sliced", "worst"
    }  # fmt: skip


def test_any_scale_holds_where_it_is_estimated_and_fails_where_it_is_given(rng):
    x = 7 * rng.standard_normal((6000, 16))
    assert run(x).status == "holds"
    assert run(x).scale == pytest.approx(7, rel=0.02)
    assert run(x, scale=1.0).part("scale").status == "fails"


def test_departures_fail_by_the_part_that_they_concern(rng):
    z = rng.standard_normal((5000, 32))
    laplace = z.copy()
    laplace[:, 3] = rng.laplace(size=5000) / np.sqrt(2)
    cases = {
        "mean": z + 0.2,
        "sphericity": z * np.geomspace(1, 2, 32),
        "sliced": z + 0.1,
        "worst": laplace,
    }
    for name, rows in cases.items():
        found = run(rows)
        assert found.status == "fails"
        assert found.part(name).status == "fails"
    assert run(laplace).worst_direction == 256 + 3
    assert run(laplace).part("sphericity").status == "holds"


def test_works_with_fewer_rows_than_dimensions(rng):
    z = rng.standard_normal((200, 300))
    assert run(z).status != "fails"
    assert run(z * np.geomspace(1, 3, 300)).part("sphericity").status == "fails"
    assert run(z + 0.3).part("mean").status == "fails"


def test_second_order_effects_are_averages_over_pairs(rng):
    # the U-statistic of Chen, Zhang & Zhong (2010) by its definition, over distinct indices
    n, d = 44, 3
    x = rng.standard_normal((n, d)) * [1, 2, 3] + 1
    g = x @ x.T
    off = ~np.eye(n, dtype=bool)
    first = np.trace(g) / n - g[off].mean()
    y2 = (g[off] ** 2).mean()
    row = g.sum(axis=1) - np.diag(g)
    squares = (g**2).sum(axis=1) - np.diag(g) ** 2
    y4 = (row**2 - squares).sum() / (n * (n - 1) * (n - 2))
    total = g[off].sum()
    y5 = total**2 - 2 * (g[off] ** 2).sum() - 4 * (row**2 - squares).sum()
    y5 /= n * (n - 1) * (n - 2) * (n - 3)
    second = y2 - 2 * y4 + y5
    found = run(x)
    assert found.part("sphericity").effect == pytest.approx(
        (d * second / first**2 - 1) / np.sqrt(2), rel=1e-9
    )
    assert found.part("mean").effect == pytest.approx(g[off].mean() * np.sqrt(d) / first, rel=1e-9)
    assert found.participation == pytest.approx(min(first**2 / (d * second), 1))


def test_leaving_groups_out_is_exact(rng):
    x = rng.standard_normal((60, 4)) * [1, 1, 2, 3] + 0.4
    found = run(x, groups=3)
    left = [np.delete(x, part, axis=0) for part in np.array_split(np.arange(60), 3)]
    for name in ("mean", "sphericity", "sliced"):
        scaled = [run(rows, scale=found.scale).part(name).effect for rows in left]
        error = np.sqrt(2 / 3 * np.var(scaled) * 3)
        half = (found.part(name).effect_ci[1] - found.part(name).effect_ci[0]) / 2
        assert half == pytest.approx(4.302653 * error, rel=1e-6)


def test_iso_score_is_that_of_its_paper(rng):
    # Rudman et al. (2022), steps 3 to 7, on the population's eigenvalues
    eigenvalues = np.array([4.0, 2, 1, 1, 0.5, 0.5])
    d = eigenvalues.size
    scaled = np.sqrt(d) * eigenvalues / np.linalg.norm(eigenvalues)
    defect = np.linalg.norm(scaled - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    share = (d - defect**2 * (d - np.sqrt(d))) ** 2 / d**2
    x = rng.standard_normal((200_000, d)) * np.sqrt(eigenvalues)
    assert run(x, directions=2).iso_score == pytest.approx((d * share - 1) / (d - 1), abs=0.01)


def test_epps_pulley_along_an_axis_is_its_integral(rng):
    x = rng.laplace(size=(80, 2))
    found = run(x, scale=1.0, directions=1)

    def integrand(t, j):
        return abs(np.exp(1j * t * x[:, j]).mean() - np.exp(-t * t / 2)) ** 2 * norm.pdf(t)

    for j in range(2):
        expected = quad(integrand, -8, 8, args=(j,), limit=400)[0] - EP_MEAN / 80
        assert found.direction_effects[1 + j] == pytest.approx(expected, abs=1e-7)


def test_null_law_of_epps_pulley_with_known_parameters():
    # Sum of weighted chi-squares, the weights from the kernel on a fine grid of normal quantiles
    node = norm.ppf((np.arange(800) + 0.5) / 800)
    fall = np.exp(-(node**2) / 4) / np.sqrt(2)
    kernel = np.exp(-((node[:, None] - node) ** 2) / 2) - fall[:, None] - fall + 1 / np.sqrt(3)
    weights = np.linalg.eigvalsh(kernel / 800)[::-1][:25]
    assert weights.sum() == pytest.approx(EP_MEAN, abs=3e-3)
    rng = np.random.default_rng(4)
    draws = rng.chisquare(1, (200_000, 25)) @ weights
    for p in (0.5, 0.1, 0.05, 0.01, 0.001):
        tail = np.exp(epps_pulley_known_log_p(float(np.quantile(draws, 1 - p))))
        assert tail == pytest.approx(p, rel=0.12)
    far = epps_pulley_known_log_p(400.0)
    assert far == pytest.approx(np.log(2) + norm.logsf(np.sqrt(400 / weights[0])), rel=0.02)


@pytest.mark.parametrize("bad", [np.zeros((100, 3)), np.ones((10, 3)), np.full((100, 3), np.nan)])
def test_rows_that_say_nothing_are_refused(bad):
    with pytest.raises(GausscheckError, match="isotropic: expected"):
        run(bad)


def test_a_scale_must_be_positive(rng):
    with pytest.raises(GausscheckError, match="positive scale"):
        run(rng.standard_normal((100, 3)), scale=0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "d", "times"), [(200, 50, 600), (500, 32, 600), (300, 400, 300), (500, 3, 600)]
)
def test_levels(n, d, times):
    # A level of 10 % at nominal 5 % leaves the band nearly always.
    found = [
        run(np.random.default_rng([31, s, n, d]).standard_normal((n, d)), s, scale=1.0,
            directions=64)
        for s in range(times)
    ]  # fmt: skip
    low, high = binom.ppf([3e-7, 1 - 3e-7], times, 0.05)
    pvalues = {
        name: np.array([one.part(name).pvalue for one in found])
        for name in ("mean", "sphericity", "scale", "worst")
    }
    pvalues["john"] = np.array([one.john_pvalue for one in found])
    pvalues["identity"] = np.array([one.identity_pvalue for one in found])
    for name, p in pvalues.items():
        rejected = int((p < 0.05).sum())
        assert rejected <= high, name
        assert rejected >= (0 if name == "worst" else low), name
    assert sum(one.rejected for one in found) <= high
    assert sum(one.status == "fails" for one in found) <= high
