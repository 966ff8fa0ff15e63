"""Agreement with R: every matrix row of the oracle, but for faults of its sources."""

import json
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck.normality import JOINT_TESTS, SPHERE_TESTS

ORACLE = Path(__file__).parents[1] / "data" / "oracle"
ROWS = [row for row in json.loads((ORACLE / "values.json").read_text()) if row["column"] is None]

# Second sources under other names: what they scale otherwise.
SECOND = {
    "henze_zirkler_mnt": ("henze_zirkler", lambda t, n, d: t),
    "mardia_skewness_raw": ("mardia_skewness", lambda t, n, d: 6 * t / n),
    "mardia_kurtosis_raw": (
        "mardia_kurtosis",
        lambda t, n, d: d * (d + 2) + t * np.sqrt(8 * d * (d + 2) / n),
    ),
}
INEXACT = {
    "mnt": 3e-8,  # whitens by an iterative square root
    "sphunif sph_stat_PAD": 1.5e-3,  # interpolates the kernel
}


def tolerance(row):
    """The row's own, or what its source is good for."""
    for source, inexact in INEXACT.items():
        if row["source"].startswith(source):
            return max(row["rtol"], inexact)
    return row["rtol"]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['test']}-{r['dataset']}")
def test_agrees_with_r(row):
    x = np.load(ORACLE / f"{row['dataset']}.npy")
    name, scale = SECOND.get(row["test"], (row["test"], lambda t, n, d: t))
    outcome = gausscheck.evaluate(name, x, calibration="textbook")
    got = scale(outcome.statistic[0], *x.shape)
    assert got == pytest.approx(row["statistic"], rel=tolerance(row))
    if row["pvalue"] is not None:
        assert outcome.pvalue[0] == pytest.approx(row["pvalue"], rel=0, abs=row["p_atol"])


def test_every_test_of_rows_has_a_second_opinion():
    named = {row["test"] for row in ROWS}
    ours = {spec.name for spec in (*JOINT_TESTS, *SPHERE_TESTS)}
    assert ours - named == {"sliced_epps_pulley", "sliced_epps_pulley_max"}


def test_iris_setosa_gives_the_published_value():
    outcome = gausscheck.evaluate(
        "doornik_hansen", np.load(ORACLE / "iris_setosa.npy"), calibration="textbook"
    )
    assert outcome.statistic[0] == pytest.approx(24.414, abs=5e-4)
