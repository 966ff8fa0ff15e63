"""The paper's figures from rows: what is measured, drawn, written and refused."""

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import gausscheck
from gausscheck import paper
from gausscheck.cli import main
from gausscheck.config import Config
from gausscheck.figures import ROW_FIGURES, WIDTHS, draw, measure, plot
from gausscheck.paper.inputs import numbers_of
from gausscheck.paper.likelihood import correlation

N, D = 600, 12
INPUTS = {
    "violins": ("u", "v", "x", "y"), "cosines": ("u", "v", "x", "y"), "whitening": ("u", "v"),
    "settings": ("u", "x"), "training": ("u", "x"), "radii": ("u", "x", "unit"),
    "likelihood": ("u", "logp"),
}  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(2)
    u, x = rng.standard_normal((2, N, D))
    x = x * np.linspace(1, 3, D) * np.sqrt(6 / rng.chisquare(6, N))[:, None] + 0.5
    return {
        "u": u,
        "v": u + 0.7 * rng.standard_normal((N, D)),
        "x": x,
        "y": x + rng.standard_normal((N, D)),
        "unit": x / np.linalg.norm(x, axis=1, keepdims=True),
        "logp": -np.abs(u).sum(axis=1),
    }


@pytest.fixture(scope="module")
def folder(rows, tmp_path_factory):
    place = tmp_path_factory.mktemp("rows")
    for name, x in rows.items():
        np.save(place / f"{name}.npy", x)
    return place


def inputs(name, rows):
    return [rows[key] for key in INPUTS[name]]


# --- what is drawn


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ROW_FIGURES)
def test_every_figure_draws_at_its_width(rows, name, width):
    figure = plot(measure(name, inputs(name, rows)), name, width=width)
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx({"single": 85, "double": 178}[width])
    from matplotlib.text import Text

    said = " ".join(t.get_text() for t in figure.findobj(Text))
    assert "n = 600 · d = 12" in said
    box, size = figure.get_tightbbox(), figure.get_size_inches()  # nothing is clipped
    assert min(box.x0, box.y0) > -0.02
    assert box.x1 < size[0] + 0.02
    assert box.y1 < size[1] + 0.02
    for axes in figure.axes:
        assert axes.has_data()
        assert axes.get_position().height > 0.08  # a layout that fails leaves slivers


def test_a_figure_of_long_names_and_of_many_settings_is_whole(rows):
    names = [f"a_model_with_a_rather_long_name_{chr(97 + i)}" for i in range(9)]
    for name in ("settings", "training", "radii"):
        found = measure(name, [rows["x"]] * 9, names=names)
        for width in WIDTHS:
            figure = plot(found, name, width=width)
            box, size = figure.get_tightbbox(), figure.get_size_inches()
            assert min(box.x0, box.y0) > -0.02
            assert box.x1 < size[0] + 0.02
            assert all(axes.get_position().height > 0.04 for axes in figure.axes)


def test_the_same_rows_give_the_same_bytes(rows, tmp_path):
    for name in ("violins", "settings", "likelihood"):
        one, two = (
            draw(measure(name, inputs(name, rows), threads=k), tmp_path / str(k), names=[name])
            for k in (1, 2)
        )
        assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_settings_stand_where_their_numbers_are(rows):
    named = ["epoch 1", "epoch 10", "epoch 100"]
    figure = plot(measure("training", [rows["u"], rows["x"], rows["y"]], names=named), "training")
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [1, 10, 100]
    assert figure.axes[0].get_xlabel() == "epoch"
    assert figure.axes[0].get_xscale() == "log"
    models = plot(measure("training", [rows["u"], rows["x"]], names=["a", "b"]), "training")
    assert [t.get_text() for t in models.axes[0].get_xticklabels()] == ["a", "b"]
    assert models.axes[0].lines[0].get_linestyle() == "None"  # nothing lies between two models


def test_series_are_lines_and_panels(rows):
    options = {"names": ["8", "16", "8", "16"], "series": ["p", "p", "q", "q"], "axis": "batch"}
    figure = plot(measure("settings", [rows[k] for k in "uxvy"], **options), "settings")
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["p", "q"]
    pairs = [rows[k] for k in "uvxyuvxy"]
    panels = plot(measure("violins", pairs, **options), "violins").axes
    assert [axes.get_title(loc="left") for axes in panels] == ["p", "q"]
    assert [t.get_text() for t in panels[0].get_xticklabels()] == ["8", "16"]


# --- what is measured


def test_settings_are_those_of_a_report(rows):
    found = paper.settings([rows["x"], rows["unit"]], names=["x", "unit"])
    report = gausscheck.analyze(rows["x"], directions="axes", levels="none")
    measured, unit = found.settings
    assert measured.cv == pytest.approx(report.norms.cv)
    assert measured.cv_ci[0] < measured.cv < measured.cv_ci[1]
    assert measured.cv_gaussian == pytest.approx(report.norms.cv_gaussian)
    for key in ("ad_avg", "ad_pass", "dp_avg", "dp_pass"):
        mine, theirs = getattr(measured.table, key), getattr(report.paper_table.raw, key)
        assert mine == pytest.approx(theirs, rel=1e-5)
    assert measured.counts.sum() == N
    assert unit.cv is None


def test_a_grid_is_taken_off_as_in_a_report(rows):
    coarse = np.round(rows["u"] * 2).astype(np.int8)
    (found,) = paper.settings([coarse]).settings
    report = gausscheck.analyze(coarse, directions="axes", levels="none")
    assert found.table.ad_avg == pytest.approx(report.paper_table.raw.ad_avg, rel=1e-4)
    assert found.table.ad_avg < 0.6  # undithered it is 5


def test_cosines_are_counted_by_hand(rows):
    (found,) = paper.cosines([rows["u"], rows["v"]]).settings
    u, v = (rows[k] / np.linalg.norm(rows[k], axis=1, keepdims=True) for k in "uv")
    gram = u @ v.T
    own, others = np.diag(gram), gram[~np.eye(N, dtype=bool)]
    assert found.positive_mean == pytest.approx(own.mean())
    assert found.negative_mean == pytest.approx(others.mean())
    assert (found.positives == np.histogram(own, found.edges)[0]).all()
    assert np.abs(found.negatives - np.histogram(others, found.edges)[0]).max() <= 2  # at edges
    audited = gausscheck.audit_pairs(rows["u"], rows["v"])
    assert (found.positives == audited.arrays["positives"]).all()


def test_repeated_pairs_count_and_bad_ones_do_not(rows):
    u, v = rows["u"].copy(), rows["v"].copy()
    u[1], v[1] = u[0], v[0]
    u[2] = np.nan
    v[3] = 0
    (found,) = paper.cosines([u, v]).settings
    assert found.n == N - 2


def test_whitened_cosines_do_not_depend_on_the_map_of_the_rows(rows):
    rng = np.random.default_rng(4)
    matrix = rng.standard_normal((D, D))
    plain = paper.whitened_cosines([rows["x"], rows["y"]]).settings
    mapped = paper.whitened_cosines([rows["x"] @ matrix + 3, rows["y"] @ matrix + 3]).settings
    assert np.abs(np.cumsum(plain[1].negatives - mapped[1].negatives)).max() <= 4
    assert plain[1].positive_mean == pytest.approx(mapped[1].positive_mean)
    assert plain[0].positive_mean != pytest.approx(mapped[0].positive_mean, abs=0.005)
    both = np.concatenate([rows["x"], rows["y"]])
    white = (both - both.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(both.T))).T
    x, y = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (white[:N], white[N:]))
    assert plain[1].positive_mean == pytest.approx((x * y).sum(axis=1).mean())


def test_rows_alone_have_no_positives(rows):
    stages = paper.whitened_cosines([rows["x"]]).settings
    assert [one.positives.sum() for one in stages] == [0, 0, 0]
    assert all(one.negatives.sum() == N * (N - 1) for one in stages)
    assert stages[0].negative_mean > 0.01  # rows have a mean
    assert stages[1].negative_mean == pytest.approx(0, abs=0.002)
    plot(paper.whitened_cosines([rows["x"]]), "whitening")


def test_likelihoods_are_gaussian_up_to_a_constant(rows):
    (found,) = paper.likelihoods([rows["x"], rows["logp"]]).settings
    order = gausscheck.rng.hashed_order(N, 0)
    law = stats.multivariate_normal(rows["x"].mean(axis=0), np.cov(rows["x"].T))
    gap = found.of_rows - law.logpdf(rows["x"][order])
    assert np.ptp(gap) < 1e-8
    assert (found.of_data == rows["logp"][order]).all()
    assert found.pearson == pytest.approx(np.corrcoef(found.of_data, found.of_rows)[0, 1])


def test_the_interval_of_a_correlation_covers_it():
    """1,500 samples of 400 pairs, correlation .8: at 95 %, 5 standard errors are 2.8 points."""
    rng, config, held = np.random.default_rng(6), Config(), 0
    for _ in range(1500):
        a, b = rng.standard_normal((2, 400))
        low, high = correlation(a, 0.8 * a + 0.6 * b, config)[1]
        held += low < 0.8 < high
    assert 0.922 < held / 1500 < 0.978


def test_a_sample_is_the_first_of_the_hashed_order(rows):
    (found,) = paper.settings([rows["x"]], sample=200, seed=3).settings
    norms = np.linalg.norm(rows["x"][gausscheck.rng.hashed_order(N, 3)[:200]], axis=1)
    assert found.n == 200
    assert found.cv == pytest.approx(norms.std() / norms.mean())


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["run 1 epoch 5", "run 1 epoch 20"], ([5.0, 20.0], "run 1 epoch")),
        (["0.2", "0.5"], ([0.2, 0.5], "")),
        (["a1b2", "a2b1"], None),
        (["clip", "dino"], None),
        (["v2"], None),
    ],
)
def test_names_that_differ_in_one_number_are_counted(names, numbers):
    assert numbers_of(names) == numbers


# --- the command


def run(*words):
    return CliRunner().invoke(main, ["plot", *map(str, words)])


def test_the_command_draws_from_files(folder, tmp_path):
    done = run(
        folder / "u.npy", folder / "v.npy", "--figure", "cosines", "--figure", "violins",
        "--format", "pdf", "--out", tmp_path, "--names", "mine", "--width", "single",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cosines.pdf", "violins.pdf"]
    beside = run(folder / "u.npy", folder / "logp.npy", "--figure", "likelihood", "--out", tmp_path)
    assert beside.exit_code == 0, beside.output


def test_both_of_a_file_give_the_setting_its_name():
    from gausscheck.paper.inputs import grouped

    given = ["a/run16.h5:anchor", "a/run16.h5:positive", "b/run32.h5:anchor", "b/run32.h5:positive"]
    assert [one.name for one in grouped(given, 2, None, None)] == ["run16", "run32"]
    assert [one.name for one in grouped(["x.h5:e5", "x.h5:mini"], 1, None, None)] == ["e5", "mini"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["u.npy"], "expected the folder of a report, or rows and --figure"),
        (["u.npy", "--figure", "cosines"], "expected 2 inputs for each setting, in turn, got 1"),
        (["u.npy", "--figure", "radii", "--figure", "use"], "got both: radii and use"),
        (["u.npy", "x.npy", "--figure", "radii", "--names", "a"], "names: expected 2"),
        (["u.npy", "x.npy", "--figure", "radii", "--names", "a,a"], "expected names that differ"),
        (["u.npy", "x.npy", "--figure", "radii", "--series", "a"], "series: expected 2"),
        (["u.npy", "short.npy", "--figure", "cosines"], "expected 600 x 12 like"),
        (["u.npy", "x.npy", "v.npy", "--figure", "whitening"], "got 3 inputs"),
        (["wide.npy", "--figure", "whitening"], "expected at least 160 rows to whiten 80"),
        (["wide.npy", "logp.npy", "--figure", "likelihood"], "expected 100 numbers, log p of each"),
        (["u.npy", "u.npy", "--figure", "likelihood"], "expected 600"),
        (["equal.npy", "--figure", "radii"], "expected 40 usable rows or more, got 1"),
        (["none.npy", "--figure", "radii"], "no such file"),
        (["u.npy", "--figure", "pie"], "expected the folder of a report"),
        (["u.npy", "--figure", "radii", "--sample", "5"], "rows"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(folder, tmp_path, words, said):
    np.save(folder / "short.npy", np.ones((50, 12)))
    np.save(folder / "equal.npy", np.ones((50, 12)))
    np.save(folder / "wide.npy", np.random.default_rng(0).standard_normal((100, 80)))
    done = run(*(folder / w if w.endswith(".npy") else w for w in words), "--out", tmp_path)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
