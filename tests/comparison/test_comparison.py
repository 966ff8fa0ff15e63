"""What compare says, writes, draws and refuses."""

import csv
import io
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import gausscheck
from gausscheck.cli import main
from gausscheck.comparison import FORMATS, Cell, named, tables
from gausscheck.comparison.quantities import order_of

FAST = {"directions": "axes", "levels": "none", "threads": 1}
NO_PVALUES = "p-values of Hotelling's T² and Box's M"
HOSTILE = '=cmd|"<script>alert(1)</script>$\\input{x}_%&#~^\n]('


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((400, 8))
    return {"normal": z, "cubed": z**3, "other": rng.standard_normal((400, 8))}


@pytest.fixture(scope="module")
def found(rows):
    return gausscheck.compare(rows, **FAST)


@pytest.fixture(scope="module")
def reports(found):
    return found.reports


@pytest.fixture(scope="module")
def folder(rows, reports, tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    for name, x in rows.items():
        np.save(place / f"{name}.npy", x)
        reports[name].save(place / name)
    np.save(place / "short.npy", rows["normal"][:300])
    return place


def run(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def test_overlapping_intervals_are_tied_and_others_ranked(found):
    assert found.order["axes"] == (("normal", "other"), ("cubed",))
    assert found.difference("axes", "cubed", "normal").answer == "higher"
    assert found.difference("axes", "other", "normal").answer == "tied"


def test_a_chain_of_overlaps_is_one_tie():
    cells = {"a": Cell(1, (0, 2)), "b": Cell(2.5, (1.5, 3.5)), "c": Cell(4, (3, 5))}
    assert order_of("axes", cells) == (("a", "b", "c"),)


def test_a_rate_counts_by_its_distance_from_nominal():
    cells = {
        "none": Cell(0.0, (0.0, 0.001)),
        "many": Cell(0.2, (0.18, 0.22)),
        "right": Cell(0.011, (0.008, 0.014)),
    }
    assert order_of("false_alarm_1", cells) == (("right",), ("none",), ("many",))


def test_worse_means_further_from_gaussian_by_more_than_a_trifle(rows):
    bad = gausscheck.compare({k: rows[k] for k in ("normal", "cubed")}, baseline="normal", **FAST)
    assert {d.quantity for d in bad.worse} >= {"axes", "false_alarm_1", "radial_loss"}
    good = gausscheck.compare({k: rows[k] for k in ("normal", "cubed")}, baseline="cubed", **FAST)
    assert good.worse == ()
    assert good.difference("axes", "normal", "cubed").answer == "lower"


def test_a_rate_below_nominal_is_not_worse_than_one_far_above():
    rng = np.random.default_rng(4)
    cube, heavy = rng.uniform(size=(400, 8)), rng.standard_t(3, (400, 8))
    found = gausscheck.compare({"heavy": heavy, "cube": cube}, baseline="heavy", **FAST)
    assert not found.difference("false_alarm_1", "cube", "heavy").worse


def test_no_model_is_audited_twice_and_reports_not_at_all(rows, reports, folder, monkeypatch):
    from gausscheck.comparison import run as module

    audited = []
    real = module.analyze
    monkeypatch.setattr(module, "analyze", lambda *a, **k: audited.append(1) or real(*a, **k))
    mixed = {"normal": rows["normal"], "cubed": str(folder / "cubed"), "other": reports["other"]}
    found = gausscheck.compare(mixed, **FAST)
    assert len(audited) == 1
    assert found.pairing is None
    assert "paired differences" in found.not_applicable
    assert not any(d.paired for d in found.differences)


def test_options_that_differ_are_said(rows, reports):
    whitened = gausscheck.analyze(rows["normal"], normalize="whiten", reference=2000, **FAST)
    found = gausscheck.compare({"raw": reports["normal"], "whitened": whitened})
    assert any("normalize" in w and "whitened whiten" in w for w in found.warnings)
    assert any("references differ" in w for w in found.warnings)


def test_lengths_of_unit_rows_are_not_held_against_those_of_others(rows):
    x = rows["normal"]
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    found = gausscheck.compare({"raw": x, "unit": unit}, directions="axes", levels="norms")
    assert "norms" in found.quantities
    assert "norms" not in found.order
    assert not [d for d in found.differences if d.quantity == "norms"]
    assert any("unit" in w and "length one" in w for w in found.warnings)


def spread(rng, n):
    """Principal components that differ from one another; more rows tell them apart better."""
    x = rng.standard_normal((n, 12))
    x[:, :4] = rng.laplace(size=(n, 4))
    return x * np.arange(12, 0, -1)


def test_components_of_few_rows_are_not_held_against_those_of_many(tmp_path):
    rng = np.random.default_rng(1)
    models = {"few": spread(rng, 500), "many": spread(rng, 5000)}
    options = {"directions": "axes,pca:4", "levels": "none", "threads": 1}
    found = gausscheck.compare(models, baseline="few", **options)
    assert [found.cells("pca")[name].n for name in models] == [500, 5000]
    assert "pca" not in found.order
    assert "pca" not in {d.quantity for d in found.differences}
    assert any("few 500, many 5,000" in told for told in found.warnings)
    loaded = gausscheck.load_comparison(found.save(tmp_path / "saved"))
    assert loaded.order == found.order
    models["many"] = models["many"][:600]
    alike = gausscheck.compare(models, baseline="few", **options)
    assert "pca" in alike.order
    assert "pca" in {d.quantity for d in alike.differences}
    assert not any("move with the number of rows" in told for told in alike.warnings)


def test_plain_values_say_all(found, tmp_path):
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [m["name"] for m in said["models"]] == ["normal", "cubed", "other"]
    assert said["order"]["axes"] == [["normal", "other"], ["cubed"]]
    frame = found.to_frame()
    assert frame["axes"].tolist() == [c.value for c in found.cells("axes").values()]
    assert len(found.differences_frame()) == len(found.differences)
    found.save(tmp_path / "out")
    names = {p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")}
    assert names == {f"comparison.{end}" for end in ("json", "md", "tex", "csv")}


def test_the_papers_table_stands_beside_gaussian_rows(found):
    table = next(t for t in tables(found) if t.name == "paper")
    assert [row[0] for row in table.rows] == ["normal", "cubed", "other", "Gaussian rows"]
    assert table.rows[-1][2] == "0.38"  # 0.385, the mean of A*² under normality, rounded to even


# --- two samples of one space


def test_moments_of_two_samples_are_those_of_the_textbook(rows):
    x, y = rows["normal"], rows["other"] * 1.2 + 0.1
    found = gausscheck.compare({"x": x, "y": y}, same_space=True, paired=False, **FAST)
    (tested,) = found.two_samples
    n, p = 400, 8
    s, t = np.cov(x.T), np.cov(y.T)
    pooled = (s + t) / 2
    gap = x.mean(axis=0) - y.mean(axis=0)
    t2 = n / 2 * gap @ np.linalg.inv(pooled) @ gap
    f = t2 * (2 * n - p - 1) / (p * (2 * n - 2))
    assert (tested.t2, tested.f) == pytest.approx((t2, f))
    assert tested.mean_pvalue == pytest.approx(stats.f.sf(f, p, 2 * n - p - 1))
    logs = [np.linalg.slogdet(m)[1] for m in (pooled, s, t)]
    shrink = (3 / (2 * (n - 1))) * (2 * p * p + 3 * p - 1) / (6 * (p + 1))
    m = (1 - shrink) * (n - 1) * (2 * logs[0] - logs[1] - logs[2])
    assert tested.box_m == pytest.approx(m)
    assert tested.covariance_pvalue == pytest.approx(stats.chi2.sf(m, p * (p + 1) / 2))


def test_covariances_far_apart_have_a_statistic(rows):
    """The product of determinants is below 1e-308 there."""
    found = gausscheck.compare(
        {"x": rows["normal"], "y": 30 * rows["other"]}, same_space=True, paired=False, **FAST
    )
    (tested,) = found.two_samples
    assert 5_000 < tested.box_m < 20_000
    assert tested.covariance_pvalue == 0
    assert "&lt; 1e-300" in FORMATS["md"](found)


def test_paired_means_are_compared_by_their_differences(rows):
    x, y = rows["normal"], rows["normal"] + 0.1 * rows["other"] + 0.01
    (tested,) = gausscheck.compare({"x": x, "y": y}, same_space=True, **FAST).two_samples
    gap = y - x
    t2 = 400 * gap.mean(axis=0) @ np.linalg.inv(np.cov(gap.T)) @ gap.mean(axis=0)
    assert tested.paired
    assert tested.t2 == pytest.approx(t2)


def clustered(rng):
    """Two samples whose rows correlate by .5 within 60 clusters of unequal size; the cluster."""
    label = rng.permutation(np.repeat(np.arange(60), rng.geometric(1 / 20, 60)))
    one, other = (rng.standard_normal((60, 4))[label] for _ in range(2))
    return (*(z + rng.standard_normal(z.shape) for z in (one, other)), label)


@pytest.mark.parametrize("paired", [False, True])
def test_rows_that_belong_together_have_no_pvalue_of_independent_rows(tmp_path, paired):
    x, y, label = clustered(np.random.default_rng(4))
    np.save(tmp_path / "label.npy", label)
    both = {"x": x, "y": y}
    alone = gausscheck.compare(both, same_space=True, paired=paired, **FAST)
    assert max(alone.two_samples[0].mean_pvalue, alone.two_samples[0].covariance_pvalue) < 0.01
    found = gausscheck.compare(
        both, same_space=True, paired=paired, groups_by=str(tmp_path / "label.npy"), **FAST
    )
    (tested,) = found.two_samples
    assert tested.t2 == alone.two_samples[0].t2
    assert (tested.mean_pvalue, tested.covariance_pvalue) == (None, None)
    assert "x, y belong together (groups_by)" in found.not_applicable[NO_PVALUES]
    assert FORMATS["md"](found).count("| – |") >= 1
    loaded = gausscheck.load_comparison(found.save(tmp_path / "saved"))
    assert loaded.two_samples == found.two_samples


def test_neighbours_that_are_alike_have_no_pvalue_of_independent_rows(rows):
    walk = np.repeat(rows["normal"][:40], 10, axis=0) + rows["other"]
    both = {"walk": walk, "other": rows["normal"]}
    found = gausscheck.compare(both, same_space=True, paired=False, **FAST)
    assert found.two_samples[0].mean_pvalue is None
    assert "neighbouring rows of walk are alike" in found.not_applicable[NO_PVALUES]


def test_different_spaces_are_not_compared_by_moments(found):
    assert found.two_samples == ()
    assert any("Box's M" in what for what in found.not_applicable)


# --- writing


@pytest.fixture(scope="module")
def hostile(reports):
    return gausscheck.compare({HOSTILE: reports["normal"], "b": reports["cubed"]})


def test_hostile_names_stay_in_their_cells(hostile):
    text = FORMATS["md"](hostile)
    assert "<script" not in text
    latex = FORMATS["latex"](hostile)
    assert "\\input" not in latex
    for math in ("$-$", "$^2$", "$\\chi$"):
        latex = latex.replace(math, "")
    assert not re.search(r"(?<!\\)[#$_^~]", latex)
    sheet = list(csv.DictReader(io.StringIO(FORMATS["csv"](hostile))))
    assert not any(row["model"].startswith(("=", "+", "-", "@")) for row in sheet)
    assert "<script" not in hostile._repr_html_()


def _cells(line):
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def test_every_line_of_a_markdown_table_has_as_many_cells(hostile):
    lines = [line for line in FORMATS["md"](hostile).splitlines() if line.startswith("| ")]
    counts = {len(t.head) for t in tables(hostile)}
    assert {_cells(line) for line in lines} == counts


def test_the_screen_has_80_columns(found, hostile, capsys):
    from gausscheck.terminal import show_comparison

    for one in (found, hostile):
        show_comparison(one)
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= 80
        assert not any(line.endswith("…") for line in lines)


def test_the_page_and_the_figure_hold_every_model(hostile, found, tmp_path):
    from gausscheck import figures
    from gausscheck.html.comparison import render, write

    page = render(hostile)
    assert "<script>alert" not in page
    assert len(page) < 400_000
    path = write(found, tmp_path / "page.html")
    assert all(f">{m.name}</th>" in path.read_text() for m in found.models)
    for width in ("single", "double"):
        drawn = figures.plot(found, "comparison", width=width)
        labels = [text.get_text() for text in drawn.legends[0].get_texts()]
        assert labels == ["normal", "cubed", "other"]
        share = 0.25 if width == "single" else 0.5  # a layout that fails leaves slivers
        assert all(axes.get_position().height > share for axes in drawn.axes)


# --- the command


def test_the_command_tells_and_writes(folder, tmp_path):
    files = (folder / "normal.npy", folder / "cubed.npy")
    done = run(*files, "--directions", "axes", "--levels", "none", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "cubed − normal" in done.stdout
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"comparison.html", "comparison.png", "comparison.pdf", "comparison.csv"} <= names
    said = run(folder / "normal", folder / "cubed", "--json")
    assert json.loads(said.stdout)["models"][1]["name"] == "cubed"
    assert run(folder / "normal", folder / "cubed", "--format", "latex").stdout.count("toprule") > 2


def test_worse_than_the_baseline_fails_only_where_asked(folder):
    normal, cubed = folder / "normal", folder / "cubed"
    assert run(normal, cubed).exit_code == 0
    failed = run(normal, cubed, "--fail-on", "worse")
    assert failed.exit_code == 3
    assert "worse: cubed: axes" in failed.stderr
    assert run(normal, cubed, "--fail-on", "worse", "--baseline", "cubed").exit_code == 0
    assert run(normal, folder / "other", "--fail-on", "worse").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["normal"], "expected two models or more, got 1"),
        (["normal", "cubed", "--names", "a"], "names: expected 2, one for each input, got 1"),
        (["normal", "cubed", "--names", "a,a"], "got 'a' more than once"),
        (
            ["normal", "cubed", "--baseline", "x"],
            "baseline: expected one of normal, cubed, got 'x'",
        ),
        (["normal", "cubed.npy", "--paired"], "got a report for normal"),
        (["normal.npy", "short.npy", "--paired"], "same number of rows, got 300 and 400"),
        (["normal", "nothing.npy"], "no such file"),
        (["normal", "cubed", "--same-space"], "got a report for cubed"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(folder, arguments, said):
    places = [a if a.startswith("-") or "," in a or len(a) == 1 else folder / a for a in arguments]
    done = run(*places)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_names_tell_inputs_apart():
    assert list(named(["a/emb.npy", "b/emb.npy"], None)) == ["a/emb.npy", "b/emb.npy"]
    assert list(named(["x.h5:one", "x.h5:two"], None)) == ["one", "two"]


# --- real embeddings


def test_three_models_of_the_same_sentences(data_folder):
    path = data_folder / "three_models_2k.h5"
    models = {name: f"{path}:{name}" for name in ("e5_small", "minilm", "wordllama")}
    found = gausscheck.compare(models, **FAST)
    safe = {name: cell.value for name, cell in found.cells("safe_components").items()}
    assert safe["e5_small"] == 64
    assert 2 <= safe["minilm"] <= 8
    assert safe["wordllama"] <= 4
    assert found.order["false_alarm_1"] == (("e5_small",), ("wordllama",), ("minilm",))
    for model, least in (("minilm", 0.1), ("wordllama", 0.13)):
        difference = found.difference("false_alarm_1", model, "e5_small", 64)
        assert difference.paired
        assert difference.ci[0] > least
    assert found.difference("axes", "wordllama", "minilm").ci[0] > 5
