"""What the answer must do on rows whose truth is known: Gaussian in every guise, or nearly.

Rates have bounds five standard errors above what is allowed, so that rates far higher than allowed
fail at some level of some kind.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from gaussian_rows import (
    GAUSSIAN,
    ODD_AXIS,
    at_most,
    audit,
    autoregressive,
    kinds,
    moving_average,
    with_repeats,
)

pytestmark = pytest.mark.slow


def claims_of(report):
    claims = report.verdict.claims
    return ((name, getattr(claims, name)) for name in ("projections", "norms", "sphere"))


@dataclass
class Tally:
    """What audits of several samples of one kind said."""

    samples: int = 0
    wrong: Counter = field(default_factory=Counter)
    noticed: Counter = field(default_factory=Counter)
    failed: Counter = field(default_factory=Counter)
    covered: Counter = field(default_factory=Counter)
    safe: int = 0
    widths: list = field(default_factory=list)

    def add(self, report):
        self.samples += 1
        statuses = {**report.verdict.levels, "overall": report.verdict.status}
        self.wrong.update(name for name, status in statuses.items() if status == "not_gaussian")
        self.noticed.update(kinds(report))
        self.failed.update(name for name, claim in claims_of(report) if claim == "fails")
        rates = report.use.false_alarm
        self.covered.update(k for k, r in rates.items() if r.ci[0] <= float(k) <= r.ci[1])
        self.widths.append(rates["0.01"].ci[1] - rates["0.01"].ci[0])
        self.safe += report.use.safe_components.value == report.use.safe_components.of


def tally(sample, samples, seed, **options):
    found = Tally()
    for i in range(samples):
        found.add(audit(sample(np.random.default_rng([seed, i])), **options))
    return found


def seldom_wrong(found):
    return all(count <= at_most(0.05, found.samples) for count in found.wrong.values())


@pytest.mark.parametrize("law", ODD_AXIS)
@pytest.mark.parametrize(("n", "d", "samples"), [(1500, 96, 3), (5000, 192, 3), (20_000, 768, 1)])
def test_one_odd_axis_is_named_and_never_called_gaussian(law, n, d, samples):
    for i in range(samples):
        rng = np.random.default_rng([41_007, i, n])
        x = rng.standard_normal((n, d), dtype=np.float32)
        j = int(rng.integers(d))
        x[:, j] = ODD_AXIS[law](rng, n)
        report = audit(x, directions="axes,random:64", levels="none")
        level = report.levels["axes"]
        assert level.rejected == (f"axis {j}",)
        assert level.status == "gaussian_except"
        assert report.verdict.status == level.status
        assert f"axis {j}" in report.verdict.summary
        assert report.levels["random"].status == "gaussian"


def test_an_axis_is_no_exception_where_all_are_gaussian():
    for i in range(10):
        x = np.random.default_rng([41_008, i]).standard_normal((5000, 96))
        level = audit(x, directions="axes", levels="none").levels["axes"]
        assert (level.status, level.rejected) == ("gaussian", ())


@pytest.mark.parametrize("kind", GAUSSIAN)
def test_gaussian_rows_are_seldom_called_anything_else(kind):
    n, d, samples = (120, 240, 12) if kind.startswith("fewer") else (600, 48, 12)
    found = tally(lambda rng: GAUSSIAN[kind](rng, n, d), samples, 41_009)
    assert seldom_wrong(found), found.wrong
    assert not found.noticed.keys() & {"serial_dependence", "duplicates", "deciding_rows"}
    grid = found.noticed["grid"]
    assert grid == (samples if kind == "int8" else 0)
    if not kind.startswith("fewer"):
        assert sum(found.covered.values()) >= 0.85 * 3 * samples
        assert found.safe >= 0.7 * samples


def test_use_rates_are_nominal_with_narrow_intervals():
    found = tally(
        lambda rng: rng.standard_normal((1500, 200)), 24, 41_010, directions="axes", levels="none"
    )
    for level in ("0.05", "0.01", "0.001"):
        assert found.samples - found.covered[level] <= at_most(0.1, found.samples)
    assert sum(found.covered.values()) >= 0.9 * 3 * found.samples
    assert np.mean(found.widths) <= 0.03
    assert found.safe >= 0.9 * found.samples


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_repeated_gaussian_rows_stay_gaussian(share):
    found = tally(lambda rng: with_repeats(rng, 2000, 16, share), 10, 41_011)
    assert seldom_wrong(found), found.wrong
    assert found.noticed["duplicates"] == found.samples


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("AR .5", lambda rng: autoregressive(rng, 4000, 16, 0.5)),
        ("AR .9", lambda rng: autoregressive(rng, 4000, 16, 0.9)),
        ("MA 40", lambda rng: moving_average(rng, 6000, 16, 40)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_gaussian_rows_like_their_neighbours_stay_gaussian(name, sample):
    found = tally(sample, 10, 41_012)
    assert seldom_wrong(found), found.wrong
    assert found.noticed["serial_dependence"] == found.samples
    # isotropic around 0: all three claims are true
    assert all(count <= at_most(0.05, found.samples) for count in found.failed.values())


def test_rows_that_hardly_move_are_inconclusive():
    for i in range(3):
        x = autoregressive(np.random.default_rng([41_013, i]), 2000, 16, 0.99)
        report = audit(x)
        assert set(report.verdict.levels.values()) == {"inconclusive"}
        assert "serial_dependence" in kinds(report)


def test_dependent_rows_with_skewed_tails_are_still_not_gaussian():
    for i in range(3):
        x = np.exp(0.5 * autoregressive(np.random.default_rng([41_014, i]), 3000, 16, 0.5))
        report = audit(x)
        assert report.verdict.levels["axes"] == "not_gaussian"
        assert report.use.false_alarm["0.01"].ci[0] > 0.01


def test_labels_that_mean_nothing_are_no_dependence(tmp_path):
    for i in range(5):
        rng = np.random.default_rng([41_015, i])
        np.save(tmp_path / "labels.npy", np.sort(rng.integers(0, 8, 2000)))
        report = audit(rng.standard_normal((2000, 16)), labels=str(tmp_path / "labels.npy"))
        assert not kinds(report)


@pytest.mark.parametrize(("rows", "factor"), [(1, 30), (1, 1e5), (5, 10)])
@pytest.mark.parametrize(("n", "d"), [(3000, 16), (1500, 64)])
def test_rows_that_decide_are_named_and_left_out(rows, factor, n, d):
    rng = np.random.default_rng([41_016, n, rows])
    x = rng.standard_normal((n, d), dtype=np.float32)
    chosen = np.sort(rng.choice(n, rows, replace=False))
    x[chosen] *= factor
    report = audit(x)
    (found,) = report.noticed
    assert (found.kind, sorted(found.rows)) == ("deciding_rows", chosen.tolist())
    assert "not_gaussian" not in report.verdict.levels.values()
    assert report.levels["axes"].note is not None
    assert report.levels["axes"].n == n - rows


@pytest.mark.parametrize("cells", [1, 3, 40])
@pytest.mark.parametrize("columns", [1, 4])
def test_nearly_constant_columns_are_named_and_nothing_is_nan(cells, columns, tmp_path):
    rng = np.random.default_rng([41_017, cells, columns])
    x = rng.standard_normal((1200, 16))
    x[:, :columns] = 0
    for j in range(columns):
        x[rng.choice(1200, cells, replace=False), j] = 1
    report = audit(x)
    (found,) = (one for one in report.noticed if one.kind == "sparse_columns")
    assert found.columns == tuple(range(columns))
    assert report.verdict.status == report.levels["axes"].status == "not_gaussian"
    assert set(report.levels["axes"].rejected) >= {f"axis {j}" for j in range(columns)}
    report.save(tmp_path)
    text = (tmp_path / "report.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
