"""Scaling: laws that are known, fits, and what cannot be asked for."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import gausscheck
from gausscheck.cli import main
from gausscheck.rng import hashed_sample
from gausscheck.scaling import TITLES, fit_power
from gausscheck.scaling.distance import cross_distance, standardised_law
from together import assert_both_or_neither


def sphere(d, n, seed=0):
    z = np.random.default_rng([seed, d]).standard_normal((n, d))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def table(value, error):
    return np.column_stack([value, value - 2.09 * error, value + 2.09 * error])


@pytest.mark.parametrize(("slope", "constant"), [(-2.0, 0.061), (1.0, 3.0), (-1.0, -6.0)])
def test_a_power_law_is_found(slope, constant):
    sizes = 2.0 ** np.arange(3, 10)
    value = constant * sizes**slope
    fit = fit_power(sizes, table(value, 0.01 * np.abs(value)), 0.95, slope)
    assert fit["slope"] == pytest.approx(slope, abs=1e-6)
    assert fit["constant"] == pytest.approx(constant, rel=1e-5)
    assert fit["constant_at_law"] == pytest.approx(constant, rel=1e-6)
    low, high = fit["slope_ci"]
    assert low < slope < high


def test_a_noisy_point_below_zero_counts_for_what_it_says():
    sizes = 2.0 ** np.arange(3, 10)
    value = 0.06 / sizes**2
    value[-1] = -1e-7
    fit = fit_power(sizes, table(value, np.full(7, 2e-6)), 0.95)
    assert fit["slope"] == pytest.approx(-2, abs=0.1)


def test_there_is_no_slope_of_nothing():
    sizes = np.array([8.0, 16.0, 32.0])
    assert fit_power(sizes, table(np.full(3, 1e-6), np.ones(3)), 0.95) == {"reason": "all near 0"}
    changing = table(np.array([1.0, -1.0, 1.0]), np.full(3, 0.01))
    assert fit_power(sizes, changing, 0.95) == {"reason": "changes sign"}


def test_a_clear_value_against_the_sign_of_the_rest_is_no_slope():
    """The one beyond its error is negative, the sum positive: there was no place to start from."""
    values, error = np.array([-3.6, 1.9, 1.9, 1.9]), np.ones(4)
    told = fit_power(np.array([8.0, 16.0, 32.0, 64.0]), table(values, error), 0.95)
    assert told == {"reason": "changes sign"}
    one = table(np.array([1.0, 1.1]), np.full(2, 0.01))
    assert fit_power(np.array([8.0, 8.0]), one, 0.95) == {"reason": "one size"}


def test_one_of_many_intervals_beside_0_is_no_slope():
    """The widest of 8 intervals that hold 0 but for chance."""
    values, sizes = np.array([2.2, 0.5, -0.3, 1.0, 0.2, -0.7, 0.1, 0.4]), 2.0 ** np.arange(3, 11)
    assert fit_power(sizes, table(values, np.ones(8)), 0.95) == {"reason": "all near 0"}


def in_groups(x):
    return np.array_split(np.arange(len(x)), 20)


def test_the_distance_of_gaussian_rows_is_0_on_average():
    """Of 200 files; the plain distance is .0097, four standard errors here less than .002."""
    rng = np.random.default_rng(2)
    found = [cross_distance(x, in_groups(x), 0.95) for x in rng.standard_normal((200, 250, 16))]
    value, low, high = np.array(found).T
    assert abs(value.mean()) < 4 * value.std() / np.sqrt(value.size) < 0.002
    assert ((low < 0) & (high > 0)).mean() > 0.93


def test_the_distance_of_a_known_law():
    """Uniform: sup |F − Φ| by a fine grid, and the sample's law of standardised normal values."""
    t = np.linspace(-np.sqrt(3), np.sqrt(3), 100_001)
    truth = np.abs(np.linspace(0, 1, t.size) - stats.norm.cdf(t)).max()
    x = np.random.default_rng(3).uniform(size=(20_000, 8))
    value, low, high = cross_distance(x, in_groups(x), 0.95)
    assert value == pytest.approx(truth, rel=0.05)
    assert low < truth < high
    z = np.random.default_rng(4).standard_normal((200_000, 5))
    z = ((z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)).ravel()
    for at in (-1.5, -0.4, 1.1):  # error of a share: .0005
        assert (z <= at).mean() == pytest.approx(standardised_law(np.array(at), 5), abs=0.003)


def test_the_interval_of_the_effective_rank_is_that_of_deletion(rng):
    x = rng.standard_normal((2000, 12)) * np.geomspace(3, 1, 12)

    def rank(y):
        share = np.linalg.eigvalsh(np.cov(y.T))
        share = share / share.sum()
        return np.exp(-(share * np.log(share)).sum())

    found = gausscheck.scale(x, prefix_dims=(6, 12)).column("effective_rank")[1]
    order = hashed_sample(2000, 2000, 0)
    left = np.array([rank(np.delete(x, part, axis=0)) for part in np.array_split(order, 20)])
    half = 2.093 * np.sqrt(19 / 20 * ((left - left.mean()) ** 2).sum())
    assert found[0] == pytest.approx(rank(x))
    assert (found[2] - found[1]) / 2 == pytest.approx(half, rel=0.05)


def test_rows_that_repeat_count_once(rng):
    x = rng.standard_normal((300, 8))
    found = gausscheck.scale(np.tile(x, (10, 1)), rows=(1000, 3000), groups=10)
    first, last = found.points
    assert last["n"] == last["size"] == 300
    assert first["n"] == first["size"] < 300
    assert "3,000 rows: 2,700 rows repeat an earlier one: counted once" in found.notes
    low, high = last["values"]["ad_discrepancy"][1:]
    assert low < 0 < high
    files = gausscheck.scale(x, np.concatenate([x, x])[:, :4])
    assert [p["n"] for p in files.points] == [300, 300]
    with pytest.raises(gausscheck.GausscheckError, match="at least 40 rows that differ, got 30"):
        gausscheck.scale(np.tile(x[:30], (10, 1)), prefix_dims=(4, 8))


@pytest.mark.slow
def test_gaussian_files_have_no_slope_of_a_distance():
    """At 5 % two or three of 40; over 7 once in 1,000. Of the plain distance 37 of 59 had one."""
    rng = np.random.default_rng(14)
    dims = (16, 32, 64)
    found = [gausscheck.scale(*(rng.standard_normal((600, d)) for d in dims)) for _ in range(40)]
    for name in ("ad_discrepancy", "kolmogorov", "excess_kurtosis"):
        assert sum("slope" in one.fits[name] for one in found) <= 7, name


def test_intervals_cover_the_slope():
    rng = np.random.default_rng(0)
    sizes = 2.0 ** np.arange(3, 9)
    inside = 0
    for _ in range(200):
        error = np.full(6, 2e-5)
        value = 0.06 / sizes**2 + error * rng.standard_normal(6)
        low, high = fit_power(sizes, table(value, error), 0.95)["slope_ci"]
        inside += low < -2 < high
    assert inside > 180


def test_prefixes_subspaces_and_rows(rng):
    x = rng.standard_normal((3000, 24)) * 2
    by_d = gausscheck.scale(x, prefix_dims=(6, 12, 24))
    assert by_d.by == "d"
    assert by_d.sizes.tolist() == [6, 12, 24]
    assert by_d.fits["norm_cv"]["slope"] == pytest.approx(-0.5, abs=0.1)
    assert by_d.fits["effective_rank"]["slope"] == pytest.approx(1, abs=0.05)
    assert by_d.theory["cosine_sd"]["slope"] == -0.5
    by_k = gausscheck.scale(x, marginals=(1, 4, 16))
    assert by_k.by == "k"
    assert set(by_k.fits) == {"shell_discrepancy"}
    by_n = gausscheck.scale(x, rows=(500, 1000, 3000))
    assert by_n.by == "n"
    assert [p["n"] for p in by_n.points] == [500, 1000, 3000]
    assert by_n.theory == {}


def test_values_are_those_of_the_audit(rng):
    x = rng.laplace(size=(2500, 8))
    found = gausscheck.scale(x, rows=(1000, 2500))
    axes = gausscheck.analyze(x, directions="axes", levels="none").levels["axes"]
    assert found.column("ad_discrepancy")[1, 0] == pytest.approx(axes.discrepancy, rel=1e-3)
    assert found.column("excess_kurtosis")[1, 0] == pytest.approx(3, abs=1)


def test_dead_coordinates_and_unit_rows(minilm_path):
    found = gausscheck.scale(minilm_path, prefix_dims=(100, 384), sample=2000)
    assert found.column("ad_discrepancy")[1, 0] < 3e-4  # coordinates 127, 223 and 319 are dead
    assert np.isnan(found.column("norm_cv")[1, 0])  # whole rows are of length one
    assert np.isfinite(found.column("norm_cv")[0, 0])


def test_saved_and_framed(rng, tmp_path):
    found = gausscheck.scale(rng.standard_normal((800, 8)), prefix_dims=(4, 8))
    found.save(tmp_path)
    told = json.loads((tmp_path / "scaling.json").read_text())
    assert told["schema"] == "gausscheck.scaling"
    assert "slope" in told["fits"]["norm_cv"]
    with np.load(tmp_path / "scaling.npz") as archive:
        assert archive["norm_cv"].shape == (2, 3)
    frame = found.to_frame()
    assert set(frame["statistic"]) <= set(TITLES)


@pytest.mark.parametrize(
    ("sources", "options", "words"),
    [
        (1, {}, "at least two sizes"),
        (2, {"prefix_dims": (2, 4)}, "expected one file"),
        (1, {"prefix_dims": (4, 8), "rows": (300,)}, "give one"),
        (1, {"prefix_dims": (4, 9)}, "from 3 to 8, got 9"),
        (1, {"rows": (100, 300)}, "from 200 to 400"),
        (1, {"marginals": (1, 30)}, "from 1 to 8"),
    ],
)
def test_what_cannot_be_asked_for(rng, sources, options, words):
    x = rng.standard_normal((400, 8))
    with pytest.raises(gausscheck.GausscheckError, match=words):
        gausscheck.scale(*([x] * sources), **options)
    x[3] = np.nan
    with pytest.raises(gausscheck.GausscheckError, match="row 3 is not finite"):
        gausscheck.scale(x, prefix_dims=(4, 8))


def test_the_command_over_files(tmp_path, monkeypatch):
    for d in (4, 8, 16):
        np.save(tmp_path / f"d{d}.npy", sphere(d, 1500).astype(np.float32))
    files = [str(tmp_path / f"d{d}.npy") for d in (16, 4, 8)]
    runner = CliRunner()
    done = runner.invoke(main, ["scale", *files, "--out", str(tmp_path / "o"), "--format", "pdf"])
    assert done.exit_code == 0, done.output
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if str(tmp_path) not in line)
    assert {p.name for p in (tmp_path / "o").glob("[!.]*")} == {
        "scaling.json", "scaling.npz", "scaling.pdf",
    }  # fmt: skip
    told = json.loads(runner.invoke(main, ["scale", *files, "--json"]).stdout)
    assert [p["size"] for p in told["points"]] == [4, 8, 16]
    assert_both_or_neither(monkeypatch, ["scale", *files], tmp_path)
    wrong = runner.invoke(main, ["scale", files[0], "--rows", "many"])
    assert wrong.exit_code == 1
    assert "sizes such as" in wrong.stderr


@pytest.mark.slow
def test_the_laws_of_the_sphere():
    found = gausscheck.scale(
        *[sphere(d, 100_000) for d in (8, 16, 32, 64, 128, 256, 512)], sample=100_000
    )
    delta, distance = found.fits["ad_discrepancy"], found.fits["kolmogorov"]
    assert delta["slope"] == pytest.approx(-2, abs=0.1)
    assert delta["constant_at_law"] == pytest.approx(0.061, rel=0.1)
    assert distance["slope"] == pytest.approx(-1, abs=0.1)
    assert distance["constant_at_law"] == pytest.approx(0.138, rel=0.1)
    assert found.fits["cosine_sd"]["slope"] == pytest.approx(-0.5, abs=0.02)
