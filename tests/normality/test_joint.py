"""Joint and sphere tests: invariance, blocks against plain sums, degenerate rows, calibration."""

from functools import partial

import numpy as np
import pingouin
import pytest

import gausscheck
from gausscheck.normality import JOINT_TESTS, SPHERE_TESTS, TESTS, gram
from gausscheck.normality.multivariate.energy import mean_distance
from gausscheck.normality.nulls.simulated import DRAWS, HITS, simulated_law
from gausscheck.normality.sphere.uniformity import _CLOSED, _kernel

JOINT = [spec.name for spec in JOINT_TESTS]
SPHERE = [spec.name for spec in SPHERE_TESTS]
KEEPS_COORDINATES = {"royston", "doornik_hansen"}
TURNS = {
    "sliced_epps_pulley",
    "sliced_epps_pulley_max",
}  # with the residuals: invariant in law alone


textbook = partial(gausscheck.evaluate, calibration="textbook")
"""For tests that read the statistic alone, or a published p-value: nothing is simulated."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAUSSCHECK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def x(rng):
    return rng.standard_t(5, (150, 4))


@pytest.mark.parametrize("name", [n for n in JOINT if n not in KEEPS_COORDINATES | TURNS])
def test_affine_maps_do_not_matter(rng, x, name):
    moved = x @ (rng.standard_normal((4, 4)) + 2 * np.eye(4)) * 1e-3 + 50
    plain, other = textbook(name, x), textbook(name, moved)
    np.testing.assert_allclose(other.statistic, plain.statistic, rtol=1e-7)


@pytest.mark.parametrize("name", sorted(KEEPS_COORDINATES))
def test_shift_and_scale_of_coordinates_do_not_matter(x, name):
    plain = textbook(name, x).statistic
    moved = textbook(name, 3 + x * [1e-3, 1, 10, 1e4]).statistic
    np.testing.assert_allclose(moved, plain, rtol=1e-7)


@pytest.mark.parametrize("name", SPHERE)
def test_rotations_and_lengths_do_not_matter(rng, x, name):
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    other = textbook(name, x @ turn * rng.uniform(0.1, 9, (150, 1)))
    np.testing.assert_allclose(other.statistic, textbook(name, x).statistic, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["henze_zirkler", "energy", "sphere_ajne", "sphere_pcvm"])
def test_blocks_threads_and_order_do_not_matter(rng, monkeypatch, name):
    x = rng.standard_t(5, (700, 3))
    whole = textbook(name, x, threads=1).statistic
    assert np.array_equal(whole, textbook(name, x, threads=4).statistic)
    monkeypatch.setattr(gram, "BLOCK", 64)
    np.testing.assert_allclose(textbook(name, x).statistic, whole, rtol=1e-9)
    mixed = textbook(name, rng.permutation(x)).statistic
    np.testing.assert_allclose(mixed, whole, rtol=1e-9)


def test_agrees_with_pingouin(rng):
    x = rng.standard_t(6, (300, 5))
    theirs = pingouin.multivariate_normality(x)
    ours = textbook("henze_zirkler", x)
    np.testing.assert_allclose(ours.statistic[0], theirs.hz, rtol=1e-9)
    np.testing.assert_allclose(ours.pvalue[0], theirs.pval, atol=1e-9)


def test_third_moments_as_tensor_and_as_pairs(rng, monkeypatch):
    from gausscheck.normality.multivariate import mardia

    x = rng.exponential(size=(400, 6))
    tensor = textbook("mardia_skewness", x).statistic
    monkeypatch.setattr(mardia, "tensor_is_cheaper", lambda n, d: False)
    np.testing.assert_allclose(textbook("mardia_skewness", x).statistic, tensor, rtol=1e-10)


@pytest.mark.parametrize("p", [2, 3, 4])
def test_projected_kernels_have_their_closed_forms(p):
    grid, values = _kernel(p, "cvm")
    np.testing.assert_allclose(values, _CLOSED[p](grid), atol=1e-8)


@pytest.mark.parametrize("weight", ["cvm", "ad"])
@pytest.mark.parametrize("p", [3, 5, 64])
def test_projected_kernels_have_mean_zero_under_uniformity(p, weight):
    from scipy.integrate import simpson

    grid, values = _kernel(p, weight)
    density = np.sin(grid) ** (p - 2)
    assert abs(simpson(values * density, x=grid) / simpson(density, x=grid)) < 5e-8
    assert values[0] == pytest.approx({"cvm": 1 / 6, "ad": 1.0}[weight], abs=1e-9)


@pytest.mark.parametrize("name", JOINT)
def test_a_degenerate_covariance_is_worked_in_its_range_or_refused(rng, x, name):
    flat = np.hstack([x, x[:, :1] + x[:, 1:2], np.full((150, 1), 2.0)])
    outcome = textbook(name, flat)
    if TESTS[name].needs == "rows":
        assert np.isnan(outcome.statistic[0])
        assert "rank 4 of 6" in outcome.notes[0]
    else:
        assert outcome.d == 4
        assert "rank 4 of 6" in outcome.notes[0]
        if not name.startswith("sliced"):
            plain = textbook(name, x).statistic
            np.testing.assert_allclose(outcome.statistic, plain, rtol=1e-7)


@pytest.mark.parametrize("name", JOINT)
def test_too_few_rows_are_not_defined(rng, name):
    outcome = textbook(name, rng.standard_normal((30, 40)))
    assert np.isnan(outcome.statistic[0])
    assert outcome.pvalue is None
    assert "more rows" in outcome.notes[0]


def test_smoothing_that_goes_blind_says_so(rng):
    outcome = textbook("henze_zirkler", rng.standard_normal((1000, 128)))
    assert outcome.pvalue is None
    assert "double precision" in outcome.notes[0]


def test_energy_sees_in_high_dimension(rng):
    x = rng.standard_normal((150, 40)) * np.sqrt(5 / rng.chisquare(5, (150, 1)))
    outcome = gausscheck.evaluate("energy", x)
    assert outcome.calibration == "monte_carlo"
    assert outcome.pvalue[0] <= 1 / (DRAWS + 1) + 1e-12


@pytest.mark.parametrize("d", [1, 2, 24, 384, 2000])
def test_mean_distance_from_a_normal_is_the_hypergeometric_function(rng, d):
    import mpmath

    square = np.concatenate([rng.chisquare(d, 12), [0.0, 1e-3, 80.0 * d]])
    with mpmath.workdps(30):
        half = mpmath.mpf(d) / 2
        scale = mpmath.sqrt(2) * mpmath.gamma(half + 0.5) / mpmath.gamma(half)
        want = [float(scale * mpmath.hyp1f1(-0.5, half, -mpmath.mpf(s) / 2)) for s in square]
    np.testing.assert_allclose(mean_distance(square, d), want, rtol=1e-12)


def test_energy_speaks_in_hundreds_of_dimensions(rng):
    normal = [textbook("energy", rng.standard_normal((900, 300))) for _ in range(4)]
    calm = [outcome.statistic[0] for outcome in normal]
    heavy = textbook("energy", rng.standard_t(4, (900, 300))).statistic[0]
    assert heavy > np.mean(calm) + 10 * np.std(calm)


def draws(file):
    return np.frombuffer(file.read_bytes()[32:])


def test_sequential_stopping_and_the_cache(rng, tmp_path):
    spec = TESTS["mardia_kurtosis"]  # two-sided: stops when both tails are settled
    quick = simulated_law(spec, np.array([0.0]), 50, 3)
    (file,) = (tmp_path / "cache").rglob("*.draws")
    first = draws(file)
    assert first.size < DRAWS
    assert quick.pvalue[0] > 0.3
    again = simulated_law(spec, np.array([0.0]), 50, 3)
    assert again.pvalue == quick.pvalue
    assert np.array_equal(draws(file), first)
    full = simulated_law(spec, np.array([50.0]), 50, 3)
    assert full.pvalue[0] == pytest.approx(2 / (DRAWS + 1))
    assert np.array_equal(draws(file)[: first.size], first)
    alone = simulated_law(spec, np.array([0.0]), 50, 3, cache=False, threads=1)
    assert alone.pvalue == quick.pvalue
    assert HITS / first.size <= 1


def test_a_broken_cache_costs_time_and_not_the_answer(tmp_path):
    spec = TESTS["mardia_kurtosis"]
    want = simulated_law(spec, np.array([1.0]), 50, 3)
    (file,) = (tmp_path / "cache").rglob("*.draws")
    for content in (b"", b"\x93NUMPY broken", b"x" * 500):
        file.write_bytes(content)
        assert simulated_law(spec, np.array([1.0]), 50, 3).pvalue == want.pvalue
    raw = bytearray(file.read_bytes())
    raw[32] ^= 1  # one bit of the first draw
    file.write_bytes(raw)
    assert simulated_law(spec, np.array([1.0]), 50, 3).pvalue == want.pvalue
    assert draws(file)[0] != np.frombuffer(bytes(raw[32:]))[0]
    assert simulated_law(spec, np.array([1.0]), 50, 3).pvalue == want.pvalue
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAUSSCHECK_CACHE", str(blocked))
        assert simulated_law(spec, np.array([1.0]), 50, 3).pvalue == want.pvalue


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mardia_skewness", "mardia_kurtosis", "henze_zirkler", "bhep",
                                  "energy", "doornik_hansen", "multivariate_shapiro",
                                  "sphere_bingham", "sphere_gine_fn", "sphere_pad"])  # fmt: skip
@pytest.mark.parametrize(("n", "d"), [(50, 2), (50, 10), (200, 20)])
def test_simulated_pvalues_keep_their_level(name, n, d):
    rng = np.random.default_rng([20_260_307, n, d])
    repetitions = 400
    p = [
        gausscheck.evaluate(name, rng.standard_normal((n, d))).pvalue[0] for _ in range(repetitions)
    ]
    for level in (0.05, 0.01):
        rate = np.mean(np.array(p) <= level)
        assert abs(rate - level) < 5 * np.sqrt(level * (1 - level) / repetitions)
