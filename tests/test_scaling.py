"""Scaling: laws that are known, fits, and what cannot be asked for."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.scaling import TITLES, fit_power


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


def test_the_command_over_files(tmp_path):
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
