"""Agreement with R: every univariate row of the oracle."""

import json
from pathlib import Path

import numpy as np
import pytest

import gausscheck

ORACLE = Path(__file__).parents[1] / "data" / "oracle"
ROWS = [
    row for row in json.loads((ORACLE / "values.json").read_text()) if row["column"] is not None
]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['test']}-{r['dataset']}-{r['column']}")
def test_agrees_with_r(row):
    x = np.load(ORACLE / f"{row['dataset']}.npy")[:, row["column"]]
    outcome = gausscheck.evaluate(row["test"], x, calibration="textbook")
    assert outcome.statistic[0] == pytest.approx(row["statistic"], rel=row["rtol"])
    if row["pvalue"] is not None:
        assert outcome.pvalue is not None
        assert outcome.pvalue[0] == pytest.approx(row["pvalue"], rel=0, abs=row["p_atol"])


def test_every_direction_test_but_epps_pulley_has_oracle_rows():
    named = {"energy_1d" if row["test"] == "energy" else row["test"] for row in ROWS}
    direction = {s.name for s in gausscheck.TESTS.values() if s.scope == "direction"}
    assert direction - named == {"epps_pulley"}
