"""Anchors and positives: every number against a plain one, closed forms, and bad input."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.integrate import quad
from scipy.special import betaln, logsumexp

import gausscheck
from gausscheck import pairs as module
from gausscheck.cli import main
from gausscheck.pairs import estimate_eta2, log_mean_exp_on_sphere, sums
from together import assert_both_or_neither


def ask(u, v, **options):
    return gausscheck.audit_pairs(gausscheck.open_source(u), gausscheck.open_source(v), **options)


def channel(rng, n, d, a):
    """Two views of a Gaussian channel: eta2 = a²."""
    base = rng.standard_normal((n, d))
    noise = np.sqrt(1 - a * a)
    return tuple(a * base + noise * rng.standard_normal((n, d)) for _ in range(2))


@pytest.mark.parametrize("block", [512, 37])
def test_every_number_is_the_plain_one(rng, monkeypatch, block):
    monkeypatch.setattr(sums, "_STRIPE", block)
    x, y = rng.standard_normal((130, 9)) + 0.5, rng.standard_normal((130, 9)) + 0.5
    y += x
    found = ask(x, y, temperature=0.2, eta2=0.3)
    u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    n, alpha = 130, 5.0
    t = u @ v.T
    other = ~np.eye(n, dtype=bool)
    align = np.trace(t) / n
    phi = np.mean([logsumexp(alpha * t[i, other[i]]) - np.log(n - 1) for i in range(n)])
    m2 = np.sum(((u.mean(0) + v.mean(0)) / 2) ** 2)
    want = {
        "alignment": align,
        "alignment_distance": np.mean(np.sum((u - v) ** 2, axis=1)),
        "phi": phi,
        "infonce": -alpha * align + np.mean(logsumexp(alpha * t, axis=1) - np.log(n)),
        "infonce_population": -alpha * align + phi,
        "uniformity": np.log(np.mean(np.exp(-2 * (2 - 2 * t[other])))),
        "mean_square": m2,
        "mean_square_unbiased": t[other].mean(),
        "bound": 0.3 + 0.7 * m2,
        "slack": 0.3 + 0.7 * m2 - align,
        "negative_mean": t[other].mean(),
        "negative_sd": t[other].std(),
        "negative_sd_scaled": 3 * t[other].std(),
        "top1": np.mean(t.argmax(axis=1) == np.arange(n)),
    }
    for key, value in want.items():
        assert found.values[key] == pytest.approx(value, rel=1e-9, abs=1e-12), key
    counts, _ = np.histogram(t[other], found.arrays["edges"])
    np.testing.assert_array_equal(found.arrays["negatives"], counts)
    assert found.arrays["positives"].sum() == n


@pytest.mark.parametrize(
    ("alpha", "d"), [(1, 3), (10, 3), (10, 128), (20, 384), (0.5, 64), (100, 8)]
)
def test_the_uniform_law_in_closed_form(alpha, d):
    log_norm = betaln(0.5, (d - 1) / 2)

    def density(t):
        return np.exp(alpha * (t - 1) + (d - 3) / 2 * np.log1p(-t * t) - log_norm)

    value, _ = quad(density, -1, 1, limit=400, epsabs=0, epsrel=1e-10)
    assert log_mean_exp_on_sphere(alpha, d) == pytest.approx(np.log(value) + alpha, rel=1e-7)


def test_uniform_rows_reach_the_uniform_values(rng):
    found = ask(rng.standard_normal((3000, 24)), rng.standard_normal((3000, 24)), eta2=0.0)
    v = found.values
    assert v["phi"] == pytest.approx(v["phi_uniform"], abs=0.02)
    assert v["uniformity"] == pytest.approx(v["uniformity_uniform"], abs=0.005)
    assert v["negative_sd_scaled"] == pytest.approx(1, abs=0.01)
    assert v["alignment"] == pytest.approx(0, abs=0.02)


def test_few_uniform_rows_at_a_low_temperature_are_held_against_their_like(rng):
    found = ask(*rng.standard_normal((2, 1000, 64)), temperature=0.01, eta2=0.0)
    v = found.values
    assert v["phi"] < v["phi_uniform"] - 10
    assert v["phi"] == pytest.approx(v["phi_uniform_rows"], abs=1)
    assert "reads too low at temperature 0.01" in found.notes[0]
    warm = ask(*rng.standard_normal((2, 1000, 64)), temperature=1, eta2=0.0)
    assert warm.values["phi_uniform_rows"] == pytest.approx(warm.values["phi_uniform"], abs=1e-3)
    assert warm.notes == ()


def test_pairs_that_repeat_count_once(rng):
    u, v = channel(rng, 200, 6, 0.7)
    once = ask(u, v, eta2=0.5)
    found = ask(np.tile(u, (30, 1)), np.tile(v, (30, 1)), eta2=0.5)  # longer than a block
    assert found.n == once.n == 200
    for key, value in once.values.items():
        assert found.values[key] == pytest.approx(value), key
    for name, counts in once.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], counts)
    assert found.notes[0] == "5,800 pairs repeat an earlier one: counted once"
    other = ask(np.concatenate([u, u]), np.concatenate([v, v[::-1]]), eta2=0.5)
    assert other.n == 400  # a row that repeats in another pair is none that repeats


@pytest.mark.slow
def test_the_interval_of_alignment_covers_where_pairs_repeat():
    """Binomial(100, .95) is below 89 once in 80; with copies counted 45 of 100 covered."""
    rng = np.random.default_rng(4)

    def views(n):
        z, share = rng.standard_normal((n, 16)), rng.uniform(0.2, 1, (n, 1))
        return z, share * z + np.sqrt(1 - share**2) * rng.standard_normal((n, 16))

    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in views(400_000))
    truth, covered = np.einsum("ij,ij->i", u, v).mean(), 0
    for _ in range(100):
        rows, (u, v) = rng.permutation(np.repeat(np.arange(100), 10)), views(100)
        low, high = ask(u[rows], v[rows], eta2=0.5, threads=1).values["alignment_ci"]
        covered += low <= truth <= high
    assert covered >= 89


@pytest.mark.parametrize("a", [0.5, 0.8])
def test_gaussian_channel_keeps_the_bound_and_gives_its_correlation(a):
    u, v = channel(np.random.default_rng(9), 6000, 12, a)
    found = ask(u, v)
    assert found.values["eta2_source"] == "estimated"
    assert found.values["eta2"] == pytest.approx(a * a, abs=0.06)
    assert found.values["slack"] > -0.05
    exact = ask(u, v, eta2=a * a)
    assert exact.values["slack"] > -0.01
    assert exact.values["alignment"] <= exact.values["bound"] + 0.01


def test_unrelated_views_correlate_by_nothing(rng):
    assert estimate_eta2(rng.standard_normal((2000, 30)), rng.standard_normal((2000, 30)), 0) < 0.12


def test_a_rotation_and_threads_do_not_matter(rng):
    u, v = channel(rng, 700, 8, 0.7)
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    plain, moved = ask(u, v, threads=1), ask(u @ turn, v @ turn, threads=2)
    for key, value in plain.values.items():
        if isinstance(value, float) and not key.startswith(("eta", "bound", "slack")):
            assert moved.values[key] == pytest.approx(value, abs=1e-9), key
    assert ask(u, v, threads=2).values == plain.values


def test_too_many_pairs_are_sampled_and_it_says_so(rng, monkeypatch):
    monkeypatch.setattr(module, "PAIRS", 300**2)
    u, v = channel(rng, 1000, 6, 0.7)
    found = ask(u, v)
    assert found.pair_rows == 300
    assert "300 of 1,000 rows" in found.notes[0]
    cosines = np.sum(u * v, axis=1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    assert found.values["alignment"] == pytest.approx(cosines.mean())


def test_bad_rows_and_other_shapes_are_one_line(rng):
    u, v = channel(rng, 100, 4, 0.7)
    with pytest.raises(gausscheck.GausscheckError, match="one positive for each anchor"):
        ask(u, v[:90])
    v[7] = np.nan
    u[9] = 0
    with pytest.raises(gausscheck.GausscheckError, match="row 7 is not finite"):
        ask(u, v)
    found = ask(u, v, on_bad_rows="drop")
    assert found.n == 98
    assert "2 pairs" in found.notes[0]
    for option in ({"temperature": 0.0}, {"eta2": 1.2}, {"on_bad_rows": "skip"}, {"seed": -1}):
        with pytest.raises(gausscheck.GausscheckError, match="expected"):
            ask(u, v, **option)


def test_real_pairs_from_the_command_line(tmp_path, data_folder, monkeypatch):
    file = data_folder / "minilm_docstring_pairs_1k5.h5"
    runner = CliRunner()
    done = runner.invoke(
        main, ["pairs", f"{file}:anchor", f"{file}:positive", "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if str(tmp_path) not in line)
    assert {p.name for p in (tmp_path / "out").glob("[!.]*")} == {
        "pairs.json", "pairs.npz", "cosines.png", "cosines.svg",
    }  # fmt: skip
    told = json.loads((tmp_path / "out" / "pairs.json").read_text())
    assert told["values"]["alignment"] == pytest.approx(0.88, abs=0.01)
    assert told["values"]["bound"] > told["values"]["alignment"]
    assert told["values"]["eta2_source"] == "estimated"
    as_json = runner.invoke(main, ["pairs", f"{file}:anchor", f"{file}:positive", "--json"])
    told.pop("arrays_sha256")
    assert json.loads(as_json.stdout) == told
    assert_both_or_neither(monkeypatch, ["pairs", f"{file}:anchor", f"{file}:positive"], tmp_path)
    wrong = runner.invoke(main, ["pairs", f"{file}:anchor", f"{file}:nothing"])
    assert wrong.exit_code == 1
    assert len(wrong.stderr.splitlines()) == 1
