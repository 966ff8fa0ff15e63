import numpy as np
import pytest

import gausscheck
from gausscheck.audit import preflight as checks
from gausscheck.audit.noticed import distinct_rows, notice_rank
from gausscheck.core import GausscheckError
from gausscheck.passes.reductions import FirstPass

EPS = {"float16": 9.8e-4, "float32": 1.2e-7, "float64": 2.2e-16}


def findings(x):
    rows, spread = FirstPass().of(x, 0)
    eps = EPS[str(x.dtype)]
    dead = checks.dead_coordinates(spread, eps)
    live = np.setdiff1d(np.arange(x.shape[1]), dead)
    return checks.preflight_section(
        rows,
        distinct_rows(rows.keys.keys),
        spread,
        checks.eigenbasis(spread, live),
        dead,
        str(x.dtype),
        eps,
    )


QUICK = {"directions": "axes", "levels": "none", "threads": 1}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_unit_rows_are_recognised_in_every_precision(rng, dtype):
    x = rng.standard_normal((500, 64))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    assert gausscheck.analyze(x.astype(dtype), **QUICK).preflight.constant_norm


def test_a_constant_norm_other_than_one_is_recognised(rng):
    x = rng.standard_normal((500, 64))
    x *= 8 / np.linalg.norm(x, axis=1, keepdims=True)
    assert gausscheck.analyze(x.astype("float32"), **QUICK).preflight.constant_norm


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_thin_shell_is_not_taken_for_unit_rows(rng, dtype):
    x = rng.standard_normal((300, 1024)).astype(dtype)  # CV 0.022
    assert not gausscheck.analyze(x, **QUICK).preflight.constant_norm


@pytest.mark.parametrize("far", [3e3, 1.7e9])
def test_a_constant_column_leaves_an_audit_as_it_is(rng, far):
    """Whitened lengths of 3.5 at a limit of 1.1 passed, beside a limit of 329."""
    x = rng.standard_normal((2000, 16)) * np.exp(0.1 * rng.standard_normal((2000, 1)))
    options = {**QUICK, "levels": "norms"}
    one = gausscheck.analyze(x, **options)
    other = gausscheck.analyze(np.hstack([x, np.full((2000, 1), far)]), **options)
    assert not other.preflight.constant_norm
    assert one.levels["norms"].status == "not_gaussian"
    assert other.levels["norms"] == one.levels["norms"]
    assert other.use.false_alarm == one.use.false_alarm
    claim = "not_defined" if far > 1e6 else one.verdict.claims.norms  # float64 sees none differ
    assert other.verdict.claims.norms == claim


def test_dead_coordinates_are_named(rng):
    x = rng.standard_normal((400, 10)).astype("float32")
    x[:, 3] = 0
    x[:, 7] = 1.5 + 1e-8 * rng.standard_normal(400)
    assert findings(x).dead == (3, 7)


def test_a_small_but_living_coordinate_is_kept(rng):
    x = rng.standard_normal((400, 10))
    x[:, 3] *= 1e-4
    assert findings(x).dead == ()


def test_rank_deficiency_without_dead_coordinates(rng):
    x = rng.standard_normal((500, 12)) @ rng.standard_normal((12, 20))
    found = findings(x)
    assert (found.rank, found.dead) == (12, ())
    assert "12 of 20" in notice_rank(found.rank, 20, 500).text


def test_fewer_rows_than_dimensions_is_said(rng):
    found = findings(rng.standard_normal((30, 50)))
    assert found.rank == 29
    assert "30 rows" in notice_rank(found.rank, 50, 30).text


def test_minilm_facts(minilm_path):
    import h5py

    with h5py.File(minilm_path) as f:
        found = findings(f["embeddings"][:])
    assert found.dead == (127, 223, 319)
    assert found.rank == 381


def test_clip_facts(clip_path):
    found = findings(np.load(clip_path))
    assert (found.dead, found.rank) == ((), 512)
    assert 1e7 < found.condition < 1e8
    assert abs(found.norm_mean - 9.82) < 0.01


def rows_with(x):
    return FirstPass().of(x, 0)[0]


def test_bad_rows_are_an_error_that_names_them(rng):
    x = rng.standard_normal((40, 3))
    x[5] = np.nan
    x[9] = 0
    with pytest.raises(GausscheckError) as err:
        checks.check_rows(rows_with(x), "error", "e.npy")
    assert str(err.value) == (
        "e.npy: expected finite, non-zero rows, got 1 not finite (row 5) and 1 all zero (row 9) "
        'among 40; mend the file, or drop them with on_bad_rows="drop"'
    )


def test_dropping_bad_rows_needs_some_left(rng):
    x = rng.standard_normal((40, 3))
    checks.check_rows(rows_with(x), "drop", "e.npy")
    x[5:] = np.nan
    with pytest.raises(GausscheckError, match=r"at least 20 usable rows, got 5 after dropping 35"):
        checks.check_rows(rows_with(x), "drop", "e.npy")


@pytest.mark.parametrize(
    ("stored", "power"),
    [(np.float32, power) for power in (-34, -28, 28, 34)]
    + [(np.float64, power) for power in (-60, -34, -28, 28, 34, 60)],
)
def test_a_scale_that_float32_does_not_hold_is_one_line(rng, stored, power):
    """Whitened lengths were counted as 0 % beyond a threshold of 1 %."""
    x = (rng.standard_normal((3000, 6)) * 10.0**power).astype(stored)
    options = {"directions": "axes", "rows": 500, "levels": "none"}
    if abs(power) < 30:
        found = gausscheck.analyze(x, **options)
        assert found.use is not None
        assert 0.003 < found.use.false_alarm["0.01"].value < 0.02
        return
    sign = "+" if power > 0 else "-"
    with pytest.raises(GausscheckError, match=rf"vary by 1e-30 to 1e\+30, got .* of \de\{sign}"):
        gausscheck.analyze(x, **options)
