"""Draws that ship: the very ones that would be simulated, and p-values that keep their level."""

import numpy as np
import pytest

from gausscheck.normality import TESTS
from gausscheck.normality.nulls import shipped, simulated
from gausscheck.normality.nulls.shipped import shipped_draws, shipped_rows
from gausscheck.normality.nulls.simulated import null_of, null_sample, simulated_law

NAMES = ("mardia_skewness", "mardia_kurtosis", "bhep", "energy")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAUSSCHECK_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(("n", "k"), [(50, 8), (100, 2), (300, 16), (500, 1), (500, 64)])
@pytest.mark.parametrize("name", NAMES)
def test_shipped_draws_are_the_first_of_their_streams(name, n, k):
    """Fails when a statistic or its stream changes and the draws are not made again."""
    null = null_of(TESTS[name], n, k)
    kept = shipped_draws(null.key)
    if (name, k) == ("bhep", 64):
        assert kept.size == 0  # not defined there
        return
    step = np.ptp(kept) / shipped.STEPS
    np.testing.assert_allclose(kept[[0, 7]], [null.draws(range(i, i + 1), 1)[0] for i in (0, 7)],
                               rtol=1e-12, atol=step)  # fmt: skip


def test_a_default_audit_simulates_nothing(monkeypatch):
    """Every test, n and k that random subspaces of any sample are tested at."""
    monkeypatch.setattr(simulated.Null, "draws", None)
    for m in (50, 99, 199, 299, 499, 10_000):
        n = shipped_rows(min(m, 500))
        for k in (k for k in (1, 2, 4, 8, 16, 32, 64) if k <= m // 10):
            for name in NAMES:
                if (name, k) != ("bhep", 64):
                    law = simulated_law(TESTS[name], np.array([1e9]), n, k, draws=999)
                    assert law.pvalue[0] <= 2 / 1000


def test_pvalues_are_the_same_with_a_cache_and_without(monkeypatch):
    spec, observed = TESTS["energy"], np.array([1.5])
    first = simulated_law(spec, observed, 50, 2)
    again = simulated_law(spec, observed, 50, 2)
    alone = simulated_law(spec, observed, 50, 2, cache=False)
    assert first.pvalue == again.pvalue == alone.pvalue
    assert "1999 draws" in first.notes[0]  # beyond what ships


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k"), [(50, 4), (200, 16), (500, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_shipped_laws_keep_their_level(name, n, k):
    """The samples share 999 draws, which the bound counts: 9 % at nominal 5 % would fail."""
    rng = np.random.default_rng([20_261_128, n, k])
    spec, repetitions = TESTS[name], 800
    p = np.array(
        [
            simulated_law(
                spec, spec.statistic(null_sample(spec, rng, n, k)), n, k, draws=999
            ).pvalue[0]
            for _ in range(repetitions)
        ]
    )
    for level in (0.05, 0.01):
        sigma = np.sqrt(level * (1 - level) * (1 / repetitions + 1 / 999))
        assert abs((p <= level).mean() - level) < 5 * sigma
