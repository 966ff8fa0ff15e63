"""The sphere and its neighbours, effect sizes that do not depend on n, and real embeddings."""

import re
from pathlib import Path

import numpy as np
import pytest

from gaussian_rows import at_most, audit, kinds, unit

pytestmark = pytest.mark.slow

SHARED = Path(__file__).parents[3] / "shared" / "data"
FREE_OF_N = ("axes", "random", "marginals", "norms")


def uniform(rng, n, d):
    return unit(rng.standard_normal((n, d)))


@pytest.mark.parametrize(
    ("n", "d", "samples"), [(500, 16, 30), (500, 384, 15), (1500, 64, 15), (4000, 384, 3)]
)
def test_the_uniform_sphere_is_told_from_no_other(n, d, samples):
    # in few dimensions axes of a sphere are not Gaussian: only the claim is asked
    options = {"directions": "axes,random:64", "levels": "norms,sphere" if d > 16 else "none"}
    reports = [
        audit(uniform(np.random.default_rng([42_001, n, d, i]), n, d), **options)
        for i in range(samples)
    ]
    failed = sum(r.verdict.claims.sphere == "fails" for r in reports)
    assert failed <= at_most(0.05, samples)
    if d > 16:
        wrong = sum(r.verdict.status == "not_gaussian" for r in reports)
        assert wrong <= at_most(0.05, samples)
    assert all("unit_rows" in kinds(r) for r in reports)


def test_the_claim_on_the_sphere_holds_where_it_does():
    report = audit(uniform(np.random.default_rng(42_002), 3000, 48))
    assert report.verdict.claims.sphere == "holds"
    assert report.verdict.status in ("gaussian_except", "inconclusive")  # but in its lengths
    assert "holds" not in report.use.sentence.split()
    assert report.use.too_few  # a Gaussian threshold flags next to nothing


def test_axes_of_a_small_sphere_deviate_as_theory_says():
    report = audit(uniform(np.random.default_rng(42_003), 8000, 16), levels="none")
    level = report.levels["random"]
    assert level.status == report.levels["axes"].status == "not_gaussian"
    assert level.discrepancy * 16**2 == pytest.approx(0.066, rel=0.12)


@pytest.mark.parametrize("n", [800, 4000])
def test_what_is_not_uniform_on_the_sphere_is_said(n):
    rng = np.random.default_rng([42_004, n])
    d = 64
    centres = uniform(rng, 8, d)
    rows = {
        "anisotropic": unit(rng.standard_normal((n, d)) * np.geomspace(1, 0.3, d)),
        "shifted": unit(rng.standard_normal((n, d)) + 0.5),
        "clusters": unit(rng.standard_normal((n, d)) / 8 + 0.6 * centres[rng.integers(0, 8, n)]),
    }
    for name, x in rows.items():
        report = audit(x, directions="axes:8", levels="none")
        assert report.verdict.claims.sphere == "fails", name


def test_unit_rows_give_one_report_whatever_type_they_are_stored_in():
    x = uniform(np.random.default_rng(42_005), 2500, 96).astype(np.float16)
    one, other = audit(x), audit(x.astype(np.float32))
    assert one.noticed == other.noticed
    assert one.verdict == other.verdict
    assert one.use == other.use
    for name, level in one.levels.items():
        assert level.value == other.levels[name].value, name
        assert level.status == other.levels[name].status, name


def heavy(freedom):
    def draw(rng, n, d):
        return rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(freedom, (n, 1)) / freedom)

    return draw


def mixture(rng, n, d):
    return rng.standard_normal((n, d)) * rng.choice([1.0, 2.0], (n, 1), p=[0.8, 0.2])


@pytest.mark.parametrize(
    "law", [heavy(5), heavy(10), mixture, uniform], ids=["t5", "t10", "mixture", "sphere"]
)
def test_intervals_cover_what_many_rows_say(law):
    # Intervals of joint levels have to meet: of 100,000 rows they read 10,000.
    options = {"directions": "axes,random:32", "levels": "marginals,norms"}
    truth = audit(law(np.random.default_rng([42_006, 0]), 100_000, 32), **options)
    samples, names = 16, [n for n in FREE_OF_N if n in truth.levels]
    covered = dict.fromkeys([*names, "0.05", "0.01", "0.001"], 0)
    for i in range(samples):
        report = audit(law(np.random.default_rng([42_007, i]), 2000, 32), **options)
        for name in names:
            low, high = report.levels[name].discrepancy_ci
            below, above = truth.levels[name].discrepancy_ci
            covered[name] += low <= above and below <= high
        for key, rate in report.use.false_alarm.items():
            covered[key] += rate.ci[0] <= truth.use.false_alarm[key].value <= rate.ci[1]
    for name, count in covered.items():
        assert samples - count <= at_most(0.1, samples), (name, covered)
    assert sum(covered.values()) >= 0.92 * samples * len(covered), covered


def embeddings(name, key):
    h5py = pytest.importorskip("h5py")
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand")
    with h5py.File(path) as file:
        return file[key][:]


REAL = {
    "minilm": ("minilm_docstrings.h5", "embeddings", 2500, 9000),
    "e5": ("three_models_6k.h5", "e5_small", 1500, 6000),
    "wordllama": ("three_models_6k.h5", "wordllama", 1500, 6000),
}


@pytest.mark.parametrize("model", REAL)
def test_effect_sizes_of_real_embeddings_do_not_depend_on_n(model):
    name, key, few, many = REAL[model]
    x = embeddings(name, key)
    rng = np.random.default_rng([42_008, few])
    # in random order: sorted files have blocks, which correct for what their topics add
    mixed = x[rng.permutation(len(x))]
    large = audit(mixed[:many])
    small = [audit(mixed[rng.choice(len(x), few, replace=False)]) for _ in range(3)]
    asked = outside = apart = 0
    for report in small:
        for name in report.levels:
            assert {report.levels[name].status, large.levels[name].status} != {
                "gaussian",
                "not_gaussian",
            }, name
        other = sizes_of(large)
        for name, (value, (low, high)) in sizes_of(report).items():
            there, (below, above) = other[name]
            asked += 1
            outside += not low <= there <= high
            apart += high < below or above < low
            assert abs(value - there) <= 3 * (high - low), name
    assert asked >= 3 * 11
    assert outside <= at_most(0.05, asked)
    assert apart <= 2


def sizes_of(report):
    """Every number of a report that is free of n, with its interval."""
    found = {
        name: (level.discrepancy, level.discrepancy_ci)
        for name, level in report.levels.items()
        if name != "learned"  # lower bounds that rise
    }
    use = report.use
    found |= {key: (rate.value, rate.ci) for key, rate in use.false_alarm.items()}
    found["radial KL"] = use.radial_kl.value, use.radial_kl.ci
    found["safe components"] = use.safe_components.value, use.safe_components.ci
    return found


def test_e5_is_gaussian_along_projections_and_not_in_its_lengths():
    report = audit(embeddings("three_models_6k.h5", "e5_small"))
    assert report.levels["random"].status in ("gaussian", "gaussian_except")
    assert report.levels["axes"].status in ("gaussian_except", "inconclusive")
    assert 0.18 < report.use.false_alarm["0.01"].value < 0.22
    assert report.use.safe_components.value == 64
    assert report.use.safe_components.of == 384


def test_wordllama_is_safe_on_next_to_no_component():
    assert audit(embeddings("three_models_6k.h5", "wordllama")).use.safe_components.value <= 4


def test_minilm_keeps_its_safe_components_at_any_n():
    x = embeddings("minilm_docstrings.h5", "embeddings")
    rng = np.random.default_rng(42_009)
    few, many = (
        audit(x[rng.choice(len(x), n, replace=False)], directions="axes", levels="none").use
        for n in (1000, 18_000)
    )
    assert 96 <= many.safe_components.value <= 160
    assert few.safe_components.ci[0] <= many.safe_components.value <= few.safe_components.ci[1]
    for key, rate in few.false_alarm.items():
        assert rate.ci[0] <= many.false_alarm[key].ci[1]
        assert many.false_alarm[key].ci[0] <= rate.ci[1]


def two_clusters(rng, n, d):
    x = rng.standard_normal((n, d))
    x[:, 0] += rng.choice([-4, 4], n)
    return x


def twenty_clusters(rng, n, d):
    return 0.1 * rng.standard_normal((n, d)) + uniform(rng, 20, d)[rng.integers(0, 20, n)]


def cube(rng, n, d):
    return rng.uniform(-1, 1, (n, d))


@pytest.mark.parametrize("law", [cube, uniform, two_clusters, twenty_clusters])
def test_rates_that_are_too_low_are_said_and_nothing_is_promised(law):
    x = law(np.random.default_rng(42_010), 4000, 64)
    report = audit(x, directions="axes", levels="none")
    assert report.use.too_few
    assert not re.search(r"\bholds?\b", report.use.sentence + report.verdict.summary)
    assert "too few" in report.use.sentence
