"""The verdict keeps its level on correlated Gaussian rows, and does not depend on n."""

import numpy as np
import pytest

import gausscheck
from gausscheck.normality import A0

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("n", [500, 2000])
def test_correlated_gaussian_rows_are_seldom_called_not_gaussian(n):
    rng = np.random.default_rng([20_260_304, n])
    d, repetitions = 24, 40
    mix = rng.standard_normal((d, d)) * np.geomspace(1, 0.05, d)
    wrong, covered = 0, 0
    for _ in range(repetitions):
        x = rng.standard_normal((n, d)) @ mix + 5 * rng.standard_normal(d)
        report = gausscheck.analyze(x.astype(np.float32), directions="axes,random:24")
        wrong += report.verdict.status == "not_gaussian"
        low, high = report.levels["axes"].value_ci
        covered += low <= A0 <= high
    assert wrong <= 0.05 * repetitions + 5 * np.sqrt(0.05 * 0.95 * repetitions)
    assert covered >= 0.9 * repetitions


def test_the_answer_does_not_depend_on_how_many_rows_were_saved(minilm_path):
    import h5py

    with h5py.File(minilm_path) as file:
        rows = file["embeddings"][:]
    rng = np.random.default_rng(20_260_305)
    rows = rng.permutation(rows)  # in the file neighbours are alike; in samples of it they are not
    whole = gausscheck.analyze(rows, directions="axes", levels="none", reference=1000)
    truth = whole.levels["axes"].value
    estimates, plain, covered, statuses = [], [], [], set()
    for n in (1000, 2000, 3000):
        for _ in range(5):
            part = rows[rng.choice(len(rows), n, replace=False)]
            report = gausscheck.analyze(part, directions="axes", levels="none", reference=1000)
            level = report.levels["axes"]
            low, high = level.value_ci
            covered.append(low <= truth <= high)
            estimates.append(level.value)
            plain.append(level.statistic_mean)
            at_default = gausscheck.analyze(part, directions="axes", levels="none").verdict.status
            statuses.add(at_default)
    assert np.abs(np.subtract(estimates, truth)).max() < 0.05
    assert max(plain) - min(plain) > 0.1  # what the field prints moves with n
    assert np.mean(covered) >= 0.9
    assert not {"gaussian", "not_gaussian"} <= statuses
